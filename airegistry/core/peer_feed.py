"""What this registry tells its peers: everything a caller may see, first by id and digest, then by what was asked for.

A listing is always whole, so that a peer knows what is gone without being told, and costs little where nothing changed.
Whoever reads it needs no right but those to read; what is hidden from a caller takes no part in its listing.
"""

import base64
import binascii
import hashlib
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import anyio.lowlevel

from airegistry.core.access import Access
from airegistry.core.assets import MODELS, Entity, Kind, VirtualServer
from airegistry.core.audit import Audit
from airegistry.core.catalog import Catalog
from airegistry.core.documents import DocumentStore
from airegistry.core.entity_types import EntityTypes
from airegistry.core.errors import AccessDenied, Conflict, Internal, Invalid, NotFound
from airegistry.core.peer_items import TYPE, Entry, Item, item_of, type_item, version_of
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.shelf import Shelf, key_of
from airegistry.core.virtual import Compositions, View
from airegistry.core.visibility import Visibility

META, IDENTITY = "meta", "registry"
EXPORT = "registry:export"
PAGE = 500
"""Items of a page of the listing."""
ASKED = 200
"""Ids that bodies may be asked for at once."""
BODIES = 4_000_000
"""Bytes of bodies after which no further one is added to an answer."""
MAX_VERSIONS = 50
_CHUNK = 200
_TURN = 20
"""Items that are told before other tasks get a turn."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a peer asks for. With `relay` also what this registry has from others."""

    kinds: Sequence[Kind] = (*MODELS,)
    tags: Sequence[str] = ()
    relay: bool = False

    def mark(self) -> str:
        """Equal for equal wishes: a cursor is for those it was given for."""
        return hashlib.sha256(repr((sorted(self.kinds), sorted(self.tags), self.relay)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of the listing, and the cursor of the next one. The types come with the entities that are of them."""

    entries: Sequence[Entry]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Bodies:
    """Items in full, and the ids of those that did not fit beside them."""

    items: Sequence[Item]
    left: Sequence[str]


async def registry_id(store: DocumentStore) -> str:
    """The id of this registry, made when it is first asked for: it stays the same for ever."""
    found = await store.get(META, IDENTITY)
    if found is None:
        with suppress(Conflict):  # another process was faster
            await store.put(META, IDENTITY, {"id": uuid.uuid4().hex}, expect=0)
        found = await store.get(META, IDENTITY)
    if found is None or not isinstance(known := found.body.get("id"), str):
        raise Internal("the id of this registry cannot be read")
    return known


class PeerFeed:
    """Reads the catalog for peers. `url` is where callers reach the gateway, empty where there is none."""

    def __init__(
        self, store: DocumentStore, catalog: Catalog, shelf: Shelf, access: Access, visibility: Visibility,
        compositions: Compositions, types: EntityTypes, audit: Audit, url: str,
    ) -> None:  # fmt: skip
        self._store = store
        self._catalog = catalog
        self._shelf = shelf
        self._access = access
        self._visibility = visibility
        self._compositions = compositions
        self._types = types
        self._audit = audit
        self.url = url

    async def id(self) -> str:
        """See `registry_id`."""
        return await registry_id(self._store)

    async def list(self, who: Principal, wanted: Wanted, *, limit: int = PAGE, cursor: str | None = None) -> Listed:
        """A page of what the caller may see, in order of kind and path. The first one is recorded.

        Raises:
            Invalid: the cursor is none of this registry's, or was given for something else.
        """
        after = None if cursor is None else _opened(cursor, wanted)
        if after is None:
            async with self._audit.attempt(who, EXPORT, None):
                return await self._page(who, wanted, limit, None)
        return await self._page(who, wanted, limit, after)

    async def bodies(self, who: Principal, wanted: Wanted, ids: Sequence[str]) -> Bodies:
        """The items of these ids, as far as the caller may see them and they fit what is wanted."""
        items: list[Item] = []
        size = 0
        for place, id in enumerate(dict.fromkeys(ids)):
            if size >= BODIES:
                return Bodies(items, [*dict.fromkeys(ids)][place:])
            item = await self._item(who, wanted, id)
            if item is not None:
                items.append(item)
                size += len(item.body)
        return Bodies(items, [])

    async def _page(self, who: Principal, wanted: Wanted, limit: int, after: str | None) -> Listed:
        page = await self._catalog.list(
            who, wanted.kinds, limit=limit, cursor=after, where={"enabled": True},
            fits=lambda asset: self._told(who, wanted, asset),
        )  # fmt: skip
        beside = await self._beside(who, page.assets)
        entries: list[Entry] = []
        for place, asset in enumerate(page.assets):
            item = await self._whole(who, asset, beside.get(key_of(asset.kind, asset.path), ()))
            entries.append(item.entry())
            if place % _TURN == 0:
                await anyio.lowlevel.checkpoint()
        types = dict.fromkeys(asset.type for asset in page.assets if isinstance(asset, Entity))
        entries += [told.entry() for name in types if (told := await self._type(name)) is not None]
        return Listed(entries, None if page.next_cursor is None else _closed(page.next_cursor, wanted))

    def _told(self, who: Principal, wanted: Wanted, asset: AnyAsset) -> bool:
        """Whether an asset, that the caller may see, is one that peers are told of: switched on and served here."""
        if not asset.enabled or not self._visibility.serves(asset) or not self._access.allows(who, "read", asset):
            return False
        if wanted.tags and not set(wanted.tags) & set(asset.tags):
            return False
        if isinstance(asset, VirtualServer) and not self.url:
            return False
        if asset.provenance.source != "local":
            return wanted.relay
        return asset.created_by != SYSTEM.subject  # every registry comes with these

    async def _beside(self, who: Principal, heads: Sequence[AnyAsset]) -> Mapping[str, Sequence[AnyAsset]]:
        """The versions beside the default ones, by the key of their asset: one walk over those of a page."""
        found = defaultdict[str, list[AnyAsset]](list)
        by_key = {key_of(asset.kind, asset.path): asset for asset in heads}
        if not by_key:
            return found
        after, end = min(by_key), max(f"{key}A" for key in by_key)  # A comes after the @ that versions begin with
        while after < end:
            some = await self._shelf.some_versions(after, _CHUNK)
            for key, version in some:
                head = by_key.get(key.rpartition("@")[0])
                if head is not None and self._fits_beside(who, version, head):
                    found[key_of(head.kind, head.path)].append(version)
            if len(some) < _CHUNK:
                break
            after = some[-1][0]
        return found

    def _fits_beside(self, who: Principal, version: AnyAsset, head: AnyAsset) -> bool:
        if version.kind != head.kind or version.version == head.version or not version.enabled:
            return False
        return self._visibility.serves(version) and self._visibility.shows(who, version)

    async def _whole(self, who: Principal, head: AnyAsset, beside: Sequence[AnyAsset]) -> Item:
        versions = [head, *beside[: MAX_VERSIONS - 1]]
        virtuals = [version for version in versions if isinstance(version, VirtualServer)]
        seen = await self._compositions.views(who, virtuals)
        views: Sequence[View | None] = seen or [None] * len(versions)
        parts = [self._catalog.part(who, version) for version in versions]
        addressed = self._access.allows(who, "update", head)
        told = [
            version_of(part, here=self.url, addressed=addressed, view=view)
            for part, view in zip(parts, views, strict=True)
        ]
        return item_of(told, head)

    async def _item(self, who: Principal, wanted: Wanted, id: str) -> Item | None:
        kind, _, path = id.partition("/")
        if kind == TYPE:
            return await self._type_seen(who, wanted, path)
        if kind not in wanted.kinds:
            return None
        try:
            head = await self._catalog.get(who, cast(Kind, kind), path)
        except (NotFound, AccessDenied):
            return None
        if not self._told(who, wanted, head):
            return None
        beside = await self._beside(who, [head])
        return await self._whole(who, head, beside.get(key_of(head.kind, head.path), ()))

    async def _type_seen(self, who: Principal, wanted: Wanted, name: str) -> Item | None:
        """A type, for those who see an entity of it."""
        if "entity" not in wanted.kinds:
            return None
        page = await self._catalog.list(
            who, ["entity"], limit=1, where={"enabled": True, "type": name},
            fits=lambda asset: self._told(who, wanted, asset),
        )  # fmt: skip
        return await self._type(name) if page.assets else None

    async def _type(self, name: str) -> Item | None:
        try:
            return type_item(await self._types.get(name))
        except NotFound:
            return None


def _closed(key: str, wanted: Wanted) -> str:
    return base64.urlsafe_b64encode(f"{wanted.mark()}{key}".encode()).decode().rstrip("=")


def _opened(cursor: str, wanted: Wanted) -> str:
    """The key a listing goes on after.

    Raises:
        Invalid: see `PeerFeed.list`.
    """
    try:
        text = base64.b64decode(f"{cursor}{'=' * (-len(cursor) % 4)}", altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        text = ""
    mark, key = text[:16], text[16:]
    if mark != wanted.mark() or not key:
        raise Invalid("the cursor is none of this registry's, or was given for another question", field="after")
    return key
