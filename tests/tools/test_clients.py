"""The tools for OAuth clients, in memory."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from fastmcp import FastMCP

from airegistry.core.assets import Json as JsonObject
from airegistry.core.tokens import digest
from airegistry.oauth.clients.clients import Clients
from airegistry.oauth.model import CLIENT_GRANT, CODE_GRANT
from airegistry.tools.clients import ClientTools
from airegistry.tools.declare import add_tools, needs_of
from airegistry.tools.errors import BadArguments
from tests.support.mcp import Json, call, refused
from tests.tools.wiring import World, furnished_core, served

pytestmark = pytest.mark.anyio


@dataclass
class Desk:
    """The tools behind a server, and the clients behind them."""

    world: World
    clients: Clients

    async def ask(self, tool: str, /, *, subject: str = "operator", **arguments: object) -> Json:
        async with self.world.client(subject) as client:
            return await call(client, tool, **arguments)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    core = await furnished_core()
    clients = Clients(core.store, core.services.access, core.services.audit, core.clock, None)
    mcp = FastMCP("registry", mask_error_details=True, middleware=[BadArguments()])
    add_tools(mcp, ClientTools(clients))
    async with served(mcp, core) as world:
        yield Desk(world, clients)


async def test_a_machine_is_registered_and_its_secret_shown_once(desk: Desk) -> None:
    """Trap 3."""
    made = await desk.ask("put_client", client_id="ci", client_name="CI", groups=["staff"], scopes=["forecasts"])
    client = desk.clients.known("ci")
    assert client is not None
    assert client.secret_hash == digest(made["client_secret"])
    assert made["client"]["grant_types"] == [CLIENT_GRANT]
    assert (made["client"]["groups"], made["client"]["scopes"]) == (["staff"], ["forecasts"])
    again = await desk.ask("put_client", client_id="ci", groups=[])
    assert again["client_secret"] is None
    assert (again["client"]["groups"], again["client"]["client_name"]) == ([], "CI")
    rotated = await desk.ask("put_client", client_id="ci", rotate_secret=True)
    assert rotated["client_secret"] not in {None, made["client_secret"]}


async def test_no_answer_ever_holds_what_is_kept_of_a_secret(desk: Desk) -> None:
    made = await desk.ask("put_client", client_id="ci")
    kept = desk.clients.known("ci")
    assert kept is not None
    assert kept.secret_hash is not None
    listed = await desk.ask("list_clients")
    assert kept.secret_hash not in str(made) + str(listed)
    assert made["client_secret"] not in str(listed)


async def test_a_connector_is_registered_with_its_redirect_uris(desk: Desk) -> None:
    made = await desk.ask("put_client", client_id="app", redirect_uris=["https://app.example/cb"])
    assert (made["client"]["application_type"], made["client_secret"]) == ("web", None)
    with refused("invalid") as failure:
        await desk.ask("put_client", client_id="app", redirect_uris=["http://app.example/cb"])
    assert "http is for" in failure.value.content["message"]
    with refused("invalid"):
        await desk.ask("put_client", client_id="app", grant_types=["password"])
    keys: JsonObject = {"keys": []}
    with refused("invalid"):
        await desk.ask("put_client", client_id="app", token_endpoint_auth_method="private_key_jwt", jwks=keys)
    made = await desk.ask("put_client", client_id="app", grant_types=[CODE_GRANT])
    assert made["client"]["grant_types"] == [CODE_GRANT]


async def test_clients_are_listed_page_by_page_whoever_registered_them(desk: Desk) -> None:
    for client_id in ("b", "a"):
        await desk.ask("put_client", client_id=client_id)
    own, _ = await desk.clients.register({"redirect_uris": ["https://app.example/cb"]}, source="192.0.2.1")
    first = await desk.ask("list_clients", limit=2)
    assert [client["client_id"] for client in first["clients"]] == ["a", "b"]
    rest = await desk.ask("list_clients", limit=2, cursor=first["next_cursor"])
    assert [(client["client_id"], client["origin"]) for client in rest["clients"]] == [(own.client_id, "dynamic")]
    assert rest["next_cursor"] is None
    dynamic = await desk.ask("list_clients", origin="dynamic")
    assert [client["client_id"] for client in dynamic["clients"]] == [own.client_id]


async def test_a_client_is_removed(desk: Desk) -> None:
    await desk.ask("put_client", client_id="ci")
    assert await desk.ask("delete_client", client_id="ci") == {"ok": True}
    assert desk.clients.known("ci") is None
    with refused("not_found"):
        await desk.ask("delete_client", client_id="ci")


async def test_clients_are_the_business_of_administrators(desk: Desk) -> None:
    await desk.ask("put_client", client_id="ci")
    arguments: dict[str, Json] = {
        "put_client": {"client_id": "mine"}, "list_clients": {}, "delete_client": {"client_id": "ci"},
    }  # fmt: skip
    for tool, given in arguments.items():
        with refused("access_denied"):
            await desk.ask(tool, subject="ann", **given)
    assert needs_of([ClientTools(desk.clients)]) == dict.fromkeys(arguments, "token")
