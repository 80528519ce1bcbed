"""Steps of assets: who makes them, four eyes, reasons kept, retirement on its day."""

from datetime import datetime, timedelta

import anyio
import pytest

from airegistry.core.assets import Json
from airegistry.core.documents import Document
from airegistry.core.errors import AccessDenied, ApprovalRequired, Invalid, NotFound, Retired
from airegistry.core.grants import Grant
from airegistry.core.lifecycle import Stage
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.reviews import HISTORY
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import ANN, BOB, NOON, FakeClock, World, build

pytestmark = pytest.mark.anyio
CID = Principal("token:cid", client="3")
EVERYTHING = Grant(actions=["*"])


async def people(world: World) -> tuple[Principal, Principal, Principal]:
    """Three who may do everything."""
    return (
        await world.holding(EVERYTHING),
        await world.holding(EVERYTHING, who=BOB),
        await world.holding(EVERYTHING, who=CID),
    )


async def go(world: World, who: Principal, stage: str, reason: str = "because", version: str | None = None) -> AnyAsset:
    return await world.services.stages.transition(who, "server", "weather", stage, reason, version=version)


async def test_a_refused_step_leaves_the_asset_as_it_was(world: World) -> None:
    before = await world.put_server("weather")
    with pytest.raises(Invalid, match="no step from approved_dev to draft"):
        await go(world, SYSTEM, "draft")
    assert await world.services.catalog.get(SYSTEM, "server", "weather") == before
    retired = await go(world, SYSTEM, "retired", "replaced")
    assert (retired.stage, retired.stage_reason, retired.stage_since) == ("retired", "replaced", NOON)


async def test_approvals_take_another_right_than_the_steps_of_owners(world: World) -> None:
    await world.put_server("weather")
    owner = await world.holding(Grant(actions=["read", "transition"]), name="owner")
    approver = await world.holding(Grant(actions=["read", "approve"]), who=BOB, name="approver")
    with pytest.raises(AccessDenied, match="approve is not granted"):
        await go(world, owner, "approved_production")
    with pytest.raises(AccessDenied, match="transition is not granted"):
        await go(world, approver, "deprecated")
    assert (await go(world, approver, "approved_production")).stage == "approved_production"
    assert (await go(world, owner, "monitored")).stage == "monitored"
    assert (await go(world, approver, "security_review")).stage == "security_review"
    assert (await go(world, owner, "draft")).stage == "draft"


async def test_who_may_do_nothing_learns_nothing_of_the_steps(world: World) -> None:
    await world.put_server("weather")
    for stage in ("draft", "live", "retired"):
        with pytest.raises(AccessDenied):
            await go(world, ANN, stage, "")
    with pytest.raises(NotFound):
        await world.services.stages.transition(ANN, "server", "no-such", "retired", "")


async def test_a_step_that_takes_a_reason_is_refused_without_one(world: World) -> None:
    await world.put_server("weather")
    for reason in ("", "  "):
        with pytest.raises(Invalid, match="say why"):
            await go(world, SYSTEM, "approved_production", reason)
    with pytest.raises(Invalid, match="at most 1000 characters"):
        await go(world, SYSTEM, "approved_production", "x" * 1001)
    await go(world, SYSTEM, "approved_production")
    assert (await go(world, SYSTEM, "monitored", "")).stage == "monitored"


async def test_an_asset_of_high_risk_is_approved_by_a_second_person(world: World) -> None:
    ann, bob, cid = await people(world)
    await world.put_server("weather", who=ann, risk_level="high")
    with pytest.raises(ApprovalRequired, match="token:ann registered it: a second person"):
        await go(world, ann, "approved_production")
    await world.services.catalog.update(bob, "server", "weather", {"description": "Rain and sun."})
    with pytest.raises(ApprovalRequired, match="token:bob changed it"):
        await go(world, bob, "approved_production")
    await go(world, SYSTEM, "security_review")
    await go(world, SYSTEM, "draft")
    await go(world, cid, "submitted")
    with pytest.raises(ApprovalRequired, match="token:cid submitted it"):
        await go(world, cid, "approved_dev")
    assert (await go(world, SYSTEM, "approved_dev")).stage == "approved_dev"
    assert (await go(world, SYSTEM, "approved_production")).stage == "approved_production"


async def test_an_asset_of_low_risk_is_approved_by_whoever_may(world: World) -> None:
    ann, _, _ = await people(world)
    await world.put_server("weather", who=ann, risk_level="low")
    assert (await go(world, ann, "approved_production")).stage == "approved_production"


async def test_nobody_slips_a_change_past_the_approver_by_having_somebody_else_change_it_last(world: World) -> None:
    ann, bob, cid = await people(world)
    await world.put_server("weather", who=bob, risk_level="critical")
    for who, title in ((ann, "mine"), (cid, "ours")):
        await world.services.catalog.update(who, "server", "weather", {"title": title})
    with pytest.raises(ApprovalRequired, match="token:ann changed it"):
        await go(world, ann, "approved_production")


async def test_lowering_the_risk_takes_a_second_person_too(world: World) -> None:
    ann, bob, _ = await people(world)
    await world.put_server("weather", who=ann, risk_level="high")
    await world.services.catalog.update(ann, "server", "weather", {"risk_level": "low"})
    with pytest.raises(ApprovalRequired):
        await go(world, ann, "approved_production")
    await go(world, bob, "approved_production")
    await go(world, ann, "approved_dev")
    assert (await go(world, ann, "approved_production")).stage == "approved_production"


async def test_a_further_version_of_an_asset_of_high_risk_is_no_way_around(world: World) -> None:
    ann, bob, _ = await people(world)
    await world.put_server("weather", who=ann, risk_level="high")
    await world.put_server("weather", who=bob, version="2.0.0", url="https://two.test/mcp")
    with pytest.raises(ApprovalRequired, match="token:bob registered it"):
        await go(world, bob, "approved_production", version="2.0.0")
    await world.services.versions.set_default(bob, "server", "weather", "2.0.0")
    with pytest.raises(ApprovalRequired, match="token:bob"):
        await go(world, bob, "approved_production")


SERVED: list[list[Stage]] = [
    ["approved_production"],
    ["approved_production", "monitored"],
    ["approved_production", "deprecated"],
]


@pytest.mark.parametrize("steps", SERVED)
@pytest.mark.parametrize("changes", [{"description": "Other words."}, {"requires_approval": []}])
async def test_a_changed_definition_of_high_risk_goes_back_to_review(steps: list[Stage], changes: Json) -> None:
    world = await build(environment="production")
    ann, bob, _ = await people(world)
    await world.put_server("weather", who=ann, risk_level="high", requires_approval=["forecast"])
    for stage in steps:
        await go(world, bob, stage)
    same = await world.services.catalog.update(ann, "server", "weather", {"tags": ["sky"], "owner_team": "met"})
    assert same.stage == steps[-1]
    changed = await world.services.catalog.update(ann, "server", "weather", changes)
    assert (changed.stage, changed.stage_reason) == ("security_review", "its definition changed after its approval")
    assert changed.review.history[-1].by == "token:ann"
    assert "-> security_review" in (await world.events(action="server:update"))[0].reason
    await go(world, bob, "approved_dev")
    assert (await go(world, bob, "approved_production")).stage == "approved_production"


async def test_what_turns_out_to_be_of_high_risk_goes_back_to_review(world: World) -> None:
    ann, bob, _ = await people(world)
    await world.put_server("weather", who=ann)
    await go(world, ann, "approved_production")
    await world.services.catalog.update(ann, "server", "weather", {"description": "Other words."})
    raised = await world.services.catalog.update(ann, "server", "weather", {"risk_level": "high"})
    assert (raised.stage, raised.stage_reason) == ("security_review", "it is of high risk now")
    await go(world, bob, "approved_dev")
    with pytest.raises(ApprovalRequired):
        await go(world, ann, "approved_production")


async def test_what_is_deprecated_in_dev_is_not_served_in_production() -> None:
    world = await build(environment="production")
    await world.put_server("weather")
    await go(world, SYSTEM, "deprecated")
    with pytest.raises(NotFound):
        await world.services.invocation.enter(ANN, "weather", "ping")
    await go(world, SYSTEM, "approved_production")
    await go(world, SYSTEM, "deprecated")
    assert await world.services.invocation.enter(ANN, "weather", "ping")


async def test_the_first_stage_of_registrations_is_policy() -> None:
    world = await build(first_stage="draft")
    ann, bob, _ = await people(world)
    await world.put_server("weather", who=ann, stage="approved_production")
    assert (await world.services.catalog.get(ann, "server", "weather")).stage == "draft"
    with pytest.raises(NotFound):
        await world.services.catalog.get(CID, "server", "weather")
    await go(world, ann, "submitted", "")
    assert (await go(world, bob, "approved_dev")).stage == "approved_dev"
    assert await world.services.catalog.get(CID, "server", "weather")


async def test_the_registry_brings_its_own_at_the_stage_that_they_have() -> None:
    world = await build(first_stage="draft")
    assert (await world.put_server("weather")).stage == "approved_dev"


async def test_update_writes_neither_stage_nor_what_approvals_rest_on(world: World) -> None:
    await world.put_server("weather")
    refused: list[Json] = [{"stage": "approved_production"}, {"review": {}}]
    for changes in refused:
        with pytest.raises(Invalid, match="an operation of its own"):
            await world.services.catalog.update(SYSTEM, "server", "weather", changes)


async def test_the_history_tells_who_took_which_step_when_and_why(world: World) -> None:
    ann, bob, _ = await people(world)
    await world.put_server("weather", who=ann, risk_level="high")
    await go(world, bob, "approved_production", "reviewed by two")
    world.clock.pass_(60)
    await go(world, ann, "deprecated", "there is a better one")
    standing = await world.services.stages.standing(ann, "server", "weather")
    assert [(step.at, step.by, step.before, step.to, step.reason) for step in standing.history] == [
        (NOON, "token:bob", "approved_dev", "approved_production", "reviewed by two"),
        (NOON + timedelta(seconds=60), "token:ann", "approved_production", "deprecated", "there is a better one"),
    ]
    assert (standing.served, standing.four_eyes) == (True, True)
    refusals = {way.step.to: way.refusal for way in standing.ways}
    assert "a second person" in refusals["approved_production"]
    assert refusals["retired"] == ""
    reader = await world.services.stages.standing(CID, "server", "weather")
    assert {way.refusal for way in reader.ways} == {"it takes the right to approve", "it takes the right to transition"}


async def test_the_history_is_bounded(world: World) -> None:
    await world.put_server("weather")
    for _ in range(HISTORY):
        await go(world, SYSTEM, "retired")
        await go(world, SYSTEM, "draft")
        await go(world, SYSTEM, "submitted", "")
        await go(world, SYSTEM, "approved_dev")
    asset = await world.services.catalog.get(SYSTEM, "server", "weather")
    assert len(asset.review.history) == HISTORY
    assert asset.review.history[-1].to == "approved_dev"


async def test_a_retired_version_does_not_become_the_default(world: World) -> None:
    await world.put_server("weather")
    await world.put_server("weather", version="2.0.0", url="https://two.test/mcp")
    await go(world, SYSTEM, "retired", version="2.0.0")
    with pytest.raises(Retired, match=r"2\.0\.0 .* is retired"):
        await world.services.versions.set_default(SYSTEM, "server", "weather", "2.0.0")


async def stage_of(world: World, version: str | None = None) -> str:
    found = await world.shelf.get("server", "weather", version)
    assert found is not None
    return found[0].stage


async def deprecate(world: World, retires: datetime, version: str | None = None) -> None:
    await world.services.stages.transition(
        SYSTEM, "server", "weather", "deprecated", "old", version=version, retires=retires
    )


async def until_retired(world: World, version: str | None = None) -> None:
    """Let the background task work until the version is retired."""
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(world.services.retirements.run)
            while await stage_of(world, version) != "retired":
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()


async def test_only_a_deprecated_asset_gets_a_day_on_which_it_retires(world: World) -> None:
    await world.put_server("weather")
    with pytest.raises(Invalid, match="only the step to deprecated"):
        await world.services.stages.transition(SYSTEM, "server", "weather", "retired", "old", retires=NOON)


async def test_a_deprecated_asset_retires_on_its_day_once(world: World) -> None:
    await world.put_server("weather")
    await deprecate(world, NOON + timedelta(days=1))
    await world.services.stages.retire("server", "weather", "1.0.0")
    assert await stage_of(world) == "deprecated"
    world.clock.pass_(86_400)
    await world.services.retirements.rebuild()
    await until_retired(world)
    for _ in range(2):
        await world.services.stages.retire("server", "weather", "1.0.0")
    assert [
        (event.subject, event.reason) for event in await world.events(action="server:transition", subject="system")
    ][:1] == [("system", "operator; deprecated -> retired: its retirement date has passed")]
    asset = await world.services.catalog.get(SYSTEM, "server", "weather")
    assert [step.to for step in asset.review.history] == ["deprecated", "retired"]


@pytest.mark.parametrize("version", [None, "2.0.0"])
async def test_a_day_that_passed_while_nothing_ran_is_made_good_at_the_next_start(version: str | None) -> None:
    store = MemoryStore()
    world = await build(store=store)
    await world.put_server("weather")
    await world.put_server("weather", version="2.0.0", url="https://two.test/mcp")
    await deprecate(world, NOON - timedelta(seconds=1), version)
    world = await build(store=store)
    await until_retired(world, version)
    other = "2.0.0" if version is None else None
    assert await stage_of(world, other) == "approved_dev"


async def test_an_asset_that_is_deprecated_while_the_registry_runs_retires_without_a_restart(world: World) -> None:
    await world.put_server("weather")
    await deprecate(world, NOON)
    await until_retired(world)


class Full(MemoryStore):
    """A store that takes nothing for a while."""

    full = False

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        if self.full and collection == "assets":
            self.full = False
            raise OSError("no space left")
        return await super().put(collection, key, body, expect=expect)


async def test_a_retirement_that_fails_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    store = Full()
    world = await build(store=store)
    await world.put_server("weather")
    await deprecate(world, NOON)
    store.full = True
    clock = world.clock

    async def pass_time() -> None:
        while True:
            await anyio.lowlevel.checkpoint()
            if not store.full:
                FakeClock.pass_(clock, 61)
                await world.services.retirements.rebuild()  # wakes the schedule: its clock does not move by itself

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(pass_time)
            tasks.start_soon(until_retired, world)
            while await stage_of(world) != "retired":
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
    assert "could not be retired" in caplog.text
