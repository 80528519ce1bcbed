"""Webhooks: who is told of what, in which order, how often, and what becomes of what nobody takes."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from airegistry.core.assets import Server, Tool
from airegistry.core.errors import AccessDenied, Conflict, Invalid, NotFound
from airegistry.core.lane import Patience
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.webhook_messages import Filter
from airegistry.stores.memory import MemoryStore
from tests.core.subscribers import OTHER, URL, FakePost, opened, sending, subscribe
from tests.core.wiring import asset

pytestmark = pytest.mark.anyio

ANN = Principal(subject="token:ann")


async def test_a_subscriber_is_told_who_did_what_to_which_asset_and_no_definitions() -> None:
    async with sending(await opened(MemoryStore())) as office:
        await subscribe(office)
        tools = [Tool(name="forecast", description="Secret sauce.")]
        url = "https://user:pw@weather.test/mcp?api_key=hunter2&city=Oslo"
        server = Server(path="weather", name="Weather", tools=tools, url=url, metadata={"token": "t0p"})
        await office.act("register", server)
        await office.until(lambda: len(office.post.sent) == 1)
        [sent] = office.post.sent
        message = sent.message
        assert (message["type"], message["sequence"]) == ("server:register", 1)
        assert datetime.fromisoformat(str(message["timestamp"])).tzinfo is not None
        data = message["data"]
        assert isinstance(data, dict)
        assert data["subject"] == "token:ann"
        told = data["asset"]
        assert isinstance(told, dict)
        assert (told["kind"], told["path"], told["tools"]) == ("server", "weather", ["forecast"])
        assert told["url"] == "https://weather.test/mcp?api_key=***&city=Oslo"
        assert not any(word in sent.body for word in (b"sauce", b"hunter2", b"pw@", b"t0p"))


async def test_a_message_is_signed_as_standard_webhooks_says() -> None:
    async with sending(await opened(MemoryStore())) as office:
        secret = await subscribe(office)
        await office.act("register", asset("server", "weather"))
        await office.until(lambda: len(office.post.sent) == 1)
        [sent] = office.post.sent
        key = base64.b64decode(secret.removeprefix("whsec_"))
        assert len(key) == 32
        id_, stamp = sent.headers["webhook-id"], sent.headers["webhook-timestamp"]
        assert id_ == sent.message["id"]
        assert abs(int(stamp) - datetime.now(UTC).timestamp()) < 60
        mac = hmac.new(key, f"{id_}.{stamp}.".encode() + sent.body, hashlib.sha256).digest()
        assert sent.headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ({}, True),
        ({"events": ["server:register"]}, True),
        ({"events": ["*:register"]}, True),
        ({"events": ["agent:*", "*:drift"]}, False),
        ({"kinds": ["server"], "paths": ["wea*"]}, True),
        ({"kinds": ["skill"]}, False),
        ({"paths": ["other*"]}, False),
    ],
)
async def test_filters_narrow_by_name_kind_and_path(choice: dict[str, list[str]], told: bool) -> None:
    office = await opened(MemoryStore())
    await office.webhooks.create(SYSTEM, "one", URL, choice)
    await office.act("register", asset("server", "weather"))
    assert bool(await office.webhooks.deliveries(SYSTEM, "one")) is told
    assert Filter.model_validate(choice).model_dump().keys() == {"events", "kinds", "paths"}


async def test_after_a_rotation_both_secrets_sign_until_the_old_one_has_ended() -> None:
    office = await opened(MemoryStore())
    old = await subscribe(office)
    _, new = await office.webhooks.rotate(SYSTEM, "one", overlap_hours=1)
    await office.webhooks.test(SYSTEM, "one")
    assert [old != new, len(office.post.sent[0].headers["webhook-signature"].split())] == [True, 2]
    await office.webhooks.rotate(SYSTEM, "one", overlap_hours=0)
    await office.webhooks.test(SYSTEM, "one")
    assert len(office.post.sent[1].headers["webhook-signature"].split()) == 1


async def test_secrets_are_sealed_in_the_store() -> None:
    store = MemoryStore()
    secret = await subscribe(await opened(store))
    document = await store.get("webhooks", "one")
    assert document is not None
    assert secret not in str(document.body)


async def test_what_nobody_takes_is_dead_and_goes_when_it_is_replayed() -> None:
    post = FakePost(answers=lambda sent: 400)
    async with sending(await opened(MemoryStore(), post)) as office:
        await subscribe(office)
        await office.act("register", asset("server", "weather"))
        await office.act("update", asset("server", "weather", description="Later."))
        await office.until(lambda: office.webhooks.list(SYSTEM)[0].waiting == 0)
        dead = await office.webhooks.deliveries(SYSTEM, "one", state="dead")
        assert [(each.event, each.attempts) for each in dead] == [("server:update", 4), ("server:register", 4)]
        post.answers, tried = (lambda sent: 200), len(post.sent)
        assert await office.webhooks.replay(SYSTEM, "one") == 2
        await office.until(lambda: len(post.sent) == tried + 2)
        assert post.types()[tried:] == ["server:register", "server:update"]
        assert {each.headers["webhook-id"] for each in post.sent[tried:]} == {each.id for each in dead}


async def test_one_event_or_a_span_of_time_is_replayed() -> None:
    async with sending(await opened(MemoryStore())) as office:
        await subscribe(office)
        for path in ("weather", "maps", "trains"):
            await office.act("register", asset("server", path))
        await office.until(lambda: office.webhooks.list(SYSTEM)[0].waiting == 0)
        newest, middle, oldest = await office.webhooks.deliveries(SYSTEM, "one")
        assert await office.webhooks.replay(SYSTEM, "one", event=oldest.id) == 1
        since = datetime.fromisoformat(str(middle.message["timestamp"]))
        assert await office.webhooks.replay(SYSTEM, "one", state=None, since=since) == 2
        assert await office.webhooks.replay(SYSTEM, "one", state=None, since=since + timedelta(hours=1)) == 0
        await office.until(lambda: len(office.post.sent) == 6)
        with pytest.raises(NotFound, match="no event"):
            await office.webhooks.replay(SYSTEM, "one", event="evt_none")
        assert newest.replays == 0


async def test_a_subscriber_that_fails_for_long_is_paused_and_what_is_for_it_waits() -> None:
    post = FakePost(answers=lambda sent: None)
    patience = Patience(waits=[0.001] * 100, pause_after=0.0, pause_failures=5)
    async with sending(await opened(MemoryStore(), post, patience=patience)) as office:
        await subscribe(office)
        await office.act("register", asset("server", "weather"))
        await office.until(lambda: office.webhooks.list(SYSTEM)[0].webhook.paused != "")
        [standing] = office.webhooks.list(SYSTEM)
        assert "out of reach" in standing.webhook.paused
        assert standing.waiting == 1
        post.answers, tried = (lambda sent: 200), len(post.sent)
        await office.act("register", asset("server", "maps"))
        await office.webhooks.update(SYSTEM, "one", {}, active=True)
        await office.until(lambda: len(post.sent) == tried + 2)


async def test_a_subscriber_that_is_gone_is_paused_at_once() -> None:
    async with sending(await opened(MemoryStore(), FakePost(answers=lambda sent: 410))) as office:
        await subscribe(office)
        await office.act("register", asset("server", "weather"))
        await office.until(lambda: office.webhooks.list(SYSTEM)[0].webhook.paused == "it answered 410 Gone")


async def test_what_waits_is_sent_after_a_restart_in_the_order_it_had() -> None:
    store = MemoryStore()
    office = await opened(store)
    await subscribe(office)
    for description in ("a", "b", "c"):
        await office.act("update", asset("server", "weather", description=description))
    async with sending(await opened(store)) as after:
        await after.act("update", asset("server", "weather", description="d"))
        await after.until(lambda: len(after.post.sent) == 4)
        assert [each.message["sequence"] for each in after.post.sent] == [1, 2, 3, 4]


async def test_a_webhook_that_is_removed_takes_its_deliveries_along() -> None:
    store = MemoryStore()
    async with sending(await opened(store, FakePost(answers=lambda sent: 500))) as office:
        await subscribe(office)
        await office.act("register", asset("server", "weather"))
        assert await office.webhooks.delete(SYSTEM, "one")
        assert not await office.webhooks.delete(SYSTEM, "one")
        assert [document async for document in store.find("webhook_deliveries")] == []
        with pytest.raises(NotFound):
            await office.webhooks.test(SYSTEM, "one")


async def test_what_does_not_fit_is_refused() -> None:
    office = await opened(MemoryStore())
    await subscribe(office)
    with pytest.raises(Conflict):
        await subscribe(office)
    with pytest.raises(Invalid, match="none that may be called"):
        await subscribe(office, "two", "http://169.254.169.254/")
    with pytest.raises(Invalid, match="name"):
        await subscribe(office, "Not A Name")
    with pytest.raises(Invalid, match="does not change secret"):
        await office.webhooks.update(SYSTEM, "one", {"secret": "x"})
    assert [each.webhook.name for each in office.webhooks.list(SYSTEM)] == ["one"]


async def test_only_administrators_of_policy_come_near() -> None:
    office = await opened(MemoryStore())
    await subscribe(office)
    with pytest.raises(AccessDenied):
        await office.webhooks.create(ANN, "two", OTHER, {})
    with pytest.raises(AccessDenied):
        office.webhooks.list(ANN)
    with pytest.raises(AccessDenied):
        await office.webhooks.deliveries(ANN, "one")
    for act in (
        office.webhooks.update(ANN, "one", {}), office.webhooks.delete(ANN, "one"), office.webhooks.test(ANN, "one"),
        office.webhooks.rotate(ANN, "one", overlap_hours=1), office.webhooks.replay(ANN, "one"),
    ):  # fmt: skip
        with pytest.raises(AccessDenied):
            await act


async def test_deliveries_of_a_webhook_that_is_gone_are_forgotten_at_the_start() -> None:
    store = MemoryStore()
    office = await opened(store)
    await subscribe(office)
    await office.act("register", asset("server", "weather"))
    await store.delete("webhooks", "one")
    await opened(store)
    assert [document async for document in store.find("webhook_deliveries")] == []


async def test_a_restart_goes_on_with_the_log_it_had() -> None:
    store = MemoryStore()
    async with sending(await opened(store)) as office:
        await subscribe(office)
        await office.act("register", asset("server", "weather"))
        await office.until(lambda: office.webhooks.list(SYSTEM)[0].waiting == 0)
    async with sending(await opened(store, patience=Patience(kept=0))) as after:
        [delivered] = await after.webhooks.deliveries(SYSTEM, "one")
        assert delivered.state == "delivered"
        assert await after.webhooks.replay(SYSTEM, "one", event=delivered.id) == 1
        await after.until(lambda: len(after.post.sent) == 1)


async def test_there_are_only_so_many_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airegistry.core.webhooks.MAX_WEBHOOKS", 1)
    office = await opened(MemoryStore())
    await subscribe(office)
    with pytest.raises(Conflict, match="1 webhooks already"):
        await subscribe(office, "two", OTHER)


async def test_each_subscriber_has_a_log_of_its_own() -> None:
    async with sending(await opened(MemoryStore())) as office:
        await subscribe(office)
        await subscribe(office, "two", OTHER, paths=["maps"])
        await office.act("register", asset("server", "weather"))
        await office.act("register", asset("server", "maps"))
        await office.until(lambda: len(office.post.sent) == 3)
        logs = {name: await office.webhooks.deliveries(SYSTEM, name) for name in ("one", "two")}
        assert [[each.about for each in log] for log in logs.values()] == [
            ["server/maps", "server/weather"], ["server/maps"],
        ]  # fmt: skip
        assert logs["one"][0].id == logs["two"][0].id
