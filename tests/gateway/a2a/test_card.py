"""The card that the registry serves in place of the agent's own."""

import pytest

from airegistry.core.assets import Json
from tests.gateway.a2a.clerk import older_card
from tests.gateway.a2a.world import SAY, World, clerk_card

pytestmark = pytest.mark.anyio
PLACES = ["/.well-known/agent-card.json", "/.well-known/agent.json", "/v1/card", "/extendedAgentCard"]


@pytest.mark.parametrize("place", PLACES)
async def test_a_card_of_0_3_leads_to_the_registry_and_to_its_login(world: World, place: str) -> None:
    answer = await world.send("GET", place, path="older")
    here, card = f"{world.url}/agents/older", answer.json
    assert (card["url"], card["preferredTransport"], card["protocolVersion"]) == (here, "JSONRPC", "0.3.0")
    assert card["additionalInterfaces"] == [
        {"url": here, "transport": "JSONRPC"},
        {"url": here, "transport": "HTTP+JSON"},
    ]
    assert world.agent not in answer.body.decode()
    assert "clerk.test" not in answer.body.decode()
    assert "signatures" not in card
    assert {*card["securitySchemes"]} == {"oauth", "bearer"}
    oauth = card["securitySchemes"]["oauth"]
    assert oauth["oauth2MetadataUrl"] == f"{world.url}/.well-known/oauth-authorization-server"
    assert oauth["flows"]["authorizationCode"]["authorizationUrl"] == f"{world.url}/authorize"
    assert f"{world.url}/.well-known/oauth-protected-resource/agents/older" in oauth["description"]
    assert card["security"] == [{"oauth": ["mcp"]}, {"bearer": []}]
    assert card["provider"] == {"organization": "Desk", "url": "https://desk.test"}
    assert (card["name"], card["version"], card["capabilities"]["streaming"]) == ("Clerk", "1.2.0", True)
    assert [{*skill} & {"id", "security"} for skill in card["skills"]] == [{"id"}, {"id"}]


@pytest.mark.parametrize("place", PLACES)
async def test_a_card_of_1_0_leads_to_the_registry_and_to_its_login(world: World, place: str) -> None:
    answer = await world.send("GET", place)
    here, card = f"{world.url}/agents/clerk", answer.json
    assert card["supportedInterfaces"] == [
        {"url": here, "protocolBinding": binding, "protocolVersion": version}
        for version in ("1.0", "0.3")
        for binding in ("JSONRPC", "HTTP+JSON")
    ]
    assert world.agent not in answer.body.decode()
    assert card["securityRequirements"][0] == {"schemes": {"oauth": {"list": ["mcp"]}}}
    assert "flows" in card["securitySchemes"]["oauth"]["oauth2SecurityScheme"]
    assert card["securitySchemes"]["bearer"]["httpAuthSecurityScheme"]["scheme"] == "Bearer"


async def test_a_card_holds_the_skills_that_the_caller_may_use(world: World) -> None:
    await world.let("dan", SAY)
    card = await world.send("GET", "/.well-known/agent-card.json", subject="dan")
    assert [skill["id"] for skill in card.json["skills"]] == ["say"]
    extended = await world.rpc("GetExtendedAgentCard", {}, subject="dan")
    assert [skill["id"] for skill in extended.json["result"]["skills"]] == ["say"]
    assert world.clerk.seen == []


async def test_a_card_is_cached_by_its_reader_alone_and_read_again_only_when_it_changed(world: World) -> None:
    first = await world.send("GET", "/.well-known/agent-card.json")
    assert first.headers["cache-control"] == "private, max-age=60, must-revalidate"
    assert first.headers["vary"] == "authorization"
    same = {"if-none-match": first.headers["etag"]}
    again = await world.send("GET", "/.well-known/agent-card.json", headers=same)
    assert (again.status, again.body) == (304, b"")
    await world.let("dan", SAY)
    assert (await world.send("GET", "/.well-known/agent-card.json", subject="dan", headers=same)).status == 200
    assert (await world.send("HEAD", "/.well-known/agent-card.json")).status == 200
    assert (await world.send("POST", "/.well-known/agent-card.json")).status == 405


async def test_members_that_pass_for_addresses_are_left_out(world: World) -> None:
    card = clerk_card(world.agent)
    agent = await world.put("sly", card)
    evil: Json = {**card, "supported_interfaces": [{"url": "https://evil.test"}], "URL": "https://evil.test"}
    await world.core.shelf.replace(agent.model_copy(update={"card": evil}), 1)
    shown = await world.send("GET", "/.well-known/agent-card.json", path="sly")
    assert b"evil.test" not in shown.body


async def test_what_a_card_left_out_is_filled_in(world: World) -> None:
    await world.put("bare", {"name": "b", "description": "d", "version": "1", "skills": []}, url=f"{world.agent}/rpc")
    card = (await world.send("GET", "/.well-known/agent-card.json", path="bare")).json
    assert (card["capabilities"], card["defaultInputModes"], card["url"]) == (
        {}, ["text/plain"], f"{world.url}/agents/bare",
    )  # fmt: skip


async def test_tenants_of_an_interface_stay_on_the_card(world: World) -> None:
    card = clerk_card(world.agent)
    interfaces: list[Json] = card["supportedInterfaces"]  # type: ignore[assignment]  # JSON
    await world.put("shop", {**card, "supportedInterfaces": [{**interfaces[0], "tenant": "north"}]})
    shown = (await world.send("GET", "/.well-known/agent-card.json", path="shop")).json
    assert [each["tenant"] for each in shown["supportedInterfaces"]] == ["north"]


async def test_an_agent_of_grpc_alone_is_refused_in_so_many_words(world: World) -> None:
    card = {**older_card(world.agent), "url": "grpc.clerk.test:443", "preferredTransport": "GRPC"}
    card.pop("additionalInterfaces")
    await world.put("wired", card)
    for answer in (
        await world.send("GET", "/.well-known/agent-card.json", path="wired"),
        await world.rpc("message/send", {"message": {"messageId": "1"}}, path="wired"),
    ):
        assert answer.status == 501
    assert "no gRPC" in answer.json["error"]["message"]
    called = await world.send("POST", "/lf.a2a.v1.A2AService/SendMessage", headers={"content-type": "application/grpc"})
    assert (called.status, "gRPC is not carried" in called.json["error"]["message"]) == (501, True)
