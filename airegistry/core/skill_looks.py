"""Looks on schedule whether skills that were registered by URL are there as they were approved."""

import logging

import anyio

from airegistry.core.assets import Skill
from airegistry.core.audit import Audit
from airegistry.core.canonical import digest
from airegistry.core.cards import MAX_SKILL
from airegistry.core.errors import AirError
from airegistry.core.events import Event, Events
from airegistry.core.intake import Intake
from airegistry.core.pins import Pins, why_held
from airegistry.core.ports import Backends
from airegistry.core.principals import SYSTEM
from airegistry.core.shelf import Shelf, ref

log = logging.getLogger(__name__)
FIRST = 300.0
"""Seconds from the start to the first look."""
FILE = "SKILL.md"


class SkillLooks:
    """Refreshes a skill whose SKILL.md changed, and tells when what changed waits for an approval.

    `hours` lie between two looks at all of them, `first` seconds before the first; 0 hours means that there are none.
    Only default versions are looked at.
    """

    def __init__(
        self, shelf: Shelf, intake: Intake, backends: Backends, pins: Pins, audit: Audit, events: Events,
        *, hours: float = 0, first: float = FIRST,
    ) -> None:  # fmt: skip
        self._shelf = shelf
        self._intake = intake
        self._backends = backends
        self._pins = pins
        self._audit = audit
        self._events = events
        self._hours = hours
        self._first = first

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
        skills = [asset async for _, asset in self._shelf.walk({"kind": "skill"})]
        for skill in skills:
            if isinstance(skill, Skill) and skill.url is not None and skill.enabled:
                try:
                    await self._look(skill, skill.url)
                except AirError as error:
                    log.warning("%s could not be looked at: %s", ref(skill), error.message)
                except Exception:  # a defect in one look must not end those at the others
                    log.exception("the look at %s failed", ref(skill))

    async def _look(self, skill: Skill, url: str) -> None:
        content = await self._backends.fetch_text(url, limit=MAX_SKILL)
        before = (await self._pins.find(skill)).parts.get(FILE)
        known = digest(skill.content) if before is None else before.hash
        if digest(content) == known:
            return
        after = await self._intake.refresh_skill(SYSTEM, skill.path)
        waits = (await self._pins.find(after)).parts.get(FILE)
        if waits is None or (before is not None and waits.hash == before.hash):
            return
        why = f"{FILE}: {why_held(waits)}"
        self._audit.note(
            self._audit.event(SYSTEM, "skill:drift", ref(after), None, decision="allow", outcome="ok", reason=why)
        )
        await self._events.emit(Event("skill:drift", after, SYSTEM.subject))
