"""Requests that are made once however often they are sent: `Idempotency-Key`, as the draft of the IETF has it.

A key belongs to its caller and to one method and path. While the request is made the key is in progress; when it
succeeds its answer is kept, sealed, for a day, or until its caller has used many others. One that was refused changed
nothing and may be sent again. A process that ends in between, or fails, leaves a key in progress, which frees itself:
whether the request was made is not known then, and what it would make tells by `conflict` when it is there.
"""

import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import anyio
from starlette.responses import Response

from airegistry.core.assets import Model
from airegistry.core.documents import Repository
from airegistry.core.errors import AirError, Conflict, Internal, Invalid
from airegistry.core.ports import Cipher, Clock
from airegistry.core.principals import Principal

COLLECTION: Final = "idempotency"
KEPT: Final = timedelta(hours=24)
PATIENCE: Final = timedelta(minutes=5)
"""For so long a key may be in progress."""
LONGEST: Final = 255
MAX_ANSWER: Final = 2**16
"""Bytes of an answer that is kept; of a longer one only that it was given."""
MOST: Final = 1_000
"""Answers that are kept of one subject; it may have as many more as `TIDY_AFTER` for a while."""
TIDY_AFTER: Final = 100
_KEPT_HEADERS: Final = ("content-type", "location", "etag")
SWEEP_EVERY: Final = timedelta(minutes=10)


class InProgress(AirError):
    """A request with this key is being made just now, or was and its answer is not known."""

    code = "conflict"


class OtherRequest(Invalid):
    """The key was used for another request."""


class Kept(Model):
    """A key: `owner` and `said` digest its subject and what was sent with it; `status` is 0 while the request is being
    made. `answer` is sealed, None where there is none, or none that was kept."""

    owner: str
    said: str
    until: datetime
    status: int = 0
    headers: dict[str, str] = {}
    answer: str | None = None


class Idempotency:
    """Keeps keys and answers."""

    def __init__(self, keys: Repository[Kept], cipher: Cipher, clock: Clock) -> None:
        self._keys = keys
        self._cipher = cipher
        self._clock = clock
        self._swept = clock.now()
        self._used = Counter[str]()

    async def once(
        self, who: Principal, key: str, place: str, said: bytes, make: Callable[[], Awaitable[Response]]
    ) -> Response:
        """Make a request, or give the answer that it had. `place` is its method and path, `said` all else it says.

        Raises:
            InProgress: it is being made.
            OtherRequest: the key was sent with another request.
            Invalid: it is no key.
            AirError: whatever `make` fails with.
        """
        if not 0 < len(key) <= LONGEST or not key.isascii() or not key.isprintable():
            raise Invalid(f"an Idempotency-Key has 1 to {LONGEST} printable characters", field="Idempotency-Key")
        await self._sweep()
        id = _digest(who.subject, who.client, place, key)
        now = self._clock.now()
        taken = Kept(owner=_digest(who.subject), said=_digest(_rights(who), said), until=now + PATIENCE)
        kept, version = await self._begin(id, taken, now)
        if kept is not None:
            return self._again(kept)
        try:
            response = await make()
        except Internal:  # as when it is cancelled: whether it was made is not known
            raise
        except AirError:
            with anyio.CancelScope(shield=True), suppress(Conflict):
                await self._keys.delete(id, expect=version)
            raise
        await self._settle(id, version, taken, response)
        return response

    async def _begin(self, id: str, taken: Kept, now: datetime) -> tuple[Kept | None, int]:
        """What is kept of a key, or that it is taken, with the version of that."""
        found = await self._keys.find_one(id)
        if found is None or found[0].until <= now:
            try:
                return None, await self._keys.save(id, taken, expect=0 if found is None else found[1])
            except Conflict:
                found = await self._keys.find_one(id)
                if found is None:
                    raise InProgress("a request with this Idempotency-Key is being made") from None
        if found[0].said != taken.said:
            raise OtherRequest("this Idempotency-Key was sent with another request", field="Idempotency-Key")
        if found[0].status == 0:
            raise InProgress("a request with this Idempotency-Key is being made")
        return found

    async def _settle(self, id: str, version: int, taken: Kept, response: Response) -> None:
        body = bytes(response.body)
        changes = {
            "until": self._clock.now() + KEPT,
            "status": response.status_code,
            "headers": {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers},
            "answer": self._cipher.encrypt(body.decode()) if len(body) <= MAX_ANSWER else None,
        }
        with anyio.CancelScope(shield=True), suppress(Conflict):  # it took longer than the key waits: another has it
            await self._keys.save(id, taken.model_copy(update=changes), expect=version)
            await self._tidy(taken.owner)

    async def _tidy(self, owner: str) -> None:
        """Forget the oldest of too many answers of one subject, now and then."""
        self._used[owner] += 1
        if self._used[owner] < TIDY_AFTER:
            return
        del self._used[owner]
        found = [(id, kept) async for id, kept in self._keys.find(where={"owner": owner}) if kept.status]
        for id, kept in sorted(found, key=lambda each: each[1].until)[:-MOST]:
            await self._forget(id, kept)

    def _again(self, kept: Kept) -> Response:
        if kept.answer is None:
            raise InProgress("the request was made; its answer was too long to be kept")
        try:
            body = self._cipher.decrypt(kept.answer)
        except Internal:
            raise InProgress("the request was made; its answer can no longer be read") from None
        headers = {**kept.headers, "cache-control": "no-store", "idempotent-replayed": "true"}
        return Response(body, kept.status, headers=headers)

    async def _sweep(self) -> None:
        """Forget what is over, now and then."""
        now = self._clock.now()
        if now - self._swept < SWEEP_EVERY:
            return
        self._swept = now
        for id, kept in [(id, kept) async for id, kept in self._keys.find() if kept.until <= now]:
            await self._forget(id, kept)

    async def _forget(self, id: str, kept: Kept) -> None:
        found = await self._keys.find_one(id)
        if found is not None and found[0] == kept:
            with suppress(Conflict):  # somebody takes it just now
                await self._keys.delete(id, expect=found[1])


def _rights(who: Principal) -> str:
    """What the answer may have depended on: a narrower token of the same subject is not given it."""
    held = map(sorted, (who.groups, who.scopes, who.withheld, who.restraints))
    return repr((*held, who.kind, who.operator, who.administers, who.actor))


def _digest(*parts: str | bytes) -> str:
    """Of all parts, each with its length, so that none runs into another."""
    found = hashlib.sha256()
    for part in parts:
        given = part.encode() if isinstance(part, str) else part
        found.update(b"%d:" % len(given) + given)
    return found.hexdigest()
