"""Clients over a core, for tests of who registers and for how long."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from airegistry.core.assets import Json
from airegistry.core.documents import Document
from airegistry.oauth.clients.clients import ClientChange, Clients
from airegistry.oauth.model import Client
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import World, build

PUBLIC: Json = {"redirect_uris": ["http://127.0.0.1/cb"], "token_endpoint_auth_method": "none"}
MACHINE = ClientChange(groups=["staff"])


class Shared(MemoryStore):
    """A store that another process writes to between one of our reads and what we make of it."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def get(self, collection: str, key: str) -> Document | None:
        found = await super().get(collection, key)
        if collection == "clients" and (other := self.meanwhile):
            self.meanwhile = None
            await other()
        return found


@dataclass
class Kept:
    """Clients over a core, and the ids their subscriber was told."""

    world: World
    clients: Clients
    ended: list[str] = field(default_factory=list)

    async def tell(self, client_id: str) -> None:
        self.ended.append(client_id)

    async def again(self) -> Clients:
        """The clients of another process over the same store."""
        core = self.world.services
        other = Clients(self.world.store, core.access, core.audit, self.world.clock, None)
        await other.reload()
        return other

    async def dynamic(self, source: str = "192.0.2.1") -> Client:
        return (await self.clients.register(PUBLIC, source=source))[0]


async def opened() -> Kept:
    """Clients with a subscriber."""
    world = await build()
    core = world.services
    kept = Kept(world, Clients(world.store, core.access, core.audit, world.clock, None))
    kept.clients.subscribe(kept.tell)
    return kept
