"""What goes to one subscriber: in order for each asset, again after a failure, and several assets at a time."""

import anyio
import pytest

from airegistry.core.lane import Patience
from airegistry.core.principals import SYSTEM
from airegistry.stores.memory import MemoryStore
from tests.core.subscribers import OTHER, QUICK, URL, FakePost, Mortal, Sent, opened, sending, subscribe
from tests.core.wiring import asset

pytestmark = pytest.mark.anyio


async def test_a_failed_delivery_is_tried_again_with_the_same_id_and_bytes() -> None:
    post = FakePost()
    post.answers = lambda sent: 500 if len(post.sent) < 3 else 204
    async with sending(await opened(MemoryStore(), post)) as office:
        await subscribe(office)
        await office.act("register", asset("server", "weather"))
        await office.until(lambda: len(post.sent) == 3)
        assert len({(each.headers["webhook-id"], each.body) for each in post.sent}) == 1
        await office.until(lambda: office.webhooks.list(SYSTEM)[0].waiting == 0)
        [delivery] = await office.webhooks.deliveries(SYSTEM, "one", state="delivered")
        assert (delivery.attempts, delivery.last and delivery.last.status) == (3, 204)


async def test_a_later_event_of_an_asset_waits_for_the_earlier_and_other_assets_go_on() -> None:
    post = FakePost()

    def answers(sent: Sent) -> int:
        stuck = b'"path":"weather"' in sent.body and sent.message["type"] == "server:register"
        return 503 if stuck and not released else 200

    released: list[bool] = []
    post.answers = answers
    patience = Patience(waits=[0.02] * 500)
    async with sending(await opened(MemoryStore(), post, patience=patience)) as office:
        await subscribe(office)
        await office.act("register", asset("server", "weather"))
        await office.act("update", asset("server", "weather", description="Later."))
        await office.act("register", asset("server", "maps"))
        await office.act("update", asset("server", "maps", description="Later."))
        await office.until(lambda: post.types().count("server:update") == 1)
        released.append(True)
        await office.until(lambda: post.types().count("server:update") == 2)
        about_weather = [each.message for each in post.sent if b'"path":"weather"' in each.body]
        assert [each["sequence"] for each in about_weather] == [1] * (len(about_weather) - 1) + [2]


async def test_a_slow_subscriber_does_not_delay_another() -> None:
    post = FakePost(slow={URL: anyio.Event()})
    async with sending(await opened(MemoryStore(), post)) as office:
        await subscribe(office)
        await subscribe(office, "two", OTHER)
        for number in range(20):
            await office.act("register", asset("server", f"s{number}"))
        await office.until(lambda: len(post.types(OTHER)) == 20)
        assert len(post.types(URL)) == QUICK.at_once


async def test_when_a_subscriber_answers_again_all_that_waits_goes_at_once() -> None:
    post = FakePost(answers=lambda sent: 500)
    patience = Patience(waits=(0.05, 3600.0))
    async with sending(await opened(MemoryStore(), post, patience=patience)) as office:
        await subscribe(office)
        await office.act("register", asset("server", "weather"))
        with anyio.fail_after(5):
            while (await office.webhooks.deliveries(SYSTEM, "one"))[0].attempts < 2:  # noqa: ASYNC110  # not ours to signal
                await anyio.sleep(0.005)
        post.answers = lambda sent: 200
        await office.act("register", asset("server", "maps"))
        await office.until(lambda: len(post.sent) == 4)


async def test_the_log_keeps_the_last_deliveries_that_arrived() -> None:
    async with sending(await opened(MemoryStore(), patience=Patience(kept=3))) as office:
        await subscribe(office)
        for number in range(8):
            await office.act("register", asset("server", f"s{number}"))
        await office.until(lambda: len(office.post.sent) == 8)
        with anyio.fail_after(5):
            while len(await office.webhooks.deliveries(SYSTEM, "one")) > 3:  # noqa: ASYNC110  # as above
                await anyio.sleep(0.005)
        newest = (await office.webhooks.deliveries(SYSTEM, "one"))[0]
        assert newest.about == "server/s7"


async def test_what_was_taken_but_could_not_be_noted_comes_again_after_a_restart_under_its_id() -> None:
    inner = MemoryStore()
    store = Mortal(inner)
    office = await opened(store)
    await subscribe(office)
    await office.act("register", asset("server", "weather"))
    async with sending(office):
        store.full = frozenset({"webhook_deliveries"})
        await office.until(lambda: len(office.post.sent) == 1)
        await office.until(lambda: office.webhooks.list(SYSTEM)[0].waiting == 0)
    async with sending(await opened(inner)) as after:
        await after.until(lambda: len(after.post.sent) == 1)
        assert after.post.sent[0].headers["webhook-id"] == office.post.sent[0].headers["webhook-id"]


async def test_one_request_at_a_time_asks_whether_a_failing_subscriber_is_back() -> None:
    post = FakePost(answers=lambda sent: 500)
    patience = Patience(waits=[0.01] * 1000)
    office = await opened(MemoryStore(), post, patience=patience)
    await subscribe(office)
    for number in range(8):
        await office.act("register", asset("server", f"s{number}"))
    async with sending(office):
        await office.until(lambda: len(post.sent) > 40)
        assert {each.beside for each in post.sent[:8]} > {0}
        assert {each.beside for each in post.sent[20:]} == {0}
        post.answers = lambda sent: 200
        await office.until(lambda: office.webhooks.list(SYSTEM)[0].waiting == 0)


async def test_what_breaks_an_attempt_does_not_end_the_sending() -> None:
    post = FakePost()

    def breaks_once(sent: Sent) -> int:
        if len(post.sent) == 1:
            raise RuntimeError("a bug")
        return 200

    post.answers = breaks_once
    async with sending(await opened(MemoryStore(), post)) as office:
        await subscribe(office)
        await office.act("register", asset("server", "weather"))
        await office.until(lambda: len(post.sent) == 2)


async def test_a_delivery_that_the_store_does_not_have_any_more_is_passed_over() -> None:
    store = MemoryStore()
    office = await opened(store)
    await subscribe(office)
    await office.act("register", asset("server", "weather"))
    await office.act("update", asset("server", "weather", description="Later."))
    first = (await office.webhooks.deliveries(SYSTEM, "one"))[1]
    await store.delete("webhook_deliveries", first.key)
    async with sending(office):
        await office.until(lambda: office.webhooks.list(SYSTEM)[0].waiting == 0)
        assert office.post.types() == ["server:update"]


async def test_an_older_event_that_is_replayed_goes_before_a_newer_one_that_waits() -> None:
    post = FakePost()
    patience = Patience(waits=[0.02] * 500)
    async with sending(await opened(MemoryStore(), post, patience=patience)) as office:
        await subscribe(office)
        await office.act("register", asset("server", "weather"))
        await office.until(lambda: office.webhooks.list(SYSTEM)[0].waiting == 0)
        post.slow[URL] = anyio.Event()
        await office.act("update", asset("server", "weather", description="Later."))
        await office.until(lambda: len(post.sent) == 2)
        assert await office.webhooks.replay(SYSTEM, "one", state="delivered") == 1
        post.answers = lambda sent: 500 if len(post.sent) == 2 else 200
        post.slow.pop(URL).set()
        await office.until(lambda: office.webhooks.list(SYSTEM)[0].waiting == 0)
        assert post.types() == ["server:register", "server:update", "server:register", "server:update"]
