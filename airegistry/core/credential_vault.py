"""Where credentials lie: sealed, one document for each asset and origin, opened when they are first used."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import anyio
import orjson

from airegistry.core.assets import Model
from airegistry.core.credential_kinds import Credential, Granted, headers_of, origin_of, parsed, revealed
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import Conflict, Internal
from airegistry.core.ports import AnyAsset, Cipher, Clock

COLLECTION = "credentials"
HALF_WAY = timedelta(minutes=10)
"""How long another process may take to register an asset with its credential."""


class Pending(Model):
    """The version of an asset that is being registered together with a credential."""

    version: str
    created_at: datetime


class Kept(Model):
    """A credential as it is stored. `ref` is its asset's `kind/path`; `sealed` opens to all of it."""

    id: str
    ref: str
    origin: str
    kind: str
    sealed: str
    set_by: str
    set_at: datetime
    pending: Pending | None = None

    @property
    def key(self) -> str:
        """Its document's key."""
        return f"{self.ref}@{self.origin}"


@dataclass(frozen=True, slots=True)
class Held:
    """A credential that was opened. `headers` are what it is, where no authorization server is asked."""

    kept: Kept
    credential: Credential = field(repr=False)
    headers: Mapping[str, str] | None = field(repr=False)


Settled = Callable[[Kept], Awaitable[bool]]
"""Whether a stored credential is that of an asset there is; of a pending one, of the very version it came with."""


class Vault:
    """All credentials, in memory as they are stored. Store and memory change together."""

    def __init__(self, store: DocumentStore, cipher: Cipher, clock: Clock) -> None:
        self._repository = Repository(store, COLLECTION, Kept)
        self._cipher = cipher
        self._clock = clock
        self._kept: dict[str, dict[str, Kept]] = {}
        self._opened: dict[str, Held] = {}
        self._lock = anyio.Lock()

    async def reload(self, settled: Settled, *, shared: bool = False) -> None:
        """Read what is stored; what a crash left half-way becomes whole or goes. Where the store is `shared` another
        process may be half-way just now: what is young is left to it."""
        async with self._lock:
            self._kept, self._opened = {}, {}
            for found in [each async for _, each in self._repository.find()]:
                if not await settled(found):
                    if shared and found.pending is not None and self._is_young(found.pending):
                        continue
                    await self._repository.delete(found.key)
                    continue
                kept = found.model_copy(update={"pending": None})
                if found.pending is not None:
                    await self._repository.save(kept.key, kept)
                self._kept.setdefault(kept.ref, {})[kept.origin] = kept

    async def follow(self, keys: Sequence[str]) -> set[str]:
        """Take over what another process wrote under some keys; returns the assets (`kind/path`) that it is of."""
        async with self._lock:
            for key in keys:
                ref, _, origin = key.partition("@")
                found = await self._repository.find_one(key)
                gone = self._kept.get(ref, {}).pop(origin, None)
                if gone is not None:
                    self._opened.pop(gone.id, None)
                if found is not None and found[0].pending is None:
                    self._kept.setdefault(ref, {})[origin] = found[0]
                elif not self._kept.get(ref):
                    self._kept.pop(ref, None)
        return {key.partition("@")[0] for key in keys}

    def _is_young(self, pending: Pending) -> bool:
        return abs(self._clock.now() - pending.created_at) < HALF_WAY

    def has(self, ref: str) -> bool:
        """Whether an asset has any, for whatever origin."""
        return ref in self._kept

    def of(self, ref: str) -> list[Kept]:
        """Those of an asset, in order of origin, not opened."""
        kept = self._kept.get(ref, {})
        return [kept[origin] for origin in sorted(kept)]

    def with_kind(self, kind: str) -> list[str]:
        """The assets that have one of a kind."""
        return [ref for ref, kept in self._kept.items() if any(one.kind == kind for one in kept.values())]

    def at(self, ref: str, origin: str) -> Held | None:
        """The credential of an asset for an origin.

        Raises:
            Internal: it was sealed under a key that is not at hand, or altered.
        """
        kept = self._kept.get(ref, {}).get(origin)
        if kept is None:
            return None
        held = self._opened.get(kept.id)
        if held is None:
            opened = orjson.loads(self._cipher.decrypt(kept.sealed))
            if opened["for"] != kept.key:
                raise Internal(f"the credential of {ref} is another one's")
            held = self._opened[kept.id] = _held(kept, parsed(opened["credential"]))
        return held

    def seal(self, ref: str, url: str, credential: Credential, set_by: str) -> Held:
        """A credential for the origin of a URL, sealed and not yet kept.

        Raises:
            Unsupported: the URL is none.
        """
        kept = Kept(
            id=uuid.uuid4().hex, ref=ref, origin=origin_of(url), kind=credential.kind, sealed="",
            set_by=set_by, set_at=self._clock.now(),
        )  # fmt: skip
        opened = orjson.dumps({"for": kept.key, "credential": revealed(credential)}).decode()
        return _held(kept.model_copy(update={"sealed": self._cipher.encrypt(opened)}), credential)

    async def put(self, held: Held, others: Collection[str]) -> list[Kept]:
        """Keep a credential; of the asset's others those for the origins of `others` stay. What there was before."""
        kept = held.kept
        with anyio.CancelScope(shield=True):
            async with self._lock:
                before = self._kept.get(kept.ref, {})
                stay = {origin: one for origin, one in before.items() if origin in others}
                await self._repository.save(kept.key, kept)
                self._kept[kept.ref] = {**stay, kept.origin: kept}
                self._opened[kept.id] = held
                await self._drop(one for origin, one in before.items() if origin not in {*stay, kept.origin})
                self._opened = {id_: one for id_, one in self._opened.items() if self._has(one.kept)}
        return [*before.values()]

    async def forget(self, ref: str) -> list[Kept]:
        """Remove all credentials of an asset, and say which there were."""
        with anyio.CancelScope(shield=True):
            async with self._lock:
                before = [*self._kept.pop(ref, {}).values()]
                for kept in before:
                    self._opened.pop(kept.id, None)
                await self._drop(before)
        return before

    @asynccontextmanager
    async def attaching(self, held: Held, asset: AnyAsset) -> AsyncIterator[None]:
        """Store an asset inside: the credential is stored if that succeeds, whatever happens in between.

        Raises:
            Conflict: somebody else registers the same asset.
        """
        kept = held.kept
        pending = kept.model_copy(update={"pending": Pending(version=asset.version, created_at=asset.created_at)})
        version = await self._repository.create(kept.key, pending)
        try:
            yield
        except BaseException:
            with anyio.CancelScope(shield=True), suppress(Conflict):
                await self._repository.delete(kept.key, expect=version)
            raise
        if self._kept.setdefault(kept.ref, {}).setdefault(kept.origin, kept) is not kept:
            return  # set anew meanwhile: then that one counts
        self._opened[kept.id] = held
        with anyio.CancelScope(shield=True), suppress(Conflict):
            await self._repository.save(kept.key, kept, expect=version)

    async def _drop(self, gone: Iterable[Kept]) -> None:
        for kept in gone:
            await self._repository.delete(kept.key)

    def _has(self, kept: Kept) -> bool:
        known = self._kept.get(kept.ref, {}).get(kept.origin)
        return known is not None and known.id == kept.id


def _held(kept: Kept, credential: Credential) -> Held:
    return Held(kept, credential, None if isinstance(credential, Granted) else headers_of(credential))
