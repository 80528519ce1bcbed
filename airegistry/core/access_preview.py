"""What somebody may see and call, or what grants would give to whoever held nothing else: asset by asset."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, get_args

import anyio

from airegistry.core.access import Access
from airegistry.core.assets import MODELS, Agent, Server, VirtualServer
from airegistry.core.errors import Invalid
from airegistry.core.explain import Explainer
from airegistry.core.grants import ADMINISTRATION, ASKS, Action, Grant, Scope
from airegistry.core.parts import Parts, pin_of, sees, visible_part, why_not
from airegistry.core.policy import Policy
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.core.search import Search
from airegistry.core.sketches import Sketch
from airegistry.core.visibility import Visibility

ACTS: Final[Sequence[Action]] = [each for each in get_args(Action) if each not in {*ADMINISTRATION, "audit"}]
"""What may be done with an asset."""
_CALLED: Final = frozenset({"server", "agent", "virtual_server"})
_DRAFT: Final = "preview:draft"
"""The scope that grants are of which nobody has stored; one that is stored under this name is left aside."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What of one asset is within reach, and why it may be known of. `tools` may be called, of `parts` that it has;
    an agent's are its skills. `hidden` is an asset that a denial hides."""

    asset: AnyAsset
    why: str
    hidden: bool
    actions: Sequence[Action]
    tools: Sequence[str]
    parts: int


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a preview: at most `limit` assets with `path` in their path, after those of a cursor."""

    limit: int = 50
    path: str = ""
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """A page of what is within reach, in order of path. `total` counts all of it whatever the page, `callable` those
    assets of which at least a part may be called."""

    reaches: Sequence[Reach]
    total: int
    callable: int
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class _View:
    """Who looks, about whom, and the rules that hold for that one. A draft shows what its own rules name alone."""

    who: Principal
    about: Principal
    rules: Access
    draft: bool


class Previews:
    """Looks with the eyes of others, for administrators of policy; nobody is shown what they may not know of."""

    def __init__(self, access: Access, policy: Policy, explainer: Explainer, search: Search, parts: Parts) -> None:
        self._access = access
        self._policy = policy
        self._explainer = explainer
        self._search = search
        self._parts = parts

    async def of_subject(self, who: Principal, subject: str, page: Page) -> Preview:
        """What somebody sees: a subject as `Explainer.explain` takes it.

        Raises:
            AccessDenied: the caller is no administrator of policy.
            NotFound: there is no such subject.
            Invalid: the cursor is none of this registry's.
        """
        self._access.require(who, "policy")
        about = who if subject in {"me", who.subject} else self._explainer.whose(who, subject)
        return await self._page(_View(who, about, self._access, draft=False), page)

    async def of_grants(self, who: Principal, grants: Sequence[Grant], page: Page) -> Preview:
        """What grants that need not be stored name, and what they would give by themselves.

        Raises:
            AccessDenied: the caller is no administrator of policy.
            Invalid: the cursor is none of this registry's.
        """
        stored = [each for each in await self._policy.scopes(who) if each.name != _DRAFT]
        rules = Access()
        rules.replace([*stored, Scope(name=_DRAFT, grants=[*grants])], await self._policy.groups(who))
        about = Principal("preview", scopes=frozenset({_DRAFT}))
        return await self._page(_View(who, about, rules, draft=True), page)

    async def _page(self, view: _View, page: Page) -> Preview:
        after, limit = _place_of(page.cursor), page.limit
        found = await anyio.to_thread.run_sync(self._within, view)
        rest = [each for each in found if page.path in each.path and (not after or (each.path, each.kind) > after)]
        held = self._search.indexing.assets
        shown = [asset for each in rest[:limit] if (asset := held.get(f"{each.kind}/{each.path}")) is not None]
        return Preview(
            [await self._reach(view, asset) for asset in shown], len(found),
            sum(each.kind in _CALLED and view.rules.allows(view.about, "call", each) for each in found),
            f"{rest[limit - 1].path}\n{rest[limit - 1].kind}" if len(rest) > limit else None,
        )  # fmt: skip

    def _within(self, view: _View) -> list[Sketch]:
        """What both may know of, in order of path."""
        indexing, sight = self._search.seen_by(view.who, include_disabled=True)
        theirs = Visibility(view.rules, sight.visibility.environment)
        named = view.rules.rules(view.about)

        def within(asset: Sketch) -> bool:
            about = named.about(asset.kind, asset.path)
            if view.draft and (about.hiding is not None or not any(True for _ in about.rules)):
                return about.hiding is not None
            return theirs.shows(view.about, asset)

        held = [*indexing.assets.sketches.values()]
        found = [each for each in held if sight.visibility.shows(view.who, each) and within(each)]
        return sorted(found, key=lambda each: (each.path, each.kind))

    async def _reach(self, view: _View, asset: AnyAsset) -> Reach:
        visible, why = view.rules.audience(view.about, asset)
        actions = [each for each in ACTS if view.rules.allows(view.about, each, asset)] if visible else []
        names, parts = await self._tools(view, asset)
        return Reach(asset, why, not visible, actions, names if visible else [], parts)

    async def _tools(self, view: _View, asset: AnyAsset) -> tuple[list[str], int]:
        """The tools or skills that may be called, and how many there are that the asker may see."""
        if isinstance(asset, VirtualServer):
            return await self._virtual_tools(view, asset)
        part = visible_part(self._access, view.who, asset)
        methods: Sequence[str]
        if isinstance(part, Server):
            names, methods = [tool.name for tool in part.tools], ("tools/call",)
        elif isinstance(part, Agent):
            names, methods = [skill.id for skill in part.skills], ASKS
        else:
            return [], 0

        def called(name: str) -> bool:
            allows = view.rules.allows
            return any(allows(view.about, "call", asset, tool=name, method=method) for method in methods)

        return [name for name in names if called(name)], len(names)

    async def _virtual_tools(self, view: _View, virtual: VirtualServer) -> tuple[list[str], int]:
        rules, about, names, parts = view.rules, view.about, [], 0
        for tool in virtual.tools:
            part = await self._parts.of(pin_of(tool))
            if part is None or not sees(self._access, view.who, virtual, tool, part.server):
                continue
            parts += 1
            shown, method = tool.shown_as, "tools/call"
            if rules.allows(about, "call", virtual, tool=shown, method=method) and (
                part.server is None
                or why_not(rules, about, virtual, tool, part.server, shown=shown, name=tool.tool, method=method) is None
            ):
                names.append(shown)
        return names, parts


def _place_of(cursor: str | None) -> tuple[str, str] | None:
    if cursor is None:
        return None
    path, _, kind = cursor.partition("\n")
    if kind not in MODELS:
        raise Invalid(f"cursor {cursor[:40]!r} is none of this registry's", field="cursor")
    return path, kind
