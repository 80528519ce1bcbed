"""No event is lost between the act and its delivery, wherever a process ends; and none is told of what was not done."""

from contextlib import suppress

import anyio
import pytest

from airegistry.core.documents import DocumentStore, Json
from airegistry.core.errors import Conflict, Internal
from airegistry.core.events import Event
from airegistry.core.principals import SYSTEM
from airegistry.stores.memory import MemoryStore
from tests.core.subscribers import Died, FakePost, Mortal, Office, opened, sending
from tests.core.wiring import asset

pytestmark = pytest.mark.anyio

URL = "https://one.test/hook"


async def subscribed(store: DocumentStore) -> Office:
    office = await opened(store)
    await office.webhooks.create(SYSTEM, "one", URL, {})
    return office


async def acts(office: Office) -> None:
    """Register, change twice, take down: what a life of an asset is."""
    for description in ("a", "b", "c"):
        await office.act("update", asset("server", "weather", description=description))
    async with office.events.telling(Event("server:delete", asset("server", "weather"), "token:ann")):
        await office.shelf.delete(asset("server", "weather"))


async def state(store: DocumentStore) -> str | None:
    """The description of the asset in the store."""
    document = await store.get("assets", "server/weather")
    return None if document is None else str(document.body["description"])


async def told(store: DocumentStore) -> list[str]:
    """What the subscriber gets after a restart: descriptions in order, and `gone`."""
    async with sending(await opened(store)) as office:
        await office.until(lambda: office.webhooks.list(SYSTEM)[0].waiting == 0)
        assert [each async for each in store.find("outbox")] == []
        assert [each.message["sequence"] for each in office.post.sent] == list(range(1, len(office.post.sent) + 1))
        return [_said(each.message) for each in office.post.sent]


def _said(message: Json) -> str:
    data = message["data"]
    assert isinstance(data, dict)
    about = data["asset"]
    assert isinstance(about, dict)
    return "gone" if message["type"] == "server:delete" else str(about["description"])


async def writes_of_a_life() -> int:
    counting = Mortal(MemoryStore())
    await acts(await subscribed(counting))
    return counting.written


async def test_wherever_the_process_ends_what_was_done_is_told_in_order_and_nothing_else() -> None:
    total = await writes_of_a_life()
    assert total > 12
    for lived in range(1, total):
        store = MemoryStore()
        office = await subscribed(Mortal(store, lived))
        try:
            await acts(office)
        except* Died:
            pass
        done = await state(store)
        life = ["a", "b", "c", "gone"]
        happened = life[: life.index(done) + 1] if done is not None else life
        nothing_yet = done is None and lived < total // 2
        assert await told(store) == ([] if nothing_yet else happened), f"after {lived} writes"


async def test_an_act_whose_event_cannot_be_kept_is_not_begun() -> None:
    store = Mortal(MemoryStore())
    office = await subscribed(store)
    store.full = frozenset({"outbox"})
    with pytest.raises(Internal, match="disk is full"):
        await office.act("register", asset("server", "weather"))
    assert await state(store) is None
    store.full = frozenset()
    await office.act("register", asset("server", "weather", description="a"))
    assert await told(store) == ["a"]


async def test_an_event_whose_delivery_cannot_be_written_is_told_when_it_can() -> None:
    store = Mortal(MemoryStore())
    async with sending(await subscribed(store)) as office:
        store.full = frozenset({"webhook_deliveries"})
        await office.act("register", asset("server", "weather", description="a"))
        await office.act("update", asset("server", "weather", description="b"))
        assert office.post.sent == []
        store.full = frozenset()
        await office.until(lambda: [_said(each.message) for each in office.post.sent] == ["a", "b"])


async def test_an_act_that_lost_a_race_is_not_told() -> None:
    store = MemoryStore()
    office = await subscribed(store)
    with pytest.raises(Conflict):
        async with office.events.telling(Event("server:update", asset("server", "weather"), "token:ann")):
            raise Conflict("somebody else was first")
    assert await told(store) == []


async def test_an_act_that_was_cancelled_is_told_if_its_write_was_made() -> None:
    store = MemoryStore()
    office = await subscribed(store)
    for description, written in (("a", True), ("b", False)):
        with anyio.CancelScope() as scope:
            now = asset("server", f"weather-{description}", description=description)
            async with office.events.telling(Event("server:register", now, "token:ann")):
                if written:
                    await office.shelf.create(now)
                scope.cancel()
                await anyio.sleep_forever()
    assert await told(store) == ["a"]


async def test_events_of_acts_that_are_told_afterwards_are_kept_too() -> None:
    store = MemoryStore()
    office = await subscribed(store)
    await office.events.emit(Event("server:scan", asset("server", "weather", description="a"), "system"))
    assert await told(store) == ["a"]


async def test_acts_on_one_asset_are_told_in_the_order_in_which_they_were_written() -> None:
    store = MemoryStore()
    office = await subscribed(store)
    order: list[str] = []

    async def act(number: int) -> None:
        async with office.events.telling(
            Event("server:update", asset("server", "weather", description=str(number)), "token:ann")
        ):
            await anyio.sleep(0.001 * (number % 3))
            order.append(str(number))

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(act, number)
    assert await told(store) == order


async def test_without_subscribers_nothing_is_written_beside_the_act() -> None:
    store = Mortal(MemoryStore())
    office = await opened(store, FakePost())
    await office.act("register", asset("server", "weather"))
    assert store.written == 1


async def test_what_cannot_be_withdrawn_or_judged_now_is_judged_at_the_next_start() -> None:
    inner = MemoryStore()
    store = Mortal(inner)
    office = await subscribed(store)
    for failure in (Conflict("somebody else was first"), Internal("the store is closed")):
        with suppress(Conflict, Internal):
            async with office.events.telling(Event("server:update", asset("server", "weather"), "token:ann")):
                store.full = frozenset({"outbox"})
                raise failure
        store.full = frozenset()
    assert len([each async for each in inner.find("outbox")]) == 2
    assert await told(inner) == []


async def test_an_asset_that_cannot_be_read_any_more_is_told_of_in_doubt() -> None:
    store = MemoryStore()
    office = await subscribed(store)
    with suppress(Died):
        async with office.events.telling(Event("server:update", asset("server", "weather", description="a"), "ann")):
            await store.put("assets", "server/weather", {"kind": "server", "of": "a later version"})
            raise Died
    assert await told(store) == ["a"]
