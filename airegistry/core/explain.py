"""Why somebody may or may not do something."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import get_args

from airegistry.core.access import Access
from airegistry.core.assets import MODELS, Kind, Server, VirtualServer
from airegistry.core.errors import AirError, Invalid, NotFound
from airegistry.core.grants import CALLS, LISTED_BY, Action, is_plumbing
from airegistry.core.parts import Parts, pin_of, sees, why_not
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.core.rules import Rule
from airegistry.core.scans import check_enabled
from airegistry.core.shelf import Shelf
from airegistry.core.tokens import Tokens
from airegistry.core.visibility import Visibility

Find = Callable[[str], Principal | None]
"""Who a subject such as `user:ann` is; None when there is nobody of that name."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would happen, and why.

    `rule` decided, where one did, and `via` are the groups through which the subject holds its scope. `visibility`
    says why the subject may know of the asset, or not. `stops` is what keeps a call from going out whatever the
    rules say.
    """

    allowed: bool
    reason: str
    missing: tuple[str, ...] = ()
    step_up: tuple[str, ...] = ()
    rule: Rule | None = None
    via: tuple[str, ...] = ()
    visibility: str = ""
    stops: tuple[str, ...] = ()


class Explainer:
    """Asks the one policy engine on behalf of others; administrators may ask about anybody, others about themselves."""

    def __init__(
        self, access: Access, visibility: Visibility, shelf: Shelf, tokens: Tokens, parts: Parts, *,
        find: Find | None = None,
    ) -> None:  # fmt: skip
        """Users and clients are those that `find` knows."""
        self._access = access
        self._visibility = visibility
        self._shelf = shelf
        self._tokens = tokens
        self._parts = parts
        self._find = find

    async def explain(
        self, who: Principal, subject: str, action: str, asset: str, *, tool: str | None = None
    ) -> Explanation:
        """The decision on a subject: `me`, `token:NAME`, `user:ID`, `client:ID`, `group:NAME` or `scope:NAME`; a bare
        name is a token's, else a group's, else a scope's. `action` is one of the access rules, or a method of MCP.

        `asset` reads `kind/path`; a path alone means a server or virtual server, and `registry` the registry itself.

        Raises:
            AccessDenied: the caller asks about somebody else and is no administrator.
            NotFound: there is no such asset the caller may know of, or no such subject.
        """
        about = who if subject in {"me", who.subject} else self.whose(who, subject)
        act, method = _act(action, tool)
        if asset.removeprefix("/") == "registry":
            return self._of_registry(about, act)
        target = await self._asset(who, asset)
        decision = self._access.decide(about, act, target, tool=tool, method=method)
        stops = tuple(self._stops(who, about, act, target, tool, method))
        if isinstance(target, VirtualServer) and tool is not None and act == "call":
            stops += tuple([each async for each in self._behind(who, about, target, tool)])
        rule = decision.rule
        return Explanation(
            allowed=decision.allowed and not stops,
            reason=stops[0] if decision.allowed and stops else decision.reason,
            missing=decision.missing,
            step_up=decision.step_up,
            rule=rule,
            via=() if rule is None else tuple(sorted(about.groups & self._access.groups_with(rule.scope))),
            visibility=self._access.audience(about, target)[1],
            stops=stops,
        )

    def _of_registry(self, about: Principal, act: Action) -> Explanation:
        """Acts on the registry itself: policy, tokens, audit."""
        decision = self._access.decide(about, act)
        rule = decision.rule
        via = () if rule is None else tuple(sorted(about.groups & self._access.groups_with(rule.scope)))
        return Explanation(decision.allowed, decision.reason, decision.missing, decision.step_up, rule, via)

    def whose(self, who: Principal, subject: str) -> Principal:
        """Somebody else as a caller, by a subject as `explain` takes it.

        Raises:
            AccessDenied: the caller is no administrator of policy.
            NotFound: there is no such subject.
        """
        self._access.require(who, "policy")
        kind, _, name = subject.partition(":")
        if kind in {"user", "client"} and name:
            found = self._find(subject) if self._find is not None else None
            if found is None:
                raise NotFound(f"no {kind} named {name!r}")
            return found
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

    def _stops(
        self, who: Principal, about: Principal, act: Action, asset: AnyAsset, tool: str | None, method: str | None
    ) -> Iterator[str]:
        """What stops a call, in the order of `Invocation.enter`, or an act on what is not shown at its stage. Of a tool
        that the asker may not see, nothing."""
        if act != "call" and method is None:
            if self._access.sees(about, asset) and not self._visibility.shows(about, asset):
                yield f"stage {asset.stage} is shown to who registered it and to who may update, move or approve it"
            return
        if not self._visibility.serves(asset):
            yield f"stage {asset.stage} is not served in environment {self._visibility.environment}"
        try:
            check_enabled(asset)
        except AirError as error:
            yield error.message
        if isinstance(asset, Server) and asset.transport == "stdio":
            yield "it runs on its user's machine"
        elif isinstance(asset, Server) and not asset.callable:
            yield "it was never fetched and scanned"
        if tool is not None and tool in asset.requires_approval and self._access.sees(who, asset, tool):
            yield f"{tool} needs a person's approval for each call"

    async def _behind(self, who: Principal, about: Principal, virtual: VirtualServer, name: str) -> AsyncIterator[str]:
        """What stops a call at the server that a tool comes from. Of a tool that the asker may not see, nothing."""
        tool = next((each for each in virtual.tools if each.shown_as == name), None)
        part = None if tool is None else await self._parts.of(pin_of(tool))
        if tool is None or part is None or not sees(self._access, who, virtual, tool, part.server):
            return
        if part.server is not None and self._access.allows(about, "call", virtual, tool=name, method="tools/call"):
            why = why_not(
                self._access, about, virtual, tool, part.server, shown=name, name=tool.tool, method="tools/call"
            )
            if why is not None:
                yield why if self._visibility.shows(who, part.server) else "not granted on the server behind it"
        if part.problem is not None:
            yield f"the server behind it is {part.problem}"


def _act(action: str, tool: str | None) -> tuple[Action, str | None]:
    """The action of the access rules, and the method where one was meant."""
    if action in CALLS:
        return "call", action
    if action in LISTED_BY or is_plumbing(action):
        return "read", action
    for known in get_args(Action):
        if known == action:
            return known, "tools/call" if known == "call" and tool is not None else None
    known_ones = ", ".join(get_args(Action))
    raise Invalid(f"no action {action!r}; actions are {known_ones}, or a method of MCP", field="action")
