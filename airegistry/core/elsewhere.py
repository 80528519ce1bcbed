"""What other processes do to assets, and acts of this one that failed half-way, told here as events: search, lists,
checks and open streams follow it as they follow what is done in this process."""

from collections.abc import Sequence
from dataclasses import replace

from airegistry.core.assets import Kind, namespace_of
from airegistry.core.changes import Changes
from airegistry.core.events import Event, Events
from airegistry.core.following import Place
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import SYSTEM
from airegistry.core.shelf import ASSETS, VERSIONS, Shelf, key_of, ref

_KINDS: tuple[Kind, ...] = ("server", "virtual_server", "agent", "skill", "entity")


class Elsewhere:
    """Follows the collections of assets; `changes` is what was known of them so far, the last that events told."""

    def __init__(self, shelf: Shelf, events: Events, changes: Changes) -> None:
        self._shelf = shelf
        self._events = events
        self._changes = changes
        self._heads: dict[str, AnyAsset] = {}
        """The default versions that were told here, by key."""

    async def follow(self, places: Sequence[Place]) -> None:
        """Tell of assets that another process wrote or deleted; of default versions first."""
        for collection, key in sorted(places):
            await (self._head(key) if collection == ASSETS else self._version(key))

    async def reload(self) -> None:
        """Tell of whatever is not as it was known."""
        seen = set()
        async for key, asset in self._shelf.walk():
            seen.add(ref(asset))
            if self._changes.known(ref(asset)) != asset:
                await self._head(key)
        for name in self._changes.names():
            if name not in seen:
                await self._head(_key(name))
        async for asset in self._shelf.walk_versions():
            await self._version(f"{key_of(asset.kind, asset.path)}@{asset.version}")

    async def look(self, asset: AnyAsset) -> None:
        """Tell of what an act of this process on an asset has done, which failed half-way perhaps."""
        key = key_of(asset.kind, asset.path)
        head = await self._shelf.at(ASSETS, key)
        if head is None or head != self._changes.known(ref(head)):
            await self._head(key, elsewhere=False)
        if head is not None and head.version != asset.version:
            await self._version(f"{key}@{asset.version}", elsewhere=False)

    async def _head(self, key: str, *, elsewhere: bool = True) -> None:
        """Tell of a default version until it is what was told: an event of this process may come in between, and not
        every listener reads what is there by then."""
        told, head = None, await self._shelf.at(ASSETS, key)
        if head is not None and head == self._heads.get(key) == self._changes.known(ref(head)):
            return  # it was written again as it is: see `Shelf`
        while True:
            for event in self._news(key, head, told):
                await self._events.follow(replace(event, elsewhere=elsewhere))
            told, head = head, await self._shelf.at(ASSETS, key)
            if head == told:
                break
        if head is None:
            self._heads.pop(key, None)
        else:
            self._heads[key] = head

    def _news(self, key: str, head: AnyAsset | None, told: AnyAsset | None) -> list[Event]:
        """What there is to tell: another kind may have the path by now. `told` is what was told just now."""
        namespace, _, path = key.partition("/")
        names = [f"{kind}/{path}" for kind in _KINDS if namespace_of(kind) == namespace]
        before = [known for name in names if (known := self._changes.known(name)) is not None]
        if not before and told is not None:
            before = [told]
        gone = [known for known in before if head is None or ref(head) != ref(known)]
        return [*(_event(known, "delete") for known in gone), *([] if head is None else [_event(head, "change")])]

    async def _version(self, key: str, *, elsewhere: bool = True) -> None:
        """Tell of a version beside the default one; of one that is gone by what the asset is now."""
        head = await self._shelf.at(ASSETS, key.partition("@")[0])
        if head is None:
            return
        found = await self._shelf.at(VERSIONS, key)
        beside = found is not None and found.kind == head.kind and found.version != head.version
        asset = found if found is not None and beside else head
        await self._events.follow(replace(_event(asset, "change_version"), elsewhere=elsewhere))


def _event(asset: AnyAsset, act: str) -> Event:
    return Event(f"{asset.kind}:{act}", asset, SYSTEM.subject, elsewhere=True)


def _key(name: str) -> str:
    """The key of an asset by its `kind/path`."""
    kind, _, path = name.partition("/")
    return next(key_of(known, path) for known in _KINDS if known == kind)
