"""A second reading of docs/access.md, written to be obvious and not fast. It shares no code with the engine.

A policy is plain data: scopes by name, each a list of grants as the page writes them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

Grant = Mapping[str, object]
Policy = Mapping[str, Sequence[Grant]]
Answer = Literal["yes", "no", "hidden"]
ANY_PART = "any part at all"
"""The part a method that nobody knows works on: everything."""

ON_PARTS = {"list", "read", "call"}
INCLUDED = {"call": {"call", "read", "list"}, "read": {"read", "list"}}
FAMILY = {
    "tools/list": "tools/call",
    "prompts/list": "prompts/get",
    "resources/list": "resources/read",
    "resources/templates/list": "resources/read",
}
CALLS = {
    "tools/call", "prompts/get", "resources/read", "resources/subscribe", "resources/unsubscribe",
    "completion/complete",
}  # fmt: skip
CONNECTION = {
    "initialize", "ping", "server/discover", "logging/setLevel", "subscriptions/listen", "skills/list", "skills/get",
    "stream/open", "session/close",
}  # fmt: skip


@dataclass(frozen=True)
class Caller:
    """Who asks: what the token carries, and what it was narrowed from."""

    subject: str
    groups: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    restraints: frozenset[str] = frozenset()
    operator: bool = False
    administers: bool = True


@dataclass(frozen=True)
class Thing:
    """An asset, as far as access looks at it."""

    kind: str
    path: str
    visibility: str = "public"
    groups: frozenset[str] = field(default_factory=frozenset)
    created_by: str = "somebody"


def is_all(names: Sequence[str]) -> bool:
    return any(name in {"*", "**", "all"} for name in names)


def is_named(name: str, globs: Sequence[str]) -> bool:
    return is_all(globs) or any(glob == name or fnmatchcase(name, glob) for glob in globs)


def listed(grant: Grant, member: str) -> list[str]:
    found = grant.get(member, ["*"])
    assert isinstance(found, list)
    return found


def denies(grant: Grant) -> bool:
    return grant.get("effect") == "deny"


def actions_of(grant: Grant) -> set[str]:
    if "actions" not in grant:
        return {"*"} if denies(grant) else {"list", "read", "call"}
    named = listed(grant, "actions")
    if denies(grant):
        return set(named)
    return {each for name in named for each in INCLUDED.get(name, {name})}


def does(grant: Grant, action: str) -> bool:
    return bool({"*", "all", action} & actions_of(grant))


def on_tools_only(grant: Grant, kind: str) -> bool:
    """A grant on kind `tool` is one on the tools of servers, and not on the servers."""
    kinds = listed(grant, "kinds")
    return not is_all(kinds) and kind not in kinds and "tool" in kinds and kind in {"server", "virtual_server"}


def on_part(grant: Grant, kind: str) -> bool:
    return on_tools_only(grant, kind) or not is_all(listed(grant, "tools")) or not is_all(listed(grant, "methods"))


def about(grants: Sequence[Grant], kind: str, path: str) -> list[Grant]:
    """Grants that name an asset."""
    return [
        grant
        for grant in grants
        if (is_named(kind, listed(grant, "kinds")) or on_tools_only(grant, kind))
        and is_named(path, listed(grant, "assets"))
    ]


def names_part(grant: Grant, kind: str, part: str | None) -> bool:
    tools = listed(grant, "tools")
    if part is None:
        return not denies(grant) or (is_all(tools) and not on_tools_only(grant, kind))
    if part == ANY_PART:
        return is_all(tools) or denies(grant)
    return is_named(part, tools)


def names_method(grant: Grant, method: str | None) -> bool:
    methods = listed(grant, "methods")
    if is_all(methods):
        return True
    if method is None:
        return not denies(grant)
    if is_named(method, methods):
        return True
    if denies(grant):
        return False
    in_connection = method in CONNECTION or method.startswith("notifications/")
    return in_connection or (method in FAMILY and is_named(FAMILY[method], methods))


def fits(grant: Grant, kind: str, action: str, part: str | None, method: str | None) -> bool:
    if not denies(grant) and on_part(grant, kind) and action not in ON_PARTS:
        return False
    return does(grant, action) and names_part(grant, kind, part) and names_method(grant, method)


def opens(grant: Grant, path: str) -> bool:
    """Whether a grant to list names an asset by more than wildcards."""
    narrow = [glob for glob in listed(grant, "assets") if glob != "all" and re.sub(r"\[!?\]?[^]]*\]|[*?]", "", glob)]
    return not denies(grant) and does(grant, "list") and bool(narrow) and is_named(path, narrow)


def is_administrators(grant: Grant) -> bool:
    everything = all(is_all(listed(grant, member)) for member in ("kinds", "assets", "methods", "tools"))
    return everything and not denies(grant) and bool({"*", "all"} & actions_of(grant))


class Reference:
    """Answers by a policy."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def grants(self, who: Caller) -> list[Grant]:
        held = [grant for scope in sorted(who.scopes) for grant in self._policy.get(scope, ())]
        kept = [grant for scope in sorted(who.restraints) for grant in self._policy.get(scope, ())]
        return [*held, *(grant for grant in kept if denies(grant))]

    def knows(self, who: Caller, it: Thing) -> bool:
        """Whether the caller may know of an asset."""
        if who.operator:
            return True
        naming = about(self.grants(who), it.kind, it.path)
        if any(denies(grant) and not on_part(grant, it.kind) and does(grant, "list") for grant in naming):
            return False
        return (
            it.visibility == "public"
            or (it.visibility == "group" and bool(who.groups & it.groups))
            or it.created_by == who.subject
            or any(opens(grant, it.path) or is_administrators(grant) for grant in naming)
        )

    def asks(self, who: Caller, action: str, it: Thing, part: str | None = None, method: str | None = None) -> Answer:
        """What an act on an asset, or on a part of it, is answered with."""
        if not self.knows(who, it):
            return "hidden"
        naming = about(self.grants(who), it.kind, it.path)
        answer = self._ruled(who, naming, action, it.kind, part, method)
        if answer is not None:
            return answer
        by_part = part is not None or method is not None
        replaced = any(not denies(grant) and does(grant, "read") for grant in naming)
        return "yes" if action in {"list", "read", "rate"} and not (by_part and replaced) else "no"

    def acts(self, who: Caller, action: str, kind: str = "registry", path: str = "") -> Answer:
        """What an act on the registry is answered with, or on what is going to be an asset."""
        return self._ruled(who, about(self.grants(who), kind, path), action, kind, None, None) or "no"

    def _ruled(
        self, who: Caller, naming: Sequence[Grant], action: str, kind: str, part: str | None, method: str | None
    ) -> Answer | None:
        if who.operator:
            return "yes"
        fitting = [grant for grant in naming if fits(grant, kind, action, part, method)]
        if any(denies(grant) for grant in fitting):
            return "no"
        if fitting and action in {"policy", "token", "approve"} and not who.administers:
            return "no"
        return "yes" if fitting else None

    def sends(self, who: Caller, it: Thing, method: str, name: str | None) -> Answer:
        """What a message to a server through the gateway is answered with."""
        if method in CALLS:
            return self.asks(who, "call", it, name, method)
        if method in FAMILY or method in CONNECTION or method.startswith("notifications/"):
            return self.asks(who, "read", it, None, method)
        return self.asks(who, "call", it, ANY_PART, method)

    def sees_part(self, who: Caller, it: Thing, name: str, listing: str = "tools/list") -> bool:
        """Whether a tool, prompt or resource is shown among those of its asset."""
        return self.asks(who, "list", it, name, listing) == "yes"
