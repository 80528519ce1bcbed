"""Registrations that are only looked at: as they would come out, and nothing of them is stored or told."""

import pytest

from airegistry.core.assets import Server
from airegistry.core.composing import read_wishes
from airegistry.core.entity_types import EntityTypes
from airegistry.core.errors import AccessDenied, Conflict, GateRejected, Invalid, NotFound, UpstreamFailed
from airegistry.core.grants import Grant
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import SYSTEM, Principal
from tests.core.wiring import ANN, World, asset, build

pytestmark = pytest.mark.anyio
HIDDEN = "harmless\u202egnihtemos"
SKILL = "---\nname: folding\ndescription: Folds cranes.\n---\nCrease.\n"


async def test_a_preview_shows_the_tools_and_the_verdict_and_leaves_no_trace_but_in_the_trail(world: World) -> None:
    catalog = world.services.catalog
    looked = await catalog.register(SYSTEM, world.server("weather", ["forecast"], description=HIDDEN), dry_run=True)
    assert isinstance(looked.asset, Server)
    assert [tool.name for tool in looked.asset.tools] == ["forecast"]
    assert (looked.report.verdict, looked.asset.enabled) == ("block", False)
    assert looked.report.findings[0].field == "/description"
    with pytest.raises(NotFound):
        await catalog.get(SYSTEM, "server", "weather")
    assert await world.services.scans.kept(looked.asset) is None
    assert world.told == []
    (event,) = await world.events(asset="server/weather")
    assert (event.action, event.outcome) == ("server:preview", "ok")
    await world.put_server("weather")


async def test_who_may_not_register_may_not_have_the_registry_look_either(world: World) -> None:
    with pytest.raises(AccessDenied):
        await world.services.catalog.register(ANN, world.server("weather"), dry_run=True)
    with pytest.raises(AccessDenied):
        await world.services.intake.agent(ANN, "planner", url="https://x.test/card", governance={}, dry_run=True)
    with pytest.raises(AccessDenied):
        await world.services.compositions.create(ANN, "both", "Both", read_wishes([]), {}, dry_run=True)
    assert world.network.described == []
    denied = [event.action for event in await world.events(decision="deny")]
    assert sorted(denied) == ["agent:preview", "server:preview", "virtual_server:preview"]


async def test_what_a_registration_would_be_refused_for_a_preview_is_too(world: World) -> None:
    await world.put_server("weather")
    register = world.services.catalog.register
    with pytest.raises(Conflict, match="exists already"):
        await register(SYSTEM, world.server("weather"), dry_run=True)
    with pytest.raises(UpstreamFailed):
        await register(SYSTEM, asset("server", "gone", url="https://gone.test/mcp"), dry_run=True)
    again = world.server("again", url="https://weather.test/mcp")
    assert [each.path for each in (await register(SYSTEM, again, dry_run=True)).duplicates] == ["weather"]
    with pytest.raises(Conflict, match="duplicates 'weather'"):
        await register(SYSTEM, again, on_duplicate="reject", dry_run=True)


async def test_the_gate_is_asked_at_the_registration_and_not_before() -> None:
    class Never:
        async def review(self, who: Principal, act: str, asset: AnyAsset) -> None:
            raise GateRejected(f"no {act}")

    world = await build(gate=Never())
    await world.services.catalog.register(SYSTEM, world.server("weather"), dry_run=True)
    with pytest.raises(GateRejected, match="no register"):
        await world.put_server("weather")


async def test_every_kind_can_be_looked_at_first(world: World) -> None:
    ann = await world.holding(Grant(actions=["register", "read"]))
    intake, types = world.services.intake, world.services.entity_types
    assert isinstance(types, EntityTypes)
    await types.define(SYSTEM, "table", {"type": "object", "properties": {"rows": {"type": "integer"}}}, "")
    await world.put_server("weather")
    skill = await intake.skill(ann, "folding", content=SKILL, governance={}, dry_run=True)
    entity = await intake.entity(ann, "table", "sales", {"rows": 3}, governance={}, dry_run=True)
    wishes = read_wishes([{"server": "weather", "tool": "forecast", "alias": "sky"}])
    virtual = await world.services.compositions.create(ann, "outdoors", "Outdoors", wishes, {}, dry_run=True)
    for looked in (skill, entity, virtual):
        with pytest.raises(NotFound):
            await world.services.catalog.get(SYSTEM, looked.asset.kind, looked.asset.path)
    with pytest.raises(Invalid):
        await intake.entity(ann, "table", "sales", {"rows": "many"}, governance={}, dry_run=True)
