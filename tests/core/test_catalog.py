"""Registering, reading and listing."""

import anyio
import pytest
from pydantic import JsonValue

from airegistry.core.assets import Server
from airegistry.core.errors import (
    AccessDenied,
    Conflict,
    Invalid,
    NotFound,
    ScanFailed,
    UpstreamFailed,
)
from airegistry.core.grants import Grant
from airegistry.core.principals import SYSTEM
from tests.core.wiring import ANN, BOB, NOON, World, asset, build

pytestmark = pytest.mark.anyio
HIDDEN = "harmless\u202egnihtemos"


async def test_a_registered_server_is_described_by_itself_and_signed_by_the_registrant(world: World) -> None:
    ann = await world.holding(Grant(assets=["weather"], actions=["register"]))
    stored = await world.put_server("weather", ["forecast", "archive"], who=ann)
    assert isinstance(stored, Server)
    assert [tool.name for tool in stored.tools] == ["forecast", "archive"]
    assert (stored.created_by, stored.created_at, stored.fetched_at) == ("token:ann", NOON, NOON)
    assert (stored.health, stored.stage, stored.visibility, stored.callable) == (
        "healthy",
        "approved_dev",
        "public",
        True,
    )
    assert await world.services.catalog.get(BOB, "server", "/weather") == stored
    assert [event.name for event in world.told] == ["server:register"]


async def test_nothing_is_stored_when_the_server_cannot_be_reached(world: World) -> None:
    with pytest.raises(UpstreamFailed):
        await world.services.catalog.register(SYSTEM, asset("server", "gone", url="https://gone.test/mcp"))
    with pytest.raises(NotFound):
        await world.services.catalog.get(SYSTEM, "server", "gone")
    (event,) = await world.events(action="server:register")
    assert (event.decision, event.outcome, event.target) == ("allow", "failed", "https://gone.test/mcp")
    assert world.told == []


async def test_without_fetching_a_server_is_stored_as_stated_and_is_not_callable(world: World) -> None:
    stated = asset("server", "weather", url="https://weather.test/mcp", tools=[{"name": "forecast"}])
    stored = (await world.services.catalog.register(SYSTEM, stated, fetch=False)).asset
    assert isinstance(stored, Server)
    assert world.network.described == []
    assert (stored.callable, stored.health) == (False, "unknown")


async def test_a_local_server_is_its_recipe(world: World) -> None:
    recipe = asset("server", "files", transport="stdio", command="npx", tools=[{"name": "read"}])
    stored = (await world.services.catalog.register(SYSTEM, recipe)).asset
    assert isinstance(stored, Server)
    assert not stored.callable
    with pytest.raises(Invalid, match="runs on its user's machine"):
        await world.services.catalog.refresh(SYSTEM, "files")


@pytest.mark.parametrize(
    "fields",
    [
        {"transport": "stdio"},
        {"transport": "stdio", "command": "npx", "url": "https://x.test"},
        {},
        {"url": "https://x.test", "command": "npx"},
        {"url": "http://169.254.169.254/"},
    ],
)
async def test_an_endpoint_that_fits_no_transport_is_refused(world: World, fields: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        await world.services.catalog.register(SYSTEM, asset("server", "odd", **fields), fetch=False)


@pytest.mark.parametrize("path", ["..", "a..b", "a/b", "A", "mcp", "api", "x" * 65, "", "a%2fb", "wéather"])
async def test_malformed_and_reserved_paths_are_refused(world: World, path: str) -> None:
    with pytest.raises(Invalid):
        await world.services.catalog.register(SYSTEM, asset("agent", path))


async def test_a_leading_slash_does_not_lead_around_a_denial(world: World) -> None:
    ann = await world.holding(Grant(actions=["register"]), Grant(assets=["prod-*"], effect="deny"))
    for path in ("prod-a", "/prod-a"):
        with pytest.raises(AccessDenied):
            await world.services.catalog.register(ann, asset("agent", path))
    assert [event.asset for event in await world.events(decision="deny")] == ["prod-a", "prod-a"]


async def test_acts_are_audited_under_the_path_whichever_way_it_was_written(world: World) -> None:
    await world.put_server("weather")
    await world.services.catalog.toggle(SYSTEM, "server", "/weather", False)
    await world.services.catalog.delete(SYSTEM, "server", "/weather")
    assert [event.action for event in await world.events(asset="server/weather")] == [
        "server:delete", "server:toggle", "server:register",
    ]  # fmt: skip


async def test_registering_needs_a_grant_and_the_refusal_is_audited(world: World) -> None:
    with pytest.raises(AccessDenied):
        await world.put_server("weather", who=ANN)
    assert world.network.described == []
    (event,) = await world.events(decision="deny")
    assert (event.action, event.subject, event.asset) == ("server:register", "token:ann", "weather")


async def test_a_taken_path_is_a_conflict_before_the_backend_is_asked(world: World) -> None:
    await world.put_server("weather")
    world.network.described.clear()
    with pytest.raises(Conflict, match="a server named 'weather' exists already"):
        await world.put_server("weather")
    assert world.network.described == []


async def test_servers_and_virtual_servers_share_their_paths_and_other_kinds_do_not(world: World) -> None:
    await world.put_server("weather")
    with pytest.raises(Conflict):
        await world.services.catalog.register(SYSTEM, asset("virtual_server", "weather", version="2"))
    await world.services.catalog.register(SYSTEM, asset("skill", "weather"))
    with pytest.raises(NotFound):
        await world.services.catalog.get(SYSTEM, "virtual_server", "weather")


async def test_versions_stand_side_by_side_and_the_first_is_served_by_default(world: World) -> None:
    catalog = world.services.catalog
    await world.put_server("weather", description="one")
    await world.put_server("weather", version="2.0.0", description="two", url="https://two.test/mcp")
    with pytest.raises(Conflict, match=r"version 2\.0\.0"):
        await world.put_server("weather", version="2.0.0", url="https://two.test/mcp")
    assert (await catalog.get(SYSTEM, "server", "weather")).description == "one"
    assert (await catalog.get(SYSTEM, "server", "weather", "2.0.0")).description == "two"
    assert await world.shelf.versions("server", "weather") == ["2.0.0"]
    with pytest.raises(NotFound):
        await catalog.get(SYSTEM, "server", "weather", "3.0.0")
    await catalog.delete(SYSTEM, "server", "weather")
    assert await world.shelf.get("server", "weather", "2.0.0") is None
    assert await world.shelf.versions("server", "weather") == []


@pytest.mark.parametrize("actions", [["register"], ["register", "read", "call", "toggle", "refresh", "delete"]])
async def test_a_further_version_is_for_whoever_may_update_the_asset(world: World, actions: list[str]) -> None:
    await world.put_server("weather")
    stranger = await world.holding(Grant(actions=actions))
    world.network.described.clear()
    with pytest.raises(Conflict, match="a server named 'weather' exists already"):
        await world.put_server("weather", who=stranger, version="2.0.0")
    assert world.network.described == []
    assert await world.shelf.versions("server", "weather") == []
    editor = await world.holding(Grant(actions=["register", "update"]), name="editor")
    assert (await world.put_server("weather", who=editor, version="2.0.0")).created_by == "token:ann"
    assert await world.shelf.versions("server", "weather") == ["2.0.0"]


async def test_a_version_of_an_asset_not_seen_is_refused_in_the_words_of_a_taken_path(world: World) -> None:
    await world.put_server("vault", visibility="private")
    stranger = await world.holding(Grant(actions=["register", "update"]))
    refusals = set()
    for version in ("1.0.0", "2.0.0"):
        with pytest.raises(Conflict) as refusal:
            await world.put_server("vault", who=stranger, version=version)
        refusals.add(refusal.value.message)
    assert refusals == {"a server named 'vault' exists already"}


async def test_versions_of_a_path_that_begins_alike_are_another_assets(world: World) -> None:
    for path, version in (("a", "1.0"), ("a", "2.0"), ("a-b", "1.0"), ("a-b", "3.0")):
        await world.services.catalog.register(SYSTEM, asset("agent", path, version=version))
    assert await world.shelf.versions("agent", "a") == ["2.0"]


async def test_one_of_two_concurrent_registrations_wins(world: World) -> None:
    outcomes: list[str] = []

    async def register(name: str) -> None:
        try:
            await world.services.catalog.register(SYSTEM, asset("agent", "planner", description=name))
            outcomes.append(name)
        except Conflict:
            outcomes.append("conflict")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(register, "one")
        tasks.start_soon(register, "two")
    winner = (await world.services.catalog.get(SYSTEM, "agent", "planner")).description
    assert sorted(outcomes) == sorted(["conflict", winner])


async def test_a_path_registered_anew_after_a_deletion_shows_the_new_asset(world: World) -> None:
    catalog = world.services.catalog
    await catalog.register(SYSTEM, asset("agent", "planner", description="old"))
    assert (await catalog.get(SYSTEM, "agent", "planner")).description == "old"
    await catalog.delete(SYSTEM, "agent", "planner")
    with pytest.raises(NotFound):
        await catalog.get(SYSTEM, "agent", "planner")
    await catalog.register(SYSTEM, asset("agent", "planner", description="new"))
    assert (await catalog.get(SYSTEM, "agent", "planner")).description == "new"


async def test_an_asset_that_may_not_be_seen_reads_like_one_that_is_not_there(world: World) -> None:
    await world.put_server("vault", groups=["staff"])
    assert (await world.services.catalog.get(BOB, "server", "vault")).visibility == "group"
    messages = []
    for path in ("vault", "other"):
        with pytest.raises(NotFound) as refusal:
            await world.services.catalog.get(ANN, "server", path)
        messages.append(refusal.value.message.replace(path, "PATH"))
    assert messages[0] == messages[1]


async def test_a_caller_is_shown_the_tools_they_may_see(world: World) -> None:
    stored = await world.put_server("weather", ["forecast", "archive"])
    ann = await world.holding(Grant(assets=["weather"], tools=["forecast"]))
    assert [tool.name for tool in world.services.catalog.tools(ann, stored)] == ["forecast"]
    assert list(world.services.catalog.tools(ann, asset("skill", "weather"))) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
async def test_lists_page_through_what_the_caller_may_see_in_order_of_path(world: World, limit: int) -> None:
    for path in ("e", "c", "a", "d", "b"):
        await world.put_server(path, groups=["staff"] if path in "bd" else [])
    await world.services.catalog.register(SYSTEM, asset("virtual_server", "v"))
    await world.services.catalog.register(SYSTEM, asset("agent", "z"))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = await world.services.catalog.list(ANN, ["server"], limit=limit, cursor=cursor)
        seen += [found.path for found in page.assets]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["a", "c", "e"]


async def test_lists_of_several_kinds_leave_out_those_between(world: World) -> None:
    for kind, path in (("agent", "a"), ("entity", "b"), ("skill", "c"), ("virtual_server", "d")):
        fields = {"type": "t"} if kind == "entity" else {}
        await world.services.catalog.register(SYSTEM, asset(kind, path, **fields))
    page = await world.services.catalog.list(SYSTEM, ["skill", "agent"])
    assert [found.path for found in page.assets] == ["a", "c"]
    assert [found.path for found in (await world.services.catalog.list(SYSTEM, ["entity"])).assets] == ["b"]
    narrowed = await world.services.catalog.list(SYSTEM, ["skill", "agent"], fits=lambda found: found.path == "c")
    assert [found.path for found in narrowed.assets] == ["c"]


@pytest.mark.parametrize("cursor", ["", "x", "agent/a"])
async def test_a_cursor_of_another_list_is_refused(world: World, cursor: str) -> None:
    with pytest.raises(Invalid, match="cursor"):
        await world.services.catalog.list(SYSTEM, ["server"], cursor=cursor)


async def test_assets_of_a_stage_not_served_are_shown_to_those_who_may_change_them_only() -> None:
    world = await build(environment="production")
    await world.put_server("weather")
    for stranger in (ANN, BOB):
        with pytest.raises(NotFound):
            await world.services.catalog.get(stranger, "server", "weather")
    editor = await world.holding(Grant(assets=["weather"], actions=["read", "update"]))
    assert await world.services.catalog.get(editor, "server", "weather")
    await world.services.stages.transition(SYSTEM, "server", "weather", "approved_production", "reviewed")
    assert (await world.services.catalog.get(ANN, "server", "weather")).stage_reason == "reviewed"


async def test_only_what_is_enabled_may_be_used_but_by_whoever_reviews_it(world: World) -> None:
    catalog = world.services.catalog
    await catalog.register(SYSTEM, asset("skill", "good"))
    await catalog.register(SYSTEM, asset("skill", "off", enabled=False))
    await catalog.register(SYSTEM, asset("skill", "held", description=HIDDEN))
    assert await catalog.usable(ANN, "skill", "good")
    with pytest.raises(NotFound, match="disabled"):
        await catalog.usable(ANN, "skill", "off")
    with pytest.raises(ScanFailed, match="held by its security scan"):
        await catalog.usable(ANN, "skill", "held")
    reviewer = await world.holding(Grant(actions=["read", "update"]))
    assert await catalog.usable(reviewer, "skill", "held")


async def test_a_server_with_two_tools_of_one_name_is_refused(world: World) -> None:
    with pytest.raises(UpstreamFailed, match="lists two tools named 'forecast'"):
        await world.put_server("weather", ["forecast", "archive", "forecast"])
    with pytest.raises(Invalid, match="two tools are named 'forecast'"):
        asset("server", "weather", tools=[{"name": "forecast"}, {"name": "forecast"}])
    assert await world.shelf.get("server", "weather") is None
    world.server("weather", ["forecast"])
    stored = await world.put_server("weather", ["forecast"])
    world.server("weather", ["archive", "archive"])
    with pytest.raises(UpstreamFailed, match="lists two tools named 'archive'"):
        await world.services.catalog.refresh(SYSTEM, "weather")
    kept = await world.services.catalog.get(SYSTEM, "server", "weather")
    assert kept.health == "unhealthy"
    assert world.services.catalog.tools(SYSTEM, kept) == world.services.catalog.tools(SYSTEM, stored)


@pytest.mark.parametrize("name", ["", "x" * 257, None, 7])
async def test_a_tool_by_value_has_a_name_of_1_to_256_characters(world: World, name: JsonValue) -> None:
    with pytest.raises(Invalid) as refusal:
        asset("server", "weather", tools=[{"name": "forecast"}, {"name": name}])
    assert refusal.value.field == "tools.1.name"
    await world.services.catalog.register(
        SYSTEM, asset("server", "weather", transport="stdio", command="npx", tools=[{"name": "x" * 256}])
    )
    with pytest.raises(Invalid):
        await world.services.catalog.update(SYSTEM, "server", "weather", {"tools": [{"name": name}]})
