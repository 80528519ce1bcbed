"""What lists, details and searches tell of an agent: no skill that is hidden from the reader, no address behind."""

import json
from dataclasses import replace

import pytest

from airegistry.core.assets import Agent, Json
from airegistry.core.grants import Grant
from airegistry.core.principals import SYSTEM, Principal
from airegistry.tools.listing import ListingTools
from tests.core.wiring import ANN, BOB, World, build

pytestmark = pytest.mark.anyio
URL = "https://backend.test/rpc"
CARD: Json = {
    "protocolVersion": "0.3.0", "name": "Planner", "description": "Plans.", "version": "1.0.0", "url": URL,
    "preferredTransport": "JSONRPC", "additionalInterfaces": [{"url": URL, "transport": "JSONRPC"}],
    "capabilities": {}, "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
    "securitySchemes": {"own": {"type": "oauth2", "flows": {"x": {"tokenUrl": "https://backend.test/token"}}}},
    "skills": [
        {"id": "plan", "name": "plan", "description": "Plans a day.", "tags": ["days"]},
        {"id": "wire", "name": "wire", "description": "Transfers zorkmids.", "tags": ["zorkmid"]},
    ],
}  # fmt: skip


@pytest.fixture
async def world() -> World:
    world = await build()
    await world.services.intake.agent(SYSTEM, "planner", card=CARD, governance={"requires_approval": ["plan", "wire"]})
    return world


async def shape(world: World, who: Principal) -> Json:
    agent = await world.services.catalog.get(who, "agent", "planner")
    shown: Json = (await ListingTools(world.services).shape(who, agent)).model_dump(mode="json", by_alias=True)
    return shown


async def narrowed(world: World, *, deny: bool = False) -> Principal:
    if deny:
        return await world.holding(Grant(kinds=["agent"], tools=["wire"], effect="deny"))
    return await world.holding(Grant(kinds=["agent"], tools=["plan"]))


@pytest.mark.parametrize("deny", [False, True])
async def test_a_skill_that_a_caller_may_not_see_is_in_no_detail(world: World, deny: bool) -> None:
    shown = await shape(world, await narrowed(world, deny=deny))
    assert "wire" not in json.dumps(shown)
    assert "orkmid" not in json.dumps(shown)
    skills, card = shown["skills"], shown["card"]
    assert isinstance(skills, list)
    assert isinstance(card, dict)
    assert [len(skills), len(card["skills"])] == [1, 1]  # type: ignore[arg-type]  # JSON
    assert shown["requires_approval"] == ["plan"]


@pytest.mark.parametrize("deny", [False, True])
async def test_words_of_a_hidden_skill_find_nothing(world: World, deny: bool) -> None:
    who = await narrowed(world, deny=deny)
    assert (await world.services.search.find(who, "zorkmid")).total == 0
    assert (await world.services.search.find(who, "planner")).total == 1
    assert (await world.services.search.find(BOB, "zorkmid")).total == 1


async def test_the_address_behind_is_for_those_who_may_change_the_agent(world: World) -> None:
    shown = await shape(world, ANN)
    assert "backend.test" not in json.dumps(shown)
    assert shown["endpoint"] == "http://registry.test/agents/planner"
    assert "wire" in json.dumps(shown["skills"])
    owner = await world.holding(Grant(kinds=["agent"], actions=["read", "update"]), who=BOB, name="owner")
    whole = await shape(world, owner)
    assert (whole["url"], whole["card"]) == (URL, CARD)


async def test_without_a_gateway_the_address_is_what_is_called(world: World) -> None:
    world.services = replace(world.services, gateway_url="")
    shown = await shape(world, ANN)
    assert (shown["endpoint"], shown["url"]) == (URL, URL)


async def test_who_watches_an_agent_is_not_told_of_its_hidden_skills(world: World) -> None:
    who = await narrowed(world)
    agent = (await world.services.catalog.get(who, "agent", "planner")).model_copy()
    assert isinstance(agent, Agent)
    other = agent.model_copy(update={"skills": [agent.skills[0]]})
    part = world.services.catalog.part
    assert part(who, agent).model_dump(exclude={"card"}) == part(who, other).model_dump(exclude={"card"})
