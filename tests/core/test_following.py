"""Following what other processes over one store do."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio
import pytest

from airegistry.clock import SystemClock
from airegistry.core import following
from airegistry.core.documents import Change, ChangesLost, Document, Json
from airegistry.core.errors import Internal, Invalid
from airegistry.core.following import Following, Place
from airegistry.core.own_writes import OwnWrites
from airegistry.stores.feed import Feed
from airegistry.stores.memory import MemoryStore
from tests.support.waiting import until

pytestmark = pytest.mark.anyio


class Copy:
    """What one process keeps of some collections in memory, and how it came to know."""

    def __init__(self, store: MemoryStore, *collections: str) -> None:
        self.store = store
        self.collections = collections
        self.known: dict[Place, Json] = {}
        self.told: list[Sequence[Place]] = []
        self.reloads = 0
        self.gate = anyio.Event()
        self.gate.set()
        self.failures = 0

    async def reload(self) -> None:
        self.reloads += 1
        await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise ValueError("a defect")
        known = {
            (each.collection, each.key): each.body for name in self.collections async for each in self.store.find(name)
        }
        self.known = known

    async def follow(self, places: Sequence[Place]) -> None:
        self.told.append(places)
        await self.gate.wait()
        for place in places:
            found = await self.store.get(*place)
            if found is None:
                self.known.pop(place, None)
            else:
                self.known[place] = found.body


def joined(store: MemoryStore, *, patience: float = 5.0) -> Following:
    return Following(store, SystemClock(), beats=0.02, patience=patience)


@asynccontextmanager
async def running(following: Following) -> AsyncIterator[None]:
    async with following.opened(), anyio.create_task_group() as tasks:
        tasks.start_soon(following.run)
        yield
        tasks.cancel_scope.cancel()


async def test_a_subscriber_is_told_of_its_collections_alone_and_knows_what_they_hold_in_the_end() -> None:
    feed = joined(store := MemoryStore())
    copy = Copy(store, "users", "groups")
    feed.subscribe("users", copy.collections, copy.reload, copy.follow)
    async with running(feed):
        await store.put("users", "ann", {"n": 1})
        await store.put("assets", "weather", {})
        await store.put("groups", "staff", {"n": 2})
        await store.delete("users", "ann")
        await until(lambda: copy.known == {("groups", "staff"): {"n": 2}})
    assert {place for places in copy.told for place in places} == {("users", "ann"), ("groups", "staff")}
    assert copy.reloads == 0


async def test_it_is_known_how_many_follow_one_store_also_when_one_stops_or_is_killed() -> None:
    store = MemoryStore()
    here = joined(store, patience=0.3)
    async with running(here):
        assert here.replicas() == 1
        async with joined(store).opened() as there:
            await until(lambda: here.replicas() == there.replicas() == 2)
        await until(lambda: here.replicas() == 1, 0.2)
        await store.put(following.COLLECTION, "killed after this", {})
        await until(lambda: here.replicas() == 2)
        await until(lambda: here.replicas() == 1)


async def test_what_comes_in_a_burst_is_followed_in_one_go() -> None:
    store = MemoryStore()
    feed, single, whole = joined(store), Copy(store, "users"), Copy(store, "users")
    feed.subscribe("one by one", ["users"], single.reload, single.follow)
    feed.subscribe("all at once", ["users"], whole.reload)
    async with running(feed):
        single.gate, whole.gate = anyio.Event(), anyio.Event()
        await store.put("users", "first", {})
        await until(lambda: single.told and whole.reloads)
        for n in range(500):
            await store.put("users", f"u{n}", {})
        await until(lambda: feed.lag < 1)
        single.gate.set()
        whole.gate.set()
        await until(lambda: len(single.known) == len(whole.known) == 501)
        await until(lambda: feed.current)
    assert [len(places) for places in single.told] == [1, 500]
    assert whole.reloads == 2


async def test_what_changed_while_services_were_read_is_followed_when_they_run() -> None:
    store = MemoryStore()
    async with joined(store).opened() as feed:
        copy = Copy(store, "users")
        await copy.reload()
        await store.put("users", "ann", {})
        feed.subscribe("users", ["users"], copy.reload, copy.follow)
        await store.put("users", "bob", {})
        await store.put("assets", "weather", {})
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(feed.run)
            await until(lambda: len(copy.known) == 2)
            tasks.cancel_scope.cancel()
    assert copy.reloads == 1


async def test_who_fell_behind_reads_everything_anew_and_says_meanwhile_that_it_is_not_ready(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lost, store = list[str](), MemoryStore(Feed(max_changes=5))
    feed = Following(store, SystemClock(), lost=lambda: lost.append("lost"), beats=0.02)
    copy = Copy(store, "users")
    feed.subscribe("users", copy.collections, copy.reload, copy.follow)
    async with running(feed):
        await store.put("users", "ann", {})
        await until(lambda: copy.known)
        assert feed.ready
        copy.gate = anyio.Event()
        async with anyio.create_task_group() as writers:  # in one turn, so that the reader cannot keep up
            for n in range(50):
                writers.start_soon(store.put, "users", f"u{n}", {})
        await until(lambda: copy.reloads == 1)
        assert not feed.ready
        copy.gate.set()
        await until(lambda: len(copy.known) == 51)
        await until(lambda: feed.ready)
    assert lost == ["lost"]
    assert "changes of other processes were lost" in caplog.text


@pytest.mark.parametrize("several", [False, True])
async def test_too_many_changes_at_once_are_followed_by_reading_everything(
    several: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "MOST", 10)
    store = MemoryStore()
    copy = Copy(store, "users")
    async with joined(store).opened() as feed:
        for n in range(20 if several else 1):
            await store.put("users", f"early{n}", {})
        await until(lambda: feed.lag < 1)
        feed.subscribe("users", copy.collections, copy.reload, copy.follow)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(feed.run)
            await until(lambda: len(copy.known) == (20 if several else 1))
            assert copy.reloads == several
            copy.gate = anyio.Event()
            await store.put("users", "one", {})
            await until(lambda: ("users", "one") in copy.told[-1] if copy.told else False)
            for n in range(20):
                await store.put("users", f"late{n}", {})
            copy.gate.set()
            await until(lambda: len(copy.known) == (41 if several else 22))
            tasks.cancel_scope.cancel()
    assert copy.reloads == 1 + several


async def test_a_subscriber_that_fails_follows_on_and_others_are_not_held_up(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    feed, broken, whole = joined(store), Copy(store, "users"), Copy(store, "users")

    async def fail(places: Sequence[Place]) -> None:
        raise Invalid("no such form")

    feed.subscribe("broken", ["users"], broken.reload, fail)
    feed.subscribe("whole", ["users"], whole.reload)
    broken.failures = 1
    async with running(feed):
        await store.put("users", "ann", {})
        await until(lambda: whole.known)
        await until(lambda: broken.known)
    assert broken.reloads == 2
    assert "broken could not follow" in caplog.text


class Breaking(MemoryStore):
    """A store whose feed breaks off, and which cannot be reached at times."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = self.silent = False
        self.since: list[int | None] = []

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        if self.broken:
            raise Internal("no connection")
        return await super().put(collection, key, body, expect=expect)

    async def watch(self, *, since: int | None = None) -> AsyncIterator[Change]:
        self.since.append(since)
        if self.silent:
            await anyio.sleep_forever()
        if self.broken:
            raise ConnectionError("no connection")
        async for change in super().watch(since=since):
            yield change
            if self.broken:
                raise ConnectionError("reset")


async def test_an_interrupted_feed_goes_on_where_it_broke_off(caplog: pytest.LogCaptureFixture) -> None:
    store = Breaking()
    feed, copy = joined(store, patience=0.2), Copy(store, "users")
    feed.subscribe("users", copy.collections, copy.reload, copy.follow)
    async with running(feed):
        await until(lambda: feed.ready)
        store.broken = True
        await super(Breaking, store).put("users", "ann", {})
        await until(lambda: not feed.ready)
        await super(Breaking, store).put("users", "bob", {})
        store.broken = False
        await until(lambda: len(copy.known) == 2)
        await until(lambda: feed.ready)
    assert copy.reloads == 0
    assert store.since[0] is None
    assert store.since[-1] is not None
    assert {"the change feed is interrupted", "the store cannot be written"} <= set(caplog.messages)


async def test_a_feed_that_is_silent_lags_and_is_not_ready() -> None:
    store = Breaking()
    feed = joined(store, patience=0.1)
    assert feed.lag == float("inf")
    async with running(feed):
        await until(lambda: feed.ready)
        assert feed.lag < 1
        store.silent = store.broken = True
        await super(Breaking, store).put("users", "ann", {})  # what breaks it off
        await until(lambda: len(store.since) == 2)
        store.broken = False
        await until(lambda: not feed.ready)
        await until(lambda: feed.lag > 0.2)


class Stopped(SystemClock):
    """The clock of a process that was stopped for some seconds."""

    stopped = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.stopped


async def test_a_process_that_was_stopped_knows_that_it_is_behind_before_it_hears_anything() -> None:
    clock = Stopped()
    feed = Following(MemoryStore(), clock, beats=0.02)
    async with running(feed):
        await until(lambda: feed.lag < 1)
        clock.stopped = 3.0
        assert feed.lag >= 3
        await until(lambda: feed.lag < 1)


async def test_a_feed_that_cannot_be_opened_is_an_error_and_so_is_what_happens_inside_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(following, "OPENING", 0.05)
    store = Breaking()
    store.silent = True
    with pytest.raises(Internal, match="change feed"):
        async with joined(store).opened():
            raise AssertionError("nothing is opened")
    with pytest.raises(Invalid, match="a setting"):
        async with joined(MemoryStore()).opened():
            raise Invalid("a setting")


async def test_following_ends_with_the_store() -> None:
    store = MemoryStore()
    with anyio.fail_after(5):
        async with joined(store).opened():
            store.close()


async def test_own_writes_are_known_again_and_those_of_others_are_not() -> None:
    store = MemoryStore()
    own, other = OwnWrites(store), OwnWrites(store)
    feed = own.watch(since=0)

    async def made() -> bool:
        return own.made(await anext(feed))

    await own.put("users", "ann", {"n": 1})
    assert await made()
    await other.put("users", "ann", {"n": 2})
    await own.put("users", "ann", {"n": 3})
    assert [await made(), await made()] == [False, True]
    assert await own.delete("users", "ann")
    assert not await own.delete("users", "ann")
    assert await made()
    await other.put("users", "ann", {"n": 4})
    await other.delete("users", "ann")
    assert [await made(), await made()] == [False, False]


async def test_in_doubt_a_write_is_not_taken_for_an_own_one() -> None:
    store = MemoryStore()
    own, other = OwnWrites(store), OwnWrites(store)
    await other.put("users", "ann", {"n": 1})
    await own.delete("users", "ann")  # of which a feed that tells the last alone of several writes may not tell
    await other.put("users", "ann", {"n": 2})
    await other.delete("users", "ann")
    feed = own.watch(since=0)
    assert [own.made(await anext(feed)) for _ in range(4)] == [False] * 4


async def test_what_was_lost_or_forgotten_is_not_taken_for_an_own_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airegistry.core.own_writes.REMEMBERED", 1)
    store = MemoryStore()
    own = OwnWrites(store)
    await own.put("users", "ann", {})
    await own.put("users", "bob", {})
    assert [document.key async for document in own.find("users")] == ["ann", "bob"]
    assert await own.collections() == ["users"]
    assert await own.get("users", "ann") == await store.get("users", "ann")
    assert not own.made(Change(1, "users", "ann", 1, {}))
    own.forget()
    assert not own.made(Change(2, "users", "bob", 1, {}))


async def test_changes_lost_before_anybody_follows_are_made_good_by_reading_everything() -> None:
    class Losing(MemoryStore):
        lost = False

        async def watch(self, *, since: int | None = None) -> AsyncIterator[Change]:
            async for change in super().watch(since=since):
                yield change
                if change.key == "ann" and not self.lost:
                    self.lost = True
                    raise ChangesLost("they are gone")

    store = Losing()
    async with joined(store).opened() as feed:
        copy = Copy(store, "users")
        feed.subscribe("users", copy.collections, copy.reload, copy.follow)
        await store.put("users", "ann", {})
        await until(lambda: store.lost)
        await until(lambda: feed.ready)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(feed.run)
            await until(lambda: copy.known)
            tasks.cancel_scope.cancel()
    assert (copy.reloads, copy.told) == (1, [])
