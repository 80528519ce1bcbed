"""Stages and the steps between them."""

import pytest

from airegistry.core.errors import Invalid
from airegistry.core.lifecycle import STAGES, TRANSITIONS, Stage, check_step, serves
from airegistry.core.principals import SYSTEM
from tests.core.wiring import World

STEPS = {
    "draft": "submitted retired",
    "submitted": "draft security_review approved_dev retired",
    "security_review": "draft approved_dev retired",
    "approved_dev": "security_review approved_production deprecated retired",
    "approved_production": "security_review approved_dev monitored deprecated retired",
    "monitored": "security_review approved_production deprecated retired",
    "deprecated": "approved_dev approved_production retired",
    "retired": "draft",
}


@pytest.mark.parametrize("wanted", STAGES)
@pytest.mark.parametrize("current", STAGES)
def test_each_step_is_taken_or_refused_as_the_table_says(current: Stage, wanted: Stage) -> None:
    if wanted in STEPS[current].split():
        assert check_step(current, wanted) == wanted
        return
    with pytest.raises(
        Invalid, match=f"no step from {current} to {wanted}; from {current} lead {TRANSITIONS[current][0]}"
    ):
        check_step(current, wanted)


def test_a_stage_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(Invalid, match="no stage named 'live'; stages are draft, submitted"):
        check_step("draft", "live")


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("environment", ["dev", "production"])
def test_stages_are_served_where_they_are_approved_for(stage: Stage, environment: str) -> None:
    everywhere = stage in {"approved_production", "monitored", "deprecated"}
    assert serves(stage, environment) is (everywhere or (stage, environment) == ("approved_dev", "dev"))


@pytest.mark.anyio
async def test_a_refused_step_leaves_the_asset_as_it_was(world: World) -> None:
    before = await world.put_server("weather")
    with pytest.raises(Invalid):
        await world.services.catalog.transition(SYSTEM, "server", "weather", "draft", "")
    assert await world.services.catalog.get(SYSTEM, "server", "weather") == before
    retired = await world.services.catalog.transition(SYSTEM, "server", "weather", "retired", "replaced")
    assert (retired.stage, retired.stage_reason) == ("retired", "replaced")
