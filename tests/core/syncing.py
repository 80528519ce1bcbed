"""A core with a source by hand, and what stands around it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from airegistry.core.assets import EntityType, Server
from airegistry.core.documents import Document, Json
from airegistry.core.events import Event
from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.core.principals import SYSTEM
from airegistry.core.source_records import Run
from airegistry.core.sources import Offer, OfferPage
from airegistry.stores.memory import MemoryStore
from tests.core.federated import FakeDrivers, FakeSource, served
from tests.core.wiring import World, build

URL = "https://registry.test"


class CountingStore(MemoryStore):
    """A store that keeps in mind what was written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        self.writes.append(collection)
        return await super().put(collection, key, body, expect=expect)

    async def delete(self, collection: str, key: str, *, expect: int | None = None) -> bool:
        self.writes.append(collection)
        return await super().delete(collection, key, expect=expect)


class Endless:
    """A source without an end: with one cursor for ever, or always another one."""

    def __init__(self, *, same: bool) -> None:
        self._same = same
        self._page = 0

    async def page(self, since: str | None, after: str | None) -> OfferPage:
        self._page += 1
        return OfferPage([served(f"e{self._page}")], "again" if self._same else str(self._page))


class Broken:
    """A scanner that breaks."""

    name = "broken/1"

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        raise RuntimeError("out of order")


class Ledger:
    """Keeps what those outside are told."""

    def __init__(self) -> None:
        self.kept: list[Event] = []

    @asynccontextmanager
    async def around(self, events: Sequence[Event]) -> AsyncIterator[None]:
        yield
        self.kept += events

    async def keep(self, event: Event) -> None:
        self.kept.append(event)


class Registry:
    """A registry with one source, `far`."""

    def __init__(self, world: World, source: FakeSource, drivers: FakeDrivers) -> None:
        self.world = world
        self.source = source
        self.drivers = drivers
        self.federation = world.services.federation

    async def sync(self) -> Run:
        """A pass over it."""
        return await self.federation.syncs.sync("far")

    async def server(self, path: str, version: str | None = None) -> Server:
        """A server as it is here."""
        found = await self.world.shelf.get("server", path, version)
        assert found is not None
        assert isinstance(found[0], Server)
        return found[0]

    async def paths(self) -> list[str]:
        """Everything that is here."""
        return [asset.path async for _, asset in self.world.shelf.walk()]


async def registry(*offers: Offer, store: MemoryStore | None = None, **fields: object) -> Registry:
    """A registry that knows a source with these offers."""
    source = FakeSource(offers=list(offers))
    drivers = FakeDrivers({URL: source})
    world = await build(drivers=drivers, store=store)
    await world.services.federation.add(SYSTEM, "far", "mcp-registry", {"url": URL, **fields})
    return Registry(world, source, drivers)


def type_of(name: str, schema: Json) -> EntityType:
    """An entity type."""
    return EntityType.model_validate({"name": name, "schema": schema})
