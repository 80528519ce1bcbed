"""Compiled grants: which of a caller's rules name an asset, and whether one fits what is asked."""

import re
from collections.abc import Iterable, Sequence
from fnmatch import translate
from functools import lru_cache
from itertools import chain
from typing import NamedTuple, TypeAlias

from airegistry.core.grants import (
    DEFAULT_ACTIONS,
    EVERY_TOOL,
    HAVE_TOOLS,
    IMPLIES,
    LISTED_BY,
    PARTIAL,
    Grant,
    is_everything,
    is_plumbing,
)

ASSETS, ASKS = 1024, 1024
"""Assets whose rules are remembered for one set of scopes, and what was asked of those without rules of their own."""

OWN_ASKS = 16
"""What was asked of an asset with rules of its own: there are many of them, and few things are asked of one again."""
_WILD = re.compile(r"\[!?\]?[^\]]*\]|[*?]")
_WILD_CHARACTER = re.compile(r"[*?\[]")


class Ask(NamedTuple):
    """What somebody wants to do, and on what. `tool` is the name of a tool or prompt, or the URI of a resource."""

    action: str
    kind: str
    path: str
    tool: str | None
    method: str | None

    def __str__(self) -> str:
        part = self.tool or self.method
        return f"{self.kind}:{self.path or '*'}:{self.action}" + (f":{part}" if part else "")


Fitting: TypeAlias = "tuple[list[Rule], list[Rule]]"


class Rule:
    """A grant of a scope, compiled; `grant` counts the grants of the scope from 0.

    A grant on kind `tool` is `on_parts` of servers: it carries no act on the server as a whole, and denies none.
    One that names assets in particular does so by `literals` and by globs, which begin with its `heads`. `globs` are
    all that it names assets by, None when it names every one; `narrow` are those that are more than wildcards.
    """

    __slots__ = (
        "_actions", "_assets", "_kinds", "_methods", "_narrow", "_on_parts", "_tools", "deny", "everywhere", "globs",
        "grant", "heads", "hides", "literals", "narrow", "partial", "scope", "total",
    )  # fmt: skip

    def __init__(self, scope: str, index: int, grant: Grant, *, kinds: frozenset[str] | None, on_parts: bool) -> None:
        self.scope = scope
        self.grant = index
        self.deny = grant.effect == "deny"
        self._kinds = kinds
        self._on_parts = on_parts
        self._assets = _compiled(grant.assets)
        narrow = [glob for glob in grant.assets if _WILD.sub("", glob) and glob != "all"]
        self._narrow = _compiled(narrow) if narrow else None
        self.narrow = tuple(narrow)
        self.globs = None if self._assets is None else tuple(grant.assets)
        self.everywhere = self._assets is None and self._narrow is None
        globs = set() if self.everywhere else {"*" if glob == "all" else glob for glob in grant.assets}
        self.literals = {glob for glob in globs if not _WILD_CHARACTER.search(glob)}
        self.heads = {_WILD_CHARACTER.split(glob, 1)[0] for glob in globs - self.literals}
        self._methods = _compiled(grant.methods)
        self._tools = _compiled(grant.tools)
        actions = grant.actions if grant.actions is not None else (["*"] if self.deny else DEFAULT_ACTIONS)
        self._actions = None if is_everything(actions) else self._closed(actions)
        self.partial = on_parts or self._tools is not None or self._methods is not None
        whole = all(part is None for part in (kinds, self._assets, self._actions))
        self.total = whole and not self.partial and not self.deny
        self.hides = self.deny and not self.partial and self.acts("list")

    def _closed(self, actions: Iterable[str]) -> frozenset[str]:
        implied = () if self.deny else chain.from_iterable(IMPLIES.get(action, ()) for action in actions)
        return frozenset((*actions, *implied))

    def opens(self, path: str) -> bool:
        """Whether it names this asset by more than wildcards, which is what shows an asset that is not public."""
        return self._narrow is not None and not self.deny and self.acts("list") and bool(self._narrow.match(path))

    def covers(self, kind: str) -> bool:
        """Whether it speaks of assets of a kind."""
        return self._kinds is None or kind in self._kinds

    def names(self, path: str) -> bool:
        """Whether it speaks of an asset of its kinds."""
        return self._assets is None or self._assets.match(path) is not None

    def acts(self, action: str) -> bool:
        """Whether it speaks of an action, on the asset or on parts of it."""
        return self._actions is None or action in self._actions

    def speaks(self, ask: Ask) -> bool:
        """Whether it allows, or denies, what is asked of an asset that it names.

        One that allows parts of an asset carries no act on the whole.
        """
        if self._actions is not None and ask.action not in self._actions:
            return False
        if not self.partial:
            return True
        if not self.deny and ask.action not in PARTIAL:
            return False
        return self._fits_tool(ask.tool) and self._fits_method(ask.method)

    def _fits_tool(self, name: str | None) -> bool:
        if self._tools is None:
            return name is not None or not (self.deny and self._on_parts)
        if name is None:
            return not self.deny
        if name == EVERY_TOOL:
            return self.deny
        return self._tools.match(name) is not None

    def _fits_method(self, method: str | None) -> bool:
        if self._methods is None:
            return True
        if method is None:
            return not self.deny
        if self._methods.match(method):
            return True
        used = LISTED_BY.get(method, ())
        return not self.deny and (is_plumbing(method) or any(self._methods.match(each) for each in used))


def compiled(scope: str, index: int, grant: Grant) -> list[Rule]:
    """The rules of one grant: two when it speaks of tools and of other kinds besides."""
    if is_everything(grant.kinds):
        return [Rule(scope, index, grant, kinds=None, on_parts=False)]
    whole = frozenset(grant.kinds) - {"tool"}
    parts = HAVE_TOOLS - whole if "tool" in grant.kinds else frozenset[str]()
    made = [Rule(scope, index, grant, kinds=whole, on_parts=False)] if whole else []
    return [*made, Rule(scope, index, grant, kinds=parts, on_parts=True)] if parts else made


class About:
    """The rules of a caller that name one asset: those that name it in particular first, then those that name all."""

    __slots__ = ("_common", "_fitting", "_rules", "hiding", "opening", "replaces_baseline")

    def __init__(self, rules: Sequence[Rule], path: str, common: "About | None" = None) -> None:
        self._rules = rules
        self._common = common
        self._fitting: dict[tuple[str, str | None, str | None], Fitting] = {}
        hiding = next((rule for rule in rules if rule.hides), None)
        opening = next((rule for rule in rules if rule.total or rule.opens(path)), None)
        reading = any(not rule.deny and rule.acts("read") for rule in rules)
        self.hiding: Rule | None = hiding if common is None else hiding or common.hiding
        self.opening: Rule | None = opening if common is None else opening or common.opening
        self.replaces_baseline: bool = reading if common is None else reading or common.replaces_baseline

    @property
    def rules(self) -> Iterable[Rule]:
        """All of them."""
        return chain(self._rules, self._common.rules) if self._common is not None else self._rules

    def fitting(self, ask: Ask) -> Fitting:
        """The rules that deny what is asked of the asset, and those that allow it."""
        key = (ask.action, ask.tool, ask.method)
        found = self._fitting.get(key)
        if found is None:
            if len(self._fitting) >= (ASKS if self._common is None else OWN_ASKS):
                self._fitting.clear()
            denies, allows = self._speaking(ask)
            if self._common is not None:
                more = self._common.fitting(ask)
                denies, allows = denies + more[0], allows + more[1]
            found = self._fitting[key] = denies, allows
        return found

    def _speaking(self, ask: Ask) -> Fitting:
        speaking = [rule for rule in self._rules if rule.speaks(ask)]
        return [rule for rule in speaking if rule.deny], [rule for rule in speaking if not rule.deny]


class Rules:
    """All rules of one set of scopes, found by what they name. Safe to use from several threads."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.total = any(rule.total for rule in rules)
        self.denying = frozenset(rule.scope for rule in rules if rule.deny)
        self.unbounded = self.total and not self.denying
        self.every = rules
        self._indexes: dict[str, _Index] = {}
        self._known: dict[tuple[str, str], About] = {}

    def about(self, kind: str, path: str) -> About:
        """The rules that name one asset."""
        key = (kind, path)
        found = self._known.get(key)
        if found is None:
            index = self._indexes.get(kind)
            if index is None:
                index = self._indexes[kind] = _Index([rule for rule in self.every if rule.covers(kind)])
            if len(self._known) >= ASSETS:
                self._known.clear()
            found = self._known[key] = index.about(path)
        return found


class _Index:
    """Rules on one kind by the paths they name: literally, by how a glob begins, or all."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._literal: dict[str, list[Rule]] = {}
        self._begins: dict[str, list[Rule]] = {}
        for rule in rules:
            for literal in rule.literals:
                self._literal.setdefault(literal, []).append(rule)
            for head in rule.heads:
                self._begins.setdefault(head, []).append(rule)
        self._lengths = sorted({len(head) for head in self._begins})
        self._common = About([rule for rule in rules if rule.everywhere], "")

    def about(self, path: str) -> About:
        """The rules that name a path. Assets that none names in particular share one answer."""
        found = list(self._literal.get(path, ()))
        for length in self._lengths:
            found += [rule for rule in self._begins.get(path[:length], ()) if rule.names(path)]
        if not found:
            return self._common
        return About(sorted(set(found), key=_place), path, self._common)


def _place(rule: Rule) -> tuple[str, int]:
    return rule.scope, rule.grant


@lru_cache(maxsize=4096)
def _pattern(globs: tuple[str, ...]) -> re.Pattern[str]:
    # A name is matched by itself too, whatever characters of globs it holds: a deny of `rm[all]` denies `rm[all]`.
    each = (f"{translate(glob)}|{re.escape(glob)}\\Z" for glob in globs)
    return re.compile("|".join(each) if globs else r"(?!)")


def _compiled(globs: Sequence[str]) -> re.Pattern[str] | None:
    return None if is_everything(globs) else _pattern(tuple(globs))
