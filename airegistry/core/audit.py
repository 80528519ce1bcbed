"""The audit trail: one hash-chained record of every act, allowed, denied and failed alike.

Each record holds the hash of the one before it, so a changed, removed or reordered record breaks the chain.
Records are chained and written in one order, whoever writes them: `record` returns when its event is durable,
`note` leaves it to the drain, which is what calls through the gateway do.
"""

import re
import secrets
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache, partial

import anyio
from pydantic import Field, JsonValue

from airegistry.core.access import Access
from airegistry.core.assets import Model
from airegistry.core.audit_chain import GENESIS, PAUSE, STREAM, Verification, sealed, verify
from airegistry.core.documents import AppendLog, Json
from airegistry.core.errors import (
    AccessDenied,
    AirError,
    ApprovalRequired,
    GateRejected,
    Internal,
    Invalid,
    NotFound,
    Quarantined,
    RateLimited,
    ScanFailed,
)
from airegistry.core.ports import Clock
from airegistry.core.principals import Principal

MAX_BACKLOG = 50_000
GATHER = 0.025
"""Seconds that noted events wait for more of them: one write and one sync to disk serve all."""
CLOCK_MAY_GO_BACK = timedelta(hours=2)
UNKNOWN = "unknown"
"""Decision and outcome of an act that was begun, and of which nothing more was recorded."""
AT_ONCE = 500
"""Records made and written in one go; other tasks get a turn in between."""
FAR_ON = 100_000
NOT_WRITABLE = "the audit log cannot be written; no act is allowed until it can"

_CURSOR = re.compile(r"[0-9]{1,18}")
DENIALS = (AccessDenied, ApprovalRequired, GateRejected, NotFound, Quarantined, RateLimited, ScanFailed)
"""Errors that are a decision against the caller; any other error is a failure of an allowed act."""


class AuditEvent(Model):
    """One act: who, through which client, what, on which asset and tool, the decision and why, the outcome.

    `via` is the virtual server that a call came through, as `kind/path`.
    """

    id: str = Field(default_factory=lambda: uuid.uuid4().hex)
    time: datetime
    subject: str
    client: str = ""
    action: str
    kind: str | None = None
    asset: str | None = None
    tool: str | None = None
    scopes: list[str] = Field(default_factory=list)
    decision: str
    reason: str = ""
    outcome: str
    latency_ms: float | None = None
    data_classification: str | None = None
    target: str | None = None
    via: str | None = None


class AuditFilter(Model):
    """Which events to answer; fields left out do not narrow."""

    since: datetime | None = None
    until: datetime | None = None
    subject: str | None = None
    asset: str | None = None
    tool: str | None = None
    action: str | None = None
    decision: str | None = None

    def fits(self, event: AuditEvent) -> bool:
        """Whether an event is among those asked for."""
        if (self.since and event.time < self.since) or (self.until and event.time > self.until):
            return False
        asset = self.asset and self.asset.removeprefix("/")
        via = event.via or ""
        if asset and asset not in {event.asset, f"{event.kind}/{event.asset}", via, via.partition("/")[2]}:
            return False
        asked = (self.subject, self.tool, self.action, self.decision)
        has = (event.subject, event.tool, event.action, event.decision)
        return all(want is None or want == value for want, value in zip(asked, has, strict=True))


@dataclass(slots=True)
class Attempt:
    """An act under way; what is set on it ends up in its record."""

    reason: str = ""
    target: str | None = None
    data_classification: str | None = None
    tool: str | None = field(default=None)


class Audit:
    """Writes and reads the trail."""

    def __init__(self, log: AppendLog, access: Access, clock: Clock) -> None:
        self._log = log
        self._access = access
        self._clock = clock
        self._head = GENESIS
        self._pending: deque[Event] = deque()
        self._unwritten: list[Json] = []
        """Records of a write that failed: they are part of the chain, and go first."""
        self._failing = False
        self._noted = 0
        self._written = 0
        self._lock = anyio.Lock()
        self._wake = anyio.Event()

    async def open(self) -> None:
        """Continue the chain where the log ends."""
        last = await self._log.last(STREAM)
        if last is not None:
            self._head = str(last.body["hash"])

    async def run(self) -> None:
        """Write noted events as they come, until cancelled; then write what is left."""
        try:
            while True:
                await self._wake.wait()
                await anyio.sleep(GATHER)
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
    ) -> None:  # fmt: skip
        """What `note` writes of an `event`: one at each call of the data path, printed when it is written."""
        latency = self._clock.monotonic() - started
        self._add(partial(
            _call_event, self._clock.now(), latency, who, method, ref, name, decision, outcome, reason, target,
            data_classification, via,
        ))  # fmt: skip

    async def record(self, event: AuditEvent) -> None:
        """Add an event; it is durable when this returns.

        Raises:
            Internal: the trail cannot be written; the event waits, and is written when it can.
        """
        self._check_backlog()
        mark = self._add(event.model_dump(mode="json"))
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
        begun = self.event(who, action, asset, tool, decision=UNKNOWN, outcome=UNKNOWN, reason="no outcome recorded")
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
            time=self._clock.now(), subject=who.subject, client=who.client, action=_text(action),
            kind=kind or None, asset=_text(path) or None, tool=None if tool is None else _text(tool),
            scopes=sorted(who.scopes), decision=decision, reason=_text(reason, 1000), outcome=outcome,
            latency_ms=latency, target=None if target is None else _text(target, 2000),
            data_classification=data_classification, via=via,
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
        if cursor is not None and not _CURSOR.fullmatch(cursor):
            raise Invalid(f"cursor {cursor[:40]!r} is none of this registry's", field="cursor")
        await self.settle()
        found: list[AuditEvent] = []
        ended: set[str] = set()
        async for entry in self._log.read(STREAM, before=int(cursor) if cursor else None, reverse=True):
            if entry.seq % PAUSE == 0:
                await anyio.lowlevel.checkpoint()
            event = _opened(entry.body)
            if wanted.since and event.time < wanted.since - CLOCK_MAY_GO_BACK:
                break
            if event.outcome != UNKNOWN:
                ended.add(event.id)
            elif event.id in ended or await self._ended(event.id, entry.seq):
                continue
            if wanted.fits(event):
                found.append(event)
                if len(found) == limit:
                    return found, str(entry.seq)
        return found, None

    async def _ended(self, id_: str, seq: int) -> bool:
        """Whether the outcome of an act stands further on, on a page that was read before."""
        async for entry in self._log.read(STREAM, after=seq, before=seq + FAR_ON):
            if entry.body["id"] == id_:
                return True
        return False

    async def settle(self) -> None:
        """Return when every event taken on so far is durable."""
        async with self._lock:
            await self._write()

    async def verify(self) -> Verification:
        """Walk the whole chain."""
        return await verify(self._log)

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
                await self._log.append(STREAM, records)
        except BaseException as error:
            self._failing = True
            self._wake.set()
            if isinstance(error, AirError | OSError):  # its message may name folders of the operator's
                raise Internal(NOT_WRITABLE) from error
            raise
        self._failing = False


Event = Json | Callable[[], Json]
"""An event that waits to be written, or what makes it."""


def _call_event(
    time: datetime, latency: float, who: Principal, method: str, ref: str, name: str | None, decision: str,
    outcome: str, reason: str, target: str | None, data_classification: str | None, via: str | None,
) -> Json:  # fmt: skip
    """What a model of the event would print, which takes several times as long."""
    kind, _, path = ref.partition("/")
    return {
        "id": secrets.token_hex(16), "time": time.isoformat().replace("+00:00", "Z"),
        "subject": who.subject, "client": who.client, "action": _text(method), "kind": kind,
        "asset": _text(path), "tool": None if name is None else _text(name), "scopes": _sorted(who.scopes),
        "decision": decision, "reason": _text(reason, 1000), "outcome": outcome,
        "latency_ms": round(latency * 1000, 3), "data_classification": data_classification,
        "target": None if target is None else _text(target, 2000), "via": via,
    }  # fmt: skip


def _text(text: str, longest: int = 300) -> str:
    """What callers name may be of any length, and no Unicode at all: the trail takes it down nevertheless."""
    text = text[:longest]
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


@lru_cache(1024)
def _sorted(names: frozenset[str]) -> list[JsonValue]:
    return [*sorted(names)]


def _opened(body: Json) -> AuditEvent:
    fields: dict[str, JsonValue] = {name: value for name, value in body.items() if name not in {"previous", "hash"}}
    return AuditEvent.model_validate(fields)
