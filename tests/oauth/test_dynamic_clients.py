"""Clients that register themselves: how many there may be, and how long they last."""

from datetime import timedelta

import pytest

from airegistry.core.errors import Conflict, RateLimited
from airegistry.core.principals import SYSTEM
from airegistry.oauth.clients import clients as module
from airegistry.oauth.clients.clients import ClientChange, Clients
from airegistry.oauth.forms import OAuthError
from tests.core.wiring import FakeClock, build
from tests.oauth.registering import MACHINE, PUBLIC, Kept, Shared, opened

pytestmark = pytest.mark.anyio


@pytest.fixture
async def kept() -> Kept:
    return await opened()


async def test_a_client_that_registers_itself_is_public_if_it_says_so(kept: Kept) -> None:
    client, secret = await kept.clients.register(PUBLIC, source="192.0.2.1")
    assert secret is None
    assert client.client_id.startswith("dyn-")
    assert not client.confidential
    assert client.expires_at == kept.world.clock.now() + timedelta(hours=24)
    assert await kept.clients.find(client.client_id) == client
    ended = (await kept.world.events(action="client:register"))[0]
    assert (ended.subject, ended.asset, ended.outcome) == ("anonymous", client.client_id, "ok")
    assert "192.0.2.1" in ended.reason


async def test_nobody_takes_over_the_id_of_a_client_that_registered_itself(kept: Kept) -> None:
    client = await kept.dynamic()
    for client_id in (client.client_id, "dyn-mine"):
        with pytest.raises(Conflict):
            await kept.clients.put(SYSTEM, client_id, MACHINE)


async def test_ids_that_nobody_has_find_nobody(kept: Kept) -> None:
    await kept.clients.put(SYSTEM, "ci", MACHINE)
    for client_id in ("", "CI", "dyn-", "ci\x00", "dyn-" + "a" * 5000, "https://app.example/client.json"):
        assert await kept.clients.find(client_id) is None


async def test_unused_clients_end_after_a_day_and_used_ones_after_ninety_without_use(kept: Kept) -> None:
    unused, used = await kept.dynamic(), await kept.dynamic()
    await kept.clients.touch(used)
    kept.world.clock.pass_(24 * 3600)
    assert await kept.clients.find(unused.client_id) is None
    assert await kept.clients.find(used.client_id) is not None
    assert await kept.clients.sweep() == 1
    assert kept.ended == []  # it was granted nothing
    kept.world.clock.pass_(88 * 86400)
    current = await kept.clients.find(used.client_id)
    assert current is not None
    await kept.clients.touch(current)
    kept.world.clock.pass_(89 * 86400)
    assert await kept.clients.sweep() == 0
    kept.world.clock.pass_(86400)
    assert await kept.clients.find(used.client_id) is None
    assert await kept.clients.sweep() == 1
    assert kept.ended == [used.client_id]
    assert await kept.clients.clients(SYSTEM) == []


async def test_use_is_written_at_most_hourly(kept: Kept) -> None:
    machine, _ = await kept.clients.put(SYSTEM, "ci", MACHINE)
    revision = kept.clients.revision
    start = kept.world.clock.now()
    await kept.clients.touch(machine)
    kept.world.clock.pass_(3599)
    used = kept.clients.known("ci")
    assert used is not None
    await kept.clients.touch(used)
    assert (await kept.again()).known("ci") == used.model_copy(update={"used_at": start})
    kept.world.clock.pass_(1)
    await kept.clients.touch(used)
    used = (await kept.again()).known("ci")
    assert used is not None
    assert used.used_at == kept.world.clock.now()
    assert kept.clients.revision == revision


async def test_use_of_a_client_that_is_gone_brings_nothing_back(kept: Kept) -> None:
    machine, _ = await kept.clients.put(SYSTEM, "ci", MACHINE)
    dynamic = await kept.dynamic()
    for client in (machine, dynamic):
        await kept.clients.remove(SYSTEM, client.client_id)
        await kept.clients.touch(client)
        assert await kept.clients.find(client.client_id) is None
    await kept.clients.touch(dynamic.model_copy(update={"origin": "document"}))
    assert await kept.clients.clients(SYSTEM) == []


async def test_a_flood_pushes_out_the_oldest_unused_client_and_no_used_one(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trap 12: registration is open."""
    monkeypatch.setattr(module, "MAX_UNUSED", 3)
    used = await kept.dynamic()
    await kept.clients.touch(used)
    flood = []
    for turn in range(6):
        flood.append(await kept.dynamic(f"192.0.2.{turn}"))
        kept.world.clock.pass_(1)
    left = {client.client_id for client in await kept.clients.clients(SYSTEM)}
    assert left == {used.client_id, *(client.client_id for client in flood[3:])}
    other = await kept.again()
    await other.register(PUBLIC, source="192.0.2.9")
    left = {client.client_id for client in await other.clients(SYSTEM)}
    assert flood[3].client_id not in left
    assert {used.client_id, flood[4].client_id} <= left


async def test_a_client_that_another_process_saw_used_is_not_pushed_out(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_UNUSED", 1)
    first = await kept.dynamic()
    await (await kept.again()).touch(first)
    await kept.dynamic()
    assert await kept.clients.find(first.client_id) is not None


async def test_what_another_process_writes_at_the_same_time_is_not_overwritten() -> None:
    shared = Shared()
    core = (await build(store=shared)).services
    clock = FakeClock()
    ours, theirs = (Clients(shared, core.access, core.audit, clock, None) for _ in range(2))
    machine, _ = await ours.put(SYSTEM, "ci", MACHINE)
    shared.meanwhile = lambda: theirs.put(SYSTEM, "ci", ClientChange(active=False))
    await ours.touch(machine)
    await ours.reload()
    assert await ours.find("ci") is None
    shared.meanwhile = lambda: theirs.put(SYSTEM, "ci", ClientChange(groups=["bosses"]))
    with pytest.raises(Conflict):
        await ours.put(SYSTEM, "ci", ClientChange(active=True))
    dynamic, _ = await ours.register(PUBLIC, source="192.0.2.1")
    clock.pass_(24 * 3600)
    shared.meanwhile = lambda: theirs.touch(dynamic)
    assert await ours.sweep() == 0
    assert await ours.find(dynamic.client_id) is not None


async def test_one_address_cannot_register_without_end(kept: Kept) -> None:
    """Trap 12: registration is open."""
    for _ in range(30):
        await kept.dynamic("192.0.2.1")
    with pytest.raises(RateLimited) as refusal:
        await kept.dynamic("192.0.2.1")
    assert 0 < refusal.value.retry_after <= 2
    await kept.dynamic("192.0.2.2")
    kept.world.clock.pass_(2)
    await kept.dynamic("192.0.2.1")


async def test_all_addresses_together_cannot_register_without_end(kept: Kept) -> None:
    for turn in range(300):
        await kept.dynamic(f"192.0.2.{turn}")
    with pytest.raises(RateLimited):
        await kept.dynamic("198.51.100.1")


async def test_a_refused_registration_is_recorded_and_leaves_nothing(kept: Kept) -> None:
    with pytest.raises(OAuthError):
        await kept.clients.register({"redirect_uris": ["http://app.example/"]}, source="192.0.2.1")
    assert await kept.clients.clients(SYSTEM) == []
    event = (await kept.world.events(action="client:register"))[0]
    assert (event.outcome, event.subject) == ("failed", "anonymous")
