"""Looks on schedule whether skills that were registered by URL are there as they were approved."""

import logging
from collections.abc import Mapping

import anyio

from airegistry.core.assets import Skill, now
from airegistry.core.audit import Audit
from airegistry.core.canonical import digest
from airegistry.core.cards import MAX_SKILL
from airegistry.core.errors import AirError, Conflict
from airegistry.core.events import Event, Events
from airegistry.core.git_skills import Gone, Pinned, SkillRead, dumped, pinned_of
from airegistry.core.intake import Intake
from airegistry.core.pins import PendingPart, Pins, why_held
from airegistry.core.ports import Backends
from airegistry.core.principals import SYSTEM
from airegistry.core.shelf import Shelf, ref
from airegistry.core.source_records import LOCAL
from airegistry.core.stages import Stages

log = logging.getLogger(__name__)
FIRST = 300.0
"""Seconds from the start to the first look."""
FILE = "SKILL.md"


class SkillLooks:
    """Refreshes a skill whose files changed, and tells when what changed waits for an approval, or is gone.

    `hours` lie between two looks at all of them, `first` seconds before the first; 0 hours means that there are none.
    Only default versions are looked at. What a Git repository lost is noted at the first look that misses it and, with
    `stages`, retired at the next.
    """

    def __init__(
        self, shelf: Shelf, intake: Intake, backends: Backends, pins: Pins, audit: Audit, events: Events,
        *, hours: float = 0, first: float = FIRST, stages: Stages | None = None,
    ) -> None:  # fmt: skip
        self._shelf = shelf
        self._intake = intake
        self._backends = backends
        self._pins = pins
        self._audit = audit
        self._events = events
        self._hours = hours
        self._first = first
        self._stages = stages

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        if self._hours <= 0:
            return
        await anyio.sleep(self._first)
        while True:
            await self.sweep()
            await anyio.sleep(self._hours * 3600)

    async def sweep(self) -> None:
        """Look at each of them once; one that cannot be had stays as it is."""
        ours = (each async for each in self._shelf.sketches() if each.source == LOCAL and each.enabled)
        paths = [each.path async for each in ours if each.kind == "skill"]
        for path in paths:
            try:
                await self._look_at(path)
            except AirError as error:
                log.warning("skill/%s could not be looked at: %s", path, error.message)
            except Exception:  # a defect in one look must not end those at the others
                log.exception("the look at skill/%s failed", path)

    async def _look_at(self, path: str) -> None:
        found = await self._shelf.get("skill", path)
        skill = None if found is None else found[0]
        if isinstance(skill, Skill) and skill.url is not None and skill.enabled and _is_ours(skill):
            await self._look(skill, skill.url)

    async def _look(self, skill: Skill, url: str) -> None:
        if self._intake.in_git(url):
            await self._look_in_git(skill, url, pinned_of(skill))
            return
        content = await self._backends.fetch_text(url, limit=MAX_SKILL)
        await self._compare(skill, {FILE: content}, within={FILE})

    async def _look_in_git(self, skill: Skill, url: str, known: Pinned | None) -> None:
        try:
            read = await self._intake.read_skill(url, known)
        except Gone as gone:
            await self._missed(skill, known, gone.message)
            return
        if read is None:
            if known is not None and known.missing_since is not None:
                await self._write(skill, known.model_copy(update={"missing_since": None}))
        else:
            await self._compare(skill, _texts(read))

    async def _compare(self, skill: Skill, live: Mapping[str, str], within: set[str] | None = None) -> None:
        """Refresh what is not as it is known; of a file that is not in a Git repository, `within` that part alone."""
        before = (await self._pins.find(skill)).parts
        served = {FILE: skill.content, **{f"files/{name}": text for name, text in skill.files.items()}}
        known = {part: digest(text) for part, text in served.items() if within is None or part in within}
        waiting = {part: pending.hash for part, pending in before.items() if within is None or part in within}
        if {part: digest(text) for part, text in live.items()} == {**known, **waiting} and (within or waiting):
            return
        after = await self._intake.refresh_skill(SYSTEM, skill.path)
        await self._tell(after, before)

    async def _tell(self, after: object, before: Mapping[str, PendingPart]) -> None:
        """Tell of what waits since this look."""
        assert isinstance(after, Skill)  # as `refresh_skill` answers for one
        waits = (await self._pins.find(after)).parts
        new = {part: each for part, each in waits.items() if part not in before or before[part].hash != each.hash}
        if not new:
            return
        why = "; ".join(f"{part}: {why_held(each)}" for part, each in sorted(new.items()))[:1000]
        self._note("skill:drift", after, why)
        await self._events.emit(Event("skill:drift", after, SYSTEM.subject))

    async def _missed(self, skill: Skill, known: Pinned | None, why: str) -> None:
        """Note that a skill is not where it was; retire it when it was not there at the look before either."""
        if known is None:
            log.warning("%s is not where it was registered from: %s", ref(skill), why)
        elif known.missing_since is None:
            after = await self._write(skill, known.model_copy(update={"missing_since": now()}), event="skill:gone")
            if after is not None:
                self._note("skill:gone", after, why)
        elif self._stages is not None and skill.stage != "retired":
            reason = f"it is gone from {known.host}/{known.repository} since {known.missing_since:%Y-%m-%d}: {why}"
            await self._stages.transition(SYSTEM, "skill", skill.path, "retired", reason[:500])

    async def _write(self, skill: Skill, pinned: Pinned, event: str | None = None) -> Skill | None:
        """Keep what was seen with a skill, unless somebody changed it meanwhile: the next look sees it again."""
        found = await self._shelf.get("skill", skill.path)
        if found is None or found[0] != skill:
            return None
        after = skill.model_copy(update={"pinned": dumped(pinned)})
        try:
            async with self._events.telling(*([Event(event, after, SYSTEM.subject)] if event else [])):
                await self._shelf.replace(after, found[1])
        except Conflict:
            return None
        return after

    def _note(self, act: str, skill: Skill, reason: str) -> None:
        self._audit.note(
            self._audit.event(SYSTEM, act, ref(skill), None, decision="allow", outcome="ok", reason=reason)
        )


def _texts(read: SkillRead) -> Mapping[str, str]:
    return {FILE: read.content, **{f"files/{name}": text for name, text in read.texts.items()}}


def _is_ours(skill: Skill) -> bool:
    """Whether nobody else looks at it: what another source keeps is brought up to date by that."""
    return skill.provenance.source == LOCAL and skill.stage != "retired"
