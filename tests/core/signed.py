"""Trails of several writers over one store, signed; and ways to tamper with them."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from cryptography.fernet import Fernet

from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.audit_calls import BATCHED, CallRules
from airegistry.core.audit_care import AuditCare
from airegistry.core.audit_chain import Verification
from airegistry.core.audit_verify import verify_trail
from airegistry.core.audit_writers import Writers
from airegistry.core.documents import Json, LogRecord, Where
from airegistry.core.grants import Grant, Scope
from airegistry.stores.cipher import FernetCipher
from airegistry.stores.memory import MemoryLog, MemoryStore
from airegistry.stores.signatures import Ed25519
from tests.core.trails import event
from tests.core.wiring import FakeClock


class Disk(MemoryLog):
    """A log that somebody gets at: what is in `forged` stands in for a stream."""

    def __init__(self) -> None:
        super().__init__()
        self.forged: dict[str, list[Json]] = {}
        self.handed_out = 0
        self.touched: set[str] = set()

    async def read(
        self, stream: str, *, after: int = 0, before: int | None = None, reverse: bool = False,
        where: Where | None = None,
    ) -> AsyncIterator[LogRecord]:  # fmt: skip
        self.touched.add(stream)
        if stream in self.forged:
            for seq, body in enumerate(self.forged[stream], start=1):
                if after < seq < (before or seq + 1):
                    yield LogRecord(seq, body)
            return
        async for record in super().read(stream, after=after, before=before, reverse=reverse, where=where):
            self.handed_out += 1
            yield record

    async def streams(self) -> Sequence[str]:
        kept = {*await super().streams(), *self.forged}
        return sorted(kept - {stream for stream, records in self.forged.items() if not records})


@dataclass
class Place:
    """One store, and the processes that write to it."""

    store: MemoryStore = field(default_factory=MemoryStore)
    log: Disk = field(default_factory=Disk)
    clock: FakeClock = field(default_factory=FakeClock)
    cipher: FernetCipher = field(default_factory=lambda: FernetCipher([Fernet.generate_key().decode()]))
    access: Access = field(default_factory=Access)

    async def process(self, *, shared: bool = False, calls: CallRules = BATCHED) -> Audit:
        """A process that begins to write."""
        self.access.replace([Scope(name="auditor", grants=[Grant(actions=["audit"])])], [])
        audit = Audit(self.log, self.access, self.clock, self.writers, shared=shared, calls=calls)
        await audit.open()
        return audit

    @property
    def writers(self) -> Writers:
        return Writers(self.store, self.cipher, Ed25519(), self.clock)

    def care(self, audit: Audit, *, days: int = 0) -> AuditCare:
        """What looks after the trail, beside a process."""
        assert audit.writers is not None
        return AuditCare(self.log, audit.writers, self.access, audit, self.clock, days=days)

    async def verify(self, known: Sequence[Json] = ()) -> Verification:
        """What somebody finds who opens the store later."""
        writers = self.writers
        await writers.open(create=False)
        return await verify_trail(self.log, writers, known)

    async def records(self, stream: str) -> list[Json]:
        """The records of a stream."""
        return [dict(record.body) async for record in self.log.read(stream)]


async def writes(audit: Audit, clock: FakeClock, names: Sequence[str]) -> None:
    """Records an act a second."""
    for name in names:
        clock.pass_(1)
        await audit.record(event(name, time=clock.now()))
