"""The only place that grants: groups -> scopes -> assets, methods, tools, actions; every decision has a reason.

How it decides, in this order:
1. An operator may do everything.
2. An asset the caller may not see is refused as if it did not exist. A `deny` grant of the whole asset hides it. Else
   seen are: public assets; group assets by members of their groups; private assets by who registered them; and any
   asset that one of the caller's allow grants names by more than wildcards. Lifecycle narrows this further in
   `core/visibility.py`.
3. A `deny` grant that matches wins over every allow.
4. Without a grant on an asset a caller may list, read and rate it, and nothing else. A grant to read or call an
   asset replaces this baseline for its tools: then only tools that some such grant names are seen. Those of grants that
   the token does not carry count as named, and no others: nobody sees more by asking for less.
5. `call` includes `read`, `read` includes `list`; the method `tools/call` includes `tools/list`, and so on.
6. Administration needs a token that carries it, whatever its subject may do.

A policy is compiled once, the rules of a set of scopes once a policy, and those that name an asset once a set.
`replace` puts another policy in place with nothing remembered, so nothing of the old one is left.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple

from airegistry.core.assets import Agent, Entity, Server, Skill, VirtualServer
from airegistry.core.errors import AccessDenied, NotFound
from airegistry.core.grants import (
    ADMINISTERS,
    ADMINISTRATION,
    BASELINE,
    EVERYTHING,
    REGISTRY,
    Action,
    Grant,
    Group,
    Scope,
)
from airegistry.core.principals import Principal
from airegistry.core.rules import About, Ask, Rule, Rules, compiled
from airegistry.core.sketches import Sketch

AnyAsset = Server | Agent | Skill | VirtualServer | Entity | Sketch
SETS = 256
"""Sets of scopes that are remembered for one policy."""
DECISIONS = 4096
"""Decisions that are remembered for one policy, but for names that are longer than `LONGEST`."""
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether, why, and which scopes would change a no.

    `missing` are scopes that would help, or the permission in words. `step_up` are those of them that the caller's
    subject holds already and the token does not carry. `rule` is the one that decided, where one did.
    """

    allowed: bool
    reason: str
    visible: bool = True
    missing: tuple[str, ...] = ()
    step_up: tuple[str, ...] = ()
    rule: Rule | None = None


class Narrowed(NamedTuple):
    """What a token carries of what its subject is entitled to: see `Principal`."""

    scopes: frozenset[str]
    withheld: frozenset[str]
    restraints: frozenset[str]


_OPERATOR = Decision(True, "operator")
_NO_GRANT = Decision(False, "no grant")
_NO_ADMINISTRATION = Decision(
    False, f"the token does not carry {ADMINISTERS}", missing=(ADMINISTERS,), step_up=(ADMINISTERS,)
)


class _Policy:
    """One policy, compiled, and what was worked out from it so far."""

    def __init__(self, scopes: Iterable[Scope] = (), groups: Iterable[Group] = ()) -> None:
        self.groups = {group.name: group for group in groups}
        self.rules_of: dict[str, list[Rule]] = {}
        self.descriptions: dict[str, str] = {}
        self.grants: dict[str, Sequence[Grant]] = {}
        for scope in scopes:
            self.descriptions[scope.name], self.grants[scope.name] = scope.description, scope.grants
            rules = (compiled(scope.name, index, grant) for index, grant in enumerate(scope.grants))
            self.rules_of[scope.name] = [*chain.from_iterable(rules)]
        self.whole = self._compiled(self.rules_of)
        self._sets: dict[tuple[frozenset[str], frozenset[str]], Rules] = {}
        self._granted: dict[Rule, Decision] = {}
        self._names: dict[frozenset[str], frozenset[str]] = {}
        self._decided: dict[tuple[int, Ask], tuple[Principal, AnyAsset | None, Decision]] = {}

    def decided(self, who: Principal, ask: Ask, asset: AnyAsset | None) -> Decision:
        """What the rules say; a request asks the same several times over, and a caller's next request again."""
        known = self._decided.get((id(who), ask))
        if known is not None and known[0] is who and known[1] is asset:
            return known[2]
        decision = _ruled(self, who, ask, asset)
        if ask.tool is None or len(ask.tool) <= LONGEST:
            if len(self._decided) >= DECISIONS:
                self._decided.clear()
            self._decided[id(who), ask] = who, asset, decision
        return decision

    def rules(self, scopes: frozenset[str], restraints: frozenset[str] = frozenset()) -> Rules:
        """All rules of some scopes, and what others deny."""
        key = (scopes, restraints)
        found = self._sets.get(key)
        if found is None:
            if len(self._sets) >= SETS:
                self._sets.clear()
            found = self._sets[key] = self._compiled(scopes, restraints - scopes)
        return found

    def granted(self, rule: Rule) -> Decision:
        """The yes of a rule."""
        found = self._granted.get(rule)
        if found is None:
            found = self._granted[rule] = Decision(True, f"granted by scope {rule.scope}", rule=rule)
        return found

    def _compiled(self, scopes: Iterable[str], restraints: Set[str] = frozenset()) -> Rules:
        rules = [rule for name in sorted(scopes) for rule in self.rules_of.get(name, ())]
        rules += [rule for name in sorted(restraints) for rule in self.rules_of.get(name, ()) if rule.deny]
        return Rules(rules)

    def same(self, names: frozenset[str]) -> frozenset[str]:
        """An equal set, the same one at each request: comparing large sets costs more than a decision."""
        if len(self._names) >= SETS:
            self._names.clear()
        return self._names.setdefault(names, names)


class Access:
    """Decides over a snapshot of scopes and groups that `core/policy.py` keeps current. Safe from several threads."""

    def __init__(self) -> None:
        self._policy = _Policy()
        self.revision = 0

    def replace(self, scopes: Iterable[Scope], groups: Iterable[Group]) -> None:
        """Take over a new policy; the next decision follows it."""
        self._policy = _Policy(scopes, groups)
        self.revision += 1

    def scopes_of(self, groups: Iterable[str], scopes: Iterable[str] = ()) -> frozenset[str]:
        """Scopes held directly or through groups."""
        policy, held = self._policy, set(scopes)
        for name in groups:
            if group := policy.groups.get(name):
                held.update(group.scopes)
        return policy.same(frozenset(held))

    def narrowed(self, groups: Iterable[str], scopes: Iterable[str], carried: frozenset[str]) -> Narrowed:
        """What is left of what a subject is entitled to, when its token carries these scopes.

        Whoever holds every right may carry any scope there is instead.
        """
        policy, entitled = self._policy, self.scopes_of(groups, scopes)
        if policy.rules(entitled).unbounded:
            entitled |= carried & policy.rules_of.keys()
        held = entitled if EVERYTHING in carried else policy.same(entitled & carried)
        withheld = entitled - held
        return Narrowed(held, withheld, withheld & policy.whole.denying)

    def carries(self, who: Principal, scope: str) -> bool:
        """Whether what a caller may do includes a scope: it holds it, or every right there is."""
        policy = self._policy
        unbounded = policy.rules(who.scopes, who.restraints).unbounded
        return scope in who.scopes or (unbounded and scope in policy.rules_of)

    def entitlement(self, who: Principal, asset: AnyAsset) -> Hashable:
        """Equal for callers of whom every decision on an asset is the same, until the policy changes."""
        owner = asset.created_by == who.subject
        return self.revision, who.operator, owner, who.scopes, who.groups, who.restraints, who.withheld

    def rights(self, who: Principal) -> Hashable:
        """Equal for callers of whom every decision is the same, but for administration and what they registered."""
        return self.revision, who.operator, who.scopes, who.groups, who.restraints, who.withheld

    def rules(self, who: Principal) -> Rules:
        """The rules that decide on what a caller asks for."""
        return self._policy.rules(who.scopes, who.restraints)

    def grants_of(self, who: Principal) -> object:
        """What a caller holds, by scope: equal as long as no change of the policy is one of its rights."""
        named = sorted(who.scopes | who.restraints | who.withheld)
        return [(name, self._policy.grants.get(name)) for name in named]

    def groups_with(self, scope: str) -> frozenset[str]:
        """The groups whose members hold a scope."""
        return frozenset(name for name, group in self._policy.groups.items() if scope in group.scopes)

    def has_group(self, name: str) -> bool:
        """Whether there is such a group."""
        return name in self._policy.groups

    def description(self, scope: str) -> str:
        """What a scope is for, in its administrator's words; empty when nothing is said of it."""
        return self._policy.descriptions.get(scope, "")

    def has_scope(self, name: str) -> bool:
        """Whether there is a scope of this name."""
        return name in self._policy.rules_of

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
        ask, policy = Ask(action, kind, path, tool, method), self._policy
        decision = _decide(policy, who, ask, asset)
        if decision.allowed or not decision.visible or decision is _NO_ADMINISTRATION:
            return decision
        if decision.rule is not None:  # a deny: no further scope undoes it
            return replace(decision, missing=(str(ask),))
        helping = _helping(policy, who, ask, asset)
        step_up = tuple(name for name in helping if name in who.withheld and _may_administer(who, ask))
        return replace(decision, missing=_narrowest(helping, ask.path) or (str(ask),), step_up=step_up)

    def allows(
        self, who: Principal, action: Action, asset: AnyAsset, *, tool: str | None = None, method: str | None = None
    ) -> bool:
        """Whether `decide` says yes, for whoever asks of many things and reads no reason."""
        return _decide(self._policy, who, Ask(action, asset.kind, asset.path, tool, method), asset).allowed

    def denies(
        self, who: Principal, action: Action, asset: AnyAsset, *, tool: str | None = None, method: str | None = None
    ) -> bool:
        """Whether a rule forbids it, which nothing that somebody else grants or lends undoes."""
        decision = _decide(self._policy, who, Ask(action, asset.kind, asset.path, tool, method), asset)
        return not decision.allowed and decision.rule is not None

    def sees(self, who: Principal, asset: AnyAsset, tool: str | None = None, method: str = "tools/list") -> bool:
        """Whether an asset, or one of its tools, may appear in any answer to the caller.

        A prompt or resource is seen by the `method` that lists it.
        """
        return self.allows(who, "list", asset, tool=tool, method=None if tool is None else method)

    def audience(self, who: Principal, asset: AnyAsset) -> tuple[bool, str]:
        """Whether the caller may know of an asset, and why."""
        if who.operator:
            return True, _OPERATOR.reason
        visible, why, _ = _seen(who, asset, _about(self._policy, who, asset.kind, asset.path))
        return visible, why

    def administrates(self, who: Principal) -> bool:
        """Whether the caller holds every right on everything."""
        rules = self._policy.rules(who.scopes, who.restraints)
        return who.operator or (rules.unbounded and who.administers)

    def restraints(self, who: Principal) -> frozenset[str]:
        """The caller's scopes that deny something: whoever sheds one may do more."""
        return self._policy.rules(who.scopes, who.restraints).denying

    def lacking(self, who: Principal, groups: Iterable[str], scopes: Iterable[str]) -> list[str]:
        """What the caller's token does not carry of what somebody with these groups and scopes would hold.

        A group that the caller is in counts by its scopes: a token carries some of them, or all.
        """
        wanted, own = {*groups}, who.groups.intersection(groups)
        return sorted(self.scopes_of(own, scopes) - who.scopes) + sorted(wanted - own)

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
        raise AccessDenied(
            f"{what} is not granted on {on}: {decision.reason}", missing=decision.missing, step_up=decision.step_up
        )


def _about(policy: _Policy, who: Principal, kind: str, path: str) -> About:
    return policy.rules(who.scopes, who.restraints).about(kind, path)


def _decide(policy: _Policy, who: Principal, ask: Ask, asset: AnyAsset | None) -> Decision:
    """The decision, but for the scopes that would help against a missing grant."""
    if who.operator:
        return _OPERATOR
    decision = policy.decided(who, ask, asset)
    return decision if not decision.allowed or _may_administer(who, ask) else _NO_ADMINISTRATION


def _may_administer(who: Principal, ask: Ask) -> bool:
    return who.administers or ask.action not in ADMINISTRATION


def _ruled(policy: _Policy, who: Principal, ask: Ask, asset: AnyAsset | None) -> Decision:
    about = _about(policy, who, ask.kind, ask.path)
    visible, why, rule = (True, "", None) if asset is None else _seen(who, asset, about)
    if not visible:
        return Decision(False, why, visible=False, rule=rule)
    denies, allows = about.fitting(ask)
    if denies:
        return Decision(False, f"denied by scope {denies[0].scope}", rule=denies[0])
    if allows:
        return policy.granted(allows[0])
    if asset is not None and ask.action in BASELINE and (
        (ask.tool is None and ask.method is None)
        or not (about.replaces_baseline or _kept_from_subject(policy, who, ask))
    ):  # fmt: skip
        return Decision(True, why)
    return _NO_GRANT


def _kept_from_subject(policy: _Policy, who: Principal, ask: Ask) -> bool:
    """Whether scopes that the token does not carry say which parts its subject is shown, and this is none of them."""
    if not who.withheld:
        return False
    about = policy.rules(who.withheld).about(ask.kind, ask.path)
    return about.replaces_baseline and not about.fitting(ask)[1]


def _seen(who: Principal, asset: AnyAsset, about: About) -> tuple[bool, str, Rule | None]:
    """Whether the caller may know of an asset, why, and by which rule."""
    if about.hiding is not None:
        return False, f"hidden by scope {about.hiding.scope}", about.hiding
    if asset.visibility == "public":
        return True, "public", None
    if asset.visibility == "group" and not who.groups.isdisjoint(asset.groups):
        return True, "member of a group of the asset", None
    if asset.created_by == who.subject:
        return True, "registered by the caller", None
    if about.opening is not None:
        return True, f"granted by scope {about.opening.scope}", about.opening
    return False, f"{asset.visibility}, and the caller is none of its audience", None


def _helping(policy: _Policy, who: Principal, ask: Ask, asset: AnyAsset | None) -> dict[str, list[Rule]]:
    """Scopes not held, each of which would turn a missing grant into a yes, and their rules that name the asset."""
    about = policy.whole.about(ask.kind, ask.path)
    denies, allows = about.fitting(ask)
    scopes = {rule.scope for rule in allows} - who.scopes - {rule.scope for rule in denies}
    if asset is not None and scopes:
        scopes -= {rule.scope for rule in about.rules if rule.hides}
    helping: dict[str, list[Rule]] = {name: [] for name in sorted(scopes)}
    for rule in about.rules if helping else ():
        if rule.scope in helping:
            helping[rule.scope].append(rule)
    return helping


def _narrowest(helping: Mapping[str, list[Rule]], path: str) -> tuple[str, ...]:
    """Those that name the asset first, an administrator's only where nothing less helps."""
    lesser = {name: rules for name, rules in helping.items() if not any(rule.total for rule in rules)}
    narrow = [name for name, rules in lesser.items() if any(rule.opens(path) for rule in rules)]
    return (*narrow, *(name for name in lesser or helping if name not in narrow))
