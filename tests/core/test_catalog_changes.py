"""Changing assets and taking them down."""

import pytest

from airegistry.core.assets import Server
from airegistry.core.catalog import FIXED
from airegistry.core.errors import (
    AccessDenied,
    AirError,
    Conflict,
    Invalid,
    NotFound,
    UpstreamFailed,
)
from airegistry.core.principals import SYSTEM
from tests.core.wiring import ANN, NOON, World, asset

pytestmark = pytest.mark.anyio
HIDDEN = "harmless\u202egnihtemos"


async def test_an_update_changes_the_fields_it_names(world: World) -> None:
    await world.put_server("weather", tags=["old"])
    world.clock.pass_(60)
    changed = await world.services.catalog.update(SYSTEM, "server", "weather", {"tags": ["new"], "title": "Weather"})
    assert (changed.tags, changed.title, changed.name) == (["new"], "Weather", "weather")
    assert (changed.updated_at, changed.created_at) == (world.clock.now(), NOON)
    assert world.network.described == ["weather"]
    assert world.told[-1].name == "server:update"


@pytest.mark.parametrize("field", sorted(FIXED))
async def test_fields_with_an_operation_of_their_own_are_not_updated(world: World, field: str) -> None:
    await world.put_server("weather")
    with pytest.raises(Invalid, match="has an operation of its own") as refusal:
        await world.services.catalog.update(SYSTEM, "server", "weather", {field: "x"})
    assert refusal.value.field == field


@pytest.mark.parametrize(
    "changes",
    [{"colour": "red"}, {"tags": "x"}, {"name": ""}, {"tools": []}, {"url": "http://10.0.0.1"}, {"tags": None}],
)
async def test_changes_that_do_not_fit_are_refused(world: World, changes: dict[str, object]) -> None:
    before = await world.put_server("weather")
    with pytest.raises(Invalid):
        await world.services.catalog.update(SYSTEM, "server", "weather", changes)  # type: ignore[arg-type]  # JSON
    assert await world.services.catalog.get(SYSTEM, "server", "weather") == before


async def test_groups_given_or_taken_away_set_the_audience(world: World) -> None:
    await world.put_server("weather")
    catalog = world.services.catalog
    assert (await catalog.update(SYSTEM, "server", "weather", {"groups": ["staff"]})).visibility == "group"
    assert (await catalog.update(SYSTEM, "server", "weather", {"groups": []})).visibility == "public"
    kept = await catalog.update(SYSTEM, "server", "weather", {"groups": ["staff"], "visibility": "private"})
    assert kept.visibility == "private"
    assert (await world.put_server("own", visibility="private", groups=["staff"])).visibility == "private"


async def test_a_new_url_is_fetched_before_it_is_stored(world: World) -> None:
    before = await world.put_server("weather")
    with pytest.raises(UpstreamFailed):
        await world.services.catalog.update(SYSTEM, "server", "weather", {"url": "https://gone.test/mcp"})
    assert await world.services.catalog.get(SYSTEM, "server", "weather") == before
    world.server("next", ["other"], url="https://next.test/mcp")
    changed = await world.services.catalog.update(SYSTEM, "server", "weather", {"url": "https://next.test/mcp"})
    assert isinstance(changed, Server)
    assert [tool.name for tool in changed.tools] == ["other"]


async def test_tools_given_by_value_may_be_changed_until_they_are_fetched(world: World) -> None:
    world.server("weather", ["live"])
    stated = asset("server", "weather", url="https://weather.test/mcp", tools=[{"name": "stated"}])
    await world.services.catalog.register(SYSTEM, stated, fetch=False)
    changed = await world.services.catalog.update(SYSTEM, "server", "weather", {"tools": [{"name": "restated"}]})
    assert isinstance(changed, Server)
    assert [tool.name for tool in changed.tools] == ["restated"]
    fetched = await world.services.catalog.refresh(SYSTEM, "weather")
    assert isinstance(fetched, Server)
    assert ([tool.name for tool in fetched.tools], fetched.callable) == (["live"], True)


async def test_a_refresh_that_fails_leaves_what_was_known(world: World) -> None:
    before = await world.put_server("weather")
    world.network.tools.clear()
    with pytest.raises(UpstreamFailed):
        await world.services.catalog.refresh(SYSTEM, "weather")
    after = await world.services.catalog.get(SYSTEM, "server", "weather")
    assert (after.health, after.health_report.checked_at) == ("unhealthy", world.clock.now())
    assert after.health_report.error
    assert after.model_copy(update={"health": before.health, "health_report": before.health_report}) == before


async def test_of_two_writers_neither_undoes_the_other(world: World) -> None:
    await world.put_server("weather")
    catalog = world.services.catalog

    async def meanwhile() -> None:
        if world.network.described.count("weather") == 2:
            await catalog.update(SYSTEM, "server", "weather", {"title": "set meanwhile"})

    world.network.before_describe = meanwhile
    refreshed = await catalog.refresh(SYSTEM, "weather")
    assert refreshed.title == "set meanwhile"
    assert world.network.described.count("weather") == 3


async def test_a_writer_who_never_gets_a_turn_is_told(world: World) -> None:
    await world.put_server("weather")
    turns = iter(range(100))

    async def meanwhile() -> None:
        await world.services.catalog.update(SYSTEM, "server", "weather", {"title": str(next(turns))})

    world.network.before_describe = meanwhile
    with pytest.raises(Conflict, match="keeps changing"):
        await world.services.catalog.refresh(SYSTEM, "weather")


async def test_what_was_deleted_meanwhile_is_not_brought_back(world: World) -> None:
    await world.put_server("weather")

    async def meanwhile() -> None:
        world.network.before_describe = lambda: None
        await world.services.catalog.delete(SYSTEM, "server", "weather")

    world.network.before_describe = meanwhile
    with pytest.raises(NotFound):
        await world.services.catalog.refresh(SYSTEM, "weather")


async def test_what_was_deleted_and_registered_anew_meanwhile_is_not_overwritten(world: World) -> None:
    await world.put_server("weather", description="old")

    async def meanwhile() -> None:
        world.network.before_describe = lambda: None
        await world.services.catalog.delete(SYSTEM, "server", "weather")
        world.clock.pass_(1)
        await world.put_server("weather", description="new")

    world.network.before_describe = meanwhile
    assert (await world.services.catalog.refresh(SYSTEM, "weather")).description == "new"


@pytest.mark.parametrize("kind", ["server", "agent", "skill", "virtual_server", "entity"])
async def test_assets_of_every_kind_are_switched_off_and_on(world: World, kind: str) -> None:
    fields = {"server": {"url": "https://a.test"}, "entity": {"type": "t"}}.get(kind, {})
    stored = (await world.services.catalog.register(SYSTEM, asset(kind, "a", **fields), fetch=False)).asset
    assert not (await world.services.catalog.toggle(SYSTEM, stored.kind, "a", False)).enabled
    assert (await world.services.catalog.toggle(SYSTEM, stored.kind, "a", True)).enabled


async def test_assets_of_another_registry_are_not_changed_here(world: World) -> None:
    stored = world.server("weather", provenance={"source": "peer"})
    await world.services.catalog.register(SYSTEM, stored)
    catalog = world.services.catalog
    read_only = "comes from peer and is changed there"
    with pytest.raises(AccessDenied, match=read_only):
        await catalog.update(SYSTEM, "server", "weather", {"title": "x"})
    with pytest.raises(AccessDenied, match=read_only):
        await catalog.refresh(SYSTEM, "weather")
    with pytest.raises(AccessDenied, match=read_only):
        await catalog.delete(SYSTEM, "server", "weather")
    assert not (await catalog.toggle(SYSTEM, "server", "weather", False)).enabled


async def test_changing_an_asset_needs_the_right_to_and_every_refusal_is_audited(world: World) -> None:
    await world.put_server("weather")
    catalog = world.services.catalog
    for refused in (
        catalog.update(ANN, "server", "weather", {"title": "x"}),
        catalog.toggle(ANN, "server", "weather", False),
        catalog.refresh(ANN, "weather"),
        world.services.stages.transition(ANN, "server", "weather", "retired", ""),
        world.services.rescans.scan(ANN, "server", "weather"),
    ):
        with pytest.raises(AccessDenied):
            await refused
    with pytest.raises(AccessDenied):
        await catalog.delete(ANN, "server", "weather")
    denied = [event.action for event in await world.events(decision="deny", subject="token:ann")]
    assert denied == [
        "server:delete", "server:scan", "server:transition", "server:refresh", "server:toggle", "server:update",
    ]  # fmt: skip


async def test_a_deleted_asset_is_told_of_and_its_scan_report_is_gone(world: World) -> None:
    stored = await world.put_server("weather")
    further = await world.put_server("weather", version="2.0.0", url="https://two.test/mcp")
    for version in (stored, further):
        assert (await world.services.scans.report(SYSTEM, version)).verdict == "pass"
    await world.services.catalog.delete(SYSTEM, "server", "weather")
    assert world.told[-1].deletes
    for version in (stored, further):
        with pytest.raises(NotFound, match="no scan report"):
            await world.services.scans.report(SYSTEM, version)
    with pytest.raises(AccessDenied):
        await world.services.scans.report(ANN, stored)


async def test_a_listener_that_fails_does_not_undo_the_act(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(event: object) -> None:
        raise AirError("I cannot")

    world.listen(broken)
    await world.put_server("weather")
    assert await world.services.catalog.get(SYSTEM, "server", "weather")
    assert "listener failed on server:register of weather" in caplog.text


async def test_the_trail_says_why_an_act_was_allowed_and_what_was_said_of_a_step(world: World) -> None:
    await world.put_server("weather")
    await world.services.stages.transition(SYSTEM, "server", "weather", "approved_production", "reviewed by two")
    newest = (await world.events())[0]
    assert newest.action == "server:transition"
    assert newest.reason == "operator; approved_dev -> approved_production: reviewed by two"
