"""The key that secrets are sealed with is changed: everything sealed is sealed anew, then the old key goes.

A new key is in its file before anything is sealed under it, and an old one leaves the file after nothing in the store
needs it. So whatever happens in between, all that is stored can be opened.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import anyio.to_thread

from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.documents import DocumentStore, Json
from airegistry.core.errors import Conflict
from airegistry.core.ports import Cipher, Clock
from airegistry.core.principals import SYSTEM, Principal

ROTATE = "secret_key:rotate"
SETTLES_AFTER = 60.0
"""Seconds within which whatever was sealed under the old key has reached the store, to be found there."""
SEALED: Mapping[str, tuple[str, ...]] = {
    "audit_keys": ("sealed",),
    "backend_clients": ("sealed",),
    "connection_states": ("sealed",),
    "connections": ("sealed",),
    "credentials": ("sealed",),
    "csrf": ("key",),
    "idempotency": ("answer",),
    "identity_providers": ("secret",),
    "login_states": ("sealed",),
    "request_states": ("key",),
    "sessions": ("id_token",),
    "signing_keys": ("sealed",),
    "sources": ("sealed",),
    "users": ("totp", "totp_pending"),
    "webhooks": ("secret", "previous_secret"),
}
"""The fields of stored documents, by collection, that hold something sealed."""


class KeyRing(Cipher, Protocol):
    """A cipher whose keys can be changed. The newest key seals."""

    @property
    def keys(self) -> int:
        """How many there are."""
        ...

    def add_key(self) -> None:
        """Make a new key the newest one; durable when this returns. Blocks."""
        ...

    def drop_old_keys(self) -> None:
        """Keep the newest alone; durable when this returns. Blocks."""
        ...

    def outdated(self, sealed: str) -> bool:
        """Whether something was sealed under an older key that is at hand."""
        ...


@dataclass(frozen=True, slots=True)
class Rotated:
    """How far it is: how many keys there are, and how many documents were sealed anew."""

    keys: int
    resealed: int


class Rotation:
    """Changes the key in two steps, the second when the first has surely reached everything."""

    def __init__(self, store: DocumentStore, ring: KeyRing, access: Access, audit: Audit, clock: Clock) -> None:
        self._store = store
        self._ring = ring
        self._access = access
        self._audit = audit
        self._clock = clock
        self._lock = anyio.Lock()
        self._added_at: float | None = None

    async def rotate(self, who: Principal) -> Rotated:
        """Begin to use a new key, or go on with a change that was begun; all that is stored is sealed anew.

        Raises:
            AccessDenied: the caller is no administrator of policy.
        """
        async with self._audit.attempt(who, ROTATE, "registry/") as attempt, self._lock:
            attempt.reason = self._access.require(who, "policy").reason
            if self._ring.keys == 1:
                self._added_at = self._clock.monotonic()
                await anyio.to_thread.run_sync(self._ring.add_key)
            done = await self._go_on()
            attempt.reason += f"; {done.resealed} sealed anew, {done.keys} keys"
        return done

    async def settle(self) -> None:
        """Finish a change that was begun, once nothing can be under way any more that the old key sealed."""
        async with self._lock:
            if self._ring.keys > 1:
                async with self._audit.attempt(SYSTEM, ROTATE, "registry/") as attempt:
                    done = await self._go_on()
                    attempt.reason = f"{done.resealed} sealed anew, {done.keys} keys"

    async def _go_on(self) -> Rotated:
        """Seal anew what an old key sealed; without old keys when there was nothing, and will be nothing."""
        quiet = self._added_at is None or self._clock.monotonic() - self._added_at >= SETTLES_AFTER
        resealed = 0
        for collection, fields in SEALED.items():
            for key in [document.key async for document in self._store.find(collection)]:
                resealed += await self._reseal(collection, key, fields)
        if quiet and self._ring.keys > 1:
            await anyio.to_thread.run_sync(self._ring.drop_old_keys)
        return Rotated(self._ring.keys, resealed)

    async def _reseal(self, collection: str, key: str, fields: tuple[str, ...]) -> bool:
        """Whether there was something to seal anew in a document."""
        while (document := await self._store.get(collection, key)) is not None:
            anew: Json = {}
            for field in fields:
                sealed = document.body.get(field)
                if isinstance(sealed, str) and self._ring.outdated(sealed):
                    anew[field] = self._ring.encrypt(self._ring.decrypt(sealed))
            if not anew:
                return False
            try:
                await self._store.put(collection, key, {**document.body, **anew}, expect=document.version)
            except Conflict:  # written meanwhile: look again
                continue
            return True
        return False
