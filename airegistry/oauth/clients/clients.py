"""The OAuth clients this registry knows: registered by administrators, by themselves, or described by a document."""

import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal, Protocol

import anyio

from airegistry.core.access import Access
from airegistry.core.assets import Json, Model
from airegistry.core.audit import Audit
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import AccessDenied, Conflict, Invalid, NotFound
from airegistry.core.handing_out import handed_on
from airegistry.core.limits import Among, Limiter, alone
from airegistry.core.ports import Clock
from airegistry.core.principals import Principal
from airegistry.core.tokens import digest
from airegistry.oauth.clients.client_metadata import MACHINE_GRANTS, SECRET_METHODS, ClientMetadata, read
from airegistry.oauth.model import CLIENT_GRANT, CODE_GRANT, REFRESH_GRANT, AuthMethod, Client

ANONYMOUS = Principal(subject="anonymous")
DYNAMIC_PREFIX = "dyn-"
MAX_UNUSED = 10_000
"""Self-registered clients that nobody has used yet. The oldest goes first: at the overall rate of registrations a new
one lasts half an hour even in a flood, which is longer than a login."""
UNUSED_FOR, IDLE_FOR = timedelta(hours=24), timedelta(days=90)
TOUCH_EVERY = timedelta(hours=1)
MAX_ID = 2048

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")

Origin = Literal["dynamic", "registered", "document"]
Callback = Callable[[str], Awaitable[None]]


class Documents(Protocol):
    """Where clients come from whose id is the URL of their metadata (`oauth/clients/client_documents.py`)."""

    async def find(self, url: str, *, source: str = "") -> Client:
        """The client that a URL describes. `source` is the address of whoever asks.

        Raises:
            OAuthError: the URL, its host or its document is refused.
        """
        ...


class ClientChange(Model):
    """What an administrator sets of a client (RFC 7591 names); what is left out stays as it is."""

    client_name: str | None = None
    redirect_uris: list[str] | None = None
    grant_types: list[str] | None = None
    token_endpoint_auth_method: AuthMethod | None = None
    application_type: Literal["web", "native"] | None = None
    jwks: Json | None = None
    jwks_uri: str | None = None
    client_uri: str | None = None
    logo_uri: str | None = None
    groups: list[str] | None = None
    scopes: list[str] | None = None
    active: bool | None = None


class Clients:
    """Keeps clients. Those of administrators are held in memory too, so that `known` answers at once.

    Secrets have 256 random bits, are answered once and kept as SHA-256. `revision` grows with each change of what a
    client may do.
    """

    def __init__(
        self, store: DocumentStore, access: Access, audit: Audit, clock: Clock, documents: Documents | None, *,
        among: Among = alone,
    ) -> None:  # fmt: skip
        self._clients = Repository(store, "clients", Client)
        self._access = access
        self._audit = audit
        self._clock = clock
        self._documents = documents
        self._known: dict[str, Client] = {}
        self._unused: dict[str, None] = {}
        self._callbacks: list[Callback] = []
        self._lock = anyio.Lock()
        self._per_source = Limiter(
            clock, burst=30, seconds=60, what="client registrations from one address", among=among
        )
        self._overall = Limiter(clock, burst=300, seconds=60, what="client registrations", among=among)
        self.revision = 0

    async def reload(self) -> None:
        """Read the stored clients."""
        async with self._lock:
            self._known = {key: client async for key, client in self._clients.find(where={"origin": "registered"})}
            dynamic = [client async for _, client in self._clients.find(where={"origin": "dynamic"})]
            unused = sorted((c.created_at, c.client_id) for c in dynamic if c.used_at is None)
            self._unused = {client_id: None for _, client_id in unused}
            self.revision += 1

    async def follow(self, keys: Iterable[str]) -> None:
        """Take over what another process wrote of some clients, by their ids."""
        async with self._lock:
            for key in keys:
                found = await self._clients.find_one(key)
                client = found[0] if found is not None and found[0].origin == "registered" else None
                before = self._known.pop(key, None)
                if client is not None:
                    self._known[key] = client
                if found is None or found[0].used_at is not None:
                    self._unused.pop(key, None)
                if _standing(before) != _standing(client):
                    self.revision += 1

    def known(self, client_id: str) -> Client | None:
        """A client that an administrator registered, switched off or not."""
        return self._known.get(client_id)

    async def find(self, client_id: str, *, source: str = "") -> Client | None:
        """A client that may be used now; None when there is none, or it is switched off or over. `source` is the
        address of whoever asks, who may not have any number of documents fetched.

        Raises:
            OAuthError: it is described by a document, and that is refused.
        """
        if "://" in client_id and self._documents is not None:
            return await self._documents.find(client_id, source=source)
        if len(client_id) > MAX_ID:
            return None
        client = self._known.get(client_id)
        if client is None and client_id.startswith(DYNAMIC_PREFIX):
            found = await self._clients.find_one(client_id)
            client = found[0] if found else None
        return client if client is not None and client.active and not self._over(client) else None

    async def register(self, metadata: Json, *, source: str) -> tuple[Client, str | None]:
        """Let a client register itself (RFC 7591); the second value is its secret, if it has one.

        Raises:
            OAuthError: its metadata is refused.
            RateLimited: too many registrations, from this source or in all.
        """
        self._per_source.take(source)
        self._overall.take("")
        client_id = f"{DYNAMIC_PREFIX}{secrets.token_hex(16)}"
        async with self._audit.attempt(ANONYMOUS, "client:register", f"client/{client_id}") as attempt:
            attempt.reason = f"registered itself from {source}"
            known = read(metadata, method="client_secret_basic")
            secret = _secret_for(known.token_endpoint_auth_method)
            now = self._clock.now()
            client = Client(
                client_id=client_id, origin="dynamic", secret_hash=digest(secret) if secret else None, created_at=now,
                created_by=ANONYMOUS.subject, expires_at=now + UNUSED_FOR, **known.model_dump(),
            )  # fmt: skip
            await self._clients.create(client_id, client)
            self._unused[client_id] = None
            while len(self._unused) > MAX_UNUSED:
                await self._end(next(iter(self._unused)), lambda oldest: oldest.used_at is None)
        return client, secret

    async def put(
        self, who: Principal, client_id: str, change: ClientChange, *, rotate_secret: bool = False
    ) -> tuple[Client, str | None]:
        """Register a client, or change one; the second value is its secret, when a new one was made.

        Raises:
            AccessDenied: the caller may not, or gives more than it holds.
            Conflict: the client registered itself, or somebody else was faster.
            Invalid: the id, a scope or the metadata (`OAuthError`) is wrong.
        """
        async with self._audit.attempt(who, "client:put", f"client/{client_id}") as attempt:
            attempt.reason = self._access.require(who, "token").reason
            if not _ID.fullmatch(client_id):
                raise Invalid(f"client id {client_id[:80]!r} is not of the form {_ID.pattern}", field="client_id")
            async with self._lock:
                found = await self._clients.find_one(client_id)
                before, version = found or (None, 0)
                if client_id.startswith(DYNAMIC_PREFIX) or (before and before.origin != "registered"):
                    raise Conflict(
                        f"ids that begin with {DYNAMIC_PREFIX} are those of clients that register themselves"
                    )
                client, secret = self._changed(who, client_id, before, change, rotate_secret)
                client = self._handed_out(who, before, client)
                await self._clients.save(client_id, client, expect=version)
                self._known[client_id] = client
                self.revision += 1
            if before and before.active and not client.active:
                await self._tell(client_id)
        return client, secret

    async def remove(self, who: Principal, client_id: str) -> None:
        """End a client, and with it whatever it was given.

        Raises:
            AccessDenied: the caller may not.
            NotFound: there is no such client.
        """
        async with self._audit.attempt(who, "client:delete", f"client/{client_id}") as attempt:
            attempt.reason = self._access.require(who, "token").reason
            async with self._lock:
                found = await self._clients.find_one(client_id)
                if found is None:
                    raise NotFound(f"no client named {client_id!r}")
                self._check_owner(who, found[0])
                await self._clients.delete(client_id)
                self._known.pop(client_id, None)
                self._unused.pop(client_id, None)
                self.revision += 1
            await self._tell(client_id)

    async def clients(
        self, who: Principal, *, origin: Origin | None = None, after: str | None = None, limit: int | None = None
    ) -> list[Client]:
        """Stored clients in order of id, those after the id `after` only; clients of documents are not stored.

        Raises:
            AccessDenied: the caller may not.
        """
        self._access.require(who, "token")
        where = {"origin": origin} if origin else None
        return [client async for _, client in self._clients.find(where=where, after=after, limit=limit)]

    async def touch(self, client: Client) -> None:
        """Remember that a client was granted a token, at most once an hour; it then lasts 90 days more.

        For grants alone: an attempt that fails must not make a client of a flood one that is used.
        """
        now = self._clock.now()
        if client.origin == "document" or (client.used_at and now - client.used_at < TOUCH_EVERY):
            return
        if client.origin == "dynamic":
            await self._use(client.client_id, {"used_at": now, "expires_at": now + IDLE_FOR})
            return
        async with self._lock:
            if used := await self._use(client.client_id, {"used_at": now}):
                self._known[client.client_id] = used

    async def sweep(self) -> int:
        """Remove self-registered clients that nobody used for 24 hours, or not again for 90 days; says how many."""
        over = [key async for key, client in self._clients.find(where={"origin": "dynamic"}) if self._over(client)]
        return sum([await self._end(client_id, self._over) for client_id in over])

    def subscribe(self, callback: Callback) -> None:
        """Have a callback told the id of each client that was used and is removed, over or switched off."""
        self._callbacks.append(callback)

    async def _use(self, client_id: str, update: Mapping[str, datetime]) -> Client | None:
        found = await self._clients.find_one(client_id)
        if found is None:
            return None
        used = found[0].model_copy(update=dict(update))
        try:
            await self._clients.save(client_id, used, expect=found[1])
        except Conflict:  # another process wrote it just now: this is remembered next time
            return None
        self._unused.pop(client_id, None)
        return used

    async def _end(self, client_id: str, if_: Callable[[Client], bool]) -> bool:
        """Remove a client as it is read now: one that was used meanwhile stays."""
        self._unused.pop(client_id, None)
        found = await self._clients.find_one(client_id)
        if found is None or not if_(found[0]):
            return False
        try:
            await self._clients.delete(client_id, expect=found[1])
        except Conflict:
            return False
        if found[0].used_at is not None:
            await self._tell(client_id)
        return True

    def _over(self, client: Client) -> bool:
        return client.expires_at is not None and client.expires_at <= self._clock.now()

    async def _tell(self, client_id: str) -> None:
        for callback in self._callbacks:
            await callback(client_id)

    def _changed(
        self, who: Principal, client_id: str, before: Client | None, change: ClientChange, rotate: bool
    ) -> tuple[Client, str | None]:
        metadata = _merged(before, change)
        known = read(metadata, method="none", machine="allow")
        kept = before.secret_hash if before else None
        secret = _secret_for(known.token_endpoint_auth_method) if rotate or kept is None else None
        if rotate and secret is None:
            raise Invalid(f"a client of method {known.token_endpoint_auth_method} has no secret", field="rotate_secret")
        if known.token_endpoint_auth_method not in SECRET_METHODS:
            kept = None
        own = {name: value for name in ("groups", "scopes", "active") if (value := getattr(change, name)) is not None}
        if unknown := [name for name in own.get("scopes", ()) if not self._access.has_scope(name)]:
            raise Invalid(f"no scope named {unknown[0]!r}", field="scopes")
        first = before or Client(
            client_id=client_id, origin="registered", created_at=self._clock.now(), created_by=who.subject
        )
        fields = {**known.model_dump(), **own, "secret_hash": digest(secret) if secret else kept}
        return first.model_copy(update=fields), secret

    def _check_owner(self, who: Principal, client: Client) -> None:
        if client.created_by != who.subject and not self._access.administrates(who):
            raise AccessDenied("only an administrator changes the clients of others")

    def _handed_out(self, who: Principal, before: Client | None, client: Client) -> Client:
        """The client as its maker may make it. One that never acts on its own account acts as whoever logs in."""
        if before is not None:
            self._check_owner(who, before)
        if MACHINE_GRANTS.isdisjoint(client.grant_types) and not (client.groups or client.scopes):
            return client
        kept = handed_on(self._access, who, client.groups, client.scopes, what="a client")
        return client.model_copy(update={"restraints": kept})


def _standing(client: Client | None) -> Client | None:
    """A client but for when it was used."""
    return None if client is None else client.model_copy(update={"used_at": None})


def _secret_for(method: AuthMethod) -> str | None:
    return secrets.token_urlsafe(32) if method in SECRET_METHODS else None


def _merged(before: Client | None, change: ClientChange) -> Json:
    """What was known of a client and what is new, without what the new replaces."""
    given = change.model_dump(exclude_none=True)
    kept = before.model_dump(include={*ClientMetadata.model_fields}, exclude_none=True) if before else {}
    if "redirect_uris" in given:
        kept.pop("application_type", None)
    if {"jwks", "jwks_uri"} & given.keys():
        kept = {name: value for name, value in kept.items() if name not in {"jwks", "jwks_uri"}}
    if before is None:
        grants = change.grant_types or ([CODE_GRANT, REFRESH_GRANT] if change.redirect_uris else [CLIENT_GRANT])
        method = "none" if MACHINE_GRANTS.isdisjoint(grants) else "client_secret_basic"
        kept = {"grant_types": grants, "token_endpoint_auth_method": method}
    return {**kept, **given}
