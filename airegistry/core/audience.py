"""What a list asks the store for on behalf of a caller: everything that `Visibility.shows` may show, and as little else
as conditions on fields and keys can say. What comes back is still looked at one by one."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from airegistry.core.access import Access
from airegistry.core.assets import Kind, namespace_of
from airegistry.core.documents import KEY, Glob, Where
from airegistry.core.lifecycle import STAGES, serves
from airegistry.core.principals import Principal
from airegistry.core.rules import Rule, Rules
from airegistry.core.shelf import key_of
from airegistry.core.visibility import BEFORE_IT_SERVES, Visibility

_WILD = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Audience:
    """What a caller may be shown: assets of some kinds that meet one condition at least of each of `any_of`."""

    kinds: Sequence[Kind]
    any_of: Sequence[Where] = ()

    @classmethod
    def of(cls, who: Principal, kinds: Sequence[Kind], access: Access, visibility: Visibility) -> "Audience":
        """The audience a caller is in, among assets of these kinds."""
        if who.operator:
            return cls(kinds)
        return _audience(access.rules(who), tuple(kinds), who.subject, who.groups, visibility.environment)


@lru_cache(64)
def _audience(
    rules: Rules, kinds: tuple[Kind, ...], subject: str, groups: frozenset[str], environment: str
) -> Audience:
    """That of a caller, found out once: rules are others after every change of the policy."""
    hidden = [rule for rule in rules.every if rule.hides and rule.everywhere]
    shown = [kind for kind in kinds if not any(rule.covers(kind) for rule in hidden)]
    if rules.total:
        return Audience(shown)
    grants = [rule for rule in rules.every if not rule.deny]
    opened = _keys([rule for rule in grants if rule.acts("list")], shown, lambda rule: rule.narrow)
    seen: Where = {"visibility": "public", "created_by": subject, "groups": sorted(groups), KEY: opened}
    whole = [rule for rule in grants if not rule.partial and any(map(rule.acts, BEFORE_IT_SERVES))]
    if any(rule.globs is None for rule in whole):
        return Audience(shown, [seen])
    changed = _keys(whole, shown, lambda rule: rule.globs or ())
    served: Where = {"stage": _stages(environment), "created_by": subject, KEY: changed}
    return Audience(shown, [seen, served])


def _keys(rules: Iterable[Rule], kinds: Sequence[Kind], globs_of: Callable[[Rule], Sequence[str]]) -> list[str | Glob]:
    """The keys of assets that rules name."""
    named: dict[str | Glob, None] = {}
    for rule in rules:
        spaces = {namespace_of(kind): kind for kind in kinds if rule.covers(kind)}
        for glob in globs_of(rule):
            for kind in spaces.values():
                named[key_of(kind, glob)] = None  # a name is matched by itself, whatever characters it holds
                if not _WILD.isdisjoint(glob):
                    named[Glob(key_of(kind, glob))] = None
    return [*named]


def _stages(environment: str) -> list[str]:
    """The stages of which some assets are served; where a deprecated one is depends on where it was."""
    return [stage for stage in STAGES if stage == "deprecated" or serves(stage, environment)]
