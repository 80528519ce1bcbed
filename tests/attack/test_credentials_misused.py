"""Credentials of backends in the hands of whoever may change a server, and of servers that are not what they were."""

import pytest

from airegistry.core.assets import Json, Server
from airegistry.core.credential_kinds import parsed
from airegistry.core.credentials import CredentialStore
from airegistry.core.errors import AccessDenied, AirError, Conflict, Invalid, Unsupported
from airegistry.core.grants import Grant
from airegistry.core.principals import SYSTEM
from airegistry.egress.backend_tokens import BackendTokens
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp
from tests.core.wiring import ANN, BOB, World, build

pytestmark = pytest.mark.anyio
SECRET = "s3cret-s3cret"
BEARER: Json = {"kind": "bearer", "token": SECRET}
VICTIM = "https://login.victim.test"


@pytest.fixture
async def world() -> World:
    world = await build()
    await world.put_server("weather")
    await world.credentials.put(SYSTEM, "weather", BEARER)
    return world


@pytest.mark.parametrize(
    ("issuer", "endpoint"),
    [
        (VICTIM, "https://evil.test/token"),
        (VICTIM, "https://login.victim.test.evil.test/token"),
        (VICTIM, "https://login.victim.test:8443/token"),
        (VICTIM, "http://127.0.0.1:9/token"),
    ],
)
async def test_who_is_calling_is_not_told_elsewhere_in_a_form_that_an_authorization_server_takes(
    issuer: str, endpoint: str
) -> None:
    """A JWT that names callers to the issuer, sent to somebody else, would let that one pass for all of them."""
    grant = parsed({"kind": "token_exchange", "client_id": "x", "issuer": issuer, "token_endpoint": endpoint})
    async with JsonHttp(Guard()) as http:
        tokens = BackendTokens(http, lambda who, audience: "jwt")
        with pytest.raises(Invalid, match="token_endpoint"):
            await tokens.prepared("https://weather.test/mcp", grant)  # type: ignore[arg-type]  # an exchange


async def test_an_endpoint_of_the_issuer_itself_may_be_named_with_it() -> None:
    grant = parsed({
        "kind": "token_exchange", "client_id": "x", "issuer": VICTIM, "token_endpoint": f"{VICTIM}/oauth/token",
    })  # fmt: skip
    async with JsonHttp(Guard()) as http:
        tokens = BackendTokens(http, lambda who, audience: "jwt")
        assert await tokens.prepared("https://weather.test/mcp", grant) == grant  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["https://evil.test/mcp", "https://weather.test:8443/mcp", "http://weather.test/mcp"])
async def test_a_server_that_moves_takes_no_secret_along(world: World, url: str) -> None:
    who = await world.holding(Grant(assets=["weather"], actions=["read", "update", "refresh"]))
    world.network.tools[url] = []
    world.network.sent.clear()
    with pytest.raises(AirError):
        await world.services.catalog.update(who, "server", "weather", {"url": url})
    world.server("weather", version="2.0.0", url=url)
    with pytest.raises(AirError):
        await world.services.catalog.register(who, world.server("weather", version="2.0.0", url=url))
    assert SECRET not in str(world.network.sent)


async def test_only_who_may_update_reads_or_swaps_a_credential(world: World) -> None:
    reader = await world.holding(Grant(assets=["weather"], actions=["list", "read", "call", "toggle", "transition"]))
    for who in (reader, BOB):
        for act in (
            world.credentials.describe(who, "weather"),
            world.credentials.put(who, "weather", BEARER),
            world.credentials.put(who, "weather", BEARER, url="https://evil.test/mcp"),
            world.credentials.remove(who, "weather"),
        ):
            with pytest.raises(AccessDenied):
                await act


async def test_no_secret_stands_in_what_is_told_recorded_or_stored(world: World) -> None:
    described = await world.credentials.describe(SYSTEM, "weather")
    asset = await world.services.catalog.get(SYSTEM, "server", "weather")
    stored = [document async for document in world.store.find("credentials")]
    with pytest.raises(Conflict) as refused:
        await world.services.catalog.register(SYSTEM, world.server("weather", version="3"), credential=BEARER)
    told = (described, asset.model_dump_json(), stored, await world.events(), refused.value, world.credentials)
    assert SECRET not in repr(told)


async def test_whoever_takes_a_path_next_gets_nothing_of_what_was_there(world: World) -> None:
    await world.services.catalog.delete(SYSTEM, "server", "weather")
    who = await world.holding(Grant(assets=["weather"], actions=["register"]))
    world.network.sent.clear()
    await world.services.catalog.register(who, world.server("weather"))
    assert world.network.sent == [{}]
    assert await world.credentials.describe(SYSTEM, "weather") == []


async def test_a_call_to_a_moved_server_is_refused_and_not_sent_bare(world: World) -> None:
    store: CredentialStore = world.credentials
    found = await world.services.catalog.get(ANN, "server", "weather")
    moved = found.model_copy(update={"url": "https://evil.test/mcp"})
    assert store.needed(moved)  # type: ignore[arg-type]  # a server
    with pytest.raises(Unsupported):
        await store.headers(ANN, moved)  # type: ignore[arg-type]


async def test_a_secret_that_is_replaced_while_its_server_is_registered_is_not_the_one_that_is_sent() -> None:
    world = await build()
    asset = world.server("weather", created_at="2026-11-20T12:00:00Z")
    draft = await world.credentials.draft(SYSTEM, asset, BEARER)
    async with draft.stored():
        await world.shelf.create(asset)
        await world.credentials.put(SYSTEM, "weather", {"kind": "bearer", "token": "the-new-one"})
    assert isinstance(asset, Server)
    assert await world.credentials.headers(SYSTEM, asset) == {"authorization": "Bearer the-new-one"}
    await world.credentials.reload()
    assert await world.credentials.headers(SYSTEM, asset) == {"authorization": "Bearer the-new-one"}
