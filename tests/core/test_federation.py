"""Federation: what comes in from a source, as what, and what becomes of it when the source changes its mind."""

import pytest

from airegistry.core.assets import Json
from airegistry.core.errors import AccessDenied, UpstreamFailed
from airegistry.core.events import Event
from airegistry.core.principals import SYSTEM
from airegistry.core.source_pass import Caps
from airegistry.core.sources import Offer, SourceConfig
from tests.core.federated import FakeSource, offer, served, thing
from tests.core.syncing import URL, CountingStore, registry, type_of
from tests.core.wiring import ANN

pytestmark = pytest.mark.anyio


async def test_what_is_offered_comes_in_with_its_source_and_is_read_only() -> None:
    far = await registry(served("weather", version="2.0.0"))
    run = await far.sync()
    assert (run.outcome, run.added, run.refused) == ("ok", 1, 0)
    weather = await far.server("weather")
    assert (weather.provenance.source, weather.provenance.kind, weather.provenance.id) == (
        "far", "mcp-registry", "server/weather",
    )  # fmt: skip
    assert (weather.version, weather.stage, weather.enabled, weather.callable) == ("2.0.0", "approved_dev", True, False)
    with pytest.raises(AccessDenied, match="comes from far and is changed there"):
        await far.world.services.catalog.update(SYSTEM, "server", "weather", {"title": "x"})
    with pytest.raises(AccessDenied, match="comes from far"):
        await far.world.services.catalog.delete(SYSTEM, "server", "weather")
    further = thing("server", "weather", version="3.0.0")
    with pytest.raises(AccessDenied, match="comes from far"):
        await far.world.services.catalog.register(SYSTEM, further, fetch=False)
    assert (await far.world.services.scans.report(SYSTEM, weather)).verdict == "pass"


async def test_a_local_asset_keeps_its_path_and_so_does_that_of_another_source() -> None:
    far = await registry(served("weather", title="Theirs"), served("news"))
    await far.world.put_server("weather", title="Ours")
    run = await far.sync()
    assert (run.added, run.refused, run.codes) == (1, 1, {"conflict": 1})
    [refusal] = run.refusals
    assert (refusal.id, refusal.code) == ("server/weather", "conflict")
    assert "was registered here" in refusal.reason
    assert (await far.server("weather")).title == "Ours"
    other = await far.world.services.federation.apply(
        SYSTEM, SourceConfig("other", "mcp-registry", URL), FakeSource([served("news", title="Another")])
    )
    assert "comes from source 'far'" in other.refusals[0].reason
    assert (await far.server("news")).title is None


async def test_an_unchanged_pass_writes_one_document_and_scans_nothing() -> None:
    store = CountingStore()
    far = await registry(*(served(f"s{n}") for n in range(30)), store=store)
    await far.sync()
    stored, store.writes = [asset async for _, asset in far.world.shelf.walk()], []
    run = await far.sync()
    assert (run.unchanged, run.added, run.changed) == (30, 0, 0)
    assert store.writes == ["source_states"]
    assert [asset async for _, asset in far.world.shelf.walk()] == stored


async def test_a_change_there_is_scanned_and_takes_its_place_here_with_what_is_governed_here() -> None:
    far = await registry(served("weather", title="Old", tags=["a"]))
    await far.sync()
    services = far.world.services
    await services.catalog.toggle(SYSTEM, "server", "weather", False)
    await services.stages.transition(SYSTEM, "server", "weather", "approved_production", "good")
    await services.ratings.rate(ANN, "server", "weather", 5)
    before = await far.server("weather")
    far.source.offers = [served("weather", title="New", tags=["b"], enabled=True, stage="draft")]
    run = await far.sync()
    after = await far.server("weather")
    assert (run.changed, after.title, after.tags) == (1, "New", ["b"])
    for governed in ("enabled", "stage", "rating", "created_at", "created_by"):
        assert getattr(after, governed) == getattr(before, governed), governed
    assert (after.enabled, after.stage, after.rating.count) == (False, "approved_production", 1)


async def test_what_a_whole_pass_does_not_name_is_retired_and_comes_back_as_it_was() -> None:
    far = await registry(served("weather"), served("news"))
    await far.sync()
    await far.world.services.stages.transition(SYSTEM, "server", "news", "approved_production", "good")
    kept = far.source.offers
    far.source.offers = kept[:1]
    run = await far.sync()
    assert (run.retired, (await far.server("news")).stage) == (1, "retired")
    assert (await far.sync()).retired == 0
    far.source.offers = kept
    run = await far.sync()
    assert (run.changed, (await far.server("news")).stage) == (1, "approved_production")


async def test_what_is_gone_for_a_month_is_taken_down() -> None:
    far = await registry(served("weather"), served("news"))
    await far.sync()
    far.source.offers = far.source.offers[:1]
    await far.sync()
    far.world.clock.pass_(31 * 86_400)
    assert (await far.sync()).deleted == 1
    assert await far.paths() == ["weather"]


async def test_a_pass_that_breaks_off_retires_nothing_and_begins_anew() -> None:
    far = await registry(*(served(f"s{n}") for n in range(4)))
    await far.sync()
    far.source.offers, far.source.size = [served("s0"), served("s9")], 1
    far.source.failing, far.source.fails_at = UpstreamFailed("it broke off"), 1
    run = await far.sync()
    assert (run.outcome, run.code, run.retired, run.pages) == ("failed", "upstream_failed", 0, 1)
    assert await far.paths() == ["s0", "s1", "s2", "s3"]
    far.source.failing = None
    run = await far.sync()
    assert (run.outcome, run.retired, run.added) == ("ok", 3, 1)


async def test_a_pass_since_a_mark_follows_changes_and_tombstones_alone() -> None:
    far = await registry(served("weather"), served("news"))
    far.source.mark = "1"
    await far.sync()
    far.source.changes = [Offer("server/news"), Offer("server/unknown"), served("sport")]
    run = await far.sync()
    assert far.source.asked[-1:] == [("1", None)]
    assert (run.whole, run.retired, run.added, run.unchanged) == (False, 1, 1, 0)
    assert (await far.server("news")).stage == "retired"
    assert (await far.server("weather")).stage == "approved_dev"
    far.world.clock.pass_(25 * 3600)
    await far.sync()
    assert far.source.asked[-1:] == [(None, None)]


async def test_versions_stand_side_by_side_and_the_default_is_that_of_the_source() -> None:
    one, two = thing("server", "weather", version="1.0.0"), thing("server", "weather", version="2.0.0")
    far = await registry(offer(one))
    await far.sync()
    far.source.offers = [offer(two, one)]
    run = await far.sync()
    assert (run.changed, (await far.server("weather")).version) == (1, "2.0.0")
    assert await far.world.shelf.versions("server", "weather") == ["1.0.0"]
    assert (await far.sync()).unchanged == 1
    far.source.offers = [offer(two)]
    assert (await far.sync()).changed == 1
    assert (await far.server("weather", "1.0.0")).stage == "retired"
    assert (await far.sync()).unchanged == 1


async def test_a_new_server_of_several_versions_comes_in_with_all_of_them() -> None:
    far = await registry(offer(*(thing("server", "weather", version=f"{n}.0.0") for n in (3, 2, 1))))
    assert (await far.sync()).added == 1
    assert (await far.server("weather")).version == "3.0.0"
    assert await far.world.shelf.versions("server", "weather") == ["1.0.0", "2.0.0"]
    assert (await far.sync()).unchanged == 1


async def test_an_id_keeps_its_path_whatever_it_wishes_for_later() -> None:
    far = await registry(offer(thing("server", "weather"), id="x"))
    await far.sync()
    await far.federation.update(SYSTEM, "far", {"prefix": "far-"})
    far.source.offers = [offer(thing("server", "forecasts", title="New"), id="x"), served("news")]
    run = await far.sync()
    assert (run.changed, run.added, run.retired) == (1, 1, 0)
    assert await far.paths() == ["far-news", "weather"]
    assert (await far.server("weather")).title == "New"


async def test_types_come_in_with_entities_and_never_take_the_place_of_one_that_is_here() -> None:
    small: Json = {"required": ["cpu"]}
    large: Json = {"required": ["gpu"]}
    types = [type_of("host", small), type_of("team", large)]
    far = await registry(
        offer(thing("entity", "h1", type="host", data={"cpu": 1})),
        offer(thing("entity", "h2", type="host", data={})), offer(thing("entity", "t1", type="team", data={"gpu": 1})),
    )  # fmt: skip
    far.source.types = types
    await far.world.services.entity_types.define(SYSTEM, "team", {"required": ["name"]})
    run = await far.sync()
    assert (run.added, run.codes) == (1, {"invalid": 1, "conflict": 1})
    assert (await far.world.services.entity_types.get("team")).schema_ == {"required": ["name"]}
    far.source.types = [type_of("host", {"required": ["cpu"], "title": "Host"})]
    await far.sync()
    assert (await far.world.services.entity_types.get("host")).schema_["title"] == "Host"


async def test_a_virtual_server_of_a_source_lends_nothing_that_is_here() -> None:
    tools = [{"server": "weather", "tool": "forecast", "lent": True}, {"server": "ours", "tool": "pay", "lent": True}]
    far = await registry(offer(thing("virtual_server", "both", tools=tools)), served("weather"))
    await far.world.put_server("ours", ["pay"])
    run = await far.sync()
    assert (run.added, run.codes) == (1, {"invalid": 1})
    assert await far.world.shelf.get("virtual_server", "both") is None


async def test_a_version_that_may_not_come_in_keeps_no_other_out() -> None:
    good, bad = thing("server", "weather", version="2.0.0"), thing("server", "weather", version="1.0.0", url="ftp://x")
    far = await registry(offer(good, bad))
    run = await far.sync()
    assert (run.added, run.codes) == (1, {"invalid": 1})
    assert run.refusals[0].reason.startswith("version 1.0.0: ")
    run = await far.sync()
    assert (run.changed, run.unchanged, run.refused) == (0, 1, 1)


async def test_a_change_is_made_anew_when_somebody_writes_the_asset_meanwhile() -> None:
    far = await registry(served("weather", title="Old"))
    await far.sync()
    switched_off = False

    async def meddle(event: Event) -> None:
        nonlocal switched_off
        if event.name == "server:register" and event.asset.path == "news" and not switched_off:
            switched_off = True
            await far.world.services.catalog.toggle(SYSTEM, "server", "weather", False)

    far.world.listen(meddle)
    far.source.offers = [served("news"), served("weather", title="New")]
    far.federation.syncs.caps = Caps(at_once=2)
    run = await far.sync()
    weather = await far.server("weather")
    assert (run.refused, weather.title, weather.enabled, switched_off) == (0, "New", False, True)


async def test_a_thing_that_becomes_one_of_another_kind_is_refused() -> None:
    far = await registry(offer(thing("server", "weather"), id="x"))
    await far.sync()
    far.source.offers = [offer(thing("agent", "weather"), id="x")]
    run = await far.sync()
    assert (run.codes, run.retired) == ({"invalid": 1}, 0)
    assert (await far.server("weather")).stage == "approved_dev"
