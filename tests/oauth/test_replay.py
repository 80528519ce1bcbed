"""What may be used once is used once, by however many at once."""

import anyio
import pytest

from airegistry.oauth.replay import Replay
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import FakeClock

pytestmark = pytest.mark.anyio


async def test_an_id_is_new_once_in_each_space() -> None:
    clock = FakeClock()
    replay, until = Replay(MemoryStore(), clock), clock.now().timestamp() + 60
    assert await replay.once("a", "1", until)
    assert not await replay.once("a", "1", until)
    assert await replay.once("b", "1", until)
    assert await replay.once("a", "2", until)


async def test_spaces_and_ids_do_not_run_into_each_other() -> None:
    replay, until = Replay(MemoryStore(), FakeClock()), 2e9
    assert await replay.once("a", ":b", until)
    assert await replay.once("a:", "b", until)
    assert await replay.once("a", "\ud800" + "x" * 10_000, until)


async def test_of_many_at_once_over_two_processes_one_is_the_first() -> None:
    store, clock = MemoryStore(), FakeClock()
    processes, seen = [Replay(store, clock), Replay(store, clock)], list[bool]()

    async def use(replay: Replay) -> None:
        seen.append(await replay.once("space", "jti", 2e9))

    async with anyio.create_task_group() as tasks:
        for turn in range(50):
            tasks.start_soon(use, processes[turn % 2])
    assert seen.count(True) == 1


async def test_what_is_over_is_forgotten_and_no_more() -> None:
    clock = FakeClock()
    replay, now = Replay(MemoryStore(), clock), clock.now().timestamp()
    await replay.once("a", "short", now + 60)
    await replay.once("a", "long", now + 600)
    assert await replay.sweep() == 0
    clock.pass_(61)
    assert await replay.sweep() == 1
    assert await replay.once("a", "short", now + 660)
    assert not await replay.once("a", "long", now + 660)
