"""What replicas count together: each is `Guards` of its own over one store, told of the others as the feed tells it."""

from dataclasses import dataclass

import anyio
import pytest

from airegistry.core import shared_counts
from airegistry.core.calls import Permit
from airegistry.core.documents import Document, Json
from airegistry.core.errors import Internal, RateLimited
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.protection import Guards
from airegistry.core.quotas import Limit
from airegistry.core.shared_counts import PATIENCE, TAKES, UNDER_WAY, SharedCounts
from airegistry.stores.memory import MemoryStore
from tests.core.test_protection import call, guards, passes
from tests.core.wiring import ANN, BOB, World, build
from tests.support.waiting import until

pytestmark = pytest.mark.anyio
HOUR = 3600


class Store(MemoryStore):
    """A store that knows what was written to it, and can fail."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[str, str]] = []
        self.broken = False

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        if self.broken:
            raise Internal("the store does not answer")
        document = await super().put(collection, key, body, expect=expect)
        self.written.append((collection, key))
        return document

    async def delete(self, collection: str, key: str, *, expect: int | None = None) -> bool:
        self.written.append((collection, key))
        return await super().delete(collection, key, expect=expect)

    def take_written(self) -> list[tuple[str, str]]:
        """What was written since this was asked last."""
        written, self.written = self.written, []
        return written


@dataclass
class Replica:
    guards: Guards
    counts: SharedCounts

    def passes(self, times: int = 1, who: Principal = ANN) -> int:
        """How many of so many calls are let in; each ends at once."""
        return sum(passes(self.guards, who=who) for _ in range(times))

    def begin(self, who: Principal = ANN, method: str = "tools/call") -> Permit:
        """A call that goes on."""
        return call(self.guards, who, method=method)


@dataclass
class Replicas:
    """Three of them."""

    world: World
    store: Store
    each: list[Replica]

    @property
    def a(self) -> Replica:
        return self.each[0]

    @property
    def b(self) -> Replica:
        return self.each[1]

    @property
    def c(self) -> Replica:
        return self.each[2]

    async def limit(self, **members: object) -> None:
        await self.a.guards.put_limit(SYSTEM, Limit.model_validate({"name": "few", **members}))
        for replica in self.each:
            await replica.guards.reload()
        self.store.take_written()

    async def tell(self) -> list[tuple[str, str]]:
        """Have each tell the others; what was written for that."""
        for replica in self.each:
            await replica.counts.tell()
        written = self.store.take_written()
        for replica in self.each:
            await replica.counts.follow(written)
        return written

    async def started(self) -> Guards:
        """Guards as a process that starts now has them."""
        made = guards(self.world)
        await made.open()
        return made


@pytest.fixture
async def replicas() -> Replicas:
    store = Store()
    world = await build(store=store)
    made = Replicas(world, store, [])
    for _ in range(3):
        bounded = guards(world, calls=4, streams=2)
        await bounded.open()
        made.each.append(Replica(bounded, SharedCounts(bounded, store, world.clock)))
    return made


async def test_what_is_taken_at_one_is_gone_at_the_others(replicas: Replicas) -> None:
    await replicas.limit(calls=5, seconds=60)
    assert replicas.a.passes(3) == 3
    await replicas.tell()
    assert (replicas.b.passes(5), replicas.c.passes(5, BOB)) == (2, 5)
    await replicas.tell()
    assert [replica.passes() for replica in replicas.each] == [0, 0, 0]
    replicas.world.clock.pass_(12)
    assert replicas.c.passes() == 1
    await replicas.tell()
    assert [replica.passes() for replica in replicas.each] == [0, 0, 0]


async def test_what_several_let_in_at_once_is_owed_so_that_the_rate_holds_in_the_long_run(replicas: Replicas) -> None:
    await replicas.limit(calls=6, seconds=60)
    assert [replica.passes(10) for replica in replicas.each] == [6, 6, 6]  # none has heard of the others
    await replicas.tell()
    replicas.world.clock.pass_(120)  # twelve tokens are owed, as many as come back
    assert [replica.passes() for replica in replicas.each] == [0, 0, 0]
    replicas.world.clock.pass_(10)
    assert replicas.a.passes(5) == 1
    passed = 0
    for _ in range(600):
        await replicas.tell()
        replicas.world.clock.pass_(1)
        passed += sum(replica.passes(2) for replica in replicas.each)
    assert 58 <= passed <= 62


async def test_nothing_is_written_while_nothing_is_counted(replicas: Replicas) -> None:
    assert replicas.a.passes(5) == 5  # against no limit
    assert await replicas.tell() == []
    await replicas.limit(calls=5, seconds=60)
    assert replicas.a.passes(2) == 2
    assert len(await replicas.tell()) == 1
    assert await replicas.tell() == []


async def test_a_document_that_is_told_of_again_counts_once(replicas: Replicas) -> None:
    await replicas.limit(calls=3, seconds=60)
    assert replicas.a.passes() == 1
    written = await replicas.tell()
    for replica in replicas.each:
        await replica.counts.follow(written)
        await replica.counts.reload()
    assert replicas.b.passes(5) == 2


async def test_who_missed_changes_reads_what_it_missed(replicas: Replicas) -> None:
    await replicas.limit(calls=4, seconds=60)
    for _ in range(3):
        assert replicas.a.passes() == 1
        await replicas.a.counts.tell()
    await replicas.b.counts.reload()
    assert replicas.b.passes(5) == 1


async def test_calls_and_streams_under_way_at_one_have_their_places_at_the_others(replicas: Replicas) -> None:
    await replicas.limit(concurrent=2, streams=1, per=["asset"])
    first, second, stream = replicas.a.begin(), replicas.b.begin(BOB), replicas.a.begin(method="stream/open")
    await replicas.tell()
    for replica in replicas.each:
        with pytest.raises(RateLimited, match="2 calls at once"):
            replica.begin()
        with pytest.raises(RateLimited, match="1 streams at once"):
            replica.begin(method="stream/open")
    first.release("ok")
    stream.release("ok")
    await replicas.tell()
    replicas.c.begin(method="stream/open").release("ok")
    replicas.c.begin().release("ok")
    second.release("ok")
    await replicas.tell()
    assert UNDER_WAY not in await replicas.store.collections()


async def test_a_caller_has_as_much_under_way_at_all_replicas_as_it_may_have_at_one(replicas: Replicas) -> None:
    running = [replica.begin() for replica in replicas.each] + [replicas.a.begin()]
    await replicas.tell()
    for replica in replicas.each:
        with pytest.raises(RateLimited, match="at most 4 calls"):
            replica.begin()
        replica.begin(BOB).release("ok")
    running.pop().release("ok")
    running.pop().release("ok")
    await replicas.tell()
    replicas.b.begin().release("ok")
    for each in running:
        each.release("ok")
    await replicas.tell()
    assert not any(replica.guards._callers for replica in replicas.each)


async def test_a_limit_that_changes_goes_on_with_what_is_under_way_elsewhere(replicas: Replicas) -> None:
    await replicas.limit(concurrent=1)
    running = replicas.a.begin()
    await replicas.tell()
    await replicas.limit(concurrent=2)
    replicas.b.begin().release("ok")
    await replicas.limit(concurrent=1)
    with pytest.raises(RateLimited):
        replicas.b.begin()
    await replicas.a.guards.delete_limit(SYSTEM, "few")
    for replica in replicas.each:
        await replica.guards.reload()
    running.release("ok")
    await replicas.tell()
    await replicas.limit(concurrent=1)
    replicas.b.begin().release("ok")


async def test_few_of_many_calls_under_way_are_not_told(replicas: Replicas) -> None:
    await replicas.limit(concurrent=1000, per=[])
    for replica in replicas.each:
        replica.guards._calls = 1000
    running = [replicas.a.begin() for _ in range(62)]
    assert await replicas.tell() == []
    running.append(replicas.a.begin())
    assert len(await replicas.tell()) == 1


async def test_what_was_under_way_at_a_replica_that_was_killed_counts_no_longer_than_it_could_be_heard(
    replicas: Replicas,
) -> None:
    await replicas.limit(concurrent=1)
    replicas.a.begin()
    await replicas.tell()
    clock = replicas.world.clock
    for _ in range(10):  # it goes on, and says so
        clock.pass_(PATIENCE / 2)
        await replicas.tell()
        replicas.b.counts._forget_silent()
        assert replicas.b.passes() == 0
    clock.pass_(PATIENCE + 1)
    replicas.b.counts._forget_silent()
    assert replicas.b.passes() == 1


async def test_the_counts_of_a_long_limit_are_those_of_all_replicas_after_a_restart(replicas: Replicas) -> None:
    await replicas.limit(calls=10, seconds=10 * HOUR)
    assert [replica.passes(times) for replica, times in zip(replicas.each, (1, 2, 3), strict=True)] == [1, 2, 3]
    await replicas.tell()
    for replica in replicas.each:
        await replica.counts.save()
        await replica.counts.save()
    made = await replicas.started()
    assert sum(passes(made) for _ in range(10)) == 4
    replicas.world.clock.pass_(2 * HOUR)  # two come back, once
    assert replicas.a.passes(1) == 1
    await replicas.tell()
    for replica in replicas.each:
        await replica.counts.save()
    made = await replicas.started()
    assert sum(passes(made) for _ in range(10)) == 5


async def test_the_counts_of_short_limits_and_of_those_that_are_gone_are_not_kept(replicas: Replicas) -> None:
    await replicas.limit(calls=10, seconds=60)
    assert replicas.a.passes() == 1
    await replicas.tell()
    await replicas.a.counts.save()
    await replicas.limit(calls=10, seconds=HOUR)
    assert replicas.a.passes() == 1
    await replicas.tell()
    await replicas.a.guards.delete_limit(SYSTEM, "few")
    await replicas.a.counts.save()
    assert "quotas" not in await replicas.store.collections()


async def test_of_two_that_add_to_a_count_at_once_neither_is_lost(replicas: Replicas) -> None:
    await replicas.limit(calls=10, seconds=10 * HOUR)
    for replica in replicas.each:
        assert replica.passes(2) == 2
        await replica.counts.tell()
    async with anyio.create_task_group() as tasks:
        for replica in replicas.each:
            tasks.start_soon(replica.counts.save)
    made = await replicas.started()
    assert sum(passes(made) for _ in range(10)) == 4


async def test_what_cannot_be_written_is_told_and_kept_later(
    replicas: Replicas, caplog: pytest.LogCaptureFixture
) -> None:
    await replicas.limit(calls=10, seconds=10 * HOUR)
    replicas.store.broken = True
    assert replicas.a.passes(2) == 2
    await replicas.tell()
    await replicas.a.counts.save()
    assert "other replicas cannot be told" in caplog.text
    assert "the counts of limits could not be written" in caplog.text
    replicas.store.broken = False
    assert replicas.a.passes() == 1
    await replicas.tell()
    await replicas.a.counts.save()
    assert replicas.b.passes(10) == 7
    made = await replicas.started()
    assert sum(passes(made) for _ in range(10)) == 7


async def test_what_replicas_left_that_are_gone_is_removed_at_the_second_look(replicas: Replicas) -> None:
    await replicas.limit(calls=100, seconds=60, concurrent=1)
    assert replicas.a.passes() == 1
    await replicas.tell()
    replicas.b.begin()
    await replicas.tell()
    await replicas.c.counts.sweep()
    replicas.world.clock.pass_(5)
    await replicas.tell()  # b is there still
    await replicas.c.counts.sweep()
    assert UNDER_WAY in await replicas.store.collections()
    left = [document.key async for document in replicas.store.find(TAKES)]
    await replicas.c.counts.sweep()
    assert not {TAKES, UNDER_WAY} & {*await replicas.store.collections()}
    await replicas.a.counts.follow([(TAKES, key) for key in left])
    await replicas.c.counts.follow([(UNDER_WAY, replicas.b.counts._id)])
    assert replicas.c.passes() == 1


async def test_one_that_runs_tells_and_keeps_by_itself_and_once_more_when_it_stops(
    replicas: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_counts, "SAVED_EVERY", 0.01)
    monkeypatch.setattr(shared_counts, "SWEEPS", 0.01)
    await replicas.limit(calls=10, seconds=10 * HOUR, concurrent=5)
    assert replicas.a.passes(2) == 2
    running = replicas.a.begin()
    await replicas.tell()
    late = guards(replicas.world, calls=4)
    await late.open()
    counts = SharedCounts(late, replicas.store, replicas.world.clock, every=0.01)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(counts.run)
        await until(lambda: late._callers)  # what is under way is known from the start
        for _ in range(3):
            call(late)
        with pytest.raises(RateLimited, match="at most 4 calls"):
            call(late)
        await until(lambda: ("quotas", "few") in replicas.store.written)
        await until(lambda: (UNDER_WAY, counts._id) in replicas.store.written)
        passes(late, who=BOB)
        tasks.cancel_scope.cancel()
    assert await replicas.store.get(UNDER_WAY, counts._id) is None
    await replicas.b.counts.reload()
    assert replicas.b.passes(10, BOB) == 9
    running.release("ok")
