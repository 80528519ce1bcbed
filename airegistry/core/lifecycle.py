"""Lifecycle stages and the steps between them, as one table of data."""

from typing import Literal, get_args

from airegistry.core.errors import Invalid

Stage = Literal[
    "draft", "submitted", "security_review", "approved_dev", "approved_production", "monitored", "deprecated", "retired"
]
STAGES: tuple[Stage, ...] = get_args(Stage)

TRANSITIONS: dict[Stage, tuple[Stage, ...]] = {
    "draft": ("submitted", "retired"),
    "submitted": ("draft", "security_review", "approved_dev", "retired"),
    "security_review": ("draft", "approved_dev", "retired"),
    "approved_dev": ("security_review", "approved_production", "deprecated", "retired"),
    "approved_production": ("security_review", "approved_dev", "monitored", "deprecated", "retired"),
    "monitored": ("security_review", "approved_production", "deprecated", "retired"),
    "deprecated": ("approved_dev", "approved_production", "retired"),
    "retired": ("draft",),
}

EVERYWHERE: frozenset[Stage] = frozenset({"approved_production", "monitored", "deprecated"})
"""Stages whose assets are served in every environment; `approved_dev` is served in `dev` alone."""


def serves(stage: Stage, environment: str) -> bool:
    """Whether assets of a stage are listed and callable in an environment."""
    return stage in EVERYWHERE or (stage == "approved_dev" and environment == "dev")


def check_step(current: Stage, wanted: str) -> Stage:
    """The wanted stage, if one step leads there.

    Raises:
        Invalid: there is no such stage, or no step from the current one to it.
    """
    for stage in TRANSITIONS[current]:
        if stage == wanted:
            return stage
    if wanted not in STAGES:
        raise Invalid(f"no stage named {wanted!r}; stages are {', '.join(STAGES)}", field="stage")
    raise Invalid(
        f"no step from {current} to {wanted}; from {current} lead {', '.join(TRANSITIONS[current])}", field="stage"
    )
