"""The credentials of backends: sealed at rest, each for one origin, used for calls, fetches and health checks.

A credential belongs to an asset and to the origin (scheme, host, port) it was given for. An asset whose URL moves to
another origin has none there until one is set: what it had is withheld, and calls are refused.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from airegistry.core.access import Access
from airegistry.core.assets import Agent, Json, Kind, Server
from airegistry.core.audit import Audit
from airegistry.core.calls import Backend, NoCredentials
from airegistry.core.credential_kinds import (
    Credential,
    ExchangeGrant,
    Granted,
    PersonGrant,
    hide,
    origin_of,
    parsed,
    secrets_of,
    shown,
)
from airegistry.core.credential_tokens import Key, Obtain, Token, TokenCache, TokenSource, Want
from airegistry.core.credential_vault import Held, Kept, Vault
from airegistry.core.documents import DocumentStore
from airegistry.core.errors import AirError, Conflict, ConsentRequired, Invalid, NotFound, Unsupported, UpstreamFailed
from airegistry.core.ports import AnyAsset, Cipher, Clock
from airegistry.core.principals import Principal
from airegistry.core.shelf import Shelf, ref
from airegistry.core.visibility import Visibility

PUT, DELETE = "credential:put", "credential:delete"
Lend = Callable[[Backend], Held | None]
"""What an asset is lent that has no credential of its own."""
NOWHERE = "there is no such server to connect an account for"


@dataclass(frozen=True, slots=True)
class Described:
    """A credential without its secrets. `current`: the asset's default version is reached at its origin."""

    origin: str
    fields: Json
    current: bool
    set_by: str
    set_at: datetime


@dataclass(frozen=True, slots=True)
class Personal:
    """A backend where every person has an account of their own."""

    asset: Backend
    want: Want


class CredentialStore:
    """Keeps credentials and answers with headers. `sources` get tokens, by kind of credential."""

    def __init__(
        self, store: DocumentStore, cipher: Cipher, shelf: Shelf, access: Access, visibility: Visibility, audit: Audit,
        clock: Clock, sources: Mapping[str, TokenSource], tokens: TokenCache,
    ) -> None:  # fmt: skip
        self._vault = Vault(store, cipher, clock)
        self._shelf = shelf
        self._access = access
        self._visibility = visibility
        self._audit = audit
        self._sources = sources
        self._tokens = tokens
        self._lent: Lend = lambda asset: None

    def lend(self, lent: Lend) -> None:
        """Have assets that have no credential of their own use what is lent to them."""
        self._lent = lent

    async def reload(self, *, shared: bool = False) -> None:
        """Read what is stored; see `Vault.reload`."""
        await self._vault.reload(self._settled, shared=shared)

    async def follow(self, keys: Sequence[str]) -> None:
        """Take over what another process wrote of some credentials, by their documents' keys."""
        for name in await self._vault.follow(keys):
            self._tokens.forget(ref=name)

    def forget_tokens(self, fits: Callable[[Key], bool]) -> None:
        """Get anew, when they are asked for, the tokens whose keys fit: they are not what another process has."""
        self._tokens.forget_where(fits)

    def needed(self, asset: Backend) -> bool:
        """Whether the asset has credentials, for its present origin or another one."""
        return self._vault.has(ref(asset)) or self._lent(asset) is not None

    async def headers(self, who: Principal, asset: Backend) -> Mapping[str, str]:
        """What a request to the asset's URL carries on behalf of a caller; names are lower case.

        Raises:
            ConsentRequired: the caller has to connect an account first; it says where.
            AccessDenied: the backend is for persons, and the caller is none.
            UpstreamFailed: the authorization server of the backend does not answer, or refuses.
            Unsupported: the credential was given for another origin than the asset's present one.
        """
        held = self._for(asset)
        return {} if held is None else await self.headers_by(held, who, asset)

    async def renewed(self, who: Principal, asset: Backend, used: Mapping[str, str]) -> Mapping[str, str] | None:
        """Other headers after the backend answered 401 to `used`; None when there are none to be had.

        Raises:
            UpstreamFailed: the authorization server of the backend does not answer, or refuses.
        """
        held = self._for(asset)
        return None if held is None else await self.renewed_by(held, who, asset, used)

    async def headers_by(self, held: Held, who: Principal, asset: Backend) -> Mapping[str, str]:
        """As `headers`, by a credential that need not be stored yet."""
        if held.headers is not None:
            return held.headers
        key, obtain = self._wanted(held, who, asset)
        return await self._tokens.get(key, obtain)

    async def renewed_by(
        self, held: Held, who: Principal, asset: Backend, used: Mapping[str, str]
    ) -> Mapping[str, str] | None:
        """As `renewed`, by a credential that need not be stored yet."""
        if held.headers is not None:
            return None
        key, obtain = self._wanted(held, who, asset)
        try:
            return await self._tokens.renewed(key, used, obtain)
        except ConsentRequired:  # the next call says so: this one has been refused already
            return None

    async def put(
        self, who: Principal, path: str, fields: Json, *, kind: Kind = "server", url: str | None = None
    ) -> list[Described]:
        """Set the credential for the origin of an asset's URL, or of the `url` that it is going to have.

        Raises:
            Invalid: the credential does not fit.
            NotFound, AccessDenied: the caller may not know of the asset, or not change it.
            UpstreamFailed: its authorization server cannot be found.
        """
        path = path.removeprefix("/")
        async with self._audit.attempt(who, PUT, f"{kind}/{path}") as attempt:
            asset, attempt.reason = await self._changeable(who, kind, path)
            at = url or _url(asset)
            held = await self._made(who, ref(asset), at, parsed(fields))
            attempt.reason += f"; {held.kept.kind} for {held.kept.origin}"
            attempt.target = held.kept.origin
            before = await self._vault.put(held, await self._origins(asset))
            await self._ended(held.kept.ref, before)
        return self._described(asset)

    async def remove(self, who: Principal, path: str, *, kind: Kind = "server") -> bool:
        """Remove an asset's credentials, for all origins; False when there were none.

        Raises:
            NotFound, AccessDenied: the caller may not know of the asset, or not change it.
        """
        path = path.removeprefix("/")
        async with self._audit.attempt(who, DELETE, f"{kind}/{path}") as attempt:
            asset, attempt.reason = await self._changeable(who, kind, path)
            return await self.forget(asset)

    async def describe(self, who: Principal, path: str, *, kind: Kind = "server") -> list[Described]:
        """An asset's credentials without their secrets, by origin.

        Raises:
            NotFound, AccessDenied: the caller may not know of the asset, or not change it.
        """
        asset, _ = await self._changeable(who, kind, path.removeprefix("/"))
        return self._described(asset)

    def count(self, asset: AnyAsset) -> int:
        """How many credentials an asset has: one for each origin."""
        return len(self._vault.of(ref(asset)))

    async def forget(self, asset: AnyAsset) -> bool:
        """Remove all credentials of an asset, and what persons connected for it."""
        before = await self._vault.forget(ref(asset))
        await self._ended(ref(asset), before)
        return bool(before)

    async def draft(self, who: Principal, asset: AnyAsset, fields: Json | None) -> "Draft":
        """The credential of an asset that is being registered; without one, that of its other versions.

        Raises:
            Invalid: the credential does not fit, or such an asset has none.
            Conflict: a version of the asset at the same origin has one already.
            UpstreamFailed: its authorization server cannot be found.
        """
        new = await self._shelf.get(asset.kind, asset.path) is None
        if fields is None:
            return Draft(self, asset, None, new=new)
        backend = _backend(asset)
        name, url = ref(backend), _url(backend)
        if not new and self._vault.at(name, origin_of(url)) is not None:
            raise Conflict(f"{name} has a credential for {origin_of(url)}; change it by itself")
        return Draft(self, asset, await self._made(who, name, url, parsed(fields)), new=new)

    def attaching(self, held: Held, asset: AnyAsset) -> AbstractAsyncContextManager[None]:
        """See `Vault.attaching`."""
        return self._vault.attaching(held, asset)

    async def personal(self, who: Principal) -> list[Personal]:
        """The backends the caller may see at which each person connects an account."""
        found: list[Personal] = []
        for name in self._vault.with_kind("per_user"):
            asset = await self._asset(who, name)
            with suppress(NotFound, Unsupported):
                found.append(self._personal(who, asset, _url(asset)))
        return found

    async def personal_at(self, who: Principal, name: str, url: str) -> Personal:
        """One of them, by its `kind/path` and by the URL of one of its versions.

        Raises:
            NotFound: there is none, or none that the caller may know of.
        """
        asset = await self._asset(who, name)
        if asset is None or url not in {_url(version) for version in await self._versions(asset)}:
            raise NotFound(NOWHERE)
        return self._personal(who, asset, url)

    def _personal(self, who: Principal, asset: AnyAsset | None, url: str) -> Personal:
        held = None if asset is None else self._vault.at(ref(asset), origin_of(url))
        if isinstance(asset, Server | Agent) and held is not None and isinstance(held.credential, PersonGrant):
            return Personal(asset, Want(who, ref(asset), url, held.credential, held.kept.id))
        raise NotFound(NOWHERE)

    async def _asset(self, who: Principal, name: str) -> AnyAsset | None:
        kind, _, path = name.partition("/")
        found = await self._shelf.get(cast(Kind, kind), path) if kind in {"server", "agent"} else None
        return None if found is None or not self._visibility.shows(who, found[0]) else found[0]

    def _for(self, asset: Backend) -> Held | None:
        """The credential for the asset's present origin, or the one it is lent; None when there never was one for any.

        Raises:
            Unsupported: there are some for other origins only.
        """
        name = ref(asset)
        if not self._vault.has(name):
            return self._lent(asset)
        origin = origin_of(asset.url)
        held = self._vault.at(name, origin)
        if held is None:
            others = ", ".join(kept.origin for kept in self._vault.of(name))
            raise Unsupported(
                f"the credential of {name} was given for {others} and is withheld from {origin}: set it anew"
            )
        return held

    def _wanted(self, held: Held, who: Principal, asset: Backend) -> tuple[Key, Obtain]:
        credential = held.credential
        assert isinstance(credential, Granted)  # the others are headers
        source = self._source(credential)
        want = Want(who, ref(asset), asset.url or "", credential, held.kept.id)
        own = isinstance(credential, ExchangeGrant | PersonGrant)
        key = Key(f"{want.id} {who.actor if own else ''}", want.ref, want.url, who.subject if own else "")

        async def obtain(refused: Mapping[str, str] | None) -> Token:
            try:
                return await source.token(want, refused)
            except UpstreamFailed as error:
                hide(error, [*secrets_of(credential), *(refused or {}).values()])
                raise

        return key, obtain

    def _source(self, credential: Granted) -> TokenSource:
        source = self._sources.get(credential.kind)
        if source is None:
            raise Unsupported(f"credentials of the kind {credential.kind} are not offered here")
        return source

    async def _made(self, who: Principal, name: str, url: str, credential: Credential) -> Held:
        """A new credential for the origin of a URL."""
        if isinstance(credential, Granted):
            try:
                credential = await self._source(credential).prepared(url, credential)
            except AirError as error:
                hide(error, secrets_of(credential))
                raise
        return self._vault.seal(name, url, credential, who.subject)

    def _described(self, asset: Backend) -> list[Described]:
        current = None if asset.url is None else origin_of(asset.url)
        found = []
        for kept in self._vault.of(ref(asset)):
            held = self._vault.at(kept.ref, kept.origin)
            fields = {} if held is None else shown(held.credential)
            found.append(Described(kept.origin, fields, kept.origin == current, kept.set_by, kept.set_at))
        return found

    async def _changeable(self, who: Principal, kind: Kind, path: str) -> tuple[Backend, str]:
        found = await self._shelf.get(kind, path)
        if found is None or found[0].kind != kind or not self._visibility.shows(who, found[0]):
            raise NotFound(f"no {kind} named {path!r}")
        return _backend(found[0]), self._access.require(who, "update", found[0]).reason

    async def _origins(self, asset: Backend) -> set[str]:
        """Where all versions of an asset are."""
        origins = set()
        for version in await self._versions(asset):
            with suppress(Unsupported):
                origins.add(origin_of(_url(version)))
        return origins

    async def _versions(self, asset: AnyAsset) -> list[AnyAsset]:
        names = await self._shelf.versions(asset.kind, asset.path)
        found = [await self._shelf.get(asset.kind, asset.path, name) for name in names]
        return [asset, *(each[0] for each in found if each is not None)]

    async def _settled(self, kept: Kept) -> bool:
        """Whether what is stored holds; what was stored for a registration that never ended does not."""
        kind, _, path = kept.ref.partition("/")
        version = None if kept.pending is None else kept.pending.version
        found = await self._shelf.get(cast(Kind, kind), path, version)
        return found is not None and (kept.pending is None or found[0].created_at == kept.pending.created_at)

    async def _ended(self, name: str, before: list[Kept]) -> None:
        """Drop what credentials led to that are no more."""
        self._tokens.forget(ref=name)
        for kind in {one.kind for one in before} & self._sources.keys():
            await self._sources[kind].forget(name)


class Draft(NoCredentials):
    """The credential of an asset that is being registered: for its first fetch, and stored if it is."""

    def __init__(self, store: CredentialStore, asset: AnyAsset, held: Held | None, *, new: bool) -> None:
        self._store = store
        self._asset = asset
        self._held = held
        self._new = new

    def needed(self, asset: Backend) -> bool:
        """Whether there is one."""
        return self._held is not None or (not self._new and self._store.needed(asset))

    async def headers(self, who: Principal, asset: Backend) -> Mapping[str, str]:
        """As `CredentialStore.headers`.

        Raises:
            Invalid: nobody can have connected an account for what is not registered yet.
        """
        if self._held is not None and isinstance(self._held.credential, PersonGrant):
            raise Invalid(
                "register it with fetch=false first, connect your account at /account/connections, then refresh it",
                field="fetch",
            )
        if self._held is not None:
            return await self._store.headers_by(self._held, who, asset)
        return await self._store.headers(who, asset)

    async def renewed(self, who: Principal, asset: Backend, used: Mapping[str, str]) -> Mapping[str, str] | None:
        """As `CredentialStore.renewed`."""
        if self._held is not None:
            return await self._store.renewed_by(self._held, who, asset, used)
        return await self._store.renewed(who, asset, used)

    @asynccontextmanager
    async def stored(self) -> AsyncIterator[None]:
        """Store the asset inside; the credential is stored with it, or neither is."""
        if self._held is not None:
            async with self._store.attaching(self._held, self._asset):
                yield
            return
        if self._new:  # whatever somebody left behind is not for whoever takes the path next
            await self._store.forget(self._asset)
        yield


def _backend(asset: AnyAsset) -> Backend:
    if not isinstance(asset, Server | Agent) or asset.url is None:
        raise Invalid(f"{ref(asset)} has no URL that a credential could be sent to", field="credential")
    return asset


def _url(asset: AnyAsset | None) -> str:
    return getattr(asset, "url", None) or ""
