"""Checks of backends: when they are made, what is made of them, and who hears of it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import anyio
import pytest

from airegistry.core.assets import Server, Tool
from airegistry.core.calls import Backend, Credentials, NoCredentials
from airegistry.core.documents import Document, Json
from airegistry.core.errors import (
    AccessDenied,
    ConsentRequired,
    CredentialRefused,
    NotFound,
    RateLimited,
    Unsupported,
    UpstreamFailed,
)
from airegistry.core.events import Events
from airegistry.core.grants import Grant
from airegistry.core.health import HealthChecks
from airegistry.core.pins import Pins
from airegistry.core.ports import AnyAsset, Clock
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.telemetry import NoTelemetry
from airegistry.core.vitals import Vitals
from airegistry.stores.memory import MemoryStore
from tests.core.network import FakeNetwork
from tests.core.wiring import ANN, World, asset, build

pytestmark = pytest.mark.anyio
URL = "https://weather.test/mcp"


@pytest.fixture
async def weather(world: World) -> World:
    """A world with a registered server."""
    await world.put_server("weather")
    return world


async def check(world: World, path: str = "weather", *, kind: str = "server") -> AnyAsset:
    """The asset after one more check."""
    world.clock.pass_(10)  # within what a caller may ask for
    return await world.services.health.check(SYSTEM, kind, path)  # type: ignore[arg-type]  # one of the kinds


def down(world: World) -> Sequence[Tool]:
    """Take the backend away; returns what brings it back."""
    return world.network.tools.pop(URL)


async def test_two_failures_in_a_row_make_unhealthy_and_one_answer_makes_healthy(weather: World) -> None:
    tools = down(weather)
    assert (await check(weather)).health == "healthy"
    assert (await check(weather)).health == "unhealthy"
    assert (await check(weather)).health == "unhealthy"
    weather.network.tools[URL] = tools
    assert (await check(weather)).health == "healthy"
    down(weather)
    assert (await check(weather)).health == "healthy"
    weather.network.tools[URL] = tools
    assert (await check(weather)).health == "healthy"
    down(weather)
    assert (await check(weather)).health == "healthy"


async def test_a_change_is_told_audited_and_stored_once(weather: World) -> None:
    down(weather)
    for _ in range(4):
        await check(weather)
    assert [event.name for event in weather.told if event.name.endswith(":health")] == ["server:health"]
    (event,) = await weather.events(action="server:health")
    assert event.reason == f"healthy -> unhealthy: {URL} is out of reach"
    later = await build(store=weather.store)
    found = await later.services.catalog.get(SYSTEM, "server", "weather")
    assert (found.health, found.health_report.error) == ("unhealthy", f"{URL} is out of reach")


async def test_checks_that_change_nothing_do_not_write(weather: World) -> None:
    found = await weather.shelf.get("server", "weather")
    assert found is not None
    for _ in range(3):
        await check(weather)
    again = await weather.shelf.get("server", "weather")
    assert again is not None
    assert again[1] == found[1]


async def test_the_last_check_is_shown_although_it_is_not_stored(weather: World) -> None:
    shown = await check(weather)
    assert shown.health_report.checked_at == weather.clock.now()
    assert shown.health_report.latency_ms == 0
    stored = await weather.shelf.get("server", "weather")
    assert stored is not None
    assert stored[0].health_report.checked_at != weather.clock.now()
    weather.clock.pass_(60)
    refreshed = await weather.services.catalog.refresh(SYSTEM, "weather")
    assert weather.services.vitals.applied(refreshed).health_report == refreshed.health_report  # which is newer


async def test_search_and_lists_show_it_without_reading_the_texts_anew(weather: World) -> None:
    prepared: list[str] = []
    prepare = weather.services.search.indexing.prepare

    async def counted(asset: AnyAsset, *, anew: bool = False) -> object:
        prepared.append(asset.path)
        return await prepare(asset, anew=anew)

    weather.services.search.indexing.prepare = counted  # type: ignore[method-assign,assignment]
    down(weather)
    for _ in range(2):
        await check(weather)
    (hit,) = (await weather.services.search.find(ANN, "weather", kinds=["server"])).hits
    assert (hit.asset.health, prepared) == ("unhealthy", [])
    assert weather.services.search.health(ANN) == {"unknown": 0, "healthy": 0, "unhealthy": 1}
    (listed,) = (await weather.services.catalog.list(ANN, ["server"])).assets
    assert listed.health == "unhealthy"
    await weather.services.catalog.update(SYSTEM, "server", "weather", {"tags": ["x"]})
    assert prepared == ["weather"]


async def test_only_whoever_may_change_it_reads_what_went_wrong_and_where(weather: World) -> None:
    down(weather)
    for _ in range(2):
        await check(weather)
    server = await weather.services.catalog.get(SYSTEM, "server", "weather")
    parts = weather.services.catalog
    assert parts.part(SYSTEM, server).health_report.error == f"{URL} is out of reach"
    assert parts.part(ANN, server).health_report.error == "its last health check failed"


async def test_a_check_takes_at_most_its_time(weather: World) -> None:
    checks = checks_of(weather, timeout=0.01)
    weather.network.before_describe = anyio.sleep_forever
    with anyio.fail_after(5):
        for _ in range(2):
            found = await checks.check(SYSTEM, "server", "weather")
    assert (found.health, found.health_report.error) == ("unhealthy", "it did not answer within 0.01 s")


async def test_many_tools_are_compared_now_and_then_and_pinged_in_between(world: World) -> None:
    await world.put_server("weather", [f"tool-{number}" for number in range(101)])
    world.network.described.clear()
    for _ in range(3):
        await check(world)
    assert world.network.described == ["weather"]
    world.clock.pass_(600)
    await check(world)
    assert world.network.described == ["weather"] * 2


async def test_a_server_registered_by_value_is_only_asked_whether_it_answers(world: World) -> None:
    await world.services.catalog.register(SYSTEM, world.server("weather"), fetch=False)
    found = await check(world)
    assert (found.health, world.network.described) == ("healthy", [])


@pytest.mark.parametrize("kind", ["skill", "virtual_server"])
async def test_what_has_no_endpoint_is_not_checked(world: World, kind: str) -> None:
    fields: dict[str, object] = {"content": "x"} if kind == "skill" else {}
    await world.services.catalog.register(SYSTEM, asset(kind, "thing", **fields), fetch=False)
    with pytest.raises(Unsupported, match="has no endpoint"):
        await check(world, "thing", kind=kind)


async def test_a_recipe_is_not_checked(world: World) -> None:
    await world.services.catalog.register(SYSTEM, asset("server", "local", transport="stdio", command="npx"))
    with pytest.raises(Unsupported):
        await check(world, "local")


async def agent(world: World, **fields: object) -> None:
    card = {"name": "planner", "url": "https://planner.test/a2a"}
    found = asset("agent", "planner", url="https://planner.test/a2a", card=card, **fields)
    await world.services.catalog.register(SYSTEM, found, fetch=False)


async def test_an_agent_is_healthy_when_its_card_is_to_be_had(world: World) -> None:
    card = "https://planner.test/.well-known/agent-card.json"
    await agent(world, card_url=card)
    assert (await check(world, "planner", kind="agent")).health == "unknown"
    world.network.texts[card] = '{"name": "planner"}'
    assert (await check(world, "planner", kind="agent")).health == "healthy"
    world.network.texts[card] = "<html>"
    for _ in range(2):
        found = await check(world, "planner", kind="agent")
    assert (found.health, found.health_report.error) == (
        "unhealthy",
        "what planner.test has for an agent card is no JSON object",
    )


async def test_an_agent_without_a_card_to_fetch_is_healthy_when_something_answers(world: World) -> None:
    await agent(world)
    world.network.texts["https://planner.test/a2a"] = "405"
    assert (await check(world, "planner", kind="agent")).health == "healthy"


class Vault:
    """Credentials of one sort for every backend."""

    def __init__(self, answer: Mapping[str, str] | Exception, other: Mapping[str, str] | None = None) -> None:
        self.answer = answer
        self.other = other
        self.asked: list[str] = []

    def needed(self, asset: Backend) -> bool:
        return True

    async def headers(self, who: Principal, asset: Backend) -> Mapping[str, str]:
        self.asked.append(who.subject)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def renewed(self, who: Principal, asset: Backend, used: Mapping[str, str]) -> Mapping[str, str] | None:
        return self.other


def checks_of(
    world: World, *, credentials: Credentials | None = None, clock: Clock | None = None,
    network: FakeNetwork | None = None, interval: float = 60.0, timeout: float = 10.0, events: Events | None = None,
) -> HealthChecks:  # fmt: skip
    """Health checks over the stores of a world, with other ports or figures."""
    services = world.services
    return HealthChecks(
        world.shelf, services.catalog, network or world.network, credentials or NoCredentials(), services.audit,
        events or Events(), clock or world.clock, NoTelemetry(), Vitals(),
        Pins(world.store, services.scans, world.clock, NoTelemetry()), interval=interval, timeout=timeout,
    )  # fmt: skip


async def test_a_backend_is_asked_with_its_own_credential_on_the_registrys_account(weather: World) -> None:
    vault = Vault({"authorization": "Bearer of-the-backend"})
    checks = checks_of(weather, credentials=vault)
    weather.network.sent.clear()
    await checks.check(ANN, "server", "weather")
    assert (vault.asked, weather.network.sent) == (["system"], [{"authorization": "Bearer of-the-backend"}])


async def test_a_credential_that_cannot_be_had_is_a_failed_check(weather: World) -> None:
    checks = checks_of(weather, credentials=Vault(UpstreamFailed("the authorization server is down")))
    for _ in range(2):
        found = await checks.check(SYSTEM, "server", "weather")
    assert (found.health, found.health_report.error) == ("unhealthy", "the authorization server is down")


async def test_a_credential_that_is_not_taken_is_renewed_once(weather: World) -> None:
    vault = Vault({"authorization": "Bearer old"}, other={"authorization": "Bearer new"})
    checks = checks_of(weather, credentials=vault)
    list_tools = weather.network.list_tools

    async def choosy(server: Server, headers: Mapping[str, str] = {}) -> Sequence[Tool]:
        if headers["authorization"] == "Bearer old":
            raise CredentialRefused("it answered 401")
        return await list_tools(server, headers)

    weather.network.list_tools = choosy  # type: ignore[method-assign]
    for _ in range(2):
        assert (await checks.check(SYSTEM, "server", "weather")).health == "healthy"
    vault.other = None
    for _ in range(2):
        found = await checks.check(SYSTEM, "server", "weather")
    assert (found.health, found.health_report.error) == ("unhealthy", "it answered 401")


async def test_a_backend_that_knows_its_users_is_healthy_when_it_answers_nobody(weather: World) -> None:
    checks = checks_of(weather, credentials=Vault(ConsentRequired("connect first", url="https://x.test", id="1")))
    weather.network.described.clear()
    ping = weather.network.ping

    async def unauthorized(server: Server, headers: Mapping[str, str] = {}) -> None:
        await ping(server, headers)
        raise CredentialRefused("it answered 401")

    weather.network.ping = unauthorized  # type: ignore[method-assign]
    assert (await checks.check(SYSTEM, "server", "weather")).health == "healthy"
    assert weather.network.described == []
    down(weather)
    for _ in range(2):
        found = await checks.check(SYSTEM, "server", "weather")
    assert found.health == "unhealthy"


class Contended(MemoryStore):
    """A store in which somebody else writes just before the health of an asset is written."""

    def __init__(self) -> None:
        super().__init__()
        self.others: list[Callable[[], Awaitable[object]]] = []

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        if self.others and body.get("health") == "unhealthy":
            await self.others.pop()()
        return await super().put(collection, key, body, expect=expect)


async def test_what_somebody_else_writes_meanwhile_is_kept() -> None:
    store = Contended()
    world = await build(store=store)
    await world.put_server("weather")
    tags: Json = {"tags": ["new"]}
    store.others.append(lambda: world.services.catalog.update(SYSTEM, "server", "weather", tags))
    down(world)
    for _ in range(2):
        found = await check(world)
    assert (found.health, found.tags, store.others) == ("unhealthy", ["new"], [])


async def test_a_server_that_is_deleted_while_it_is_checked_stays_deleted(weather: World) -> None:
    weather.network.before_describe = lambda: weather.services.catalog.delete(SYSTEM, "server", "weather")
    with pytest.raises(NotFound):
        await check(weather)
    assert await weather.shelf.get("server", "weather") is None


async def test_whoever_may_read_may_check_and_ten_times_a_minute(weather: World) -> None:
    for _ in range(10):
        await weather.services.health.check(ANN, "server", "weather")
    with pytest.raises(RateLimited, match="too many health checks") as refused:
        await weather.services.health.check(ANN, "server", "weather")
    assert refused.value.retry_after == 6


async def test_whoever_may_not_read_may_not_check(weather: World) -> None:
    deny = Grant(assets=["weather"], actions=["read"], effect="deny")
    with pytest.raises(AccessDenied):
        await weather.services.health.check(await weather.holding(deny), "server", "weather")
    with pytest.raises(NotFound):
        await weather.services.health.check(ANN, "server", "nothing")
    assert weather.network.described == ["weather"]  # when it was registered


async def test_a_backend_that_moved_begins_anew(weather: World) -> None:
    down(weather)
    await check(weather)
    weather.network.tools["https://new.test/mcp"] = [Tool(name="forecast")]
    await weather.services.catalog.update(SYSTEM, "server", "weather", {"url": "https://new.test/mcp"})
    del weather.network.tools["https://new.test/mcp"]
    assert (await check(weather)).health == "healthy"
    assert (await check(weather)).health == "unhealthy"
