"""Who is told of what, and told again when the store was lost."""

import anyio
import pytest

from airegistry.core import events as module
from airegistry.core.documents import Document, Json, Unavailable
from airegistry.core.elsewhere import Elsewhere
from airegistry.core.errors import AirError
from airegistry.core.events import Event, Events
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import SYSTEM
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import asset, build
from tests.support.waiting import until

pytestmark = pytest.mark.anyio


class Listener:
    """Notes the names of events; fails as long as there are failures."""

    def __init__(self, *failures: Exception) -> None:
        self.told: list[str] = []
        self.failures = [*failures]

    async def __call__(self, event: Event) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.told.append(f"{event.name} {event.asset.path}")


class Losing(MemoryStore):
    """A store that loses its connection when one collection is written, at times."""

    loses: str | None = None

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        if collection == self.loses:
            raise Unavailable("the store is lost")
        return await super().put(collection, key, body, expect=expect)

    async def delete(self, collection: str, key: str, *, expect: int | None = None) -> bool:
        if collection == self.loses:
            raise Unavailable("the store is lost")
        return await super().delete(collection, key, expect=expect)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN", 0.01)


def event(act: str, path: str = "weather") -> Event:
    return Event(f"server:{act}", asset("server", path), SYSTEM.subject)


async def test_a_listener_that_the_store_fails_is_told_again_in_order_and_nobody_else_is() -> None:
    events, well = Events(), Listener()
    lost = Listener(*[Unavailable("the store is lost")] * 4, OSError("the disk is full"))
    for listener in (well, lost):
        events.subscribe(listener)
    async with anyio.create_task_group() as tasks:
        await events.emit(event("register"))
        await events.emit(event("delete"))
        tasks.start_soon(events.run)
        await until(lambda: lost.told)
        assert lost.told == well.told == ["server:register weather", "server:delete weather"]
        await events.emit(event("register"))
        assert lost.told == well.told
        assert len(well.told) == 3
        tasks.cancel_scope.cancel()


async def test_what_happens_to_other_assets_is_told_at_once() -> None:
    events, lost = Events(), Listener(Unavailable("the store is lost"))
    events.subscribe(lost)
    await events.emit(event("register"))
    await events.emit(event("register", "snow"))
    assert lost.told == ["server:register snow"]


async def test_a_listener_that_is_broken_is_not_told_again() -> None:
    events, broken = Events(), Listener(AirError("I cannot"), ValueError("nor this"))
    events.subscribe(broken)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(events.run)
        await events.emit(event("register"))
        await events.emit(event("update"))
        await events.emit(event("delete"))
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert broken.told == ["server:delete weather"]


async def test_what_an_act_was_about_that_failed_is_looked_at_until_the_store_is_back() -> None:
    events, seen = Events(), list[str]()
    failures: list[Exception] = [Unavailable("the store is lost"), OSError("the disk is full")]

    async def look(asset: AnyAsset) -> None:
        if failures:
            raise failures.pop(0)
        seen.append(asset.path)

    events.look = look
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(events.run)
        with pytest.raises(Unavailable):
            async with events.telling(event("register")):
                raise Unavailable("the store is lost")
        async with events.telling(event("register", "snow")):
            pass
        await until(lambda: seen)
        await anyio.sleep(0.05)
        tasks.cancel_scope.cancel()
    assert seen == ["weather"]


async def test_what_cannot_be_looked_at_keeps_nothing_else_from_it() -> None:
    events, seen = Events(), list[str]()

    async def look(asset: AnyAsset) -> None:
        if asset.path == "weather":
            raise ValueError("no asset is written so")
        seen.append(asset.path)

    events.look = look
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(events.run)
        for path in ("weather", "snow"):
            with pytest.raises(Unavailable):
                async with events.telling(event("register", path)):
                    raise Unavailable("the store is lost")
        await until(lambda: seen == ["snow"])
        tasks.cancel_scope.cancel()


async def test_an_act_that_failed_after_its_first_write_is_known_to_search_and_lists() -> None:
    store = Losing()
    world = await build(store=store)
    services = world.services
    services.events.look = Elsewhere(world.shelf, services.events, services.changes).look
    await world.put_server("tides", ["tide"])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(services.events.run)
        store.loses = "scans"
        with pytest.raises(Unavailable):
            await world.put_server("weather", ["forecast"])
        assert services.changes.known("server/weather") is None
        store.loses = None
        await until(lambda: services.changes.known("server/weather") is not None)
        found = await services.search.find(SYSTEM, "forecast")
        assert "weather" in [hit.asset.path for hit in found.hits]
        store.loses = "scans"
        with pytest.raises(Unavailable):
            await services.catalog.delete(SYSTEM, "server", "tides")
        await until(lambda: services.changes.known("server/tides") is None)
        tasks.cancel_scope.cancel()
