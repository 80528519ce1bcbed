"""Events of the trail as they are asked for, an act once: its end, or its beginning where it has none."""

from airegistry.core.audit_events import UNKNOWN, AuditEvent, AuditFilter, event_of
from airegistry.core.audit_reading import Entry, Reading, Span
from airegistry.core.audit_writers import Writers
from airegistry.core.documents import AppendLog

FAR_ON = 100_000
"""An act's end is looked for so many records after its beginning."""


async def find_events(
    log: AppendLog, writers: Writers | None, wanted: AuditFilter, *, limit: int, cursor: str | None
) -> tuple[list[AuditEvent], str | None]:
    """Events that fit, newest first, at most `limit`, and the cursor of the next page.

    Raises:
        Invalid: the cursor is none of ours.
    """
    reading = Reading(log, writers, Span(wanted.since, wanted.until, wanted.where), cursor)
    found: list[AuditEvent] = []
    ended: set[str] = set()
    async for entry in reading.entries():
        if await _is_ended(log, entry, ended) or not wanted.fits(entry.body, entry.time):
            continue
        found.append(event_of(entry.body))
        if len(found) == limit:
            return found, reading.cursor
    return found, None


async def _is_ended(log: AppendLog, entry: Entry, ended: set[str]) -> bool:
    """Whether this is the beginning of an act whose end was seen, or stands further on, on a page before this."""
    id_ = str(entry.body.get("id"))
    if entry.body.get("outcome") != UNKNOWN:
        ended.add(id_)
        return False
    if id_ in ended:
        return True
    far = entry.seq + FAR_ON
    return await anext(log.read(entry.stream, after=entry.seq, before=far, where={"id": id_}), None) is not None
