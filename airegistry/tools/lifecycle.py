"""The lifecycle of assets: steps, approvals, and how an asset came to where it is."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from airegistry.core.lifecycle import STAGES, Taken
from airegistry.core.services import Services
from airegistry.core.stages import Way
from airegistry.core.versions import deprecation_of
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.listing import ListingTools
from airegistry.tools.shapes import AnyVersion, AssetKind, AssetShape, Path, Shape

StageName = Annotated[str, Field(description=f"One of {', '.join(STAGES)}; `get_lifecycle` says which come next.")]


class WayShape(Shape):
    """A step that leads on. `rights`: any one of them makes it. `refusal` is why you cannot; absent where you can."""

    stage: str
    rights: list[str]
    approval: bool
    reason_required: bool
    refusal: str | None = None


class StepShape(Shape):
    """A step that was taken."""

    at: datetime
    by: str
    from_: str = Field(alias="from")
    to: str
    reason: str


class LifecycleShape(Shape):
    """Where an asset stands. `served`: it is listed and callable in this registry's environment. `four_eyes`: who
    registered, submitted or changed it does not approve it. `history` is oldest first, the last 50 steps."""

    kind: str
    path: str
    version: str
    stage: str
    since: datetime | None = None
    reason: str | None = None
    served: bool
    four_eyes: bool
    registered_by: str
    retires: datetime | None = None
    history: list[StepShape]
    next: list[WayShape]


def _ends(arguments: Mapping[str, Any]) -> str:
    """What is asked before the last step."""
    if arguments["stage"] != "retired":
        return ""
    return f"Retire {arguments['kind']} '{arguments['path']}'? It is neither listed nor called any more."


class LifecycleTools:
    """Tools for owners and approvers."""

    def __init__(self, services: Services, listing: ListingTools) -> None:
        self._services = services
        self._listing = listing

    @tool("Move an asset through its lifecycle", destructive=True, confirm=_ends)
    async def set_lifecycle_stage(
        self, kind: AssetKind, path: Path, stage: StageName,
        reason: Annotated[str, Field(description="Why; most steps take one. It is kept.")] = "",
        version: AnyVersion = None,
        retirement_date: Annotated[
            datetime | None, Field(description="With stage `deprecated`: the day on which it retires by itself.")
        ] = None,
    ) -> AssetShape:  # fmt: skip
        """Take one step of the lifecycle. `invalid` names the steps there are, or says that a reason is missing.

        Approvals take the right `approve`, other steps `transition`. `approval_required`: the asset is of high risk,
        and you registered, submitted or changed it, so that somebody else has to approve it.
        """
        who = current_principal()
        changed = await self._services.stages.transition(
            who, kind, path, stage, reason, version=version, retires=retirement_date
        )
        return await self._listing.shape(who, changed)

    @tool("Show the lifecycle of an asset", read_only=True)
    async def get_lifecycle(self, kind: AssetKind, path: Path, version: AnyVersion = None) -> LifecycleShape:
        """Where an asset stands in its lifecycle, who moved it there and why, and which steps lead on."""
        standing = await self._services.stages.standing(current_principal(), kind, path, version=version)
        asset = standing.asset
        end = deprecation_of(asset)
        return LifecycleShape(
            kind=asset.kind, path=asset.path, version=asset.version, stage=asset.stage, since=asset.stage_since,
            reason=asset.stage_reason, served=standing.served, four_eyes=standing.four_eyes,
            registered_by=asset.review.registered_by or asset.created_by,
            retires=asset.retirement_date if end is None else end.sunset,
            history=[_taken(step) for step in standing.history], next=[_way(way) for way in standing.ways],
        )  # fmt: skip


def _taken(step: Taken) -> StepShape:
    return StepShape(at=step.at, by=step.by, from_=step.before, to=step.to, reason=step.reason)


def _way(way: Way) -> WayShape:
    step = way.step
    return WayShape(
        stage=step.to, rights=[*step.by], approval=step.approves, reason_required=step.reasoned,
        refusal=way.refusal or None,
    )  # fmt: skip
