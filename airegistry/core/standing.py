"""What a caller may do at all, so that nobody is shown a way that ends at a refusal."""

from typing import get_args

from airegistry.core.access import Access
from airegistry.core.grants import ADMINISTRATION, BASELINE, Action
from airegistry.core.principals import Principal


def actions_of(access: Access, who: Principal) -> list[Action]:
    """The actions that the caller may take on something, in order of name. Each act is still decided by itself: a
    denial may leave nothing of one."""
    rules = access.rules(who)
    carried = [action for action in get_args(Action) if who.administers or action not in ADMINISTRATION]
    if who.operator or rules.total:
        return sorted(carried)
    granting = [rule for rule in rules.every if not rule.deny]
    return sorted(each for each in carried if each in BASELINE or any(rule.acts(each) for rule in granting))
