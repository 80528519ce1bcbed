"""Vectors that are made after the answer are there for the next search, and hold up nobody for long."""

import anyio
import pytest

from airegistry.core import late_vectors
from airegistry.core.errors import Internal
from airegistry.core.late_vectors import FEW, LateVectors
from airegistry.core.principals import SYSTEM
from tests.core.test_search import Numbers
from tests.core.wiring import World, asset, build
from tests.support.waiting import until

pytestmark = pytest.mark.anyio


class Bench:
    """Makes what it is let to, and remembers it."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.let = anyio.Event()
        self.begun = anyio.Event()

    async def make(self, name: str) -> None:
        self.begun.set()
        await self.let.wait()
        self.made.append(name)


async def _world() -> World:
    world = await build(embedder=Numbers())
    await world.services.search.embed_all()
    return world


async def test_who_registers_is_answered_before_the_vectors_are_made_and_the_next_search_has_them() -> None:
    world = await _world()
    search = world.services.search
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(search.late.run)
        await anyio.wait_all_tasks_blocked()
        await world.put_server("weather")
        assert search.indexing.lacking() == ["server/weather"]
        with anyio.fail_after(late_vectors.LATEST / 2):
            assert (await search.find(SYSTEM, "rain")).total
        assert search.indexing.lacking() == []
        tasks.cancel_scope.cancel()


async def test_without_anybody_to_make_them_later_they_are_made_at_once() -> None:
    world = await _world()
    await world.put_server("weather")
    assert world.services.search.indexing.lacking() == []


async def test_two_of_the_same_meaning_are_told_of_though_the_vectors_of_the_first_are_not_made() -> None:
    world = await _world()
    search = world.services.search
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(search.late.run)
        await anyio.wait_all_tasks_blocked()
        skill = asset("skill", "one", name="twins", description="of one meaning", content="---\n---\nthe body of it")
        await world.services.catalog.register(SYSTEM, skill)
        assert search.indexing.lacking() == ["skill/one"]
        twin = skill.model_copy(update={"path": "two"})
        (duplicate,) = (await world.services.catalog.register(SYSTEM, twin)).duplicates
        assert (duplicate.path, duplicate.reason) == ("one", "meaning")
        tasks.cancel_scope.cancel()


async def test_nobody_who_searches_waits_for_many() -> None:
    bench = Bench()
    late = LateVectors(bench.make)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(late.run)
        await anyio.wait_all_tasks_blocked()
        for number in range(FEW + 1):
            late.owe(f"server/{number}")
        with anyio.fail_after(late_vectors.PATIENCE / 2):
            await late.settled()
        assert bench.made == []
        tasks.cancel_scope.cancel()


async def test_what_changes_while_it_is_made_is_made_again() -> None:
    bench = Bench()
    late = LateVectors(bench.make)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(late.run)
        await anyio.wait_all_tasks_blocked()
        late.owe("server/a")
        tasks.start_soon(late.settled)
        with anyio.fail_after(5):
            await bench.begun.wait()
        late.owe("server/a")
        bench.let.set()
        with anyio.fail_after(5):
            await late.settled()
        assert bench.made == ["server/a", "server/a"]
        tasks.cancel_scope.cancel()


async def test_what_a_lost_store_kept_from_being_made_is_made_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(late_vectors, "AGAIN", 0.01)
    made, lost = list[str](), [Internal("the store is lost")] * 2

    async def make(name: str) -> None:
        if name == "server/a" and lost:
            raise lost.pop()
        made.append(name)

    late = LateVectors(make)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(late.run)
        await anyio.wait_all_tasks_blocked()
        late.owe("server/a")
        late.owe("server/b")
        await until(lambda: len(made) == 2)
        assert late.waiting == 0
        tasks.cancel_scope.cancel()
    assert made == ["server/b", "server/a"]
    assert "no vectors for server/a yet: the store is lost" in caplog.messages
