"""Audit trails over memory, some of them filled."""

from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.audit_chain import STREAM
from airegistry.core.audit_events import AuditEvent
from airegistry.core.documents import Json
from airegistry.core.grants import Grant, Scope
from airegistry.stores.memory import MemoryLog
from tests.core.wiring import NOON, FakeClock


def opened(log: MemoryLog) -> Audit:
    """A trail over a log; whoever holds the scope `auditor` may read it."""
    access = Access()
    access.replace([Scope(name="auditor", grants=[Grant(actions=["audit"])])], [])
    return Audit(log, access, FakeClock())


def event(action: str = "server:register", **fields: object) -> AuditEvent:
    """An event of noon."""
    known = {"time": NOON, "subject": "ann", "action": action, "decision": "allow", "outcome": "ok"}
    return AuditEvent.model_validate({**known, **fields})


async def records_of(log: MemoryLog) -> list[Json]:
    """The records as they stand in the log, oldest first."""
    return [dict(record.body) async for record in log.read(STREAM)]


async def filled(count: int = 5) -> tuple[Audit, MemoryLog]:
    """A trail of some events, and its log."""
    log = MemoryLog()
    audit = opened(log)
    for number in range(count):
        await audit.record(event(f"act:{number}"))
    return audit, log
