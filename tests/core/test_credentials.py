"""The credentials of backends: who sets them, where they go, what is seen of them, when they go."""

import pytest

from airegistry.core.credential_vault import COLLECTION
from airegistry.core.errors import (
    AccessDenied,
    Conflict,
    CredentialRefused,
    Internal,
    Invalid,
    NotFound,
    Unsupported,
    UpstreamFailed,
)
from airegistry.core.grants import Grant
from airegistry.core.principals import SYSTEM, Principal
from airegistry.stores.memory import MemoryLog, MemoryStore
from tests.core.credentialed import (
    BEARER,
    EXCHANGE,
    GRANT,
    OTHER,
    SECRET,
    SENT,
    Source,
    a_server,
    headers,
    stored,
)
from tests.core.wiring import ANN, BOB, World, asset, build

pytestmark = pytest.mark.anyio


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
async def world(source: Source) -> World:
    return await build(sources=dict.fromkeys(("oauth_client", "token_exchange", "per_user"), source))


async def test_a_server_without_one_needs_none(world: World) -> None:
    server = await a_server(world)
    assert not world.credentials.needed(server)
    assert await world.credentials.headers(ANN, server) == {}
    assert await world.credentials.renewed(ANN, server, {}) is None
    assert await world.credentials.describe(SYSTEM, "weather") == []
    assert await world.credentials.remove(SYSTEM, "weather") is False


async def test_what_is_set_is_sent_and_never_shown(world: World) -> None:
    server = await a_server(world)
    found = await world.credentials.put(SYSTEM, "/weather", BEARER)
    assert await headers(world, server) == SENT
    assert await world.credentials.renewed(ANN, server, SENT) is None
    assert found == await world.credentials.describe(SYSTEM, "weather")
    assert (found[0].origin, found[0].current, found[0].set_by) == ("https://weather.test:443", True, "system")
    assert found[0].fields == {"kind": "bearer", "token": "**********"}
    event = (await world.events(action="credential:put"))[0]
    assert (event.asset, event.target) == ("weather", "https://weather.test:443")
    body = [document.body async for document in world.store.find(COLLECTION)]
    assert SECRET not in str(body) + str(found) + str(event) + repr(world.credentials)


async def test_it_outlives_the_process() -> None:
    store, log = MemoryStore(), MemoryLog()
    world = await build(store=store, log=log)
    server = await a_server(world)
    await world.credentials.put(SYSTEM, "weather", BEARER)
    await world.credentials.reload()
    assert await headers(world, server) == SENT


async def test_who_may_update_the_server_may_set_show_and_remove_it_and_nobody_else(world: World) -> None:
    await a_server(world)
    updater = await world.holding(Grant(assets=["weather"], actions=["update"]))
    await world.credentials.put(updater, "weather", BEARER)
    caller = await world.holding(Grant(assets=["weather"], actions=["call"]), who=BOB, name="calls")
    for who in (ANN, BOB, caller):
        with pytest.raises(AccessDenied):
            await world.credentials.put(who, "weather", {"kind": "bearer", "token": OTHER})
        with pytest.raises(AccessDenied):
            await world.credentials.describe(who, "weather")
        with pytest.raises(AccessDenied):
            await world.credentials.remove(who, "weather")
    assert [event.decision for event in await world.events(action="credential:put")] == ["deny"] * 3 + ["allow"]
    assert await world.credentials.remove(updater, "weather")
    assert await stored(world) == []


async def test_of_a_hidden_server_nobody_learns_that_it_is_there(world: World) -> None:
    await a_server(world, groups=["staff"])
    for path in ("weather", "nowhere"):
        with pytest.raises(NotFound, match=f"no server named '{path}'"):
            await world.credentials.put(ANN, path, BEARER)
        with pytest.raises(NotFound, match=f"no server named '{path}'"):
            await world.credentials.describe(ANN, path)


async def test_what_runs_on_its_users_machine_or_is_no_backend_has_none(world: World) -> None:
    local = asset("server", "local", transport="stdio", command="npx", tools=[{"name": "x"}])
    await world.services.catalog.register(SYSTEM, local)
    with pytest.raises(Invalid, match="no URL"):
        await world.credentials.put(SYSTEM, "local", BEARER)
    with pytest.raises(Invalid, match="no URL"):
        await world.services.catalog.register(SYSTEM, asset("virtual_server", "bundle"), credential=BEARER)


async def test_an_agent_has_its_own_beside_a_server_of_the_same_path(world: World) -> None:
    await a_server(world)
    agent = asset("agent", "weather", url="https://agent.test/a2a")
    await world.services.catalog.register(SYSTEM, agent)
    await world.credentials.put(SYSTEM, "weather", BEARER, kind="agent")
    assert (await world.credentials.describe(SYSTEM, "weather", kind="agent"))[0].origin == "https://agent.test:443"
    assert await world.credentials.describe(SYSTEM, "weather") == []


class TestOrigin:
    async def test_a_server_that_moves_is_not_sent_what_it_had_before(self, world: World) -> None:
        server = await a_server(world)
        await world.credentials.put(SYSTEM, "weather", BEARER)
        for url in (
            "https://evil.test/mcp", "https://weather.test:8443/mcp", "http://weather.test/mcp",
            "https://weather.test.evil.test/mcp", "https://a.weather.test/mcp",
        ):  # fmt: skip
            with pytest.raises(Unsupported, match="withheld") as refusal:
                await world.credentials.headers(ANN, server.model_copy(update={"url": url}))
            assert SECRET not in refusal.value.message
        assert await headers(world, server.model_copy(update={"url": "https://WEATHER.test:443/other"})) == SENT

    async def test_moving_it_is_refused_before_anything_is_sent_until_one_is_set_for_the_new_address(
        self, world: World
    ) -> None:
        await a_server(world)
        await world.credentials.put(SYSTEM, "weather", BEARER)
        moved = str(world.server("moved").url)  # type: ignore[union-attr]  # it is a server
        world.network.sent.clear()
        with pytest.raises(Unsupported, match="withheld"):
            await world.services.catalog.update(SYSTEM, "server", "weather", {"url": moved})
        assert world.network.sent == []
        await world.credentials.put(SYSTEM, "weather", {"kind": "bearer", "token": OTHER}, url=moved)
        server = await world.services.catalog.update(SYSTEM, "server", "weather", {"url": moved})
        assert world.network.sent == [{"authorization": f"Bearer {OTHER}"}]
        assert await headers(world, server) == {"authorization": f"Bearer {OTHER}"}
        await world.credentials.put(SYSTEM, "weather", BEARER)
        assert await stored(world) == ["server/weather@https://moved.test:443"]

    async def test_versions_at_several_addresses_have_one_each(self, world: World) -> None:
        first = await a_server(world)
        await world.credentials.put(SYSTEM, "weather", BEARER)
        second = world.server("weather", url="https://two.test/mcp", version="2.0.0")
        done = await world.services.catalog.register(
            SYSTEM, second, credential={"kind": "api_key", "header": "X-Key", "value": OTHER}
        )
        assert await headers(world, first) == SENT
        assert await headers(world, done.asset) == {"x-key": OTHER}
        await world.credentials.put(SYSTEM, "weather", {"kind": "none"})
        assert await headers(world, first) == {}
        assert await headers(world, done.asset) == {"x-key": OTHER}

    async def test_a_further_version_at_the_same_address_does_not_replace_it_by_the_way(self, world: World) -> None:
        await a_server(world)
        await world.credentials.put(SYSTEM, "weather", BEARER)
        with pytest.raises(Conflict, match="has a credential"):
            await world.services.catalog.register(
                SYSTEM, world.server("weather", version="2.0.0"), credential={"kind": "bearer", "token": OTHER}
            )


async def test_with_the_server_its_credential_goes(world: World, source: Source) -> None:
    await a_server(world)
    await world.credentials.put(SYSTEM, "weather", {"kind": "per_user"})
    await world.services.catalog.delete(SYSTEM, "server", "weather")
    assert await stored(world) == []
    assert source.forgotten == ["server/weather"]
    server = await a_server(world)
    assert not world.credentials.needed(server)


class TestTokens:
    async def test_a_fetch_that_is_refused_is_repeated_once_with_another_token(self, world: World) -> None:
        await a_server(world)
        await world.credentials.put(SYSTEM, "weather", GRANT)
        refusals = iter([CredentialRefused("401"), None])

        def refuse() -> None:
            if (error := next(refusals, None)) is not None:
                raise error

        world.network.before_describe = refuse
        world.network.sent.clear()
        await world.services.catalog.refresh(SYSTEM, "weather")
        assert [sent["authorization"] for sent in world.network.sent] == ["Bearer system-1", "Bearer system-2"]

    async def test_one_token_serves_everybody_and_an_exchanged_one_its_caller_alone(
        self, world: World, source: Source
    ) -> None:
        server = await a_server(world)
        await world.credentials.put(SYSTEM, "weather", GRANT)
        assert await headers(world, server, ANN) == await headers(world, server, BOB)
        await world.credentials.put(SYSTEM, "weather", EXCHANGE)
        assert await headers(world, server, ANN) != await headers(world, server, BOB)
        deputy = Principal(subject=ANN.subject, actor="client:deputy")
        assert await headers(world, server, deputy) != await headers(world, server, ANN)
        assert len(source.wants) == 4

    async def test_another_credential_in_its_place_never_uses_the_old_ones_token(
        self, world: World, source: Source
    ) -> None:
        server = await a_server(world)
        await world.credentials.put(SYSTEM, "weather", GRANT)
        first = await headers(world, server)
        await world.credentials.put(SYSTEM, "weather", {**GRANT, "scope": "more"})
        assert await headers(world, server) != first
        await world.credentials.put(SYSTEM, "weather", BEARER)
        assert await headers(world, server) == SENT

    async def test_what_an_authorization_server_repeats_of_the_secret_is_told_nobody(
        self, world: World, source: Source
    ) -> None:
        server = await a_server(world)
        await world.credentials.put(SYSTEM, "weather", GRANT)
        source.fails = f"as.test refused: client_secret {SECRET} is wrong"
        with pytest.raises(UpstreamFailed) as refusal:
            await headers(world, server)
        assert str(refusal.value) == refusal.value.message == "as.test refused: client_secret *** is wrong"
        with pytest.raises(UpstreamFailed) as refusal:
            await world.credentials.put(SYSTEM, "weather", GRANT)
        assert SECRET not in refusal.value.message + str(await world.events(action="credential:put"))

    async def test_without_a_source_such_credentials_are_not_offered(self) -> None:
        world = await build()
        await a_server(world)
        with pytest.raises(Unsupported, match="oauth_client"):
            await world.credentials.put(SYSTEM, "weather", GRANT)


async def test_a_seal_that_was_moved_to_another_server_does_not_open(world: World) -> None:
    await a_server(world)
    other = await a_server(world, "other")
    await world.credentials.put(SYSTEM, "weather", BEARER)
    await world.credentials.put(SYSTEM, "other", {"kind": "bearer", "token": OTHER})
    mine, theirs = [document async for document in world.store.find(COLLECTION)]
    await world.store.put(COLLECTION, mine.key, {**mine.body, "sealed": theirs.body["sealed"]})
    await world.credentials.reload()
    with pytest.raises(Internal, match="another one's"):
        await headers(world, other)
