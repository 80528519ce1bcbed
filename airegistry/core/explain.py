"""Why somebody may or may not do something."""

from typing import get_args

from airegistry.core.access import CALLS, LISTED_BY, Access, Action, Decision
from airegistry.core.assets import MODELS, Kind
from airegistry.core.errors import Invalid, NotFound
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.core.shelf import Shelf
from airegistry.core.tokens import Tokens
from airegistry.core.visibility import Visibility


class Explainer:
    """Asks the one policy engine on behalf of others; administrators may ask about anybody, others about themselves."""

    def __init__(self, access: Access, visibility: Visibility, shelf: Shelf, tokens: Tokens) -> None:
        self._access = access
        self._visibility = visibility
        self._shelf = shelf
        self._tokens = tokens

    async def explain(
        self, who: Principal, subject: str, action: str, asset: str, *, tool: str | None = None
    ) -> Decision:
        """The decision on a subject: `me`, `token:NAME`, `group:NAME` or `scope:NAME`; a bare name is a token's, else
        a group's, else a scope's. `action` is one of the access rules, or a method of MCP.

        `asset` reads `kind/path`; a path alone means a server or virtual server.

        Raises:
            AccessDenied: the caller asks about somebody else and is no administrator.
            NotFound: there is no such asset the caller may know of, or no such subject.
        """
        about = who if subject in {"me", who.subject} else await self._other(who, subject)
        target = await self._asset(who, asset)
        act, method = _act(action, tool)
        decision = self._access.decide(about, act, target, tool=tool, method=method)
        if decision.allowed and act == "call" and not self._visibility.serves(target):
            reason = f"stage {target.stage} is not served in environment {self._visibility.environment}"
            return Decision(False, reason)
        return decision

    async def _other(self, who: Principal, subject: str) -> Principal:
        self._access.require(who, "policy")
        kind, _, name = subject.partition(":")
        if kind not in {"token", "group", "scope"} or not name:
            kind, name = "", subject
        if kind in {"token", ""} and (kind or self._tokens.knows(name)):
            return self._tokens.principal_named(name)
        if kind in {"group", ""} and (kind or self._access.has_group(name)):
            return Principal(subject, groups=frozenset({name}), scopes=self._access.scopes_of([name]))
        if self._access.has_scope(name):
            return Principal(subject, scopes=frozenset({name}))
        raise NotFound(f"no {kind or 'token, group or scope'} named {name!r}")

    async def _asset(self, who: Principal, asset: str) -> AnyAsset:
        prefix, _, rest = asset.removeprefix("/").partition("/")
        kind: Kind = next((known for known in MODELS if rest and known == prefix), "server")
        path = rest if rest and kind == prefix else asset.removeprefix("/")
        found = await self._shelf.get(kind, path)
        if found is None or not self._visibility.shows(who, found[0]):
            raise NotFound(f"no {kind} named {path!r}")
        return found[0]


def _act(action: str, tool: str | None) -> tuple[Action, str | None]:
    """The action of the access rules, and the method where one was meant."""
    if action in CALLS:
        return "call", action
    if action in LISTED_BY:
        return "read", action
    for known in get_args(Action):
        if known == action:
            return known, "tools/call" if known == "call" and tool is not None else None
    known_ones = ", ".join(get_args(Action))
    raise Invalid(f"no action {action!r}; actions are {known_ones}, or a method of MCP", field="action")
