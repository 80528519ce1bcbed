"""How connections are stored: tokens sealed, and replaced by one at a time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime

from airegistry.core.assets import Model
from airegistry.core.documents import DocumentStore, Repository, Where
from airegistry.core.errors import Conflict
from airegistry.core.leases import Leading
from airegistry.core.ports import Cipher, Clock
from airegistry.core.tokens import digest
from airegistry.egress.oauth_client import Held
from airegistry.egress.oauth_tokens import ClientCredentials

COLLECTION, CLIENTS = "connections", "backend_clients"


class Connection(Model):
    """An account that a person connected at a backend. `ref` and `url` name the backend, `sealed` opens to the tokens.

    `id` names it on pages; another connection of the same person to the same backend has the same one.
    """

    id: str
    user: str
    ref: str
    url: str
    issuer: str
    scope: str = ""
    sealed: str
    connected_at: datetime


def id_of(user: str, ref: str, url: str) -> str:
    """The id of a person's connection to a backend."""
    return digest(f"{user}\0{ref}\0{url}")[:32]


class Connections:
    """The stored connections. By `leading` one process at a time uses the refresh token of one."""

    def __init__(self, store: DocumentStore, cipher: Cipher, clock: Clock, leading: Leading) -> None:
        self._kept = Repository(store, COLLECTION, Connection)
        self._cipher = cipher
        self._clock = clock
        self._leading = leading

    def keep(self, id_: str) -> "SealedKeep":
        """Where the tokens of one connection are."""
        return SealedKeep(self, id_, self._leading)

    async def find(self, id_: str) -> tuple[Connection, int] | None:
        """A connection and its version."""
        return await self._kept.find_one(id_)

    async def where(self, where: Where) -> AsyncIterator[Connection]:
        """Connections with some fields."""
        async for _, connection in self._kept.find(where=where):
            yield connection

    async def put(self, user: str, ref: str, held: Held) -> Connection:
        """Keep what a person was granted, in place of what they held before."""
        connection = Connection(
            id=id_of(user, ref, held.server), user=user, ref=ref, url=held.server, issuer=held.at.issuer,
            scope=held.tokens.scope or "", sealed=self.sealed(held), connected_at=self._clock.now(),
        )  # fmt: skip
        await self._kept.save(connection.id, connection)
        return connection

    async def replace(self, connection: Connection, held: Held, version: int) -> int:
        """Write other tokens over those of a version.

        Raises:
            Conflict: it was connected anew, or disconnected.
        """
        return await self._kept.save(
            connection.id, connection.model_copy(update={"sealed": self.sealed(held)}), expect=version
        )

    async def drop(self, id_: str, version: int | None = None) -> None:
        """Remove a connection, in the version given or whatever it is by now."""
        with suppress(Conflict):
            await self._kept.delete(id_, expect=version)

    def sealed(self, held: Held) -> str:
        """The tokens, sealed."""
        return self._cipher.encrypt(held.model_dump_json())

    def opened(self, connection: Connection) -> Held:
        """The tokens of a connection.

        Raises:
            Internal: they were sealed under a key that is not at hand.
        """
        return Held.model_validate_json(self._cipher.decrypt(connection.sealed))


class SealedKeep:
    """The `Keep` of one connection. Whoever disconnects meanwhile wins: what is gone is not written again.

    Nor is what another process refreshed while this one was paused: tokens are written over the version they were
    loaded in.
    """

    def __init__(self, connections: Connections, id_: str, leading: Leading) -> None:
        self._connections = connections
        self._id = id_
        self._leading = leading
        self._found: tuple[Connection, int] | None = None
        self.held: Held | None = None
        """What was loaded or saved last."""

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[None]:
        """Held by one at a time, in whichever process.

        Raises:
            LeaseLost: this process was paused, or could not reach the store, until another one took its turn.
        """
        async with self._leading.turn(f"connection/{self._id}"):
            yield

    async def load(self) -> Held | None:
        """What is stored."""
        self._found = await self._connections.find(self._id)
        self.held = None if self._found is None else self._connections.opened(self._found[0])
        return self.held

    async def save(self, held: Held | None) -> None:
        """Write it over what was loaded; None removes it."""
        self.held = held
        if self._found is None:
            return
        connection, version = self._found
        if held is None:
            await self._connections.drop(self._id, version)
        else:
            with suppress(Conflict):
                self._found = connection, await self._connections.replace(connection, held, version)


class _KeptClient(Model):
    sealed: str


class KnownClients:
    """The clients that the registry was registered as, one for each authorization server and redirect URI."""

    def __init__(self, store: DocumentStore, cipher: Cipher) -> None:
        self._kept = Repository(store, CLIENTS, _KeptClient)
        self._cipher = cipher

    async def find(self, issuer: str, redirect_uri: str) -> ClientCredentials | None:
        """The client of last time."""
        found = await self._kept.find_one(_client_key(issuer, redirect_uri))
        return None if found is None else ClientCredentials.model_validate_json(self._cipher.decrypt(found[0].sealed))

    async def keep(self, client: ClientCredentials) -> None:
        """Know a client from now on."""
        sealed = self._cipher.encrypt(client.model_dump_json())
        await self._kept.save(_client_key(client.issuer, client.redirect_uri or ""), _KeptClient(sealed=sealed))

    async def forget(self, client: ClientCredentials) -> None:
        """Register anew next time."""
        await self._kept.delete(_client_key(client.issuer, client.redirect_uri or ""))


def _client_key(issuer: str, redirect_uri: str) -> str:
    return digest(f"{issuer}\0{redirect_uri}")[:32]
