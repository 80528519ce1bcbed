"""A server that is registered together with its credential: both are stored, or neither is."""

import anyio
import pytest

from airegistry.core.credential_vault import COLLECTION
from airegistry.core.errors import (
    Conflict,
    CredentialRefused,
    Invalid,
    ScanFailed,
    UpstreamFailed,
)
from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.core.principals import SYSTEM
from tests.core.credentialed import (
    ANN_MAY,
    BEARER,
    GRANT,
    OTHER,
    SECRET,
    SENT,
    Crash,
    CrashingStore,
    Source,
    a_server,
    headers,
    stored,
)
from tests.core.wiring import World, asset, build

pytestmark = pytest.mark.anyio


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
async def world(source: Source) -> World:
    return await build(sources=dict.fromkeys(("oauth_client", "token_exchange", "per_user"), source))


async def test_the_first_fetch_carries_it_and_it_is_stored_with_the_server(world: World) -> None:
    done = await world.services.catalog.register(ANN_MAY, world.server("weather"), credential=BEARER)
    assert world.network.sent == [SENT]
    assert await headers(world, done.asset) == SENT
    await world.services.catalog.refresh(SYSTEM, "weather")
    assert world.network.sent == [SENT, SENT]
    assert SECRET not in done.asset.model_dump_json()


async def test_nothing_is_stored_when_the_server_cannot_be_reached(world: World) -> None:
    with pytest.raises(UpstreamFailed):
        await world.services.catalog.register(
            SYSTEM, asset("server", "weather", url="https://down.test/mcp"), credential=BEARER
        )
    assert await stored(world) == []


async def test_nothing_is_stored_when_it_may_not_come_in() -> None:
    class Broken:
        name = "broken"

        def scan(self, asset: AnyAsset, around: Surroundings) -> list[Finding]:
            raise RuntimeError("no")

    world = await build(scanners=[Broken()])
    with pytest.raises(ScanFailed):
        await world.services.catalog.register(SYSTEM, world.server("weather"), credential=BEARER)
    assert await stored(world) == []
    assert not world.credentials.needed(asset("server", "weather", url="https://weather.test"))  # type: ignore[arg-type]  # it is a server


async def test_of_two_at_once_the_loser_leaves_nothing_behind(world: World) -> None:
    codes: list[str] = []

    async def register(token: str) -> None:
        try:
            await world.services.catalog.register(
                SYSTEM, world.server("weather"), credential={"kind": "bearer", "token": token}
            )
            codes.append("ok")
        except Conflict as refusal:
            codes.append(refusal.code)

    async with anyio.create_task_group() as tasks:
        for token in (SECRET, OTHER, "third-secret"):
            tasks.start_soon(register, token)
    assert sorted(codes) == ["conflict", "conflict", "ok"]
    assert len(await stored(world)) == 1


async def test_a_crash_before_the_server_is_stored_leaves_no_credential() -> None:
    store = CrashingStore("assets")
    world = await build(store=store)
    with pytest.raises(Crash):
        await world.services.catalog.register(SYSTEM, world.server("weather"), credential=BEARER)
    store.restart()
    assert len(await stored(world)) == 1
    again = await build(store=store)
    assert await stored(again) == []


async def test_a_crash_after_the_server_is_stored_leaves_both() -> None:
    store = CrashingStore(COLLECTION, after=1)
    world = await build(store=store)
    with pytest.raises(Crash):
        await world.services.catalog.register(SYSTEM, world.server("weather"), credential=BEARER)
    store.restart()
    await world.credentials.reload()
    server, _ = await world.shelf.get("server", "weather") or (None, 0)
    assert server is not None
    assert await headers(world, server) == SENT


async def test_what_was_left_behind_is_not_for_whoever_takes_the_path_next(world: World) -> None:
    await a_server(world)
    await world.credentials.put(SYSTEM, "weather", BEARER)
    found = await world.shelf.get("server", "weather")
    assert found is not None
    await world.shelf.delete(found[0])  # as a crash in the middle of a deletion might have it
    taken = await world.put_server("weather", who=ANN_MAY)
    assert world.network.sent[-1] == {}
    assert not world.credentials.needed(taken)  # type: ignore[arg-type]  # it is a server
    assert await stored(world) == []


async def test_a_bad_credential_is_refused_before_the_server_is_asked(world: World) -> None:
    with pytest.raises(Invalid):
        await world.services.catalog.register(
            SYSTEM, world.server("weather"), credential={"kind": "bearer", "token": "a b"}
        )
    assert world.network.described == []


async def test_a_server_of_persons_is_registered_first_and_fetched_later(world: World) -> None:
    with pytest.raises(Invalid, match="fetch=false"):
        await world.services.catalog.register(SYSTEM, world.server("mail"), credential={"kind": "per_user"})
    await world.services.catalog.register(SYSTEM, world.server("mail"), credential={"kind": "per_user"}, fetch=False)
    await world.services.catalog.refresh(SYSTEM, "mail")
    assert world.network.sent == [{"authorization": "Bearer system-1"}]


async def test_who_is_second_because_another_was_faster_meanwhile_leaves_nothing_behind(world: World) -> None:
    server = world.server("weather")

    async def faster() -> None:
        world.network.before_describe = lambda: None
        await world.services.catalog.register(SYSTEM, server, fetch=False)

    world.network.before_describe = faster
    with pytest.raises(Conflict):
        await world.services.catalog.register(SYSTEM, server, credential=BEARER)
    assert await stored(world) == []


async def test_a_further_version_is_fetched_with_what_its_address_has_already(world: World, source: Source) -> None:
    await a_server(world)
    await world.credentials.put(SYSTEM, "weather", GRANT)
    refusals = iter([CredentialRefused("401"), None])

    def refuse() -> None:
        if (error := next(refusals, None)) is not None:
            raise error

    world.network.before_describe = refuse
    world.network.sent.clear()
    await world.services.catalog.register(SYSTEM, world.server("weather", version="2.0.0"))
    assert [sent["authorization"] for sent in world.network.sent] == ["Bearer system-1", "Bearer system-2"]
    assert len(await stored(world)) == 1


async def test_a_first_fetch_that_is_refused_is_repeated_once_with_another_token(world: World, source: Source) -> None:
    refusals = iter([CredentialRefused("401"), CredentialRefused("401")])

    def refuse() -> None:
        raise next(refusals)

    world.network.before_describe = refuse
    with pytest.raises(CredentialRefused):
        await world.services.catalog.register(SYSTEM, world.server("weather"), credential=GRANT)
    with pytest.raises(StopIteration):
        next(refusals)
    assert await stored(world) == []


async def test_a_static_credential_that_is_refused_is_not_tried_again(world: World) -> None:
    def refuse() -> None:
        raise CredentialRefused("401")

    world.network.before_describe = refuse
    with pytest.raises(CredentialRefused):
        await world.services.catalog.register(SYSTEM, world.server("weather"), credential=BEARER)
    assert len(world.network.sent) == 1
