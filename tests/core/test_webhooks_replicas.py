"""Webhooks of two processes over one store: each tells, one of them delivers."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta

import anyio
import pytest

from airegistry.clock import SystemClock
from airegistry.core import outbox
from airegistry.core.documents import DocumentStore
from airegistry.core.errors import NotFound
from airegistry.core.events import Event
from airegistry.core.following import Following
from airegistry.core.lane import DELIVERIES, Patience
from airegistry.core.outbox import OUTBOX
from airegistry.core.own_writes import OwnWrites
from airegistry.core.ports import Clock
from airegistry.core.principals import SYSTEM
from airegistry.stores.memory import MemoryStore
from tests.core.subscribers import QUICK, URL, FakePost, Office, opened, sending, subscribe
from tests.core.wiring import asset
from tests.support.paused import Paused
from tests.support.waiting import until

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def replica(
    store: DocumentStore, post: FakePost, patience: Patience = QUICK, clock: Clock | None = None
) -> AsyncIterator[Office]:
    """One process: it follows what others write, and delivers when its `webhooks.run` is run."""
    own = OwnWrites(store)
    feed = Following(store, SystemClock(), own=own.made, lost=own.forget, beats=0.05)
    async with feed.opened():
        office = await opened(own, post, patience=patience, shared=True, clock=clock)
        webhooks = office.webhooks
        feed.subscribe(
            "webhooks", ["webhooks"], webhooks.reload, lambda places: webhooks.follow([key for _, key in places])
        )
        feed.subscribe(
            "deliveries", [DELIVERIES], webhooks.reload,
            lambda places: webhooks.follow_deliveries([key for _, key in places]),
        )  # fmt: skip
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(feed.run)
            tasks.start_soon(webhooks.outbox.run)
            yield office
            tasks.cancel_scope.cancel()


async def test_what_both_tell_is_delivered_once_by_one_of_them_and_counted_in_one_row() -> None:
    store, post = MemoryStore(), FakePost()
    async with replica(store, post) as a, replica(store, post) as b, anyio.create_task_group() as tasks:
        tasks.start_soon(a.webhooks.run)
        await subscribe(b)
        await until(lambda: a.webhooks.list(SYSTEM))
        for number in range(10):
            await (a, b)[number % 2].act(
                "register" if not number else "update", asset("server", "s", title=f"{number}")
            )
        await until(lambda: len(post.sent) == 10)
        await until(lambda: [each.waiting for office in (a, b) for each in office.webhooks.list(SYSTEM)] == [0, 0])
        tasks.cancel_scope.cancel()
    assert sorted(int(str(each.message["sequence"])) for each in post.sent) == list(range(1, 11))
    assert len({each.message["id"] for each in post.sent}) == 10


async def test_whoever_takes_over_delivers_what_waits_and_nothing_twice() -> None:
    store, post = MemoryStore(), FakePost()
    async with replica(store, post) as a, replica(store, post) as b:
        await subscribe(a)
        await until(lambda: b.webhooks.list(SYSTEM))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(a.webhooks.run)
            await a.act("register", asset("server", "one"))
            await until(lambda: len(post.sent) == 1)
            await until(lambda: a.webhooks.list(SYSTEM)[0].waiting == 0)
            tasks.cancel_scope.cancel()
        await b.act("register", asset("server", "two"))
        await a.act("register", asset("server", "three"))
        await until(lambda: b.webhooks.list(SYSTEM)[0].waiting == 2)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(b.webhooks.run)
            await until(lambda: len(post.sent) == 3)
            await until(lambda: a.webhooks.list(SYSTEM)[0].waiting == 0)
            tasks.cancel_scope.cancel()
    told = b"".join(each.body for each in post.sent)
    assert [told.count(b'"path":"%b"' % path) for path in (b"one", b"two", b"three")] == [1, 1, 1]


class Wrong(SystemClock):
    """A clock that is so many hours ahead."""

    def __init__(self, hours: float) -> None:
        self._ahead = timedelta(hours=hours)

    def now(self) -> datetime:
        return super().now() + self._ahead


def attempts(post: FakePost, path: str) -> int:
    return sum(b'"path":"%b"' % path.encode() in each.body for each in post.sent)


@asynccontextmanager
async def taken_over(post: FakePost, wait: float, ahead: float, *, late: bool) -> AsyncIterator[Office]:
    """A process that delivers, after one whose clock was wrong failed once to tell of `one`; `late` begins then."""
    store, patience = MemoryStore(), Patience(waits=[wait] * 9)
    async with AsyncExitStack() as stack:
        a = await stack.enter_async_context(replica(store, post, patience, Wrong(ahead)))
        others = [] if late else [await stack.enter_async_context(replica(store, post, patience))]
        await subscribe(a)
        async with sending(a):
            await a.act("register", asset("server", "one"))
            with anyio.fail_after(5):
                while (await a.webhooks.deliveries(SYSTEM, "one"))[0].attempts < 1:  # noqa: ASYNC110  # nobody tells
                    await anyio.sleep(0.005)
        if late:
            others = [await stack.enter_async_context(replica(store, post, patience))]
        async with sending(others[0]) as b:
            yield b


@pytest.mark.parametrize("late", [False, True])
async def test_whoever_takes_over_from_one_whose_clock_is_ahead_tries_again_after_the_wait(late: bool) -> None:
    post = FakePost(answers=lambda sent: 500 if len(post.sent) == 1 else 200)
    async with taken_over(post, 0.2, 2.0, late=late):
        await until(lambda: attempts(post, "one") == 2)


@pytest.mark.parametrize("late", [False, True])
async def test_whoever_takes_over_from_one_whose_clock_is_behind_tries_again_no_sooner(late: bool) -> None:
    post = FakePost(answers=lambda sent: 500)
    async with taken_over(post, 3600.0, -2.0, late=late) as b:
        await b.act("register", asset("server", "two"))
        await until(lambda: attempts(post, "two") == 1)
        assert attempts(post, "one") == 1


async def test_what_an_administrator_changes_at_one_holds_where_it_is_delivered() -> None:
    store, post = MemoryStore(), FakePost()
    async with replica(store, post) as a, replica(store, post) as b, anyio.create_task_group() as tasks:
        tasks.start_soon(a.webhooks.run)
        await subscribe(b)
        await b.webhooks.update(SYSTEM, "one", {}, active=False)
        await until(lambda: (known := a.webhooks.list(SYSTEM)) and known[0].webhook.paused)
        await b.act("register", asset("server", "one"))
        await until(lambda: a.webhooks.list(SYSTEM)[0].waiting == 1)
        assert post.sent == []
        await b.webhooks.update(SYSTEM, "one", {"url": f"{URL}/new"}, active=True)
        await until(lambda: post.sent)
        assert post.sent[0].url == f"{URL}/new"
        await b.webhooks.delete(SYSTEM, "one")
        await until(lambda: not a.webhooks.list(SYSTEM))
        with pytest.raises(NotFound):
            await a.webhooks.update(SYSTEM, "one", {})
        tasks.cancel_scope.cancel()


async def test_what_a_process_left_announced_is_settled_by_another_that_saw_it_stand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "STANDS", 0.2)
    store, post = MemoryStore(), FakePost()
    async with replica(store, post) as a:
        await subscribe(a)
        done, undone = anyio.Event(), anyio.Event()

        async def die(path: str, reached: anyio.Event, writes: bool) -> None:
            made = asset("server", path)
            async with a.webhooks.outbox.around([Event("server:register", made, "token:ann")]):
                if writes:
                    await a.shelf.create(made)
                reached.set()
                await anyio.sleep_forever()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(die, "done", done, True)
            tasks.start_soon(die, "undone", undone, False)
            await done.wait()
            await undone.wait()
            async with replica(store, post) as b, anyio.create_task_group() as others:
                others.start_soon(b.webhooks.run)
                await until(lambda: post.sent)
                with anyio.fail_after(5):
                    while [document async for document in store.find(OUTBOX)]:  # noqa: ASYNC110  # nobody tells
                        await anyio.sleep(0.01)
                others.cancel_scope.cancel()
            tasks.cancel_scope.cancel()
    assert post.types() == ["server:register"]
    assert b'"path":"done"' in post.sent[0].body


async def test_a_process_that_was_paused_while_it_sent_undoes_nothing_and_what_both_sent_has_one_id() -> None:
    store, post = MemoryStore(), FakePost()
    paused = Paused(store)
    async with replica(paused, post) as a, replica(store, post) as b, anyio.create_task_group() as tasks:
        await subscribe(a)
        await until(lambda: b.webhooks.list(SYSTEM))
        pause = paused.pause("put", DELIVERIES)  # of making it
        tasks.start_soon(a.act, "register", asset("server", "one"))
        await pause.reached.wait()
        pause.over.set()
        await until(lambda: b.webhooks.list(SYSTEM)[0].waiting == 1)
        pause = paused.pause("put", DELIVERIES)  # of what became of it
        tasks.start_soon(a.webhooks.run)
        await pause.reached.wait()
        tasks.start_soon(b.webhooks.run)
        await until(lambda: b.webhooks.list(SYSTEM)[0].waiting == 0)
        after = [document async for document in store.find(DELIVERIES)]
        pause.over.set()
        await until(lambda: a.webhooks.list(SYSTEM)[0].waiting == 0)
        assert [document async for document in store.find(DELIVERIES)] == after
        tasks.cancel_scope.cancel()
    assert (len(post.sent), len({each.message["id"] for each in post.sent})) == (2, 1)
    assert len({each.headers["webhook-id"] for each in post.sent}) == 1


async def test_an_event_that_was_counted_by_a_process_that_ended_then_keeps_its_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "STANDS", 0.2)
    store, post = MemoryStore(), FakePost()
    paused = Paused(store)
    async with replica(paused, post) as a, replica(store, post) as b, anyio.create_task_group() as tasks:
        await subscribe(a)
        await until(lambda: b.webhooks.list(SYSTEM))
        pause = paused.pause("put", DELIVERIES)  # for ever: it was counted by then
        beside = paused.pause("delete", OUTBOX)
        tasks.start_soon(a.act, "register", asset("server", "one"))
        await pause.reached.wait()
        await b.act("update", asset("server", "one", title="later"))
        tasks.start_soon(b.webhooks.run)
        await until(lambda: len(post.sent) == 2)
        pause.over.set()  # it was paused only: what it does now changes nothing
        beside.over.set()
        await until(lambda: a.webhooks.list(SYSTEM)[0].waiting == 0)
        tasks.cancel_scope.cancel()
    assert [each.message["id"] for each in post.sent] == list({each.message["id"]: 0 for each in post.sent})
    told = {str(each.message["type"]): each.message["sequence"] for each in post.sent}
    assert told == {"server:register": 1, "server:update": 2}


async def test_old_failures_of_a_process_that_was_paused_do_not_pause_a_subscriber_that_took_something_since() -> None:
    store, post = MemoryStore(), FakePost()
    paused = Paused(store)
    impatient = Patience(waits=(0.01,) * 20, pause_after=0.0, pause_failures=2, at_once=1)
    async with replica(paused, post, impatient) as a, replica(store, post) as b, anyio.create_task_group() as tasks:
        await subscribe(a)
        await until(lambda: b.webhooks.list(SYSTEM))
        await a.act("register", asset("server", "one"))
        post.answers = lambda sent: 500
        pauses = [paused.pause("put", "webhooks") for _ in range(2)]
        tasks.start_soon(a.webhooks.run)
        await pauses[0].reached.wait()  # failing since now
        pauses[0].over.set()
        await pauses[1].reached.wait()  # to be paused
        (standing,) = b.webhooks.list(SYSTEM)
        await until(lambda: b.webhooks.list(SYSTEM)[0].webhook.failing_since)
        post.answers = lambda sent: 200
        tasks.start_soon(b.webhooks.run)
        await until(lambda: b.webhooks.list(SYSTEM)[0].webhook.failing_since is None)
        pauses[1].over.set()
        await until(lambda: a.webhooks.list(SYSTEM)[0].webhook.failing_since is None)
        kept = await store.get("webhooks", standing.webhook.name)
        assert kept is not None
        assert kept.body["paused"] == ""
        tasks.cancel_scope.cancel()


async def test_processes_that_drew_the_same_digits_for_their_numbers_draw_others() -> None:
    store, post = MemoryStore(), FakePost()
    async with replica(store, post) as a, replica(store, post) as b:
        a.webhooks._dispatch._slot = b.webhooks._dispatch._slot = 7
        await subscribe(a)
        await until(lambda: b.webhooks.list(SYSTEM))
        await a.act("register", asset("server", "one"))
        await until(lambda: b.webhooks._dispatch._slot != 7)


async def test_an_announcement_whose_number_another_process_took_has_another() -> None:
    store, post = MemoryStore(), FakePost()
    async with replica(store, post) as a:
        await subscribe(a)
        numbers = iter([1, 1, 2, 3])
        a.webhooks._dispatch.number = lambda: next(numbers)  # type: ignore[method-assign]  # as if drawn twice
        taken = anyio.Event()

        async def hold() -> None:
            async with a.webhooks.outbox.around([Event("server:register", asset("server", "one"), "token:ann")]):
                taken.set()
                await anyio.sleep_forever()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hold)
            await taken.wait()
            await a.act("register", asset("server", "two"))
            assert [document.key[-2:] async for document in store.find(DELIVERIES)] == ["02"]
            tasks.cancel_scope.cancel()
