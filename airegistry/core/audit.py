"""The audit trail: one hash-chained record of every act, allowed, denied and failed alike.

Each record holds the hash of the one before it, so a changed, removed or reordered record breaks the chain; how far it
goes is signed from time to time. Each process writes a chain of its own, in one order, whoever in it writes: `record`
returns when its event is durable, `note` leaves it to the drain, which is what calls through the gateway do.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import anyio

from airegistry.core.access import Access
from airegistry.core.audit_calls import BATCHED, CallRules, call_event, text
from airegistry.core.audit_chain import GENESIS, STREAM, Link, Verification, sealed
from airegistry.core.audit_events import UNKNOWN, AuditEvent, AuditFilter, time_of
from airegistry.core.audit_opening import close_for_the_dead, take_seat
from airegistry.core.audit_parameters import Said
from airegistry.core.audit_query import find_events
from airegistry.core.audit_verify import verify_trail
from airegistry.core.audit_writers import Seat, Writers
from airegistry.core.correlation import current_request_id
from airegistry.core.documents import AppendLog, Json
from airegistry.core.errors import (
    AccessDenied,
    AirError,
    ApprovalRequired,
    GateRejected,
    Internal,
    NotFound,
    Quarantined,
    RateLimited,
    ScanFailed,
)
from airegistry.core.ports import Clock
from airegistry.core.principals import Principal

MAX_BACKLOG = 50_000
SIGN_RECORDS = 1000
"""Records after which the chain is signed, whatever the time."""
AT_ONCE = 500
"""Records made and written in one go; other tasks get a turn in between."""
NO_OUTCOME = "no outcome recorded"
NOT_WRITABLE = "the audit log cannot be written; no act is allowed until it can"

DENIALS = (AccessDenied, ApprovalRequired, GateRejected, NotFound, Quarantined, RateLimited, ScanFailed)
"""Errors that are a decision against the caller; any other error is a failure of an allowed act."""


@dataclass(slots=True)
class Attempt:
    """An act under way; what is set on it ends up in its record."""

    reason: str = ""
    target: str | None = None
    data_classification: str | None = None
    tool: str | None = field(default=None)


class Audit:
    """Writes and reads the trail."""

    def __init__(
        self, log: AppendLog, access: Access, clock: Clock, writers: Writers | None = None, *, shared: bool = False,
        calls: CallRules = BATCHED,
    ) -> None:  # fmt: skip
        """`writers` sign what is written; `shared` says that other processes write to the same store."""
        self.log = log
        self._access = access
        self._clock = clock
        self.writers = writers
        self.shared = shared
        self._calls = calls
        self._seat = Seat(1, STREAM, clock.now())
        self._head = GENESIS
        self._signing = anyio.Lock()
        self.sign_due = anyio.Event()
        """Set when so much was written since the last signature that another one is due."""
        self._pending: deque[Event] = deque()
        self._unwritten: list[Json] = []
        """Records of a write that failed: they are part of the chain, and go first."""
        self._failing = False
        self._noted = 0
        self._written = 0
        self._lock = anyio.Lock()
        self._wake = anyio.Event()

    async def open(self) -> None:
        """Take a place to write at, and continue its chain."""
        self._seat = await take_seat(self.log, self.writers, self._clock, shared=self.shared)
        self._head = self._seat.link.hash

    async def run(self) -> None:
        """Write noted events as they come, until cancelled; then write what is left."""
        try:
            while True:
                await self._wake.wait()
                await anyio.sleep(self._calls.window)
                self._wake = anyio.Event()
                await self._flush_or_keep()
        finally:
            with anyio.CancelScope(shield=True):
                await self.settle()

    def note(self, event: AuditEvent) -> None:
        """Add an event of what has happened, without waiting for the disk. `check_writable` comes before the act."""
        self._add(event.model_dump(mode="json"))

    def note_call(
        self, who: Principal, method: str, ref: str, name: str | None, *, decision: str, outcome: str, reason: str,
        started: float, target: str | None, data_classification: str | None, via: str | None,
        said: Said | None = None, id: str | None = None,
    ) -> float:  # fmt: skip
        """What `note` writes of an `event`: one at each call of the data path, printed when it is written; how long the
        call took, in seconds.

        `said` gives the call's params; `id` is what `begin_call` gave of it.
        """
        latency = self._clock.monotonic() - started
        event = partial(
            call_event, self._clock.now(), latency, who, method, ref, name, decision, outcome, reason, target,
            data_classification, via, self._calls.parameters, said, id, current_request_id(),
        )  # fmt: skip
        self._add(event() if self._failing else event)  # what waits for the disk must not hold bodies
        return latency

    async def begin_call(
        self, who: Principal, method: str, ref: str, name: str | None, *, target: str | None,
        data_classification: str | None, via: str | None, said: Said | None,
    ) -> str | None:  # fmt: skip
        """Record a call before it goes out, where the settings want that; returns what `note_call` is to be told.

        Raises:
            Internal: the trail cannot be written.
        """
        if not self._calls.durable:
            return None
        begun = call_event(
            self._clock.now(), None, who, method, ref, name, UNKNOWN, UNKNOWN, NO_OUTCOME, target,
            data_classification, via, self._calls.parameters, said, None, current_request_id(),
        )  # fmt: skip
        await self._durably(begun)
        return str(begun["id"])

    async def record(self, event: AuditEvent) -> None:
        """Add an event; it is durable when this returns.

        Raises:
            Internal: the trail cannot be written; the event waits, and is written when it can.
        """
        await self._durably(event.model_dump(mode="json"))

    async def _durably(self, event: Json) -> None:
        self._check_backlog()
        mark = self._add(event)
        async with self._lock:
            if self._written < mark:
                await self._write()

    def check_writable(self) -> None:
        """Refuse new acts while the log cannot be written or keep up: nothing goes on that is not recorded.

        Raises:
            Internal: the last write failed, or too many events wait.
        """
        if self._failing:
            raise Internal(NOT_WRITABLE)
        self._check_backlog()

    def _check_backlog(self) -> None:
        if len(self._pending) + len(self._unwritten) >= MAX_BACKLOG:
            raise Internal(NOT_WRITABLE)

    @asynccontextmanager
    async def attempt(
        self, who: Principal, action: str, asset: str | None, tool: str | None = None
    ) -> AsyncIterator[Attempt]:
        """Record an act before it begins, and how it ends, whichever way it ends.

        What cannot be recorded is not done. After a crash in between, the trail says that the outcome is unknown.

        Raises:
            Internal: the trail cannot be written.
        """
        started = self._clock.monotonic()
        attempt = Attempt(tool=tool)
        outcome, decision, failure = "failed", "allow", ""
        begun = self.event(who, action, asset, tool, decision=UNKNOWN, outcome=UNKNOWN, reason=NO_OUTCOME)
        try:
            await self.record(begun)
            yield attempt
            outcome = "ok"
        except AirError as error:
            decision = "deny" if isinstance(error, DENIALS) else "allow"
            outcome, failure = ("refused" if decision == "deny" else "failed"), f"{error.code}: {error.message}"
            raise
        except anyio.get_cancelled_exc_class():
            outcome = "cancelled"
            raise
        finally:
            event = self.event(
                who, action, asset, attempt.tool, decision=decision, outcome=outcome, reason=failure or attempt.reason,
                started=started, target=attempt.target, data_classification=attempt.data_classification,
            )  # fmt: skip
            self.note(event.model_copy(update={"id": begun.id}))
            if outcome == "ok":
                await self._flush_or_keep()  # the act is done and stands in the trail: its outcome can wait

    def event(
        self, who: Principal, action: str, asset: str | None, tool: str | None, *, decision: str, outcome: str,
        reason: str = "", started: float | None = None, target: str | None = None,
        data_classification: str | None = None, via: str | None = None,
    ) -> AuditEvent:  # fmt: skip
        """An event of now, by a caller. `asset` reads `kind/path`."""
        kind, _, path = (asset or "").partition("/")
        latency = None if started is None else round((self._clock.monotonic() - started) * 1000, 3)
        return AuditEvent(
            time=self._clock.now(), subject=who.subject, client=who.client, action=text(action),
            kind=kind or None, asset=text(path) or None, tool=None if tool is None else text(tool),
            scopes=sorted(who.scopes), decision=decision, reason=text(reason, 1000), outcome=outcome,
            latency_ms=latency, target=None if target is None else text(target, 2000),
            data_classification=data_classification, via=via, request_id=current_request_id(),
        )  # fmt: skip

    async def query(
        self, who: Principal, wanted: AuditFilter, *, limit: int = 100, cursor: str | None = None
    ) -> tuple[list[AuditEvent], str | None]:
        """Events that fit, newest first, and the cursor of the next page.

        Raises:
            AccessDenied: the caller may not read the trail.
            Invalid: the cursor is none of ours.
        """
        self._access.require(who, "audit")
        await self.settle()
        return await find_events(self.log, self.writers, wanted, limit=limit, cursor=cursor)

    async def settle(self) -> None:
        """Return when every event taken on so far is durable."""
        async with self._lock:
            await self._write()

    async def verify(self, known: Sequence[Json] = ()) -> Verification:
        """Check the whole trail, against signed heads that were kept elsewhere too."""
        await self.settle()
        return await verify_trail(self.log, self.writers, known)

    async def sign(self, *, closed: bool = False, anyway: bool = False) -> None:
        """Sign how far the chain goes, if it went on since; `anyway` as a sign of life, `closed` at the end.

        Raises:
            Internal: the store cannot be written.
        """
        if self.writers is None:
            return
        async with self._signing:
            self.sign_due = anyio.Event()
            if closed or anyway or self._seat.signed != self._seat.link.seq:
                await self.writers.sign(self._seat, closed=closed)

    async def close_for_the_dead(self) -> None:
        """Where processes share a store: sign and close the streams of those that are gone without it."""
        if self.writers is not None and self.shared:
            await close_for_the_dead(self.log, self.writers, self._seat, self._clock.now())

    async def close(self) -> None:
        """Write what is left, and sign it."""
        await self.settle()
        await self.sign(closed=True)

    def _add(self, event: "Event") -> int:
        self._pending.append(event)
        self._noted += 1
        self._wake.set()
        return self._noted

    async def _flush_or_keep(self) -> None:
        try:
            await self.settle()
        except (OSError, AirError):
            await anyio.sleep(0.2)  # the disk may be full: what is noted stays pending and is tried again

    async def _write(self) -> None:
        """Write what waits, AT_ONCE in one append; what cannot be written goes first the next time, and the chain stays
        whole."""
        while self._unwritten or self._pending:
            while self._pending and len(self._unwritten) < AT_ONCE:
                event = self._pending.popleft()
                record = sealed(event() if callable(event) else event, self._head)
                self._head = str(record["hash"])
                self._unwritten.append(record)
            await self._append(self._unwritten)
            self._written += len(self._unwritten)
            self._unwritten = []

    async def _append(self, records: list[Json]) -> None:
        try:
            with anyio.CancelScope(shield=True):  # cancelled half-way, nobody would know whether it was written
                last = await self.log.append(self._seat.stream, records)
        except BaseException as error:
            self._failing = True
            self._wake.set()
            if isinstance(error, AirError | OSError):  # its message may name folders of the operator's
                raise Internal(NOT_WRITABLE) from error
            raise
        self._failing = False
        newest = records[-1]
        self._seat.link, self._seat.last = Link(last, str(newest["hash"])), time_of(newest)
        if last - self._seat.signed >= SIGN_RECORDS:
            self.sign_due.set()


Event = Json | Callable[[], Json]
"""An event that waits to be written, or what makes it."""
