"""Virtual servers: composed of tools, prompts and resources of servers, changed, and shown as a caller sees them."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from airegistry.core.access import Access
from airegistry.core.admission import PREVIEW, OnDuplicate
from airegistry.core.assets import (
    Health,
    Json,
    VirtualPrompt,
    VirtualResource,
    VirtualServer,
    VirtualTool,
    check_path,
)
from airegistry.core.audit import Audit
from airegistry.core.catalog import Catalog, Registered
from airegistry.core.composing import Composing, Wishes
from airegistry.core.errors import Invalid, UnknownTool
from airegistry.core.parts import (
    COMPOSITION,
    Part,
    Parts,
    Pin,
    definition,
    entries_of,
    namespaced,
    pin_of,
    pins_of,
    problem_of,
    sees,
    tools_of,
)
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.core.shelf import Shelf
from airegistry.core.validation import validated
from airegistry.core.visibility import Visibility

KIND: Literal["virtual_server"] = "virtual_server"
_BEHIND = {"server", "tool", "prompt", "version", "scopes", "lent", "owner", "summary"}
"""What of an entry is for those who may know of the server behind it."""


@dataclass(frozen=True, slots=True)
class View:
    """What a caller is told of a virtual server beside its own fields.

    `tools` are definitions under the names that clients see, `resources` namespaced URIs and templates. Where the
    caller may know of the server behind something, it is named. `parts` are the servers that the caller may know of.
    """

    tools: list[Json] = field(default_factory=list)
    prompts: list[Json] = field(default_factory=list)
    resources: list[Json] = field(default_factory=list)
    parts: list[Json] = field(default_factory=list)
    requires_approval: list[str] = field(default_factory=list)
    health: Health = "unknown"


class Compositions:
    """Makes, changes and shows virtual servers. What a composer may not see cannot be put in, and reads as unknown."""

    def __init__(
        self, catalog: Catalog, shelf: Shelf, access: Access, visibility: Visibility, audit: Audit, parts: Parts
    ) -> None:
        self._catalog = catalog
        self._shelf = shelf
        self._access = access
        self._visibility = visibility
        self._audit = audit
        self.parts = parts

    async def create(
        self, who: Principal, path: str, name: str, wishes: Wishes, fields: Json, *,
        on_duplicate: OnDuplicate = "report", dry_run: bool = False,
    ) -> Registered:  # fmt: skip
        """Register a virtual server; `fields` are those that every asset has. `dry_run`: see `Catalog.register`.

        Raises:
            Conflict: the path is taken, or two tools would have one name.
            NotFound: a server, tool or prompt does not exist, or the composer may not see it.
            Invalid: an alias that clients do not allow, a virtual server among the servers, or a field that is none.
            AccessDenied, GateRejected, ScanFailed: see `Catalog.register`.
        """
        path = check_path(path)
        if not self._access.decide(who, "register", target=(KIND, path)).allowed:
            act = PREVIEW if dry_run else "register"
            async with self._audit.attempt(who, f"{KIND}:{act}", f"{KIND}/{path}"):
                self._access.require(who, "register", target=(KIND, path))
        _check_fields(fields)
        bare = _virtual(validated({**fields, "kind": KIND, "path": path, "name": name}))
        made = await self._composing(who, bare).made(wishes)
        return await self._catalog.register(who, made, on_duplicate=on_duplicate, dry_run=dry_run)

    async def update(
        self, who: Principal, path: str, wishes: Wishes, fields: Json, *, version: str | None = None
    ) -> VirtualServer:
        """Change what a virtual server is made of, and fields of it. What stays keeps its name.

        Raises:
            AirError: see `create`.
        """
        _check_fields(fields)

        async def then(asset: AnyAsset) -> AnyAsset:
            return await self._composing(who, _virtual(asset)).made(wishes)

        return _virtual(await self._catalog.update(who, KIND, path, fields, then=then, version=version))

    async def add(self, who: Principal, path: str, tool: VirtualTool) -> VirtualServer:
        """Put one more tool of a server into a virtual server, or with `*` all that are not there yet.

        Raises:
            Conflict: it is there already and no other alias is given, or the alias is taken.
            AirError: see `create`.
        """

        async def then(asset: AnyAsset) -> AnyAsset:
            virtual = _virtual(asset)
            return await self._composing(who, virtual).made(Wishes(tools=[*virtual.tools, tool]))

        return _virtual(await self._catalog.update(who, KIND, path, {}, then=then))

    async def remove(self, who: Principal, path: str, fits: Callable[[VirtualTool], bool]) -> VirtualServer:
        """Take tools out of a virtual server.

        Raises:
            UnknownTool: no tool of it fits.
            AccessDenied, NotFound: the caller may not change it, or not know of it.
        """

        async def then(asset: AnyAsset) -> AnyAsset:
            virtual = _virtual(asset)
            kept = [tool for tool in virtual.tools if not fits(tool)]
            if len(kept) == len(virtual.tools):
                raise UnknownTool(f"virtual server {virtual.path!r} has no such tool")
            return await self._composing(who, virtual).made(Wishes(tools=kept))

        return _virtual(await self._catalog.update(who, KIND, path, {}, then=then))

    async def view(self, who: Principal, virtual: VirtualServer) -> View:
        """What the caller sees of what a virtual server is made of."""
        return (await self.views(who, [virtual]))[0]

    async def views(self, who: Principal, virtuals: Sequence[VirtualServer]) -> list[View]:
        """What the caller sees of what each is made of, with two questions to the store for all of them."""
        parts = await self.parts.all(virtuals) if virtuals else {}
        return [self._view(who, each, {pin: parts[pin] for pin in pins_of(each)}) for each in virtuals]

    def _view(self, who: Principal, virtual: VirtualServer, parts: Mapping[Pin, Part]) -> View:
        composes = self._access.allows(who, "update", virtual)
        known = {
            pin: composes if part.server is None else self._visibility.shows(who, part.server)
            for pin, part in parts.items()
        }
        tools = {pin: tools_of(part) for pin, part in parts.items()}
        view, used = View(), Counter[Pin]()
        for entry in entries_of(virtual):
            pin = pin_of(entry)
            if not sees(self._access, who, virtual, entry, parts[pin].server):
                continue
            left_out = {"summary", "owner"} if known[pin] else _BEHIND
            origin = entry.model_dump(mode="json", exclude_none=True, exclude=left_out)
            used[pin] += isinstance(entry, VirtualTool)
            if isinstance(entry, VirtualTool):
                view.tools.append({**origin, **definition(entry, tools[pin].get(entry.tool))})
            elif isinstance(entry, VirtualPrompt):
                view.prompts.append({**origin, "name": entry.shown_as})
            elif isinstance(entry, VirtualResource):
                view.resources.append({**origin, "uri": namespaced(entry.server, entry.uri)})
        shown = {tool["name"] for tool in view.tools}
        return replace(
            view,
            parts=[_told(virtual, part, used[pin]) for pin, part in parts.items() if known[pin]],
            requires_approval=[name for name in virtual.requires_approval if name in shown],
            health=_health([parts[pin] for pin in used]),
        )

    def _composing(self, who: Principal, before: VirtualServer) -> Composing:
        return Composing(who, before, self._shelf, self._access, self._visibility)


def _told(virtual: VirtualServer, part: Part, tools: int) -> Json:
    """A part as lists and answers show it; `tools` are those that the caller sees."""
    problem = problem_of(virtual, part)
    told: Json = {
        "server": part.pin[0],
        "version": part.pin[1],
        "health": "unknown",
        "tools": tools,
        "problem": problem,
    }
    return told if part.server is None else {**told, "version": part.server.version, "health": part.server.health}


def _health(parts: Sequence[Part]) -> Health:
    """Unhealthy when one is or is not offered, healthy when all are."""
    if any(part.offered is None or part.offered.health == "unhealthy" for part in parts):
        return "unhealthy"
    healthy = parts and all(part.server is not None and part.server.health == "healthy" for part in parts)
    return "healthy" if healthy else "unknown"


def _check_fields(fields: Json) -> None:
    if refused := sorted(fields.keys() & COMPOSITION):
        raise Invalid(f"{refused[0]} has a parameter of its own", field=refused[0])


def _virtual(asset: AnyAsset) -> VirtualServer:
    assert isinstance(asset, VirtualServer)  # the catalog answers with the kind asked for
    return asset
