"""The only place that grants: groups -> scopes -> assets, methods, tools, actions; every decision has a reason.

How it decides, in this order:
1. An operator may do everything.
2. A `deny` grant that matches wins over every allow.
3. An asset the caller may not see is refused as if it did not exist. Seen are: public assets; group assets by
   members of their groups; private assets by who registered them; and any asset that one of the caller's allow
   grants names by more than wildcards. Lifecycle and `enabled` narrow this further in `core/catalog.py`.
4. Without a grant on an asset a caller may list, read and rate it, and nothing else. A grant to read or call an
   asset replaces this baseline for its tools: then only tools that some such grant names are seen.
5. `call` includes `read`, `read` includes `list`; the method `tools/call` includes `tools/list`, and so on.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import translate
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

from pydantic import Field, ValidationInfo, field_validator

from airegistry.core.assets import MODELS, Agent, Entity, Model, Server, Skill, VirtualServer
from airegistry.core.errors import AccessDenied, NotFound
from airegistry.core.principals import Principal

AnyAsset = Server | Agent | Skill | VirtualServer | Entity
Action = Literal[
    "list", "read", "call", "register", "update", "toggle", "refresh", "delete", "rate", "transition", "scan",
    "approve", "audit", "policy", "token",
]  # fmt: skip
ACTIONS = frozenset((*get_args(Action), "*", "all"))
KINDS = frozenset((*MODELS, "tool", "registry", "*", "all"))
PARTIAL = frozenset({"list", "read", "call"})
"""Actions that a grant on some tools or methods carries; any other act is on the asset as a whole."""

BASELINE: tuple[Action, ...] = ("list", "read", "rate")
DEFAULT_ACTIONS = ("list", "read", "call")
IMPLIES: dict[str, tuple[str, ...]] = {"call": ("read", "list"), "read": ("list",)}
LISTED_BY: dict[str, tuple[str, ...]] = {
    "tools/list": ("tools/call",),
    "prompts/list": ("prompts/get",),
    "resources/list": ("resources/read",),
    "resources/templates/list": ("resources/read",),
}
"""Methods that whoever may use another method of their family may use too."""

LISTS = frozenset(LISTED_BY)
CALLS = frozenset(
    {
        "tools/call",
        "prompts/get",
        "resources/read",
        "resources/subscribe",
        "resources/unsubscribe",
        "completion/complete",
    }
)
"""Methods that need `call` on the tool, prompt or resource they name."""

PLUMBING = frozenset(
    (
        "initialize ping server/discover logging/setLevel subscriptions/listen skills/list skills/get stream/open "
        "session/close"
    ).split()
)
"""Methods that need `read` alone, as notifications do. A method that is unknown here needs `call` on everything."""

EVERY_TOOL = ""
"""As a tool's name: all of them at once. Only a grant of all tools allows it, and a deny of any one denies it."""

REGISTRY = ("registry", "")
"""Kind and path that acts on the registry itself (policy, tokens, audit) are decided on."""


class Grant(Model):
    """One rule of a scope. Globs follow `fnmatch`; a list that is left out means everything of its sort.

    `actions` left out means list, read and call for an allow, everything for a deny.
    """

    kinds: list[str] = Field(default=["*"])
    assets: list[str] = Field(default=["*"])
    methods: list[str] = Field(default=["*"])
    tools: list[str] = Field(default=["*"])
    actions: list[str] | None = None
    effect: Literal["allow", "deny"] = "allow"

    @field_validator("assets")
    @classmethod
    def _paths(cls, assets: list[str]) -> list[str]:
        """A path may carry one leading slash; another slash would match nothing, ever."""
        paths = [asset.removeprefix("/") for asset in assets]
        if wrong := [path for path in paths if "/" in path]:
            raise ValueError(f"{wrong[0]!r} is no path or glob of paths; kinds have a list of their own")
        return paths

    @field_validator("kinds", "actions")
    @classmethod
    def _known(cls, names: list[str] | None, field: ValidationInfo) -> list[str] | None:
        """A typing error would grant nothing, or worse deny nothing, without a word."""
        known = KINDS if field.field_name == "kinds" else ACTIONS
        if unknown := sorted({*(names or ())} - known):
            raise ValueError(f"{unknown[0]!r} is none of {', '.join(sorted(known))}")
        return names


class Scope(Model):
    """A named set of grants."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$")
    grants: list[Grant] = Field(default_factory=list)
    description: str = ""


class Group(Model):
    """A group of callers and the scopes it brings; its name is that of the identity provider's group."""

    name: str = Field(min_length=1, max_length=256)
    scopes: list[str] = Field(default_factory=list)
    description: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether, why, and which scopes would change a no."""

    allowed: bool
    reason: str
    visible: bool = True
    missing: tuple[str, ...] = ()


_NO_GRANT = Decision(False, "no grant")


@lru_cache(maxsize=4096)
def _pattern(globs: tuple[str, ...]) -> re.Pattern[str]:
    # A name is matched by itself too, whatever characters of globs it holds: a deny of `rm[all]` denies `rm[all]`.
    each = (f"{translate(glob)}|{re.escape(glob)}\\Z" for glob in globs)
    return re.compile("|".join(each) if globs else r"(?!)")


_WILD = re.compile(r"\[[^\]]*\]|[*?]")


def _everything(globs: Sequence[str]) -> bool:
    return any(glob == "all" or (glob and not glob.strip("*")) for glob in globs)


def _with_owners_of_tools(kinds: Sequence[str]) -> frozenset[str]:
    """A grant on kind `tool` speaks of the servers that have them."""
    return frozenset((*kinds, "server", "virtual_server") if "tool" in kinds else kinds)


class _Ask(NamedTuple):
    action: str
    kind: str
    path: str
    tool: str | None
    method: str | None

    def __str__(self) -> str:
        return f"{self.kind}:{self.path or '*'}:{self.action}" + (
            f":{self.tool or self.method}" if self.tool or self.method else ""
        )


class _Rule:
    """A compiled grant."""

    __slots__ = ("_actions", "_assets", "_kinds", "_methods", "_narrow", "_tools", "deny", "scope")

    def __init__(self, scope: str, grant: Grant) -> None:
        self.scope = scope
        self.deny = grant.effect == "deny"
        self._kinds = None if _everything(grant.kinds) else _with_owners_of_tools(grant.kinds)
        self._assets = _compiled(grant.assets)
        self._narrow = _compiled([glob for glob in grant.assets if _WILD.sub("", glob) and glob != "all"])
        self._methods = _compiled(grant.methods)
        self._tools = _compiled(grant.tools)
        actions = grant.actions if grant.actions is not None else (["*"] if self.deny else list(DEFAULT_ACTIONS))
        self._actions = None if _everything(actions) else self._closed(actions)

    def _closed(self, actions: Iterable[str]) -> frozenset[str]:
        implied = () if self.deny else (other for action in actions for other in IMPLIES.get(action, ()))
        return frozenset((*actions, *implied))

    def opens(self, path: str) -> bool:
        """Whether it names this asset by more than wildcards, which is what shows an asset that is not public."""
        return self._narrow is not None and not self.deny and self.acts("list") and bool(self._narrow.match(path))

    @property
    def total(self) -> bool:
        """Whether it is every right on everything."""
        parts = (self._kinds, self._assets, self._methods, self._tools, self._actions)
        return not self.deny and all(part is None for part in parts)

    @property
    def hides(self) -> bool:
        """Whether it denies an asset as a whole, and not only some of its tools or methods."""
        return self.deny and self._tools is None and self._methods is None and self.acts("list")

    def names(self, kind: str, path: str) -> bool:
        if self._kinds is not None and kind not in self._kinds:
            return False
        return self._assets is None or self._assets.match(path) is not None

    def acts(self, action: str) -> bool:
        return self._actions is None or action in self._actions

    def fits(self, ask: _Ask) -> bool:
        if not self.deny and self._partial and ask.action not in PARTIAL:
            return False
        return self.acts(ask.action) and self._tool(ask.tool) and self._method(ask.method)

    @property
    def _partial(self) -> bool:
        return self._tools is not None or self._methods is not None

    def _tool(self, name: str | None) -> bool:
        if self._tools is None:
            return True
        if name == EVERY_TOOL:
            return self.deny
        return not self.deny if name is None else self._tools.match(name) is not None

    def _method(self, method: str | None) -> bool:
        if self._methods is None:
            return True
        if method is None:
            return not self.deny
        if self._methods.match(method):
            return True
        return not self.deny and any(self._methods.match(user) for user in LISTED_BY.get(method, ()))


def _compiled(globs: Sequence[str]) -> re.Pattern[str] | None:
    return None if _everything(globs) else _pattern(tuple(globs))


class Access:
    """Decides over a snapshot of scopes and groups that `core/policy.py` keeps current."""

    def __init__(self) -> None:
        self._scopes: dict[str, Scope] = {}
        self._groups: dict[str, Group] = {}
        self._rules_of: dict[str, tuple[_Rule, ...]] = {}
        self._compiled: dict[frozenset[str], tuple[_Rule, ...]] = {}
        self.revision = 0

    def replace(self, scopes: Iterable[Scope], groups: Iterable[Group]) -> None:
        """Take over a new policy; the next decision follows it."""
        self._scopes = {scope.name: scope for scope in scopes}
        self._groups = {group.name: group for group in groups}
        self._rules_of = {
            scope.name: tuple(_Rule(scope.name, grant) for grant in scope.grants) for scope in self._scopes.values()
        }
        self._compiled = {}
        self.revision += 1

    def scopes_of(self, groups: Iterable[str], scopes: Iterable[str] = ()) -> frozenset[str]:
        """Scopes held directly or through groups."""
        held = set(scopes)
        for name in groups:
            if group := self._groups.get(name):
                held.update(group.scopes)
        return frozenset(held)

    def has_group(self, name: str) -> bool:
        """Whether there is such a group."""
        return name in self._groups

    def has_scope(self, name: str) -> bool:
        """Whether there is a scope of this name."""
        return name in self._scopes

    def decide(
        self,
        who: Principal,
        action: Action,
        asset: AnyAsset | None = None,
        *,
        tool: str | None = None,
        method: str | None = None,
        target: tuple[str, str] | None = None,
    ) -> Decision:
        """Whether a caller may do something.

        `asset` None is an act on the registry itself (policy, audit), or on the asset that `target`, a pair of
        kind and path, is going to be. `tool` is a tool's name, a prompt's name or a resource's URI.
        """
        kind, path = (asset.kind, asset.path) if asset is not None else target or REGISTRY
        ask = _Ask(action, kind, path, tool, method)
        decision = self._decide(who, ask, asset)
        return replace(decision, missing=self._missing(who, ask)) if decision is _NO_GRANT else decision

    def allows(
        self, who: Principal, action: Action, asset: AnyAsset, *, tool: str | None = None, method: str | None = None
    ) -> bool:
        """Whether `decide` says yes, for whoever asks of many things and reads no reason."""
        return self._decide(who, _Ask(action, asset.kind, asset.path, tool, method), asset).allowed

    def _decide(self, who: Principal, ask: _Ask, asset: AnyAsset | None) -> Decision:
        """The decision, but for the scopes that would help against a missing grant."""
        if who.operator:
            return Decision(True, "operator")
        rules = [rule for rule in self._rules(who) if rule.names(ask.kind, ask.path)]
        visible, why = (True, "") if asset is None else self._visible(who, asset, rules)
        if not visible:
            return Decision(False, why, visible=False)
        for rule in rules:
            if rule.deny and rule.fits(ask):
                return Decision(False, f"denied by scope {rule.scope}", missing=(str(ask),))
        for rule in rules:
            if not rule.deny and rule.fits(ask):
                return Decision(True, f"granted by scope {rule.scope}")
        if asset is not None and ask.action in BASELINE and self._baseline(rules, ask):
            return Decision(True, why)
        return _NO_GRANT

    def sees(self, who: Principal, asset: AnyAsset, tool: str | None = None) -> bool:
        """Whether an asset, or one of its tools, may appear in any answer to the caller."""
        return self.allows(who, "list", asset, tool=tool)

    def administrates(self, who: Principal) -> bool:
        """Whether the caller holds every right on everything."""
        rules = self._rules(who)
        return who.operator or (any(rule.total for rule in rules) and not any(rule.deny for rule in rules))

    def restraints(self, who: Principal) -> frozenset[str]:
        """The caller's scopes that deny something: whoever sheds one may do more."""
        return frozenset(rule.scope for rule in self._rules(who) if rule.deny)

    def require(
        self,
        who: Principal,
        action: Action,
        asset: AnyAsset | None = None,
        *,
        tool: str | None = None,
        method: str | None = None,
        target: tuple[str, str] | None = None,
    ) -> Decision:
        """The decision, if it is a yes.

        Raises:
            NotFound: the caller may not know of the asset.
            AccessDenied: the caller may know of it, but not do this.
        """
        decision = self.decide(who, action, asset, tool=tool, method=method, target=target)
        if decision.allowed:
            return decision
        if asset is not None and not decision.visible:
            raise NotFound(f"no {asset.kind} named {asset.path!r}")
        kind, path = (asset.kind, asset.path) if asset is not None else target or REGISTRY
        what, on = f"{action} {tool or method or ''}".strip(), f"{kind} {path!r}" if path else "the registry"
        raise AccessDenied(f"{what} is not granted on {on}: {decision.reason}", missing=decision.missing)

    def _rules(self, who: Principal) -> tuple[_Rule, ...]:
        rules = self._compiled.get(who.scopes)
        if rules is None:
            rules = tuple(rule for name in sorted(who.scopes) for rule in self._rules_of.get(name, ()))
            self._compiled[who.scopes] = rules
        return rules

    def _visible(self, who: Principal, asset: AnyAsset, rules: Sequence[_Rule]) -> tuple[bool, str]:
        if hiding := next((rule for rule in rules if rule.hides), None):
            return False, f"hidden by scope {hiding.scope}"
        if asset.visibility == "public":
            return True, "public"
        if asset.visibility == "group" and not who.groups.isdisjoint(asset.groups):
            return True, "member of a group of the asset"
        if asset.created_by == who.subject:
            return True, "registered by the caller"
        for rule in rules:
            if rule.total or rule.opens(asset.path):
                return True, f"granted by scope {rule.scope}"
        return False, f"{asset.visibility}, and the caller is none of its audience"

    @staticmethod
    def _baseline(rules: Sequence[_Rule], ask: _Ask) -> bool:
        """Whether an asset that is seen may be listed and read without a grant for it."""
        if ask.tool is None and ask.method is None:
            return True
        return not any(rule.acts("read") and not rule.deny for rule in rules)

    def _missing(self, who: Principal, ask: _Ask) -> tuple[str, ...]:
        """Scopes that would help, those that name the asset first, an administrator's only where nothing less does;
        where there is none, the permission in words."""
        helping = [name for name in sorted(self._scopes.keys() - who.scopes) if self._helps(name, ask)]
        lesser = [name for name in helping if not any(rule.total for rule in self._rules_of[name])]
        narrow = [name for name in lesser if any(rule.opens(ask.path) for rule in self._rules_of[name])]
        wide = [name for name in lesser or helping if name not in narrow]
        return (*narrow, *wide) or (str(ask),)

    def _helps(self, name: str, ask: _Ask) -> bool:
        rules = [rule for rule in self._rules_of[name] if rule.names(ask.kind, ask.path)]
        fitting = [rule for rule in rules if rule.fits(ask)]
        return bool(fitting) and not any(rule.deny for rule in fitting)
