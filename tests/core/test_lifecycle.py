"""Stages, the steps between them, and where each is served."""

import pytest

from airegistry.core.errors import Invalid
from airegistry.core.lifecycle import STAGES, STEPS, Stage, check_step, find_step, reach, serves

LEADS = {
    "draft": "submitted retired",
    "submitted": "draft security_review approved_dev! retired",
    "security_review": "draft approved_dev! retired",
    "approved_dev": "security_review approved_production! deprecated retired",
    "approved_production": "security_review approved_dev monitored deprecated retired",
    "monitored": "security_review approved_production deprecated retired",
    "deprecated": "approved_dev! approved_production! retired",
    "retired": "draft",
}
"""Where each stage leads; an approval is marked."""


@pytest.mark.parametrize("wanted", STAGES)
@pytest.mark.parametrize("current", STAGES)
def test_each_step_is_taken_or_refused_as_the_table_says(current: Stage, wanted: Stage) -> None:
    leads = LEADS[current].split()
    if wanted in leads or f"{wanted}!" in leads:
        step = check_step(current, wanted)
        assert (step.to, step.approves) == (wanted, f"{wanted}!" in leads)
        return
    with pytest.raises(
        Invalid, match=f"no step from {current} to {wanted}; from {current} lead {STEPS[current][0].to}"
    ):
        check_step(current, wanted)


def test_a_stage_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(Invalid, match="no stage named 'live'; stages are draft, submitted"):
        check_step("draft", "live")


def test_every_way_to_where_more_is_served_is_an_approval() -> None:
    order = ["nowhere", "dev", "everywhere"]
    for current, steps in STEPS.items():
        for step in steps:
            before = reach(current, "approved_production")
            widens = order.index(reach(step.to, current)) > order.index(before)
            assert step.approves or not widens, (current, step.to)


def test_what_is_monitored_was_approved_for_production() -> None:
    assert [stage for stage in STAGES if find_step(stage, "monitored")] == ["approved_production"]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("environment", ["dev", "production"])
def test_stages_are_served_where_they_are_approved_for(stage: Stage, environment: str) -> None:
    everywhere = stage in {"approved_production", "monitored"}
    in_dev = environment == "dev" and stage in {"approved_dev", "deprecated"}
    assert serves(stage, environment) is (everywhere or in_dev)


def test_what_is_deprecated_is_served_where_it_was_before() -> None:
    assert serves("deprecated", "production", "monitored")
    assert serves("deprecated", "dev", "approved_dev")
    assert not serves("deprecated", "production", "approved_dev")
