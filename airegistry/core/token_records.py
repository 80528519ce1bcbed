"""What is kept of static tokens: everything but the tokens, and when they were used last."""

from datetime import datetime

import anyio
from pydantic import Field

from airegistry.core.assets import Model
from airegistry.core.documents import Repository
from airegistry.core.errors import AirError, Invalid
from airegistry.core.ports import Clock

MAX_NAME = 128
EVERY = 300.0
"""Seconds between two times that `last_used_at` is written."""


class Vended(Model):
    """Whose a vended token is, and what it lives no longer than.

    `makers` are the static tokens it was made with: the first one, then those vended from it. `operator` is the hash of
    the operator's token, `authorization` what a person allowed. `groups` are those only a foreign issuer knows.
    """

    subject: str
    actor: str = ""
    makers: list[str] = Field(default_factory=list)
    operator: str | None = None
    authorization: str | None = None
    groups: list[str] = Field(default_factory=list)


class TokenRecord(Model):
    """What is kept of a token: everything but the token.

    `restraints` are scopes that it does not hold, and whose denials hold for it as they held for its maker. `minted_by`
    is the person who made it, or the token that it was made with: it holds while that one may come in.
    """

    id: str
    name: str = Field(min_length=1, max_length=MAX_NAME)
    hash: str
    groups: list[str] = Field(default_factory=list)
    scopes: list[str] = Field(default_factory=list)
    restraints: list[str] = Field(default_factory=list)
    created_at: datetime
    created_by: str
    minted_by: str | None = None
    expires_at: datetime
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    vended: Vended | None = None

    @property
    def minter(self) -> str | None:
        """The person it comes from in the end; None where that is none."""
        return self.minted_by or (self.created_by if self.created_by.startswith("user:") else None)

    @property
    def subject(self) -> str:
        """Whom the token stands for."""
        return f"token:{self.name}" if self.vended is None else self.vended.subject

    def is_named(self, name: str) -> bool:
        """Whether a name or id means it. What is vended has a name for its maker's use only."""
        return name == self.id or (self.vended is None and name == self.name)


class Uses:
    """When tokens were used last: known at once, written now and then, so that no request waits for it."""

    def __init__(self, records: Repository[TokenRecord], clock: Clock) -> None:
        self._records = records
        self._clock = clock
        self._last: dict[str, datetime] = {}
        self._unwritten: set[str] = set()

    def note(self, key: str) -> None:
        """A token was used just now."""
        self._last[key] = self._clock.now()
        self._unwritten.add(key)

    def told(self, record: TokenRecord) -> TokenRecord:
        """A record with the last use there was, in this process or in another."""
        last, written = self._last.get(record.id), record.last_used_at
        if last is None or (written is not None and written >= last):
            return record
        return record.model_copy(update={"last_used_at": last})

    def forget(self, key: str) -> None:
        """A token is no more."""
        self._last.pop(key, None)
        self._unwritten.discard(key)

    async def run(self) -> None:
        """Write what is new every five minutes, until cancelled; then once more."""
        try:
            while True:
                await anyio.sleep(EVERY)
                await self.write()
        finally:
            with anyio.CancelScope(shield=True):
                await self.write()

    async def write(self) -> None:
        """Write what is new; what cannot be written is tried the next time."""
        for key in list(self._unwritten):
            self._unwritten.discard(key)
            try:
                found = await self._records.find_one(key)
                if found is not None:
                    await self._records.save(key, self.told(found[0]), expect=found[1])
            except (AirError, OSError):
                self._unwritten.add(key)


def check_name(name: str) -> None:
    """Whether a token may be called so.

    Raises:
        Invalid: it may not.
    """
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise Invalid(f"a token's name has 1 to {MAX_NAME} characters, all of them visible", field="name")
