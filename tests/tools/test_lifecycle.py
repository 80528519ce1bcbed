"""The lifecycle, entity types, ratings and agents' skills, over MCP."""

import pytest

from airegistry.core.grants import Grant, Scope
from airegistry.core.principals import SYSTEM
from tests.support.mcp import Json, call, refused
from tests.tools.wiring import MODERN, World

pytestmark = pytest.mark.anyio
ERAS = pytest.mark.parametrize("era", [MODERN, "legacy"])
WEATHER: Json = {"kind": "server", "path": "weather"}


async def ask(world: World, subject: str, tool: str, /, era: str = MODERN, **arguments: object) -> Json:
    """What a tool answers one caller."""
    async with world.client(subject, era) as client:
        return await call(client, tool, **arguments)


async def high_risk(world: World) -> None:
    """A server of high risk that cat registered; cat and dan may do everything with it."""
    for name in ("forecasts", "no-reading"):
        await world.services.policy.put_scope(SYSTEM, Scope(name=name, grants=[Grant(actions=["*"])]))
    world.core.server("tides")
    named = {"name": "Tides", "path": "tides", "url": "https://tides.test/mcp", "risk_level": "high"}
    await ask(world, "cat", "register_service", **named)


@ERAS
async def test_an_asset_of_high_risk_goes_to_production_by_a_second_person(registry: World, era: str) -> None:
    await high_risk(registry)
    step = {"kind": "server", "path": "tides", "stage": "approved_production", "reason": "looked at"}
    with refused("approval_required") as failure:
        await ask(registry, "cat", "set_lifecycle_stage", era, **step)
    assert "a second person has to approve" in failure.value.content["message"]
    assert (await ask(registry, "dan", "set_lifecycle_stage", era, **step))["stage"] == "approved_production"
    told = await ask(registry, "ann", "get_lifecycle", era, kind="server", path="/tides")
    assert (told["stage"], told["four_eyes"], told["served"], told["registered_by"]) == (
        "approved_production", True, True, "cat",
    )  # fmt: skip
    (taken,) = told["history"]
    assert {name: taken[name] for name in ("by", "from", "to", "reason")} == {
        "by": "dan", "from": "approved_dev", "to": "approved_production", "reason": "looked at",
    }  # fmt: skip
    refusals = {way["stage"]: way.get("refusal") for way in told["next"]}
    assert refusals["monitored"] == "it takes the right to transition"
    mine = await ask(registry, "cat", "get_lifecycle", era, kind="server", path="tides")
    assert {way["stage"]: way.get("refusal") for way in mine["next"]}["monitored"] is None


async def test_a_deprecated_asset_says_when_it_retires(registry: World) -> None:
    step = {**WEATHER, "stage": "deprecated", "reason": "old", "retirement_date": "2026-12-24T00:00:00Z"}
    await ask(registry, "operator", "set_lifecycle_stage", **step)
    assert (await ask(registry, "ann", "get_lifecycle", **WEATHER))["retires"] == "2026-12-24T00:00:00Z"


async def test_what_approvals_rest_on_is_in_no_list(registry: World) -> None:
    assert "review" not in await ask(registry, "operator", "get_server_details", path="weather")
    (listed,) = (await ask(registry, "ann", "list_services"))["services"]
    assert "review" not in listed


async def test_a_rating_is_counted_by_stars_and_taken_back(registry: World) -> None:
    await ask(registry, "ann", "rate_asset", **WEATHER, stars=2)
    rated = await ask(registry, "bob", "rate_asset", **WEATHER, stars=5)
    assert rated == {"average": 3.5, "count": 2, "distribution": {"1": 0, "2": 1, "3": 0, "4": 0, "5": 1}}
    await ask(registry, "bob", "withdraw_rating", **WEATHER)
    assert (await ask(registry, "ann", "get_server_details", path="weather"))["rating"]["count"] == 1


CARD: Json = {
    "protocolVersion": "0.3.0", "name": "Router", "description": "Plans.", "version": "1.0.0",
    "url": "https://router.test/a2a", "capabilities": {}, "defaultInputModes": ["text"], "defaultOutputModes": ["text"],
    "skills": [
        {"id": "route-planning", "name": "Plan a route", "description": "Finds the way.", "tags": ["Maps"]},
        {"id": "secret", "name": "Secret", "description": "For some.", "tags": ["hidden"]},
    ],
}  # fmt: skip


@pytest.mark.parametrize("skill", ["route-planning", "plan a route", "maps"])
async def test_agents_are_listed_by_their_skills(registry: World, skill: str) -> None:
    await ask(registry, "operator", "register_agent", path="router", card=CARD)
    agents = (await ask(registry, "ann", "list_agents", skill=skill))["agents"]
    assert [agent["path"] for agent in agents] == ["router"]
    assert (await ask(registry, "ann", "list_agents", skill="cooking"))["agents"] == []


async def test_an_agent_is_not_listed_by_a_skill_that_the_caller_may_not_see(registry: World) -> None:
    await ask(registry, "operator", "register_agent", path="router", card=CARD)
    grant = Grant(kinds=["agent"], assets=["router"], tools=["route-planning"], actions=["call"])
    await registry.services.policy.put_scope(SYSTEM, Scope(name="forecasts", grants=[grant]))
    for skill, paths in (("maps", ["router"]), ("hidden", []), ("secret", [])):
        agents = (await ask(registry, "cat", "list_agents", skill=skill))["agents"]
        assert [agent["path"] for agent in agents] == paths


async def test_an_agent_is_found_by_a_word_of_its_skill(registry: World) -> None:
    await ask(registry, "operator", "register_agent", path="router", card=CARD)
    found = (await ask(registry, "ann", "search_registry", query="find the way", kinds=["agent"]))["results"]
    assert found[0]["path"] == "router"


@ERAS
async def test_types_are_defined_seen_changed_and_removed(registry: World, era: str) -> None:
    schema: Json = {"type": "object", "required": ["rows"], "properties": {"rows": {"type": "integer"}}}
    made = await ask(registry, "operator", "define_entity_type", era, name="table", schema=schema)
    assert made["schema"] == schema
    with refused("access_denied"):
        await ask(registry, "ann", "update_entity_type", era, name="table", description="Mine.")
    await ask(registry, "operator", "register_entity", era, type="table", path="sales", data={"rows": 3})
    with refused("conflict") as failure:
        await ask(registry, "operator", "update_entity_type", era, name="table", schema={"required": ["columns"]})
    assert "sales" in failure.value.content["message"]
    await ask(registry, "operator", "update_entity_type", era, name="table", description="Tables.")
    types = (await ask(registry, "ann", "list_entity_types", era))["types"]
    assert [(each["name"], each["description"]) for each in types] == [("dataset", ""), ("table", "Tables.")]
    assert (await ask(registry, "ann", "get_entity_type", era, name="table"))["schema"] == schema
    with refused("conflict"):
        await ask(registry, "operator", "delete_entity_type", era, name="table")
    await ask(registry, "operator", "delete_asset", era, kind="entity", path="sales")
    assert await ask(registry, "operator", "delete_entity_type", era, name="table") == {"ok": True}
    with refused("not_found"):
        await ask(registry, "ann", "get_entity_type", era, name="table")
