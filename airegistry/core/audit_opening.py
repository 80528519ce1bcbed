"""Where a process begins to write the audit trail, and what becomes of the streams of those that are gone.

A process that has the store for itself goes on with the newest stream, if that ends where it was signed to end; else it
leaves that as it is, to be looked at, and begins another one. Where several processes share a store each begins one.
"""

import logging
import secrets
from datetime import datetime, timedelta

from airegistry.core.audit_chain import START, STREAM, Link, walk
from airegistry.core.audit_events import time_of
from airegistry.core.audit_writers import HEADS, Checkpoint, Head, Seat, Told, Writers
from airegistry.core.documents import AppendLog
from airegistry.core.ports import Clock

DEAD_AFTER = timedelta(minutes=10)
"""A writer that has signed nothing for that long is taken for dead: its stream is closed for it."""
log = logging.getLogger(__name__)


async def take_seat(records: AppendLog, writers: Writers | None, clock: Clock, *, shared: bool) -> Seat:
    """A place to write at, registered unless nothing is signed.

    Raises:
        Internal: the signing key cannot be opened.
    """
    if writers is None:
        return await _unregistered(records, clock)
    await writers.open()
    heads = [told async for told in writers.told(HEADS)]
    if all(told.body.get("stream") != STREAM for told in heads):
        seat = await _unregistered(records, clock)
        if not shared:
            return await writers.register(seat)
        if seat.link.seq:  # a trail from before streams had writers
            await writers.register(seat, closed=True)
    elif not shared:
        found = await _end_of(records, writers, heads[-1])
        if found is not None:
            await writers.sign(found)
            return found
        log.error("the audit trail does not go on where it was signed: it is left as it is, and begun anew beside it")
    stream = f"{STREAM}-{clock.now():%Y%m%d%H%M%S}-{secrets.token_hex(4)}"
    return await writers.register(Seat(0, stream, clock.now()))


async def close_for_the_dead(records: AppendLog, writers: Writers, own: Seat, now: datetime) -> None:
    """Sign the streams of processes that ended without it, as far as they go, and close them."""
    async for told in writers.told(HEADS):
        head = Head.model_validate(told.body)
        if head.closed or head.number == own.number or now - head.time < DEAD_AFTER:
            continue
        seat = await _end_of(records, writers, told)
        if seat is None:
            log.error("the stream %s of the audit trail does not go on where it was signed", head.stream)
        else:
            await writers.close(seat)


async def _end_of(records: AppendLog, writers: Writers, told: Told) -> Seat | None:
    """The place at the end of a stream; None when what was signed is not there, or what follows does not hold."""
    head = Head.model_validate(told.body)
    if not told.genuine:
        return None
    begin, checkpoint = Link(head.seq, head.hash), (await writers.checkpoints()).get(head.stream)
    if not await _holds(records, head.stream, begin, checkpoint):
        return None
    found = await walk(records, head.stream, begin)
    if found.error is not None:
        log.error("%s", found.error)
        return None
    newest = await records.last(head.stream)
    last = head.last if newest is None else time_of(newest.body)
    return Seat(head.number, head.stream, head.opened, found.link, last, told.version)


async def _holds(records: AppendLog, stream: str, link: Link, checkpoint: Checkpoint | None) -> bool:
    """Whether a stream reaches a place, or was pruned beyond it."""
    if link == START or (checkpoint is not None and checkpoint.seq >= link.seq):
        return True
    async for entry in records.read(stream, after=link.seq - 1, before=link.seq + 1):
        return entry.body.get("hash") == link.hash
    return False


async def _unregistered(records: AppendLog, clock: Clock) -> Seat:
    """The place at the end of the first writer's stream."""
    last = await records.last(STREAM)
    if last is None:
        return Seat(1, STREAM, clock.now())
    opened = clock.now()
    async for first in records.read(STREAM):
        opened = time_of(first.body)
        break
    return Seat(1, STREAM, opened, Link(last.seq, str(last.body["hash"])), time_of(last.body))
