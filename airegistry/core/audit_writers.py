"""Who writes the audit trail, one stream each, and what is signed of it.

Every writer has a number and a head: how far its chain goes, signed. Numbers have no gaps, and each head tells the
newest number its writer knew of, so that a writer cannot vanish as a whole while another one is left. A checkpoint is
signed as well, and says up to where a stream was pruned.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import orjson
from pydantic import BaseModel, ConfigDict

from airegistry.core.audit_chain import START, STREAM, Link
from airegistry.core.audit_keys import Signatures, TrailKeys
from airegistry.core.documents import DocumentStore, Json
from airegistry.core.errors import Conflict
from airegistry.core.ports import Cipher, Clock

HEADS = "audit_writers"
CHECKPOINTS = "audit_checkpoints"
_PURPOSE: Mapping[str, bytes] = {HEADS: b"airegistry audit head 1\n", CHECKPOINTS: b"airegistry audit checkpoint 1\n"}


class Statement(BaseModel):
    """Something signed, with the `key` of that id; members that a later version of the registry adds are left out, but
    signed as well."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    number: int
    stream: str
    seq: int
    hash: str
    time: datetime
    key: str = ""
    signature: str = ""


class Head(Statement):
    """How far a writer's chain goes: record `seq` has `hash`, and its act ended at `last`.

    `opened` is when the writer began, `known` the number of the newest writer by then.
    """

    opened: datetime
    last: datetime | None = None
    known: int
    closed: bool = False


class Checkpoint(Statement):
    """Records up to `seq`, which had `hash`, were removed; `pruned` counts all of them so far."""

    pruned: int
    before: datetime
    by: str


S = TypeVar("S", bound=Statement)


@dataclass(slots=True, eq=False)
class Seat:
    """Where one process writes: its stream, the end of its chain, and what the store knows of it.

    `version` is that of the head in the store, `last` the time of the newest record.
    """

    number: int
    stream: str
    opened: datetime
    link: Link = START
    last: datetime | None = None
    version: int = 0
    signed: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """A statement as it stands in the store, and whether its signature holds."""

    body: Json
    version: int
    genuine: bool


class Writers:
    """The heads and checkpoints of all writers, and the keys that they are signed with."""

    def __init__(self, store: DocumentStore, cipher: Cipher, signatures: Signatures, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known = 0
        self.keys = TrailKeys(store, cipher, signatures)

    @property
    def public(self) -> str:
        """The public key, empty while there is none."""
        return self.keys.public

    async def open(self, *, create: bool = True) -> None:
        """Get the key, made by whoever comes first; with `create` False there may be none.

        Raises:
            Internal: it does not open with the registry's own.
        """
        await self.keys.open(create=create)

    async def heads(self) -> list[Head]:
        """The heads of all writers by number, genuine or not."""
        return [Head.model_validate(told.body) async for told in self.told(HEADS)]

    async def checkpoints(self) -> dict[str, Checkpoint]:
        """The checkpoints of the streams that were pruned, by stream, genuine or not."""
        found = [Checkpoint.model_validate(told.body) async for told in self.told(CHECKPOINTS)]
        return {checkpoint.stream: checkpoint for checkpoint in found}

    async def told(self, collection: str) -> AsyncIterator[Told]:
        """All statements of a collection, their signatures checked."""
        async for document in self._store.find(collection):
            if not self.keys.knows(str(document.body.get("key", ""))):
                await self.keys.follow()
            yield Told(document.body, document.version, self.genuine(collection, document.body))

    def genuine(self, collection: str, body: Json) -> bool:
        """Whether a statement was signed with one of the keys, the one that it names."""
        return self.keys.holds(_text(collection, body), str(body.get("signature", "")), str(body.get("key", "")))

    async def register(self, seat: Seat, *, closed: bool = False) -> Seat:
        """Give a new writer a number, and sign its first head. `number` of the given seat is ignored."""
        while True:
            seat.number, seat.version = await self._newest() + 1, 0
            try:
                seat.version = await self._put(HEADS, self._head(seat, closed), expect=0)
            except Conflict:
                continue
            seat.signed = seat.link.seq
            return seat

    async def sign(self, seat: Seat, *, closed: bool = False) -> None:
        """Sign how far a writer has come."""
        await self._newest()
        while True:
            link = seat.link
            try:
                seat.version = await self._put(HEADS, self._head(seat, closed), expect=seat.version)
            except Conflict:  # another process took it for dead, and closed it
                found = await self._store.get(HEADS, key_of(seat.number))
                seat.version = 0 if found is None else found.version
                continue
            seat.signed = link.seq
            return

    async def close(self, seat: Seat) -> None:
        """Sign for a writer that ended without; nothing happens when it goes on after all."""
        with suppress(Conflict):
            await self._put(HEADS, self._head(seat, True), expect=seat.version)

    async def check_off(self, checkpoint: Checkpoint) -> None:
        """Sign up to where a stream is pruned, before it is.

        Raises:
            Conflict: another process does the same.
        """
        found = await self._store.get(CHECKPOINTS, key_of(checkpoint.number))
        await self._put(CHECKPOINTS, checkpoint, expect=0 if found is None else found.version)

    def _head(self, seat: Seat, closed: bool) -> Head:
        return Head(
            number=seat.number, stream=seat.stream, seq=seat.link.seq, hash=seat.link.hash, time=self._clock.now(),
            opened=seat.opened, last=seat.last, known=max(self._known, seat.number), closed=closed,
        )  # fmt: skip

    async def _put(self, collection: str, statement: Statement, *, expect: int) -> int:
        body: Json = {**statement.model_dump(mode="json", exclude={"signature"}), "key": self.keys.id}
        body["signature"] = self.keys.sign(_text(collection, body))
        return (await self._store.put(collection, key_of(statement.number), body, expect=expect)).version

    async def _newest(self) -> int:
        """The number of the newest writer."""
        while await self._store.get(HEADS, key_of(self._known + 1)) is not None:
            self._known += 1
        return self._known


def key_of(number: int) -> str:
    """The key of a writer's statements; keys are in order of number."""
    return f"{number:08d}"


def is_trail(stream: str) -> bool:
    """Whether a stream is one of a writer of the trail, by its name."""
    return stream == STREAM or stream.startswith(f"{STREAM}-")


def _text(collection: str, body: Json) -> bytes:
    said = {name: value for name, value in body.items() if name != "signature"}
    return _PURPOSE[collection] + orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
