"""What is done with the trail beside asking it: checking, taking out, pruning; and what goes on by itself.

Heads are signed every few seconds while there is something new, and records older than the settings want are pruned.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import anyio

from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.audit_chain import START, Link, Verification, named, walk
from airegistry.core.audit_events import AuditFilter, time_of
from airegistry.core.audit_forwarding import Forwarder
from airegistry.core.audit_reading import Entry, Reading, Span
from airegistry.core.audit_writers import HEADS, Checkpoint, Head, Writers
from airegistry.core.documents import AppendLog, Json
from airegistry.core.errors import AirError, Conflict, Internal, Invalid
from airegistry.core.ports import Clock
from airegistry.core.principals import SYSTEM, Principal

PRUNE = "audit:prune"
PRUNE_PREVIEW = "audit:prune:preview"
ROTATE_KEY = "audit:rotate_key"
SIGN_SECONDS = 10.0
ALIVE_SECONDS = 60.0
"""Between two signatures of a writer that has nothing new to sign, where other processes have to know that it lives."""
KEEP_SECONDS = 600.0
YOUNGEST = timedelta(hours=1)
"""What is younger is not pruned: acts may be under way."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed of the trail: how many records, of how many streams."""

    records: int
    streams: int


@dataclass(frozen=True, slots=True)
class Page:
    """Records in order of time, and where to go on; `more` says whether there were any beyond."""

    entries: list[Entry]
    cursor: str
    more: bool


class AuditCare:
    """Beside `Audit`, over the same log. `days` is how long records are kept, 0 for ever."""

    def __init__(
        self, log: AppendLog, writers: Writers, access: Access, audit: Audit, clock: Clock, *, days: int = 0,
        forwarder: Forwarder | None = None,
    ) -> None:  # fmt: skip
        self._log = log
        self._writers = writers
        self._access = access
        self._audit = audit
        self._clock = clock
        self._days = days
        self._forwarder = forwarder

    async def verify(self, who: Principal) -> Verification:
        """Check every record of every writer.

        Raises:
            AccessDenied: the caller may not read the trail.
        """
        self._access.require(who, "audit")
        return await self._audit.verify()

    async def heads(self, who: Principal) -> tuple[str, list[Json]]:
        """The public key, and all signed heads as of now: to be kept elsewhere, and checked against.

        Raises:
            AccessDenied: as `verify`.
        """
        self._access.require(who, "audit")
        await self._audit.settle()
        await self._audit.sign()
        return self._writers.public, [told.body async for told in self._writers.told(HEADS)]

    async def export(self, who: Principal, wanted: AuditFilter, *, limit: int = 500, cursor: str | None = None) -> Page:
        """Records as they stand in the trail, oldest first; beginnings and ends of acts are two.

        Raises:
            AccessDenied: as `verify`.
            Invalid: the cursor is none of ours.
        """
        self._access.require(who, "audit")
        await self._audit.settle()
        span = Span(wanted.since, wanted.until, wanted.where, newest_first=False)
        reading = Reading(self._log, self._writers, span, cursor)
        entries: list[Entry] = []
        async for entry in reading.entries():
            if wanted.fits(entry.body, entry.time):
                entries.append(entry)
                if len(entries) == limit:
                    return Page(entries, reading.cursor, True)
        return Page(entries, reading.cursor, False)

    async def prune(self, who: Principal, before: datetime, *, dry_run: bool = False) -> Pruned:
        """Remove the records of acts that ended before a moment, leaving a signed checkpoint in each stream's place;
        with `dry_run` only check and count them.

        What is not whole is not pruned: it is evidence.

        Raises:
            AccessDenied: the caller is no administrator of policy.
            Invalid: the moment is within the last hour.
            Internal: a chain that is to be pruned is broken.
        """
        async with self._audit.attempt(who, PRUNE_PREVIEW if dry_run else PRUNE, "registry/") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            if before > self._clock.now() - YOUNGEST:
                raise Invalid("records of the last hour are kept", field="before")
            await self._audit.sign()
            records, told = 0, list[str]()
            for head in await self._writers.heads():
                found = await self._old(head, who, before)
                if found is None or not (dry_run or await self._cut(found[0])):
                    continue
                checkpoint, count = found
                records += count
                told.append(f"{count} of {checkpoint.stream} up to {checkpoint.seq}, {checkpoint.hash}")
            attempt.reason += f"; before {before.isoformat()}: {'; '.join(told) or 'nothing'}"
        return Pruned(records, len(told))

    @property
    def retired_keys(self) -> Sequence[str]:
        """The public keys that heads were signed with before, the oldest first."""
        return [*self._writers.keys.retired.values()]

    async def rotate_key(self, who: Principal) -> tuple[str, str]:
        """Sign with a new key from now on; returns the ids of the one before and of the new one.

        Raises:
            AccessDenied: as `prune`.
        """
        keys = self._writers.keys
        async with self._audit.attempt(who, ROTATE_KEY, "registry/") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            await keys.rotate()
            before = [*keys.retired][-1]
            attempt.reason += f"; {keys.id} follows {before}"
        await self._audit.sign(anyway=True)
        return before, keys.id

    async def run(self) -> None:
        """Sign what this process writes, until cancelled."""
        alive = self._clock.monotonic()
        while True:
            with anyio.move_on_after(SIGN_SECONDS):
                await self._audit.sign_due.wait()
            quiet = self._clock.monotonic() - alive >= ALIVE_SECONDS
            try:
                await self._audit.sign(anyway=quiet and self._audit.shared)
            except (AirError, OSError):  # the store may be gone for a while: what is not signed is signed later
                log.exception("the audit trail cannot be signed now")
                await anyio.sleep(1.0)
            if quiet:
                alive = self._clock.monotonic()

    async def keep(self) -> None:
        """For all processes: close the streams of the dead, prune what is too old, until cancelled."""
        while True:
            try:
                await self._audit.close_for_the_dead()
                if self._days:
                    await self._prune_old()
            except (AirError, OSError):
                log.exception("the audit trail cannot be pruned now")
            await anyio.sleep(KEEP_SECONDS)

    async def forward(self) -> None:
        """For all processes: send the trail on, where it is to be sent, until cancelled."""
        if self._forwarder is None:
            await anyio.sleep_forever()
        else:
            await self._forwarder.run()

    async def _prune_old(self) -> None:
        before = self._clock.now() - timedelta(days=self._days)
        for head in await self._writers.heads():
            first = await anext(self._log.read(head.stream), None)
            if first is not None and time_of(first.body) < before:
                await self.prune(SYSTEM, before)
                return

    async def _old(self, head: Head, who: Principal, before: datetime) -> tuple[Checkpoint, int] | None:
        """What would stand in the place of a stream's old records, as far as it is signed, and how many these are."""
        known = (await self._writers.checkpoints()).get(head.stream)
        begin = START if known is None else Link(known.seq, known.hash)
        upto = begin.seq
        async for entry in self._log.read(head.stream, after=begin.seq, before=head.seq + 1):
            if time_of(entry.body) >= before:
                break
            upto = entry.seq
        if upto == begin.seq:
            return None
        found = await walk(self._log, head.stream, begin, {head.seq: head.hash}, upto)
        if found.error is not None or found.link.seq != upto:
            problem = found.error or f"{named(head.stream, found.link.seq + 1)} is missing"
            raise Internal(f"the audit trail is broken and was not pruned: {problem}")
        checkpoint = Checkpoint(
            number=head.number, stream=head.stream, seq=upto, hash=found.link.hash, time=self._clock.now(),
            pruned=found.records + (known.pruned if known else 0), before=before, by=who.subject,
        )  # fmt: skip
        return checkpoint, found.records

    async def _cut(self, checkpoint: Checkpoint) -> bool:
        """Prune one stream up to a checkpoint; False where another process does."""
        try:
            await self._writers.check_off(checkpoint)
        except Conflict:  # it does the rest
            return False
        await self._log.prune(checkpoint.stream, checkpoint.seq + 1)
        return True
