"""What the tests of credentials share: a source of tokens, servers, and stores that crash."""

from collections.abc import Mapping

from airegistry.core.assets import Json, Server
from airegistry.core.credential_kinds import Granted
from airegistry.core.credential_tokens import Token, Want
from airegistry.core.credential_vault import COLLECTION
from airegistry.core.documents import Document
from airegistry.core.errors import (
    UpstreamFailed,
)
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import ANN, World

SECRET, OTHER = "s3cret-s3cret", "another-secret"
BEARER: Json = {"kind": "bearer", "token": SECRET}
GRANT: Json = {"kind": "oauth_client", "client_id": "app", "client_secret": SECRET, "issuer": "https://as.test"}
EXCHANGE: Json = {**GRANT, "kind": "token_exchange"}
SENT = {"authorization": f"Bearer {SECRET}"}


class Source:
    """A source of tokens named after who wants them and how many there were."""

    def __init__(self) -> None:
        self.wants: list[Want] = []
        self.forgotten: list[str] = []
        self.fails = ""

    async def prepared(self, url: str, credential: Granted) -> Granted:
        if self.fails:
            raise UpstreamFailed(self.fails)
        return credential

    async def token(self, want: Want, refused: Mapping[str, str] | None = None) -> Token:
        self.wants.append(want)
        if self.fails:
            raise UpstreamFailed(self.fails)
        return Token({"authorization": f"Bearer {want.who.subject}-{len(self.wants)}"}, 600)

    async def forget(self, ref: str) -> None:
        self.forgotten.append(ref)


async def a_server(world: World, path: str = "weather", *, groups: list[str] | None = None) -> Server:
    found = await world.put_server(path, groups=groups or [])
    assert isinstance(found, Server)
    return found


async def stored(world: World) -> list[str]:
    return [document.key async for document in world.store.find(COLLECTION)]


async def headers(world: World, server: AnyAsset, who: Principal = ANN) -> Mapping[str, str]:
    assert isinstance(server, Server)
    assert world.credentials.needed(server)
    return await world.credentials.headers(who, server)


class Crash(Exception):
    """The end of the process."""


class CrashingStore(MemoryStore):
    """Ends the process at a write to a collection, after some that go well; nothing is written from then on."""

    def __init__(self, collection: str, after: int = 0) -> None:
        super().__init__()
        self._collection = collection
        self._left = after
        self.crashed = False

    def restart(self) -> None:
        """Work from now on."""
        self.crashed, self._left = False, 1000

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        if collection == self._collection and not self.crashed:
            self._left -= 1
            self.crashed = self._left < 0
        if self.crashed:
            raise Crash
        return await super().put(collection, key, body, expect=expect)

    async def delete(self, collection: str, key: str, *, expect: int | None = None) -> bool:
        if self.crashed:
            raise Crash
        return await super().delete(collection, key, expect=expect)


ANN_MAY = Principal(subject="token:ann", client="1", operator=True)
