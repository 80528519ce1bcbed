"""What one process does for all: who does it, who takes over, and what a leader that was paused cannot do any more."""

from collections.abc import Sequence

import anyio
import pytest
from anyio.lowlevel import checkpoint

from airegistry.clock import SystemClock
from airegistry.core.documents import Document, Json
from airegistry.core.errors import Conflict, Internal
from airegistry.core.leases import COLLECTION, Alone, Lease, LeaseLost, Leases
from airegistry.stores.memory import MemoryStore
from tests.support.waiting import until

pytestmark = pytest.mark.anyio

SHORT = 0.2


class Ticks:
    """A monotonic clock of its own, which stands still until it is moved: no two processes' clocks agree."""

    def __init__(self, time: float) -> None:
        self.time = time

    def now(self) -> object:  # pragma: no cover  # leases ask nobody's wall clock
        raise AssertionError("a lease asked for the time of day")

    def monotonic(self) -> float:
        return self.time


class Flaky(MemoryStore):
    """A store that cannot be written, or does not answer, at times."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.hangs = False
        self.writes = 0

    async def get(self, collection: str, key: str) -> Document | None:
        if self.down:
            raise Internal("the store is away")
        return await super().get(collection, key)

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        if self.hangs:
            await anyio.sleep_forever()
        if self.down:
            raise Internal("the store is away")
        self.writes += 1
        return await super().put(collection, key, body, expect=expect)


class Desk:
    """Work of several processes: who does it now, and with which token."""

    def __init__(self) -> None:
        self.now: list[str] = []
        self.tokens: list[int] = []
        self.most = 0

    async def work(self, name: str, lease: Lease) -> None:
        self.now.append(name)
        self.tokens.append(lease.token)
        self.most = max(self.most, len(self.now))
        try:
            await anyio.sleep_forever()
        finally:
            self.now.remove(name)

    async def until(self, *names: str) -> None:
        """Wait until exactly these do the work."""
        await until(lambda: self.now == list(names))


def processes(store: MemoryStore, *names: str) -> Sequence[Leases]:
    return [Leases(store, SystemClock(), holder=name, seconds=SHORT) for name in names]


async def test_of_many_processes_one_does_the_work_and_another_takes_over_when_it_stops() -> None:
    desk, store = Desk(), MemoryStore()
    stops: dict[str, anyio.CancelScope] = {}

    async def run(leases: Leases) -> None:
        with anyio.CancelScope() as stops[leases.holder]:
            await leases.lead("sweeps", lambda lease: desk.work(leases.holder, lease))

    async with anyio.create_task_group() as tasks:
        for leases in processes(store, "a", "b", "c"):
            tasks.start_soon(run, leases)
        for _ in range(3):
            await until(lambda: desk.now)
            stops[desk.now[0]].cancel()
            await until(lambda: not desk.now or len(desk.tokens) == 3)
    assert desk.most == 1
    assert desk.tokens == [1, 2, 3]


async def test_a_lease_that_is_given_back_is_taken_before_its_time_is_over() -> None:
    store = MemoryStore()
    first, second = Leases(store, SystemClock(), seconds=SHORT), Leases(store, SystemClock(), seconds=60)

    async def nothing(lease: Lease) -> None:
        return None

    await first.exclusively("once", nothing)
    with anyio.fail_after(5):
        await second.exclusively("once", nothing)


async def test_nobody_takes_over_what_it_has_not_itself_seen_silent_for_the_whole_time() -> None:
    store = MemoryStore()
    await store.put(COLLECTION, "work", {"holder": "gone", "token": 7, "seconds": 100.0})
    clock = Ticks(1e9)  # what others call a long time after anything that was written
    leases, won = Leases(store, clock, seconds=0.02), list[Lease]()  # type: ignore[arg-type]  # has no time of day

    async def work(lease: Lease) -> None:
        won.append(lease)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(leases.exclusively, "work", work)
        await anyio.wait_all_tasks_blocked()
        clock.time += 99.9
        await anyio.sleep(0.05)
        assert won == []
        await store.put(COLLECTION, "work", {"holder": "gone", "token": 7, "seconds": 100.0})  # it lives
        await anyio.sleep(0.05)
        clock.time += 99.9
        await anyio.sleep(0.05)
        assert won == []
        clock.time += 0.2
        await until(lambda: won)
    assert won[0].token == 8


@pytest.mark.parametrize("way", ["down", "hangs"])
async def test_a_holder_that_cannot_renew_stops_before_another_may_begin(way: str) -> None:
    store, desk = Flaky(), Desk()
    (leases,) = processes(store, "a")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(leases.lead, "work", lambda lease: desk.work("a", lease))
        await desk.until("a")
        setattr(store, way, True)
        began = anyio.current_time()
        await desk.until()
        assert anyio.current_time() - began < SHORT
        setattr(store, way, False)
        await desk.until("a")
        tasks.cancel_scope.cancel()
    assert desk.tokens == [1, 2]


async def test_a_holder_whose_lease_was_taken_stops_at_its_next_renewal() -> None:
    store, desk = MemoryStore(), Desk()
    (leases,) = processes(store, "a")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(leases.lead, "work", lambda lease: desk.work("a", lease))
        await desk.until("a")
        await store.put(COLLECTION, "work", {"holder": "b", "token": 2, "seconds": 60.0})
        await desk.until()
        tasks.cancel_scope.cancel()
    found = await store.get(COLLECTION, "work")
    assert found is not None
    assert found.body["holder"] == "b"  # what is another's is not given back


async def test_work_that_fails_gives_the_lease_back_and_is_begun_again(caplog: pytest.LogCaptureFixture) -> None:
    store, tokens, again = MemoryStore(), list[int](), anyio.Event()

    async def work(lease: Lease) -> None:
        tokens.append(lease.token)
        if lease.token == 1:
            raise ValueError("a defect")
        again.set()
        await anyio.sleep_forever()

    (leases,) = processes(store, "a")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(leases.lead, "work", work)
        with anyio.fail_after(5):
            await again.wait()
        tasks.cancel_scope.cancel()
    assert tokens == [1, 2]
    assert "what is done under the lease 'work' failed" in caplog.text


async def test_a_leader_that_was_paused_cannot_write_over_what_came_after_it() -> None:
    store, old_clock, new_clock = MemoryStore(), Ticks(5), Ticks(1000)
    old, new = Lease("work", 1, old_clock, 10), Lease("work", 2, new_clock, 1010)  # type: ignore[arg-type]  # as above
    await old.put(store, "sweeps", "last", {"n": 1})
    await new.put(store, "sweeps", "last", {"n": 2})
    with pytest.raises(LeaseLost, match="by a later holder"):  # its own clock stood still with it
        await old.put(store, "sweeps", "last", {"n": 3})
    old_clock.time = 10
    with pytest.raises(LeaseLost, match="is over"):
        await old.put(store, "other", "fresh", {"n": 3})
    found = await store.get("sweeps", "last")
    assert found is not None
    assert found.body == {"n": 2, "fence": 2}


async def test_a_write_that_an_earlier_holder_gets_in_between_is_written_over() -> None:
    class Between(MemoryStore):
        async def get(self, collection: str, key: str) -> Document | None:
            found = await super().get(collection, key)
            if found is not None and found.version == 1:
                await super().put(collection, key, {"n": "late", "fence": 1})
            return found

    store = Between()
    await store.put("sweeps", "last", {"n": 1, "fence": 1})
    lease = Lease("work", 2, Ticks(0), 10)  # type: ignore[arg-type]  # as above
    assert (await lease.put(store, "sweeps", "last", {"n": 2})).body == {"n": 2, "fence": 2}


async def test_what_an_exclusive_act_raises_or_returns_comes_out() -> None:
    (leases,) = processes(MemoryStore(), "a")

    async def fail(lease: Lease) -> None:
        raise Conflict("taken")

    async def seven(lease: Lease) -> int:
        return 7

    with pytest.raises(Conflict, match="taken"):
        await leases.exclusively("first", fail)
    assert await leases.exclusively("first", seven) == 7


async def test_an_exclusive_act_whose_turn_ends_is_cancelled_and_says_so() -> None:
    store = MemoryStore()
    (leases,) = processes(store, "a")

    async def slow(lease: Lease) -> None:
        await store.put(COLLECTION, "first", {"holder": "b", "token": 2, "seconds": 60.0})
        await anyio.sleep_forever()

    with anyio.fail_after(5), pytest.raises(LeaseLost, match="was lost"):
        await leases.exclusively("first", slow)


async def test_exclusive_acts_of_several_processes_never_overlap() -> None:
    store, inside, most, done = MemoryStore(), 0, 0, 0

    async def act(lease: Lease) -> None:
        nonlocal inside, most, done
        inside += 1
        most = max(most, inside)
        await anyio.sleep(0.005)
        inside -= 1
        done += 1

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            for leases in processes(store, "a", "b", "c", "d"):
                tasks.start_soon(leases.exclusively, "first", act)
    assert (most, done) == (1, 4)


async def test_who_shares_its_store_with_none_leads_at_once_and_acts_in_turn() -> None:
    alone, order = Alone(SystemClock()), list[str]()

    async def work(lease: Lease) -> None:
        order.append("begins")
        await checkpoint()
        lease.check()
        order.append("ends")

    await alone.lead("work", work)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(alone.exclusively, "first", work)
        tasks.start_soon(alone.exclusively, "first", work)
    assert order == ["begins", "ends"] * 3
