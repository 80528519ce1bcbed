"""Turns of several processes at one thing, over a store that they share."""

import anyio
import pytest

from airegistry.clock import SystemClock
from airegistry.core.errors import Conflict
from airegistry.core.leases import COLLECTION, Lease, LeaseLost, Leases
from airegistry.stores.memory import MemoryStore
from tests.support.waiting import until

pytestmark = pytest.mark.anyio

SHORT = 0.2


def process(store: MemoryStore, seconds: float = SHORT) -> Leases:
    return Leases(store, SystemClock(), seconds=seconds)


async def test_turns_of_several_processes_and_within_one_never_overlap_and_leave_nothing() -> None:
    store, inside, most, done = MemoryStore(), 0, 0, 0
    several = [process(store) for _ in range(3)]

    async def act(leases: Leases) -> None:
        nonlocal inside, most, done
        async with leases.turn("it"):
            inside += 1
            most = max(most, inside)
            await anyio.sleep(0.003)
            inside -= 1
            done += 1

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            for leases in several:
                for _ in range(4):
                    tasks.start_soon(act, leases)
    assert (most, done) == (1, 12)
    assert COLLECTION not in await store.collections()


async def test_whoever_waits_for_a_turn_has_it_soon_after_it_is_given_back() -> None:
    store = MemoryStore()
    one, other = process(store, 10.0), process(store, 10.0)
    async with one.turn("it"):
        async with anyio.create_task_group() as tasks:
            had = anyio.Event()

            async def wait() -> None:
                async with other.turn("it"):
                    had.set()

            tasks.start_soon(wait)
            await anyio.sleep(0.1)
            assert not had.is_set()
            tasks.cancel_scope.cancel()
    with anyio.fail_after(1):
        async with other.turn("it"):
            pass


async def test_what_goes_wrong_in_a_turn_comes_out_as_it_is_and_the_turn_is_over() -> None:
    store = MemoryStore()
    with pytest.raises(Conflict, match="taken"):
        async with process(store).turn("it"):
            raise Conflict("taken")
    with anyio.fail_after(1):
        async with process(store, 60.0).turn("it") as lease:
            lease.check()


async def test_what_is_done_in_a_turn_that_another_took_is_cancelled_and_says_so() -> None:
    store = MemoryStore()

    async def lose() -> None:
        async with process(store).turn("it"):
            await store.put(COLLECTION, "it", {"holder": "b", "token": 2, "seconds": 60.0})
            await anyio.sleep_forever()

    with anyio.fail_after(5), pytest.raises(LeaseLost, match="was lost"):
        await lose()
    kept = await store.get(COLLECTION, "it")
    assert kept is not None
    assert kept.body["holder"] == "b"


async def test_turns_that_follow_one_another_are_not_taken_for_one_that_stands_still() -> None:
    """Each is the first version of its document: who waits must not take it for the one it saw before."""
    store = MemoryStore()
    leases, waiting = process(store), process(store)
    won = list[Lease]()

    async def wait() -> None:
        async with waiting.turn("it") as lease:
            won.append(lease)

    async with anyio.create_task_group() as tasks:
        async with leases.turn("it"):
            first = await store.get(COLLECTION, "it")
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
        async with leases.turn("it"):
            second = await store.get(COLLECTION, "it")
        await until(lambda: won)
    assert first is not None
    assert second is not None
    assert first.body["token"] != second.body["token"]
