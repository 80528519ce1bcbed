"""Federation: what a source does that means harm, or is broken, and what stands against it."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import anyio
import pytest

from airegistry.core.assets import Json, Tool
from airegistry.core.errors import AirError, Invalid
from airegistry.core.events import Event
from airegistry.core.principals import SYSTEM
from airegistry.core.source_diff import decide
from airegistry.core.source_pass import DEFECTS, FEW, Caps
from airegistry.core.source_records import SourceRecord, SourceState, Terms
from airegistry.core.source_schedule import begins_at, wait_of
from airegistry.core.sources import Offer, OfferPage, SourceConfig
from tests.core.federated import FakeDrivers, FakeSource, offer, served, thing
from tests.core.syncing import URL, Registry, registry, type_of
from tests.core.test_federation_tasks import Held, serving, standing
from tests.core.wiring import NOON

pytestmark = pytest.mark.anyio

MOVED = "https://elsewhere.test/mcp"


async def many(count: int = 2 * FEW + 10) -> Registry:
    """A registry that has as many servers of its source."""
    far = await registry(*(served(f"s{n}") for n in range(count)))
    assert (await far.sync()).added == count
    return far


@pytest.mark.parametrize("left", [0, FEW])
async def test_a_whole_pass_that_names_little_of_what_is_here_retires_nothing_until_a_person_forces_it(
    left: int,
) -> None:
    far = await many()
    there = len(far.source.offers)
    far.source.offers = far.source.offers[:left]
    run = await far.sync()
    assert (run.outcome, run.code, run.retired) == ("failed", "approval_required", 0)
    assert f"does not name {there - left} of the {there} things" in run.error
    assert (await far.server(f"s{there - 1}")).stage == "approved_dev"
    dry = await far.federation.preview(SYSTEM, "far")
    assert (dry.outcome, dry.retired) == ("failed", there - left)
    await far.federation.request(SYSTEM, "far", forced=True)
    run = await far.sync()
    assert (run.outcome, run.retired) == ("ok", there - left)
    assert standing(far).state.forced == ""
    asked = await far.world.events(action="source:request")
    assert asked[0].reason.endswith("; forced")


async def test_half_of_what_is_here_and_any_few_things_may_go_without_a_person() -> None:
    far = await many()
    there = len(far.source.offers)
    far.source.offers = far.source.offers[: there - there // 2]
    assert (await far.sync()).retired == there // 2
    few = await registry(*(served(f"s{n}") for n in range(FEW)))
    await few.sync()
    few.source.offers = []
    assert (await few.sync()).retired == FEW


async def test_a_pass_that_is_forced_is_a_whole_one_and_the_next_is_not_forced() -> None:
    far = await many()
    far.source.mark = "1"
    await far.sync()
    far.source.offers = []
    await far.federation.request(SYSTEM, "far", forced=True)
    await far.federation.request(SYSTEM, "far")
    assert (await far.sync()).retired == 0
    await far.federation.request(SYSTEM, "far", forced=True)
    assert (await far.sync()).retired > FEW
    assert [since for since, _ in far.source.asked[-2:]] == ["1", None]


async def test_a_source_whose_ids_are_always_new_does_not_fill_the_store() -> None:
    far = await registry(*(served(f"a{n}") for n in range(4)))
    far.federation.syncs.caps = Caps(kept=6, at_once=1)
    await far.sync()
    far.source.offers = [served(f"b{n}") for n in range(4)]
    run = await far.sync()
    assert (run.added, run.codes) == (2, {"conflict": 2})
    assert "6 things of the source are here" in run.refusals[0].reason
    assert len(await far.paths()) == 6


async def test_versions_of_several_kinds_are_no_way_into_another_namespace() -> None:
    mixed = offer(thing("server", "x"), thing("agent", "x", version="2.0.0", url="https://x.test"))
    far = await registry(mixed, offer(thing("virtual_server", "both", tools=[{"server": "ours", "tool": "pay"}])))
    run = await far.sync()
    assert (run.added, run.codes) == (0, {"invalid": 2})
    assert await far.paths() == []
    assert decide(None, mixed, Terms()).act == "refuse"


async def test_whether_it_is_switched_on_and_which_tools_wait_for_a_person_is_not_its_source_s_to_say() -> None:
    far = await registry(served("weather", enabled=False, requires_approval=["forecast"]))
    await far.sync()
    weather = await far.server("weather")
    assert (weather.enabled, weather.requires_approval) == (True, [])


async def test_a_type_that_a_person_changed_here_is_not_the_source_s_any_more() -> None:
    ours: Json = {"required": ["owner"]}
    far = await registry()
    types = far.world.services.entity_types
    far.source.types = [type_of("host", {"required": ["cpu"]})]
    await far.sync()
    await types.define(SYSTEM, "host", ours)
    far.source.types = [type_of("host", {})]
    far.source.offers = [offer(thing("entity", "h1", type="host", data={}))]
    assert (await far.sync()).codes == {"conflict": 1}
    assert (await types.get("host")).schema_ == ours
    async with serving(far):
        assert await far.federation.remove(SYSTEM, "far", wait=10)
    assert (await types.get("host")).schema_ == ours


class Talkative:
    """A source that tells of a page with as many types as it likes, again and again."""

    def __init__(self, pages: int, each: int) -> None:
        self._pages = pages
        self._each = each

    async def page(self, since: str | None, after: str | None) -> OfferPage:
        page = int(after or 0)
        types = [type_of(f"t{page}-{n}", {}) for n in range(self._each)]
        return OfferPage((), str(page + 1) if page < self._pages else None, types=types)


async def test_the_types_of_a_pass_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airegistry.core.source_pass.MAX_TYPES", 5)
    far = await registry()
    far.drivers.sources[URL] = Talkative(4, 3)
    assert (await far.sync()).outcome == "ok"
    assert len(await far.world.services.entity_types.list()) == 5


@pytest.mark.parametrize("page", [OfferPage((), "x" * 20_000), OfferPage((), None, "x" * 20_000)])
async def test_a_cursor_or_mark_of_any_length_is_not_kept(page: OfferPage) -> None:
    class Long:
        async def page(self, since: str | None, after: str | None) -> OfferPage:
            return page

    far = await registry()
    far.drivers.sources[URL] = Long()
    run = await far.sync()
    assert (run.outcome, "over 16384 characters" in run.error) == ("failed", True)
    assert standing(far).state.mark is None


async def test_an_error_of_any_length_is_not_kept() -> None:
    far = await registry()
    far.source.failing = Invalid("x" * 100_000)
    assert len((await far.sync()).error) == 1000


class Touchy:
    """Keeps events, and breaks at those of some paths."""

    def __init__(self, breaks: str) -> None:
        self._breaks = breaks

    @asynccontextmanager
    async def around(self, events: Sequence[Event]) -> AsyncIterator[None]:
        if any(event.asset.path.startswith(self._breaks) for event in events):
            raise RecursionError
        yield

    async def keep(self, event: Event) -> None:
        return None


async def test_what_one_publisher_wrote_keeps_no_other_out_even_if_it_breaks_what_reads_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    far = await registry(served("a"), served("bad"), served("c"))
    far.world.services.events.ledger = Touchy("bad")
    with caplog.at_level(logging.CRITICAL, "airegistry.core.source_pass"):
        run = await far.sync()
        assert (run.outcome, run.added, run.codes) == ("ok", 2, {"internal": 1})
        assert run.refusals[0].reason == "it could not be taken in: RecursionError"
        far.source.offers = [served(f"bad{n}") for n in range(DEFECTS + 1)]
        run = await far.sync()
    assert (run.outcome, run.error) == ("failed", "the pass was broken by a defect: RecursionError")


class Hollow(FakeDrivers):
    """Drivers that break when a source is opened."""

    @asynccontextmanager
    async def open(self, config: object) -> AsyncIterator[FakeSource]:
        raise ValueError("a defect")
        yield FakeSource()


async def test_a_driver_that_breaks_at_opening_is_a_failure_that_is_waited_after() -> None:
    far = await registry()
    far.federation.syncs.drivers = Hollow()
    run = await far.sync()
    assert (run.outcome, run.code) == ("failed", "internal")
    assert (standing(far).state.failures, standing(far).state.due) == (1, NOON + timedelta(seconds=60))


async def test_what_has_lost_its_id_is_taken_down_with_its_source() -> None:
    far = await registry(served("weather"))
    await far.sync()
    found = await far.world.shelf.get("server", "weather")
    assert found is not None
    nameless = found[0].provenance.model_copy(update={"id": None})
    await far.world.shelf.replace(found[0].model_copy(update={"provenance": nameless}), found[1])
    async with serving(far):
        assert await far.federation.remove(SYSTEM, "far", wait=10)
    assert await far.paths() == []


async def test_what_cannot_be_taken_down_is_not_tried_without_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    far = await registry(served("weather"))
    await far.sync()
    tries = 0

    async def undeleted(*_: object) -> bool:
        nonlocal tries
        tries += 1
        return False

    monkeypatch.setattr("airegistry.core.source_intake.Arrivals.delete", undeleted)
    with anyio.fail_after(5), pytest.raises(AirError, match="cannot be taken down"):
        await far.federation.syncs.clear("far")
    assert tries == 1


@pytest.mark.parametrize("changes", [{"url": "https://evil.test"}, {"options": {"token_url": "https://evil.test/t"}}])
async def test_secrets_do_not_follow_a_source_to_another_address(changes: Json) -> None:
    far = await registry()
    options = {"token_url": "https://id.test/t", "filter": "a"}
    await far.federation.add(SYSTEM, "near", "peer", {"url": URL, "options": options}, {"token": "s3cr3t"})
    with pytest.raises(Invalid, match="give them, too") as refused:
        await far.federation.update(SYSTEM, "near", changes)
    assert refused.value.field == "secrets"
    await far.federation.update(SYSTEM, "near", {"url": f"{URL}/below", "options": {**options, "filter": "b"}})
    moved = await far.federation.update(SYSTEM, "near", changes, {"token": "another"})
    assert far.federation.syncs.config(moved.record).secrets == {"token": "another"}
    await far.federation.update(SYSTEM, "far", {"url": "https://free.test"})


def test_a_clock_that_was_wrong_once_neither_stops_a_source_nor_leaves_it_without_whole_passes() -> None:
    made = {"created_by": "a", "created_at": NOON, "updated_by": "a", "updated_at": NOON}
    record = SourceRecord.model_validate({"name": "far", "kind": "peer", **made})
    year = timedelta(days=365)
    assert wait_of(record, SourceState(since=NOON, due=NOON + year), NOON) == 0
    assert wait_of(record, SourceState(since=NOON, due=NOON + timedelta(hours=1)), NOON) == 3600
    assert wait_of(record, SourceState(since=NOON, due=NOON + timedelta(hours=1), wanted="x"), NOON) == 0
    assert begins_at(SourceState(since=NOON, mark="1", whole_at=NOON + year), NOON) is None
    assert begins_at(SourceState(since=NOON, mark="1", whole_at=NOON), NOON) == "1"


ONE: Json = {"type": "object", "properties": {"city": {"type": "string"}}}
MORE: Json = {"type": "object", "properties": {"city": {"type": "string"}, "token": {"type": "string"}}}


def forecast(schema: Json, description: str = "The weather.") -> Tool:
    """A tool that takes more or less."""
    return Tool(name="forecast", description=description, input_schema=schema)


@pytest.mark.parametrize("versions", [("1.0.0",), ("2.0.0", "3.0.0")])
async def test_a_server_that_its_source_moves_is_compared_with_what_was_approved(versions: Sequence[str]) -> None:
    far = await registry(served("weather"))
    network, catalog = far.world.network, far.world.services.catalog
    network.tools["https://weather.test/mcp"] = [forecast(ONE), Tool(name="same", description="As ever.")]
    await far.sync()
    await catalog.refresh(SYSTEM, "weather", foreign=True)
    for version in versions:
        claimed = [{"name": "forecast", "description": "The weather.", "inputSchema": MORE}]
        far.source.offers = [served("weather", url=MOVED, version=version, tools=claimed)]
        if version != "1.0.0":
            far.source.offers = [offer(*far.source.offers[0].versions, id="server/weather")]
        assert (await far.sync()).changed == 1
    assert not (await far.server("weather")).callable
    others = [Tool(name="same", description="As ever."), Tool(name="new")]
    network.tools[MOVED] = [forecast(MORE), *others]
    await catalog.refresh(SYSTEM, "weather", foreign=True)
    weather = await far.server("weather")
    assert (weather.callable, [tool.name for tool in weather.tools]) == (True, ["same", "new"])
    network.tools[MOVED] = [forecast(MORE, "The weather of today."), *others]
    await catalog.refresh(SYSTEM, "weather", foreign=True)
    assert [tool.name for tool in (await far.server("weather")).tools] == ["same", "new"]
    network.tools[MOVED] = [forecast(ONE), *others]
    await catalog.refresh(SYSTEM, "weather", foreign=True)
    assert [tool.name for tool in (await far.server("weather")).tools] == ["forecast", "same", "new"]


async def test_an_id_of_any_length_is_refused_and_not_remembered() -> None:
    far = await registry(*(Offer("i" * 600, [thing("server", "a")], "d") for _ in range(3)))
    run = await far.sync()
    assert (run.codes, run.repeated) == ({"invalid": 3}, 0)


async def test_a_password_in_a_url_that_is_refused_is_not_on_record() -> None:
    far = await registry()
    with pytest.raises(Invalid):
        await far.federation.add(SYSTEM, "near", "peer", {"url": "http://ann:s3cr3t@there.test"})
    assert not any("s3cr3t" in (event.target or "") for event in await far.world.events(action="source:add"))


@pytest.mark.parametrize("withdrawn", [False, True])
async def test_another_version_undoes_nothing_that_a_person_decided(withdrawn: bool) -> None:
    far = await registry(served("weather"), served("news"))
    await far.sync()
    stages, catalog = far.world.services.stages, far.world.services.catalog
    await stages.transition(SYSTEM, "server", "weather", "retired", "it lies")
    await catalog.update(SYSTEM, "server", "weather", {"requires_approval": ["forecast"]})
    await catalog.toggle(SYSTEM, "server", "weather", False)
    if withdrawn:
        far.source.offers = [served("news")]
        await far.sync()
    newer = thing("server", "weather", version="2.0.0")
    far.source.offers = [offer(newer, id="server/weather"), served("news")]
    await far.sync()
    weather = await far.server("weather")
    assert (weather.version, weather.stage, weather.enabled) == ("2.0.0", "retired", False)
    assert weather.requires_approval == ["forecast"]


async def test_what_is_withdrawn_and_comes_back_as_another_version_is_where_a_person_left_it() -> None:
    far = await registry(served("weather"))
    await far.sync()
    await far.world.services.stages.transition(SYSTEM, "server", "weather", "security_review", "look at it")
    far.source.offers = []
    assert (await far.sync()).retired == 1
    far.source.offers = [offer(thing("server", "weather", version="2.0.0"), id="server/weather")]
    await far.sync()
    weather = await far.server("weather")
    assert (weather.version, weather.stage) == ("2.0.0", "security_review")


async def test_what_is_being_imported_once_stays_away_when_it_is_removed_in_the_middle() -> None:
    far = await registry()
    source = FakeSource([served(f"s{n}") for n in range(4)], size=2)
    source.before = held = Held(1)

    async def bring_in() -> None:
        run = await far.federation.apply(SYSTEM, SourceConfig("once", "mcp-registry", URL), source)
        assert (run.outcome, run.code, run.added) == ("failed", "conflict", 2)

    async with serving(far), anyio.create_task_group() as tasks:
        tasks.start_soon(bring_in)
        await held.reached.wait()
        assert await far.federation.remove(SYSTEM, "once", wait=10)
        held.go.set()
    assert await far.paths() == []
