"""A directory by hand over memory stores: real codes and sealing, and a hasher that counts instead of working."""

from dataclasses import dataclass, field

import pyotp

from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.audit_events import AuditEvent, AuditFilter
from airegistry.core.directory import Directory
from airegistry.core.documents import AppendLog, DocumentStore
from airegistry.core.grants import Grant, Group, Scope
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.users import User
from airegistry.oauth.login.second_factor import SecondFactor
from airegistry.stores.cipher import FernetCipher
from airegistry.stores.memory import MemoryLog, MemoryStore
from tests.core.wiring import FakeClock

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
PASSWORD = "correct horse battery"
HOME = "203.0.113.9"
CHIEF = Principal("token:chief", scopes=frozenset({"chief"}))
NOBODY = Principal("token:nobody")


class CountingHasher:
    """A `PasswordHasher` without the work. `strength` may be raised, as an administrator would."""

    def __init__(self) -> None:
        self.strength = 1
        self.verified: list[str | None] = []

    def hash(self, password: str) -> str:
        return f"{self.strength}:{password[::-1]}"

    def verify(self, kept: str | None, password: str) -> bool:
        self.verified.append(kept)
        return kept is not None and kept.partition(":")[2] == password[::-1]

    def outdated(self, kept: str) -> bool:
        return int(kept.partition(":")[0]) < self.strength


@dataclass
class People:
    """A directory and what stands behind its ports."""

    directory: Directory
    store: DocumentStore
    audit: Audit
    access: Access
    clock: FakeClock
    hasher: CountingHasher
    told: list[str] = field(default_factory=list)

    async def tell(self, user: str) -> None:
        """Listen to the end of a user's sessions."""
        self.told.append(user)

    async def add(self, id_: str = "ann", password: str | None = PASSWORD, **fields: list[str]) -> User:
        """A local user."""
        return await self.directory.put(SYSTEM, id_, password=password, groups=fields.get("groups"))

    async def login(self, id_: str = "ann", password: str = PASSWORD, code: str | None = None) -> User:
        """Sign in from home."""
        user, _ = await self.directory.authenticate(id_, password, code, source=HOME)
        return user

    async def enrol(self, id_: str = "ann") -> tuple[str, list[str]]:
        """A second factor in force: its secret, and the recovery codes. Its codes count from the next minute on."""
        secret = await self.directory.enrol_second_factor(id_, PASSWORD)
        codes = await self.directory.confirm_second_factor(id_, self.code(secret))
        self.clock.pass_(60)
        return secret, codes

    def code(self, secret: str, steps: int = 0) -> str:
        """The code of a secret, now or some steps of 30 seconds from now."""
        return pyotp.TOTP(secret).at(self.clock.now(), counter_offset=steps)

    async def events(self, **wanted: str) -> list[AuditEvent]:
        """The audited events that fit, newest first."""
        found, _ = await self.audit.query(SYSTEM, AuditFilter.model_validate(wanted))
        return found

    async def logins(self, decision: str) -> list[str]:
        """Why logins were allowed or denied, newest first."""
        return [event.reason for event in await self.events(action="user:login", decision=decision)]


async def people(
    store: DocumentStore | None = None, clock: FakeClock | None = None, log: AppendLog | None = None
) -> People:
    """A directory over the stores given, as the composition root would build it."""
    store, clock, access, hasher = store or MemoryStore(), clock or FakeClock(), Access(), CountingHasher()
    access.replace([Scope(name="chief", grants=[Grant(actions=["policy"])])], [Group(name="staff")])
    audit = Audit(log or MemoryLog(), access, clock)
    await audit.open()
    directory = Directory(store, access, audit, clock, hasher, FernetCipher([KEY]), SecondFactor())
    await directory.reload()
    world = People(directory, store, audit, access, clock, hasher)
    directory.subscribe(world.tell)
    return world
