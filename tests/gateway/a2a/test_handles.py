"""Whose task is whose, over restarts and replicas."""

import anyio
import pytest

from airegistry.gateway.a2a.handles import CACHED, COLLECTION, IDLE_DAYS, Handles
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import FakeClock

pytestmark = pytest.mark.anyio
DAY = 86_400


class Replicas:
    """Two processes over one store."""

    def __init__(self, limit: int = 100) -> None:
        self.store, self.clock = MemoryStore(), FakeClock()
        self.one = Handles(self.store, self.clock, limit=limit)
        self.two = Handles(self.store, self.clock, limit=limit)

    async def count(self) -> int:
        return len([document async for document in self.store.find(COLLECTION)])


async def holder(handles: Handles, id: str, agent: str = "a") -> str | None:
    found = await handles.holder(agent, "task", id)
    return None if found is None else found.subject


async def test_the_first_who_claims_an_id_keeps_it_at_every_replica() -> None:
    world = Replicas()
    assert (await world.one.claim("a", "task", "t", "ann", "say")).subject == "ann"
    assert (await world.two.claim("a", "task", "t", "bob", None)).subject == "ann"
    assert (await world.two.claim("a", "task", "t", "ann", None)).skill == "say"
    assert (await world.two.claim("b", "task", "t", "bob", None)).subject == "bob"
    assert (await world.two.claim("a", "context", "t", "bob", None)).subject == "bob"


async def test_of_many_at_once_one_gets_an_id() -> None:
    world = Replicas()
    got: list[str] = []

    async def claim(handles: Handles, subject: str) -> None:
        got.append((await handles.claim("a", "context", "c", subject, None)).subject)

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(claim, world.one if number % 2 else world.two, f"s{number}")
    assert len({*got}) == 1


async def test_ids_themselves_are_not_stored() -> None:
    world = Replicas()
    await world.one.claim("a", "task", "secret-id", "ann", None)
    (document,) = [each async for each in world.store.find(COLLECTION)]
    assert "secret-id" not in str(document)


async def test_an_id_that_is_used_lasts_and_one_that_is_not_is_forgotten() -> None:
    world = Replicas()
    for id in ("used", "idle"):
        await world.one.claim("a", "task", id, "ann", None)
    for _ in range(IDLE_DAYS + 1):
        world.clock.pass_(DAY + 1)
        assert await holder(world.one, "used") == "ann"
    assert await holder(world.two, "idle") is None
    assert (await world.two.claim("a", "task", "idle", "bob", None)).subject == "bob"
    world.clock.pass_((IDLE_DAYS + 1) * DAY)
    assert await world.two.sweep() == 2
    assert await world.count() == 0


async def test_a_flood_of_ids_costs_its_author_first() -> None:
    world = Replicas(limit=10)
    for number in range(3):
        await world.one.claim("a", "task", f"ann-{number}", "ann", None)
        world.clock.pass_(1)
    for number in range(30):
        await world.one.claim("a", "task", f"bob-{number}", "bob", None)
        world.clock.pass_(1)
    assert await world.one.sweep() == 23
    assert [await holder(world.one, f"ann-{number}") for number in range(3)] == ["ann"] * 3
    assert await holder(world.one, "bob-0") is None
    assert await holder(world.one, "bob-29") == "bob"
    assert await world.one.sweep() == 0


async def test_what_is_remembered_in_memory_is_bounded() -> None:
    world = Replicas()
    for number in range(CACHED + 5):
        await world.one.claim("a", "task", str(number), "ann", None)
    assert len(world.one._cache) == CACHED
    assert await holder(world.one, "0") == "ann"


async def test_the_sweep_goes_on_when_the_store_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world, swept = Replicas(), anyio.Event()

    async def broken() -> int:
        swept.set()
        raise OSError("disk")

    monkeypatch.setattr(world.one, "sweep", broken)
    async with anyio.create_task_group() as group:
        group.start_soon(world.one.run)
        with anyio.fail_after(5):
            await swept.wait()
        await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    assert "the sweep of a2a_handles failed" in caplog.text
