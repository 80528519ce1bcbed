"""Takes assets through their lifecycle: who makes which step, approvals by a second person, retirement on its day."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from airegistry.core.access import Access
from airegistry.core.assets import Kind
from airegistry.core.catalog import RETRIES, Amend, Catalog
from airegistry.core.errors import ApprovalRequired, Conflict, Invalid, NotFound
from airegistry.core.events import Event
from airegistry.core.grants import Action
from airegistry.core.lifecycle import STEPS, Step, Taken, check_step, find_step
from airegistry.core.ports import AnyAsset, Clock
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.reviews import check_second_person, needs_second_person, stepped
from airegistry.core.schedule import Schedule
from airegistry.core.shelf import Shelf
from airegistry.core.versions import deprecation_of, is_over
from airegistry.core.visibility import Visibility

log = logging.getLogger(__name__)
AGAIN = 60.0
"""Seconds after which a retirement that failed is tried again."""
_Version = tuple[Kind, str, str]


@dataclass(frozen=True, slots=True)
class Way:
    """A step that leads on from where an asset is; `refusal` is why the caller cannot make it, empty if it can."""

    step: Step
    refusal: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an asset stands: whether this environment serves it, whether approvals take a second person, what was
    done, oldest first, and where it may go."""

    asset: AnyAsset
    served: bool
    four_eyes: bool
    history: Sequence[Taken]
    ways: Sequence[Way]


class Stages:
    """The steps of the lifecycle, for each version of an asset by itself."""

    def __init__(self, catalog: Catalog, shelf: Shelf, access: Access, visibility: Visibility, clock: Clock) -> None:
        self._catalog = catalog
        self._shelf = shelf
        self._access = access
        self._visibility = visibility
        self._clock = clock

    async def transition(
        self, who: Principal, kind: Kind, path: str, stage: str, reason: str, *, version: str | None = None,
        retires: datetime | None = None,
    ) -> AnyAsset:  # fmt: skip
        """Take one step of the lifecycle. `retires` is the day on which a deprecated asset ends by itself.

        Raises:
            Invalid: no step leads there, its reason is missing, or only a deprecated asset has such a day.
            ApprovalRequired: a second person has to approve it.
            AccessDenied, NotFound: see `Catalog.get`; which right it takes is a matter of the step.
        """
        if retires is not None and stage != "deprecated":
            raise Invalid("only the step to deprecated sets the day on which an asset retires", field="retirement_date")

        for _ in range(RETRIES):
            right = await self._right(who, kind, path, stage, version)
            try:
                amend = self._amend(who, stage, reason, right, retires)
                return await self._catalog.amend(
                    who, "transition", kind, path, amend, review=False, version=version, right=right
                )
            except _Elsewhere:
                continue
        raise Conflict(f"{kind} {path!r} keeps changing; try again")

    async def standing(self, who: Principal, kind: Kind, path: str, *, version: str | None = None) -> Standing:
        """Where an asset stands, how it came there and where it may go.

        Raises:
            AccessDenied, NotFound: see `Catalog.get`.
        """
        asset = await self._catalog.get(who, kind, path, version)
        ways = [Way(step, self._refusal(who, asset, step)) for step in STEPS[asset.stage]]
        served = self._visibility.serves(asset)
        return Standing(asset, served, needs_second_person(asset), asset.review.history, ways)

    async def retire(self, kind: Kind, path: str, version: str) -> None:
        """Retire a version whose last day has passed; anything else stays as it is."""

        async def amend(asset: AnyAsset) -> AnyAsset:
            if asset.stage != "deprecated" or not is_over(asset, self._clock.now()):
                raise _Elsewhere
            reason = "its retirement date has passed"
            return stepped(asset, check_step(asset.stage, "retired"), SYSTEM, reason, self._clock.now())

        # A process that was paused, and retires nothing any more, does no harm: `amend` judges what is there by then,
        # and is written over that alone.
        found = await self._shelf.get(kind, path, version)
        if found is not None and found[0].stage == "deprecated" and is_over(found[0], self._clock.now()):
            await self._catalog.amend(SYSTEM, "transition", kind, path, amend, review=False, version=version)

    def _amend(self, who: Principal, stage: str, reason: str, right: Action, retires: datetime | None) -> Amend:
        async def amend(asset: AnyAsset) -> AnyAsset:
            step = check_step(asset.stage, stage)
            if right not in step.by:
                raise _Elsewhere
            asset = stepped(asset, step, who, reason, self._clock.now())
            return asset if retires is None else asset.model_copy(update={"retirement_date": retires})

        return amend

    async def _right(self, who: Principal, kind: Kind, path: str, stage: str, version: str | None) -> Action:
        """The right that decides over a step: of several the one that the caller has."""
        found = await self._shelf.get(kind, path.removeprefix("/"), version)
        step = find_step(found[0].stage, stage) if found else None
        if found is None or step is None:
            return "transition"
        return next((right for right in step.by if self._access.allows(who, right, found[0])), step.by[0])

    def _refusal(self, who: Principal, asset: AnyAsset, step: Step) -> str:
        if not any(self._access.allows(who, right, asset) for right in step.by):
            return f"it takes the right to {' or '.join(step.by)}"
        try:
            if step.approves:
                check_second_person(who, asset)
        except ApprovalRequired as refusal:
            return refusal.message
        return ""


class _Elsewhere(Conflict):
    """The asset is at another stage by now, from which the step takes another right."""

    def __init__(self) -> None:
        super().__init__("it is at another stage by now")


class Retirements:
    """Retires deprecated versions when their last day has passed, also one that passed while nothing ran."""

    def __init__(self, stages: Stages, shelf: Shelf, clock: Clock) -> None:
        self._stages = stages
        self._shelf = shelf
        self._clock = clock
        self._schedule: Schedule[_Version] = Schedule(clock)

    async def rebuild(self) -> None:
        """Know every deprecated version in the store."""
        async for asset in self._shelf.everything({"stage": "deprecated"}):
            self._expect(asset)

    async def on_event(self, event: Event) -> None:
        """Follow what happens to assets."""
        if event.asset.stage == "deprecated" and not event.deletes:
            self._expect(event.asset)

    async def run(self) -> None:
        """Retire what is due, until cancelled."""
        while True:
            kind, path, version = await self._schedule.next()
            try:
                await self._stages.retire(kind, path, version)
                found = await self._shelf.get(kind, path, version)
            except NotFound:
                continue  # it went meanwhile
            except Exception:  # the loop must survive: a disk that is full now may have room in a minute
                log.exception("%s %s@%s could not be retired", kind, path, version)
                self._schedule.put((kind, path, version), self._clock.monotonic() + AGAIN)
                continue
            if found is not None and found[0].stage == "deprecated":
                self._expect(found[0])

    def _expect(self, asset: AnyAsset) -> None:
        deprecation = deprecation_of(asset)
        key = (asset.kind, asset.path, asset.version)
        if deprecation is None or deprecation.sunset is None:
            self._schedule.remove(key)
            return
        wait = (deprecation.sunset - self._clock.now()).total_seconds()
        self._schedule.put(key, self._clock.monotonic() + max(wait, 0.0))
