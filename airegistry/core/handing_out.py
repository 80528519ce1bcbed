"""What a caller may give to others: never more than it holds, and never the freedom from a denial."""

from collections.abc import Sequence

from airegistry.core.access import Access
from airegistry.core.errors import AccessDenied
from airegistry.core.principals import Principal


def handed_on(access: Access, who: Principal, groups: Sequence[str], scopes: Sequence[str], *, what: str) -> list[str]:
    """The scopes whose denials go along with what a caller gives: those that it is denied by and does not carry.

    `what` is a token or a client that is to hold these groups and scopes. Administrators give what they like.

    Raises:
        AccessDenied: it would hold more than the caller carries, or be rid of a denial.
    """
    if access.administrates(who):
        return []
    if missing := access.lacking(who, groups, scopes):
        raise AccessDenied(f"{what} cannot hold more than its maker", missing=missing)
    shed = access.restraints(who) - access.scopes_of(groups, scopes)
    if named := sorted(who.scopes & shed):
        raise AccessDenied(f"{what} cannot shed what its maker is denied by {', '.join(named)}")
    return sorted(who.restraints & shed)
