"""Lifecycle: the stages, where each is served, and the steps between them, as tables of data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from airegistry.core.errors import Invalid

Stage = Literal[
    "draft", "submitted", "security_review", "approved_dev", "approved_production", "monitored", "deprecated", "retired"
]
STAGES: tuple[Stage, ...] = get_args(Stage)
FirstStage = Literal["draft", "submitted", "security_review", "approved_dev"]
Right = Literal["transition", "approve"]
Reach = Literal["nowhere", "dev", "everywhere"]

OWNER: tuple[Right, ...] = ("transition",)
APPROVER: tuple[Right, ...] = ("approve",)
EITHER: tuple[Right, ...] = ("transition", "approve")


@dataclass(frozen=True, slots=True)
class Step:
    """One step: where it leads, which rights make it (any one of them does), and whether a reason has to be given."""

    to: Stage
    by: tuple[Right, ...]
    reasoned: bool = True

    @property
    def approves(self) -> bool:
        """Whether it is an approval: of a high-risk asset a second person's."""
        return self.by == APPROVER


STEPS: Mapping[Stage, tuple[Step, ...]] = {
    "draft": (Step("submitted", OWNER, reasoned=False), Step("retired", OWNER)),
    "submitted": (
        Step("draft", EITHER),
        Step("security_review", EITHER, reasoned=False),
        Step("approved_dev", APPROVER),
        Step("retired", OWNER),
    ),
    "security_review": (Step("draft", EITHER), Step("approved_dev", APPROVER), Step("retired", OWNER)),
    "approved_dev": (
        Step("security_review", EITHER),
        Step("approved_production", APPROVER),
        Step("deprecated", OWNER),
        Step("retired", OWNER),
    ),
    "approved_production": (
        Step("security_review", EITHER),
        Step("approved_dev", EITHER),
        Step("monitored", OWNER, reasoned=False),
        Step("deprecated", OWNER),
        Step("retired", OWNER),
    ),
    "monitored": (
        Step("security_review", EITHER),
        Step("approved_production", OWNER, reasoned=False),
        Step("deprecated", OWNER),
        Step("retired", OWNER),
    ),
    "deprecated": (Step("approved_dev", APPROVER), Step("approved_production", APPROVER), Step("retired", OWNER)),
    "retired": (Step("draft", OWNER),),
}
"""Every step there is. `monitored` follows a production approval, so that the way back from it is no new one."""

REACH: Mapping[Stage, Reach] = {
    "draft": "nowhere",
    "submitted": "nowhere",
    "security_review": "nowhere",
    "approved_dev": "dev",
    "approved_production": "everywhere",
    "monitored": "everywhere",
    "deprecated": "nowhere",
    "retired": "nowhere",
}
"""The environments in which a stage is listed and callable. What is deprecated goes on where it was."""


class Taken(BaseModel):
    """A step that was taken: when, by whom, from where, to where, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: datetime
    by: str
    before: Stage
    to: Stage
    reason: str = ""


class Review(BaseModel):
    """What approvals rest on, kept with the asset so that it changes in one write with it.

    `changed_by` are those who changed the definition since the last production approval, and whoever did last before
    it. `four_eyes`: an approval takes a second person; it stays until one approves for production after the risk level
    was lowered. `deprecated_from` is where a deprecated asset was served. `history` holds the last steps.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    registered_by: str = ""
    changed_by: list[str] = Field(default_factory=list)
    submitted_by: str = ""
    four_eyes: bool = False
    deprecated_from: Stage | None = None
    history: list[Taken] = Field(default_factory=list)


def reach(stage: Stage, deprecated_from: Stage | None = None) -> Reach:
    """Where assets of a stage are listed and callable; without a word on where it was before, a deprecated one in
    `dev` alone."""
    if stage == "deprecated":
        return REACH[deprecated_from or "approved_dev"]
    return REACH[stage]


def serves(stage: Stage, environment: str, deprecated_from: Stage | None = None) -> bool:
    """Whether assets of a stage are listed and callable in an environment."""
    where = reach(stage, deprecated_from)
    return where == "everywhere" or where == environment == "dev"


def find_step(current: Stage, wanted: str) -> Step | None:
    """The step from one stage to another, where there is one."""
    return next((step for step in STEPS[current] if step.to == wanted), None)


def check_step(current: Stage, wanted: str) -> Step:
    """The step from one stage to another.

    Raises:
        Invalid: there is no such stage, or no step from the current one to it.
    """
    step = find_step(current, wanted)
    if step is not None:
        return step
    if wanted not in STAGES:
        raise Invalid(f"no stage named {wanted[:80]!r}; stages are {', '.join(STAGES)}", field="stage")
    lead = ", ".join(step.to for step in STEPS[current])
    raise Invalid(f"no step from {current} to {wanted}; from {current} lead {lead}", field="stage")
