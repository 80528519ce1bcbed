"""Client credentials: machines on their own account, for what they hold and no more."""

from collections.abc import AsyncIterator

import pytest

from airegistry.oauth.model import CLIENT_GRANT
from tests.oauth.issuing import URL
from tests.oauth.machines import DEFAULT, WEATHER, Machines, machines, reasons

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world() -> AsyncIterator[Machines]:
    async with machines() as world:
        yield world


async def test_a_machine_gets_a_token_for_itself_and_no_refresh_token(world: Machines) -> None:
    """trap 2: `client_credentials` is a grant of the token endpoint like any other."""
    answer, issued = await world.given(CLIENT_GRANT)
    assert {**answer, "access_token": ""} == {
        "access_token": "", "token_type": "Bearer", "expires_in": 600, "scope": "mcp"
    }  # fmt: skip
    assert (issued.subject, issued.client_id, issued.resource) == ("client:ci", "ci", DEFAULT)
    who = world.who(issued)
    assert who is not None
    assert who.scopes == {"watch", "deploy"}
    assert who.groups == {"staff"}
    assert not who.administers
    assert who.expires_at == issued.expires_at


async def test_a_token_is_for_the_resource_that_was_asked_for(world: Machines) -> None:
    _, issued = await world.given(CLIENT_GRANT, resource=f"{WEATHER}/")
    assert issued.resource == WEATHER


@pytest.mark.parametrize("resource", ["https://elsewhere.test/mcp", f"{URL}/weather", f"{URL}.evil.test/mcp", "mcp"])
async def test_no_token_is_for_what_is_none_of_this_registrys(world: Machines, resource: str) -> None:
    assert await world.refused(CLIENT_GRANT, resource=resource) == "invalid_target"


async def test_scopes_narrow_to_what_the_machine_holds(world: Machines) -> None:
    answer, issued = await world.given(CLIENT_GRANT, scope="watch offline_access")
    assert answer["scope"] == "watch"
    who = world.who(issued)
    assert who is not None
    assert who.scopes == {"watch"}
    assert who.withheld == {"deploy"}


@pytest.mark.parametrize("scope", ["nothing", "watch nothing", "mcp watch unheld"])
async def test_a_scope_that_is_not_there_or_not_held_is_refused(world: Machines, scope: str) -> None:
    assert await world.refused(CLIENT_GRANT, scope=scope) == "invalid_scope"


async def test_administration_is_for_machines_that_are_entitled_to_it_and_ask_for_it(world: Machines) -> None:
    _, issued = await world.given(CLIENT_GRANT, scope="mcp mcp:admin")
    who = world.who(issued)
    assert who is not None
    assert who.administers
    assert await world.refused(CLIENT_GRANT, basic="agent", scope="mcp:admin") == "invalid_scope"


@pytest.mark.parametrize("client", ["own", "off"])
async def test_only_machines_that_an_administrator_made_get_tokens(world: Machines, client: str) -> None:
    assert await world.refused(CLIENT_GRANT, basic=client) == "unauthorized_client"


async def test_a_client_that_proves_nothing_gets_no_token(world: Machines) -> None:
    response = await world.issuer.post("/token", {"grant_type": CLIENT_GRANT, "client_id": "open"})
    assert (response.status_code, response.json()["error"]) == (400, "unauthorized_client")


async def test_a_client_that_was_not_made_for_it_gets_no_token(world: Machines) -> None:
    assert await world.refused(CLIENT_GRANT, basic="warden") == "unauthorized_client"


async def test_a_token_is_worth_nothing_when_its_machine_is_switched_off(world: Machines) -> None:
    _, issued = await world.given(CLIENT_GRANT)
    known = world.issuer.clients.known("ci")
    assert known is not None
    world.issuer.clients.put("ci", known.model_copy(update={"active": False}))
    assert world.who(issued) is None


async def test_every_token_and_every_refusal_is_in_the_trail(world: Machines) -> None:
    await world.given(CLIENT_GRANT, scope="watch")
    await world.refused(CLIENT_GRANT, scope="nothing")
    refusal, mint = await reasons(world, "token:mint")
    assert mint == ("client:ci", "ci", "allow", "client_credentials: watch")
    assert refusal[:3] == ("client:ci", "ci", "deny")
    assert "does not exist" in refusal[3]
