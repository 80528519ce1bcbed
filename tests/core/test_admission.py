"""What may enter the catalog: the gate, the scan, and what looks like something known."""

import pytest

from airegistry.core.admission import Gate
from airegistry.core.assets import MAX_TAGS
from airegistry.core.errors import (
    Conflict,
    GateRejected,
    ScanFailed,
)
from airegistry.core.events import Event
from airegistry.core.findings import Finding, Severity
from airegistry.core.grants import Grant
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.scans import SECURITY_PENDING
from airegistry.embedders.minilm import MiniLM
from tests.core.wiring import World, asset, build

pytestmark = pytest.mark.anyio
HIDDEN = "harmless\u202egnihtemos"
MINILM = MiniLM()


async def test_an_asset_the_scan_blocks_is_held_and_cannot_be_enabled(world: World) -> None:
    catalog = world.services.catalog
    held = (await catalog.register(SYSTEM, asset("agent", "odd", description=HIDDEN))).asset
    assert (held.enabled, held.tags) == (False, [SECURITY_PENDING])
    with pytest.raises(ScanFailed, match="held by its scan"):
        await catalog.toggle(SYSTEM, "agent", "odd", True)
    stripped = await catalog.update(SYSTEM, "agent", "odd", {"tags": []})
    assert (stripped.enabled, stripped.tags) == (False, [SECURITY_PENDING])
    (refused, *_) = await world.events(decision="deny")
    assert refused.action == "agent:toggle"
    cleaned = await catalog.update(SYSTEM, "agent", "odd", {"description": "harmless"})
    assert (cleaned.enabled, cleaned.tags) == (True, [])


async def test_a_served_asset_is_held_when_a_change_or_a_scan_finds_something() -> None:
    class Fickle:
        name = "fickle/1"
        severity: Severity = "info"

        def scan(self, asset: AnyAsset, around: Surroundings) -> list[Finding]:
            return [Finding(rule="r.x", severity=self.severity, structural=True, field="/x", message="m")]

    scanner = Fickle()
    world = await build(scanners=[scanner])
    await world.put_server("weather", tags=["x"])
    scanner.severity = "medium"
    reviewed, _ = await world.services.rescans.scan(SYSTEM, "server", "weather")
    assert (reviewed.enabled, reviewed.tags) == (True, ["x", SECURITY_PENDING])
    scanner.severity = "high"
    held = await world.services.catalog.refresh(SYSTEM, "weather")
    assert (held.enabled, held.tags) == (False, ["x", SECURITY_PENDING])
    scanner.severity = "info"
    passed, _ = await world.services.rescans.scan(SYSTEM, "server", "weather")
    assert (passed.enabled, passed.tags) == (True, ["x"])


async def test_an_asset_with_as_many_tags_as_there_may_be_can_be_held(world: World) -> None:
    tags = [f"t{number}" for number in range(MAX_TAGS)]
    await world.services.catalog.register(SYSTEM, asset("agent", "odd", description=HIDDEN, tags=tags))
    held = await world.services.catalog.get(SYSTEM, "agent", "odd")
    assert held.tags == [*tags[:-1], SECURITY_PENDING]


async def test_a_gate_that_refuses_keeps_an_asset_out() -> None:
    class Shut(Gate):
        async def review(self, who: Principal, act: str, asset: AnyAsset) -> None:
            if asset.path != "known":
                raise GateRejected(f"{who.subject} may not bring {asset.path}")

    world = await build(gate=Shut())
    await world.services.catalog.register(SYSTEM, asset("agent", "known"))
    with pytest.raises(GateRejected):
        await world.services.catalog.register(SYSTEM, asset("agent", "unknown"))
    (event,) = await world.events(decision="deny")
    assert event.reason.startswith("gate_rejected")
    assert await world.shelf.get("agent", "unknown") is None


async def test_a_scanner_that_breaks_refuses_the_asset() -> None:
    class Broken:
        name = "broken/1"

        def scan(self, asset: AnyAsset, around: Surroundings) -> list[Finding]:
            raise IndexError("out of my depth")

    world = await build(scanners=[Broken()])
    with pytest.raises(ScanFailed, match="broken/1 could not read agent/a"):
        await world.services.catalog.register(SYSTEM, asset("agent", "a"))
    assert await world.shelf.get("agent", "a") is None


async def duplicates(
    world: World, it: AnyAsset, who: Principal = SYSTEM, *, fetch: bool = True
) -> list[tuple[str, str]]:
    registered = await world.services.catalog.register(who, it, fetch=fetch)
    return [(duplicate.path, duplicate.reason) for duplicate in registered.duplicates]


@pytest.mark.parametrize(
    "url", ["https://weather.test/mcp", "https://WEATHER.test:443/mcp/", "https://user@weather.test/mcp#top"]
)
async def test_a_server_with_the_same_url_is_reported(world: World, url: str) -> None:
    await world.put_server("weather")
    assert await duplicates(world, world.server("twin", ["other"], url=url)) == [("weather", "url")]


@pytest.mark.parametrize(
    "url", ["http://weather.test/mcp", "https://weather.test:8443/mcp", "https://weather.test/mcp?x"]
)
async def test_a_server_with_another_url_is_not(world: World, url: str) -> None:
    await world.put_server("weather")
    assert await duplicates(world, asset("server", "twin", transport="stdio", command="npx")) == []
    world.network.check_url = lambda url: None  # type: ignore[method-assign]  # plain HTTP is another matter
    assert await duplicates(world, world.server("other", ["other"], url=url)) == []


async def test_a_server_with_the_same_tools_is_reported_once_by_its_strongest_reason(world: World) -> None:
    await world.put_server("weather", ["b", "a"])
    assert await duplicates(world, world.server("twin", ["a", "b"])) == [("weather", "tools")]
    third = world.server("third", ["a", "b"], url="https://twin.test/mcp")
    assert await duplicates(world, third) == [("twin", "url"), ("weather", "tools")]


async def test_duplicates_are_rejected_when_that_is_asked_for(world: World) -> None:
    await world.put_server("weather")
    twin = world.server("twin", url="https://weather.test/mcp")
    with pytest.raises(Conflict, match="'twin' duplicates 'weather' \\(same url\\)"):
        await world.services.catalog.register(SYSTEM, twin, on_duplicate="reject")
    assert await world.shelf.get("server", "twin") is None


async def test_duplicates_the_registrant_may_not_see_are_not_reported(world: World) -> None:
    await world.put_server("staffs", groups=["staff"], url="https://weather.test/mcp")
    await world.put_server("drafted", url="https://weather.test/mcp")
    await world.services.stages.transition(SYSTEM, "server", "drafted", "security_review", "seen")
    ann = await world.holding(Grant(actions=["register"]))
    assert await duplicates(world, world.server("twin", url="https://weather.test/mcp"), ann) == []


async def test_what_was_seen_once_and_is_hidden_now_is_not_reported(world: World) -> None:
    public = await world.put_server("weather")
    await world.services.catalog.update(SYSTEM, "server", "weather", {"groups": ["staff"]})
    await world.admission.on_event(Event("server:update", public, "a writer whose word comes late"))
    ann = await world.holding(Grant(actions=["register"]))
    assert await duplicates(world, world.server("twin", url="https://weather.test/mcp"), ann) == []


async def test_a_further_version_does_not_make_the_first_ones_duplicates_forgotten(world: World) -> None:
    await world.put_server("weather")
    await world.put_server("weather", ["more"], version="2.0.0", url="https://two.test/mcp")
    assert await duplicates(world, world.server("twin", ["x"], url="https://weather.test/mcp")) == [("weather", "url")]


async def test_what_is_deleted_or_moved_away_is_no_duplicate_any_more(world: World) -> None:
    await world.put_server("weather")
    await world.services.catalog.delete(SYSTEM, "server", "weather")
    assert await duplicates(world, world.server("twin", ["a"], url="https://weather.test/mcp")) == []
    world.server("elsewhere", ["c"])
    await world.services.catalog.update(SYSTEM, "server", "twin", {"url": "https://elsewhere.test/mcp"})
    assert await duplicates(world, world.server("third", ["a"], url="https://weather.test/mcp")) == []


async def test_duplicates_are_known_after_a_restart(world: World) -> None:
    await world.put_server("weather")
    later = await build(store=world.store)
    assert await duplicates(later, later.server("twin", ["x"], url="https://weather.test/mcp")) == [("weather", "url")]


async def test_the_same_skill_under_another_path_is_reported_by_its_meaning() -> None:
    world = await build(embedder=MINILM)
    await world.services.search.embed_all()
    content = (
        "---\nname: folding\ndescription: Folds paper cranes.\n---\n" + "Crease the paper along the middle.\n" * 60
    )
    skill = world.services.intake.skill
    await skill(SYSTEM, "folding", content=content, governance={})
    for number in range(12):
        await skill(SYSTEM, f"hidden-{number}", content=content, governance={"groups": ["staff"]})
    ann = await world.holding(Grant(actions=["register"]))
    twin = await skill(ann, "twin", content=content, governance={})
    assert [(found.path, found.reason, found.score) for found in twin.duplicates] == [("folding", "meaning", 1.0)]
    other = content.replace("Folds paper cranes", "Deploys a cluster to the cloud")
    assert (await skill(ann, "other", content=other, governance={})).duplicates == []


async def test_an_asset_alike_in_url_and_meaning_is_reported_once() -> None:
    world = await build(embedder=MINILM)
    await world.services.search.embed_all()
    await world.put_server("weather", title="Weather", description="Rain by city.")
    twin = world.server("twin", title="Weather", description="Rain by city.", url="https://weather.test/mcp")
    assert await duplicates(world, twin) == [("weather", "url")]


@pytest.mark.parametrize("hidden", ["moon", "sun"])
async def test_duplicates_do_not_tell_which_tools_are_hidden(hidden: str) -> None:
    world = await build(embedder=MINILM)
    await world.services.search.embed_all()
    await world.put_server("forecasts", ["rain", hidden], description="Tells the weather of tomorrow for any town.")
    ann = await world.holding(Grant(tools=["rain"]), Grant(actions=["register"]))
    twin = world.server(
        "forecasts-2", ["rain", "sun"], name="forecasts", description="Tells the weather of tomorrow for any town."
    )
    assert await duplicates(world, twin, ann) == []
