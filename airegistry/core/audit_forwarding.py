"""The trail sent on to somewhere else, record by record in each writer's order.

How far it went is kept by stream, after it was taken: whatever ends in between, records are sent again rather than left
out. One process does it for all; while nobody takes them records wait where they are.
"""

import logging
from collections.abc import Sequence
from typing import Protocol

import anyio

from airegistry.core.audit import Audit
from airegistry.core.audit_chain import START
from airegistry.core.audit_events import time_of
from airegistry.core.audit_reading import Entry
from airegistry.core.audit_writers import Head, Writers, key_of
from airegistry.core.documents import AppendLog, DocumentStore
from airegistry.core.errors import AirError
from airegistry.core.principals import SYSTEM

FORWARDED = "audit_forwarded"
GAP = "audit:forward:gap"
AT_ONCE = 200
LONGEST_WAIT = 60.0
log = logging.getLogger(__name__)


class Sink(Protocol):
    """Takes records."""

    @property
    def name(self) -> str:
        """Names it in the store: another one begins at the beginning."""
        ...

    async def send(self, entries: Sequence[Entry]) -> None:
        """Hand over records; it has them when this returns.

        Raises:
            AirError: it has not, or perhaps.
        """
        ...


class Forwarder:
    """Sends every stream on; `every` is how often it looks for new records, in seconds."""

    def __init__(
        self, records: AppendLog, writers: Writers, audit: Audit, store: DocumentStore, sink: Sink, *,
        every: float = 1.0,
    ) -> None:  # fmt: skip
        self._log = records
        self._writers = writers
        self._audit = audit
        self._store = store
        self._sink = sink
        self._every = every
        self._done: dict[str, int] = {}
        """By stream that is closed, how far it was sent: all of it, mostly."""

    async def run(self) -> None:
        """Send, until cancelled."""
        wait, self._done = self._every, {}
        while True:
            try:
                await self.send_new()
                wait = self._every
            except (AirError, OSError) as error:  # nobody there, or no store: the registry goes on, and records wait
                wait = min(max(wait, 1.0) * 2, LONGEST_WAIT)
                log.warning("the audit trail is not sent on now, again in %.0f s: %s", wait, error)
            await anyio.sleep(wait)

    async def send_new(self) -> None:
        """Send what was not sent yet.

        Raises:
            AirError: it was not taken, not all of it at least.
        """
        for head in await self._writers.heads():
            if not head.closed or self._done.get(head.stream, -1) < head.seq:
                await self._send(head)

    async def _send(self, head: Head) -> None:
        key = f"{self._sink.name}/{key_of(head.number)}"
        known = await self._store.get(FORWARDED, key)
        place = known.body.get("seq") if known is not None else None
        sent = place if isinstance(place, int) else START.seq
        while batch := await self._batch(head, sent):
            if batch[0].seq != sent + 1:
                self._note_gap(head, sent, batch[0].seq)
            await self._sink.send(batch)
            sent = batch[-1].seq
            await self._store.put(FORWARDED, key, {"stream": head.stream, "seq": sent})
        self._done[head.stream] = sent

    async def _batch(self, head: Head, after: int) -> list[Entry]:
        found: list[Entry] = []
        async for record in self._log.read(head.stream, after=after):
            found.append(Entry(head.number, head.stream, record.seq, time_of(record.body), record.body))
            if len(found) == AT_ONCE:
                break
        return found

    def _note_gap(self, head: Head, sent: int, first: int) -> None:
        """Records that are gone before they were sent are not passed over in silence."""
        reason = f"records {sent + 1} to {first - 1} of {head.stream} were pruned before they were sent on"
        log.error("%s", reason)
        event = self._audit.event(SYSTEM, GAP, "registry/", None, decision="allow", outcome="failed", reason=reason)
        self._audit.note(event)
