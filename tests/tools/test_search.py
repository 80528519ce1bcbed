"""Searching by the registry's tools: answers sized for a model's context, and how to call what was found."""

import json

import pytest

from airegistry.core.assets import Tool
from airegistry.core.principals import SYSTEM
from airegistry.tools.found import BRIEF
from tests.core.wiring import asset
from tests.support.mcp import Json, call
from tests.tools.wiring import World

pytestmark = pytest.mark.anyio
LONG = "Tells how much rain fell in the mountains. " * 20
SCHEMA: Json = {
    "type": "object",
    "required": ["city", "unit", "days", "mode", "when", "odd", 7],
    "properties": {
        "city": {"type": "string", "description": LONG},
        "unit": {"enum": ["mm", "inch"]},
        "days": {"type": "integer", "default": 3},
        "mode": {"const": {"description": LONG}},
        "when": {"type": ["string", "null"], "examples": ["today"]},
        "odd": True,
        "description": {"type": "string", "description": "A property of this name."},
    },
}


@pytest.fixture
async def gauge(registry: World) -> World:
    """A registry with a server whose tool has much to say."""
    core = registry.core
    server = core.server("gauge", [], description=LONG, tags=["sky"], owner_team="sky", title="The gauge")
    tools = [{"name": "measure", "description": LONG, "inputSchema": SCHEMA}, {"name": "archive"}]
    core.network.tools["https://gauge.test/mcp"] = [Tool.model_validate(tool) for tool in tools]
    await core.services.catalog.register(SYSTEM, server)
    return registry


async def ask(world: World, tool: str, /, *, by: str = "ann", **arguments: object) -> Json:
    async with world.client(by) as client:
        return await call(client, tool, **arguments)


async def test_brief_answers_cut_descriptions_and_full_ones_do_not(gauge: World) -> None:
    asked: Json = {"query": "rain in the mountains", "kinds": ["server", "tool"]}
    brief = (await ask(gauge, "search_registry", **asked))["results"]
    assert {len(each["description"]) <= BRIEF + 1 for each in brief} == {True}
    assert brief[0]["description"].endswith(" fell in…")
    assert brief[0].keys() == {
        "kind", "path", "name", "description", "score", "match", "why", "server", "tool", "endpoint", "health",
    }  # fmt: skip
    full = {each["kind"]: each for each in (await ask(gauge, "search_registry", **asked, detail="full"))["results"]}
    assert full["tool"]["description"] == LONG
    assert full["tool"]["inputSchema"] == SCHEMA
    assert (full["server"]["title"], full["server"]["owner"]) == ("The gauge", "sky")
    assert full["server"]["tags"] == ["sky", "security-pending"]  # a constant of that length is to be reviewed
    assert len(json.dumps(brief)) * 2 < len(json.dumps(full))


async def test_results_say_how_good_they_are_and_why(gauge: World) -> None:
    (best,) = (await ask(gauge, "search_registry", query="measure", kinds=["tool"], limit=1))["results"]
    assert (best["tool"], best["match"], best["why"]) == ("measure", "strong", ["name: measure"])


async def test_filters_narrow_and_are_checked(gauge: World) -> None:
    found = await ask(gauge, "search_registry", query="rain", kinds=["server"], owner=["sky"], health=["healthy"])
    assert [each["path"] for each in found["results"]] == ["gauge"]
    for name, value in (("owner", "sea"), ("stage", "retired"), ("source", "peer"), ("environment", "prod")):
        asked: Json = {"query": "rain", name: [value]}
        assert (await ask(gauge, "search_registry", **asked))["results"] == []
    with pytest.raises(Exception, match="health"):
        await ask(gauge, "search_registry", query="rain", health=["fine"])


async def test_by_kind_the_best_of_each_kind_stand_in_groups(gauge: World) -> None:
    found = await ask(gauge, "search_registry", query="weather rain folding measure", by_kind=True, limit=1)
    assert found["results"] == []
    assert {kind: len(group) for kind, group in found["groups"].items()}.items() >= {"server": 1, "tool": 1}.items()
    assert found["total"] >= sum(map(len, found["groups"].values()))
    assert (await ask(gauge, "search_registry", query="rain"))["groups"] is None


async def test_a_typing_error_in_a_name_is_answered_with_the_name_unless_it_is_hidden(gauge: World) -> None:
    assert (await ask(gauge, "search_registry", query="mesaure"))["suggestions"] == ["measure"]
    assert (await ask(gauge, "search_registry", query="vualt"))["suggestions"] == []
    assert (await ask(gauge, "search_registry", query="vualt", by="bob"))["suggestions"] == ["vault"]


async def test_a_found_tool_says_how_it_is_called_and_by_whom_it_may_be(gauge: World) -> None:
    (found,) = (await ask(gauge, "intelligent_tool_finder", task="measure the rain", limit=1))["tools"]
    assert found["call"] == {
        "server": "gauge", "tool": "measure",
        "arguments": {"city": "<string>", "unit": "mm", "days": 3, "mode": {"description": LONG}, "when": "today",
                      "odd": "<any>"},
    }  # fmt: skip
    assert found["may_call"] is False
    assert found["match"] in {"strong", "fair", "weak"}
    assert "name: measure" in found["why"]
    (found,) = (await ask(gauge, "intelligent_tool_finder", task="measure the rain", limit=1, by="operator"))["tools"]
    assert found["may_call"] is True


async def test_a_brief_schema_allows_the_same_in_fewer_words(gauge: World) -> None:
    asked: Json = {"task": "measure the rain", "limit": 1}
    brief, full = [
        (await ask(gauge, "intelligent_tool_finder", **asked, detail=detail))["tools"][0]["inputSchema"]
        for detail in ("brief", "full")
    ]
    assert full == SCHEMA
    assert len(brief["properties"]["city"].pop("description")) <= BRIEF + 1
    full["properties"]["city"].pop("description")
    assert brief == full


async def test_a_tool_that_the_registry_cannot_call_has_no_call(registry: World) -> None:
    (found,) = (await ask(registry, "intelligent_tool_finder", task="forecast", limit=1))["tools"]
    assert (found["tool"], found["call"]) == ("forecast", None)  # its server was stored without being fetched


async def test_a_schema_that_is_none_is_no_obstacle(registry: World) -> None:
    core = registry.core
    tools = [{"name": f"measure_{n}", "inputSchema": schema} for n, schema in enumerate([
        {}, {"required": "city"}, {"required": ["city"], "properties": [1]}, {"properties": {"city": {"type": ["x"]}}},
        {"required": ["city"], "properties": {"city": {"enum": []}}, "items": [{"description": 7}]},
    ])]  # fmt: skip
    core.network.tools["https://odd.test/mcp"] = [Tool.model_validate(tool) for tool in tools]
    await core.services.catalog.register(SYSTEM, asset("server", "odd", url="https://odd.test/mcp"))
    found = (await ask(registry, "intelligent_tool_finder", task="measure", limit=5))["tools"]
    assert {tool["tool"] for tool in found} == {f"measure_{n}" for n in range(5)}
    assert {json.dumps(tool["call"]["arguments"]) for tool in found} == {"{}", '{"city": "<any>"}'}
