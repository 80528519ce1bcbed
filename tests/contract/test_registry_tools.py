"""The registry's own tools: names, parameters and shapes, as CONTRACTS.md states them."""

import anyio
import pytest

from tests.contract.acts import TOOL, Desk, fresh
from tests.support import mcp
from tests.support.backends import Backend
from tests.support.registry import Registry

pytestmark = pytest.mark.anyio

PARAMETERS = {
    "search_registry": "query kinds limit tags include_disabled",
    "intelligent_tool_finder": "task limit",
    "register_service": "name path url description tags transport command args tools fetch on_duplicate groups",
    "list_services": "limit cursor",
    "list_agents": "limit cursor",
    "list_skills": "limit cursor",
    "list_virtual_servers": "limit cursor",
    "list_entities": "limit cursor",
    "create_virtual_server": "path name tools",
    "update_virtual_server": "path tools",
    "add_virtual_tool": "path server tool alias",
    "remove_virtual_tool": "path",
    "get_server_details": "path",
    "get_service_tools": "path",
    "toggle_service": "path enabled",
    "refresh_service": "path",
    "update_asset": "kind path changes",
    "delete_asset": "kind path",
    "rate_asset": "kind path stars",
    "set_lifecycle_stage": "kind path stage reason",
    "register_agent": "path card url",
    "register_skill": "path content url",
    "get_skill_content": "path resource",
    "define_entity_type": "name schema",
    "register_entity": "type path data",
    "call_tool": "server tool arguments",
    "get_usage": "path kind view days hourly limit",
    "get_logs": "since until level logger request_id subject text order limit cursor",
    "query_audit": "since until subject asset tool action decision limit cursor",
    "explain_access": "subject action asset tool",
    "scan_asset": "kind path",
    "get_scan_report": "kind path",
    "healthcheck": "",
    "put_scope": "name grants",
    "put_group": "name scopes",
    "create_token": "name groups scopes expires_in",
    "revoke_token": "id",
}
READERS = [
    "search_registry", "intelligent_tool_finder", "list_services", "list_agents", "list_skills", "list_entities",
    "list_virtual_servers", "get_server_details", "get_service_tools", "get_skill_content", "get_scan_report",
    "get_usage", "query_audit", "explain_access", "healthcheck", "get_logs",
]  # fmt: skip
ASSET = "kind path name description enabled tags stage visibility health version".split()
CARD = {
    "protocolVersion": "0.3.0",
    "name": "Travel planner",
    "description": "Plans journeys by rail.",
    "url": "http://127.0.0.1:9/agent",
    "version": "1.0.0",
    "capabilities": {"streaming": True},
    "defaultInputModes": ["text/plain"],
    "defaultOutputModes": ["text/plain"],
    "skills": [{"id": "plan", "name": "Plan", "description": "Plans a journey.", "tags": ["rail"]}],
}
SKILL = "---\nname: {name}\ndescription: Folds paper boats from a sheet of paper.\n---\n# Boats\n\nFold it twice.\n"


@pytest.mark.parametrize("mode", mcp.ERAS)
async def test_every_tool_of_the_contract_is_there_with_its_parameters(registry: Registry, mode: str) -> None:
    async with mcp.connect(registry.mcp, registry.token, mode) as client:
        tools = {tool.name: tool for tool in await client.list_tools()}
    assert PARAMETERS.keys() <= tools.keys()
    for name, parameters in PARAMETERS.items():
        assert set(parameters.split()) <= tools[name].input_schema.get("properties", {}).keys(), name


async def test_every_tool_speaks_to_a_model(registry: Registry) -> None:
    async with mcp.connect(registry.mcp, registry.token) as client:
        for tool in await client.list_tools():
            assert tool.title, tool.name
            assert len(tool.description or "") >= 40, tool.name
            assert tool.annotations is not None, tool.name
            assert tool.annotations.read_only_hint is (tool.name in READERS) or tool.name not in PARAMETERS, tool.name
            assert tool.output_schema or tool.name == "call_tool", tool.name


async def test_tools_are_listed_in_the_same_order_each_time(registry: Registry) -> None:
    orders = []
    for mode in (*mcp.ERAS, *mcp.ERAS):
        async with mcp.connect(registry.mcp, registry.token, mode) as client:
            orders.append([tool.name for tool in await client.list_tools()])
    assert all(order == orders[0] for order in orders)


async def test_registering_a_live_server_answers_with_the_asset_and_its_tools(desk: Desk, backend: Backend) -> None:
    path = fresh("live")
    stored = await desk.register(path, backend.url, description="Parcels", tags=["post"], license="MIT")
    assert stored.keys() >= {*ASSET, "tools"}
    wanted = {
        "kind": "server", "path": path, "description": "Parcels", "enabled": True, "tags": ["post"],
        "stage": "approved_dev", "visibility": "public", "health": "healthy", "license": "MIT",
    }  # fmt: skip
    assert {key: stored[key] for key in wanted} == wanted
    quote = next(tool for tool in stored["tools"] if tool["name"] == "quote_freight")
    assert quote["description"].startswith("Quotes the freight price")
    assert quote["inputSchema"]["required"] == ["destination", "kilograms"]


async def test_details_are_what_registering_answered(desk: Desk, backend: Backend) -> None:
    stored = await desk.register(fresh("live"), backend.url)
    details = await desk.ask("get_server_details", path=stored["path"])
    assert {key: details[key] for key in (*ASSET, "tools")} == {key: stored[key] for key in (*ASSET, "tools")}


async def test_a_server_may_be_stored_without_being_asked(desk: Desk) -> None:
    stored = await desk.store(fresh("stored"))
    assert stored["health"] == "unknown"
    assert [tool["name"] for tool in stored["tools"]] == ["lookup"]
    with pytest.raises(mcp.ToolFailure):
        await desk.ask("call_tool", server=stored["path"], tool="lookup", arguments={"name": "x"})


async def test_a_stdio_server_is_a_recipe_with_tools_by_value(desk: Desk) -> None:
    stored = await desk.store(fresh("local"), url=None, transport="stdio", command="uvx", args=["some-server"])
    assert stored["transport"] == "stdio"
    assert stored["command"] == "uvx"
    with pytest.raises(mcp.ToolFailure):
        await desk.ask("call_tool", server=stored["path"], tool="lookup", arguments={"name": "x"})


@pytest.mark.parametrize(
    "fields", [{"transport": "stdio"}, {"transport": "stdio", "command": "x"}, {"url": None}, {"transport": "pigeon"}]
)
async def test_a_server_whose_recipe_does_not_fit_its_transport_is_invalid(desk: Desk, fields: dict[str, str]) -> None:
    with mcp.refused("invalid"):
        await desk.store(fresh("unfit"), **fields)


async def test_the_same_path_and_version_is_a_conflict(desk: Desk) -> None:
    path = fresh("twice")
    await desk.store(path)
    with mcp.refused("conflict"):
        await desk.store(path)


async def test_of_many_registrations_of_one_path_at_once_one_wins(registry: Registry) -> None:
    path, answers = fresh("raced"), list[str]()

    async def one(number: int) -> None:
        try:
            stored = await Desk(registry).store(path, description=str(number))
            answers.append(stored["description"])
        except mcp.ToolFailure as failure:
            answers.append(failure.code)

    async with anyio.create_task_group() as tasks:
        for number in range(10):
            tasks.start_soon(one, number)
    assert sorted(answers)[1:] == ["conflict"] * 9
    assert (await Desk(registry).ask("get_server_details", path=path))["description"] == sorted(answers)[0]


async def test_a_duplicate_is_reported_or_rejected_as_asked(desk: Desk) -> None:
    url, first, second = f"http://127.0.0.1:9/{fresh('url')}", fresh("first"), fresh("second")
    await desk.store(first, url=url)
    stored = await desk.store(second, url=url)
    twin = next(twin for twin in stored["duplicates"] if twin["path"] == first)
    assert twin["reason"] == "url"
    assert 0 < twin["score"] <= 1
    third = fresh("third")
    with mcp.refused("conflict"):
        await desk.store(third, url=url, on_duplicate="reject")
    with mcp.refused("not_found"):
        await desk.ask("get_server_details", path=third)


async def test_search_answers_with_results_of_one_shape(desk: Desk, parcel: str) -> None:
    found = await desk.ask("search_registry", query="what does shipping a heavy box abroad cost", limit=5)
    assert found.keys() >= {"results", "total"}
    assert 1 <= len(found["results"]) <= 5
    for hit in found["results"]:
        assert hit.keys() >= {"kind", "path", "name", "description", "score", "server", "tool", "endpoint"}
    tools = [hit for hit in found["results"] if hit["kind"] == "tool"]
    assert ("quote_freight", parcel) in {(hit["tool"], hit["server"]) for hit in tools} or tools
    scores = [hit["score"] for hit in found["results"]]
    assert scores == sorted(scores, reverse=True)


async def test_the_total_counts_visible_matches_before_the_limit(desk: Desk, parcel: str) -> None:
    one = await desk.ask("search_registry", query="parcel freight", limit=1)
    many = await desk.ask("search_registry", query="parcel freight", limit=50)
    assert len(one["results"]) == 1
    assert one["total"] == many["total"] >= len(many["results"]) > 1


async def test_search_narrows_by_kind_and_tag_and_leaves_out_the_disabled(desk: Desk) -> None:
    path, tag = fresh("zeppelin"), fresh("tag")
    await desk.store(path, description="Books zeppelin tours over the lake.", tags=[tag])
    by_kind = await desk.ask("search_registry", query="zeppelin tours", kinds=["server"], tags=[tag])
    assert [hit["path"] for hit in by_kind["results"]] == [path]
    assert (await desk.ask("search_registry", query="zeppelin", kinds=["skill"], tags=[tag]))["results"] == []
    await desk.ask("toggle_service", path=path, enabled=False)
    assert (await desk.ask("search_registry", query="zeppelin tours", tags=[tag]))["results"] == []
    held = await desk.ask("search_registry", query="zeppelin", kinds=["server"], tags=[tag], include_disabled=True)
    assert [hit["path"] for hit in held["results"]] == [path]


async def test_the_tool_finder_answers_with_what_a_call_needs(registry: Registry, desk: Desk, parcel: str) -> None:
    found = await desk.ask("intelligent_tool_finder", task="find out the price of sending a parcel to Norway", limit=3)
    assert 1 <= len(found["tools"]) <= 3
    for tool in found["tools"]:
        assert tool.keys() >= {"server", "tool", "description", "inputSchema", "score", "endpoint"}
    best = found["tools"][0]
    assert best["tool"] == "quote_freight"
    assert best["inputSchema"]["required"] == ["destination", "kilograms"]
    assert best["endpoint"] == registry.gateway(best["server"])


@pytest.mark.parametrize(
    ("tool", "key"),
    [
        ("list_services", "services"),
        ("list_agents", "agents"),
        ("list_skills", "skills"),
        ("list_virtual_servers", "virtual_servers"),
        ("list_entities", "entities"),
    ],
)
async def test_each_list_has_its_key_and_a_cursor(desk: Desk, tool: str, key: str) -> None:
    listed = await desk.ask(tool)
    assert listed.keys() >= {key, "next_cursor"}
    assert all(asset.keys() >= set(ASSET) for asset in listed[key])


async def test_pages_of_a_list_follow_each_other_without_gap_or_repeat(desk: Desk) -> None:
    paths = sorted([await_path["path"] for await_path in [await desk.store(fresh("page")) for _ in range(5)]])
    seen: list[str] = []
    cursor = None
    while True:
        page = await desk.ask("list_services", limit=2, cursor=cursor)
        assert len(page["services"]) <= 2
        seen += [service["path"] for service in page["services"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert len(seen) == len(set(seen))
    assert set(paths) <= set(seen)


async def test_service_tools_are_those_of_one_server_or_of_all(desk: Desk, parcel: str) -> None:
    one = await desk.ask("get_service_tools", path=parcel)
    assert "quote_freight" in str(one)
    assert parcel in str(await desk.ask("get_service_tools"))


async def test_toggling_disables_and_enables(desk: Desk) -> None:
    path = (await desk.store(fresh("switched")))["path"]
    assert (await desk.ask("toggle_service", path=path, enabled=False))["enabled"] is False
    assert (await desk.ask("get_server_details", path=path))["enabled"] is False
    assert (await desk.ask("toggle_service", path=path, enabled=True))["enabled"] is True


async def test_refreshing_a_stored_server_fetches_it_and_makes_it_callable(desk: Desk, backend: Backend) -> None:
    path = (await desk.store(fresh("later"), url=backend.url))["path"]
    refreshed = await desk.ask("refresh_service", path=path)
    assert refreshed["health"] == "healthy"
    assert "quote_freight" in {tool["name"] for tool in refreshed["tools"]}
    assert await desk.ask("call_tool", server=path, tool="add", arguments={"a": 2, "b": 3}) == {"result": 5}


async def test_updating_changes_the_fields_given_and_no_others(desk: Desk) -> None:
    before = await desk.store(fresh("updated"), tags=["a"])
    changes = {"description": "Anew", "owner_team": "post", "risk_level": "low"}
    after = await desk.ask("update_asset", kind="server", path=before["path"], changes=changes)
    assert {key: after[key] for key in changes} == changes
    assert after["tags"] == ["a"]
    assert after["path"] == before["path"]


async def test_deleting_removes_from_details_lists_and_search(desk: Desk) -> None:
    path = fresh("gone")
    await desk.store(path, description=f"The {path} thing")
    await desk.ask("delete_asset", kind="server", path=path)
    with mcp.refused("not_found"):
        await desk.ask("get_server_details", path=path)
    assert path not in str(await desk.ask("search_registry", query=path, include_disabled=True))


async def test_rating_averages_stars_one_each(registry: Registry, desk: Desk) -> None:
    path = (await desk.store(fresh("rated")))["path"]
    other = await desk.token({"assets": [path], "actions": ["read", "rate"]})
    await desk.ask("rate_asset", kind="server", path=path, stars=1)
    await desk.ask("rate_asset", kind="server", path=path, stars=5)
    await mcp.ask(registry.mcp, other, "rate_asset", kind="server", path=path, stars=4)
    assert (await desk.ask("get_server_details", path=path))["rating"] == {
        "average": 4.5, "count": 2, "distribution": {"1": 0, "2": 0, "3": 0, "4": 1, "5": 1},
    }  # fmt: skip
    for stars in (0, 6):
        with pytest.raises(mcp.ToolFailure):
            await desk.ask("rate_asset", kind="server", path=path, stars=stars)


async def test_the_lifecycle_takes_one_step_at_a_time(desk: Desk) -> None:
    path = (await desk.store(fresh("staged")))["path"]
    step = {"kind": "server", "path": path, "reason": "tested"}
    moved = await desk.ask("set_lifecycle_stage", stage="approved_production", **step)
    assert moved["stage"] == "approved_production"
    with mcp.refused("invalid"):
        await desk.ask("set_lifecycle_stage", stage="draft", **step)


async def test_an_agent_is_registered_by_card_and_found(desk: Desk) -> None:
    path = fresh("travel")
    stored = await desk.ask("register_agent", path=path, card=CARD)
    assert stored.keys() >= set(ASSET)
    assert (stored["kind"], stored["path"], stored["name"]) == ("agent", path, "Travel planner")
    assert path in {agent["path"] for agent in (await desk.ask("list_agents", limit=200))["agents"]}
    found = await desk.ask("search_registry", query="plan a railway journey", kinds=["agent"])
    assert path in {hit["path"] for hit in found["results"]}


async def test_a_card_against_the_specification_is_invalid(desk: Desk) -> None:
    with mcp.refused("invalid"):
        await desk.ask("register_agent", path=fresh("travel"), card={"name": "nothing else"})


async def test_a_skill_is_registered_by_content_and_read_back(registry: Registry, desk: Desk) -> None:
    path = fresh("boats")
    content = SKILL.format(name=path)
    stored = await desk.ask("register_skill", path=path, content=content)
    assert stored.keys() >= set(ASSET)
    assert stored["kind"] == "skill"
    read = await desk.ask("get_skill_content", path=path)
    assert read["content"] == content
    found = await desk.ask("search_registry", query="origami ships", kinds=["skill"])
    assert path in {hit["path"] for hit in found["results"]}
    async with mcp.connect(registry.mcp, registry.token) as client:
        assert path in str(await client.read_resource(f"airegistry://skill/{path}"))


async def test_a_skill_without_frontmatter_is_invalid(desk: Desk) -> None:
    with mcp.refused("invalid"):
        await desk.ask("register_skill", path=fresh("boats"), content="# Boats\n")


async def test_entities_obey_the_schema_of_their_type(desk: Desk) -> None:
    kind, path = fresh("dataset"), fresh("rain")
    schema = {"type": "object", "properties": {"rows": {"type": "integer", "minimum": 0}}, "required": ["rows"]}
    await desk.ask("define_entity_type", name=kind, schema=schema)
    stored = await desk.ask("register_entity", type=kind, path=path, data={"rows": 7})
    assert stored.keys() >= set(ASSET)
    assert (stored["kind"], stored["type"], stored["data"]) == ("entity", kind, {"rows": 7})
    with mcp.refused("invalid"):
        await desk.ask("register_entity", type=kind, path=fresh("rain"), data={"rows": -1})


async def test_call_tool_answers_with_the_tools_own_result(registry: Registry, desk: Desk, parcel: str) -> None:
    async with mcp.connect(registry.mcp, registry.token) as client:
        arguments = {"destination": "Oslo", "kilograms": 2}
        quoted = await client.call_tool(
            "call_tool", {"server": parcel, "tool": "quote_freight", "arguments": arguments}
        )
        assert quoted.structured_content == {"destination": "Oslo", "euros": 9.0}
        failed = await client.call_tool(
            "call_tool", {"server": parcel, "tool": "fail", "arguments": {"reason": "no stamps"}}, raise_on_error=False
        )
        assert failed.is_error
        assert mcp.text_of(failed) == "no stamps"


async def test_explain_access_gives_a_reason(desk: Desk, parcel: str) -> None:
    name = fresh("bot")
    await desk.ask("create_token", name=name)
    asked = {"subject": f"token:{name}", "asset": f"server/{parcel}", "tool": "echo"}
    for action, allowed in (("read", True), ("call", False)):
        explained = await desk.ask("explain_access", action=action, **{**asked, "tool": None if allowed else "echo"})
        assert explained["allowed"] is allowed
        assert explained["reason"]


async def test_a_scan_leaves_a_report(desk: Desk) -> None:
    path = (await desk.store(fresh("scanned"), tools=[{**TOOL, "name": fresh("quote")}]))["path"]
    await desk.ask("scan_asset", kind="server", path=path)
    report = await desk.ask("get_scan_report", kind="server", path=path)
    assert report["findings"] == []


async def test_healthcheck_answers(desk: Desk) -> None:
    assert await desk.ask("healthcheck")


async def test_a_tool_of_a_stored_server_is_found_by_its_words(desk: Desk) -> None:
    tool = {**TOOL, "name": fresh("tide_table"), "description": "Tells when the tide is high at a harbour."}
    path = (await desk.store(fresh("sea"), tools=[tool]))["path"]
    found = await desk.ask("search_registry", query="high water times at the port", kinds=["tool"])
    assert (path, tool["name"]) in {(hit["server"], hit["tool"]) for hit in found["results"]}
