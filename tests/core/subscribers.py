"""Subscribers by hand: what webhooks sent them, and how they answered."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import orjson
from cryptography.fernet import Fernet

from airegistry.clock import SystemClock
from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.documents import Change, Document, DocumentStore, Json, Where
from airegistry.core.errors import Internal, Invalid
from airegistry.core.events import Event, Events
from airegistry.core.lane import Answered, Patience
from airegistry.core.ports import AnyAsset, Clock
from airegistry.core.principals import SYSTEM
from airegistry.core.shelf import Shelf
from airegistry.core.webhooks import Webhooks
from airegistry.stores.cipher import FernetCipher
from airegistry.stores.memory import MemoryLog

URL, OTHER = "https://one.test/hook", "https://two.test/hook"
KEY = Fernet.generate_key().decode()
QUICK = Patience(waits=(0.01, 0.01, 0.01), pause_after=3600.0)


class Died(BaseException):
    """The process ended here: nothing after it is written."""


class Mortal:
    """A store that does so many writes and then none any more; or fails those that `full` names."""

    def __init__(self, inner: DocumentStore, writes: int | None = None) -> None:
        self._inner = inner
        self.left = writes
        self.written = 0
        self.full: frozenset[str] = frozenset()

    async def get(self, collection: str, key: str) -> Document | None:
        return await self._inner.get(collection, key)

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        self._live(collection)
        return await self._inner.put(collection, key, body, expect=expect)

    async def delete(self, collection: str, key: str, *, expect: int | None = None) -> bool:
        self._live(collection)
        return await self._inner.delete(collection, key, expect=expect)

    async def find(
        self, collection: str, *, where: Where | None = None, any_of: Sequence[Where] = (), after: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Document]:  # fmt: skip
        async for document in self._inner.find(collection, where=where, any_of=any_of, after=after, limit=limit):
            yield document

    async def collections(self) -> Sequence[str]:
        return await self._inner.collections()

    def watch(self, *, since: int | None = None) -> AsyncIterator[Change]:
        return self._inner.watch(since=since)

    def _live(self, collection: str) -> None:
        if collection in self.full:
            raise Internal("the disk is full")
        if self.left is not None and self.written >= self.left:
            raise Died
        self.written += 1


@dataclass
class Sent:
    """One request: where to, its headers, its bytes."""

    url: str
    headers: dict[str, str]
    body: bytes
    beside: int = 0
    """How many others were under way."""

    @property
    def message(self) -> Json:
        """The body, read."""
        read: Json = orjson.loads(self.body)
        return read


@dataclass
class FakePost:
    """The `Post` port: notes what is sent; `answer` decides what comes back, and may take its time."""

    sent: list[Sent] = field(default_factory=list)
    answers: Callable[[Sent], int | None] = lambda sent: 200
    slow: dict[str, anyio.Event] = field(default_factory=dict)
    """URLs that answer nothing until the event is set."""
    under_way: int = 0

    def check_url(self, url: str) -> None:
        if not url.startswith("https://"):
            raise Invalid(f"{url} is none that may be called", field="url")

    async def send(self, url: str, headers: dict[str, str], body: bytes) -> Answered:
        sent = Sent(url, headers, body, self.under_way)
        self.sent.append(sent)
        self.under_way += 1
        try:
            await anyio.lowlevel.checkpoint()
            if url in self.slow:
                await self.slow[url].wait()
        finally:
            self.under_way -= 1
        status = self.answers(sent)
        return Answered(status, "" if status is not None else "out of reach")

    def types(self, url: str | None = None) -> list[str]:
        """The names of the events that were sent, in order."""
        return [str(each.message["type"]) for each in self.sent if url is None or each.url == url]


@dataclass
class Office:
    """Webhooks over a store, and the events that they are told of."""

    webhooks: Webhooks
    events: Events
    shelf: Shelf
    post: FakePost
    store: DocumentStore

    async def act(self, name: str, asset: AnyAsset) -> AnyAsset:
        """Store an asset, as an act of this name does."""
        async with self.events.telling(Event(f"{asset.kind}:{name}", asset, "token:ann")):
            found = await self.shelf.get(asset.kind, asset.path)
            if found is None:
                await self.shelf.create(asset)
            else:
                await self.shelf.replace(asset.model_copy(update={"created_at": found[0].created_at}), found[1])
        return asset

    async def until(self, met: Callable[[], bool]) -> None:
        """Wait for something to be so."""
        with anyio.fail_after(10):
            while not met():  # noqa: ASYNC110  # what is waited for is not ours to signal
                await anyio.sleep(0.005)


async def opened(
    store: DocumentStore,
    post: FakePost | None = None,
    *,
    patience: Patience = QUICK,
    key: str = KEY,
    shared: bool = False,
    clock: Clock | None = None,
) -> Office:
    """Webhooks opened over a store, not sending yet."""
    post, clock, access = post or FakePost(), clock or SystemClock(), Access()
    audit = Audit(MemoryLog(), access, clock)
    shelf, events = Shelf(store), Events()
    webhooks = Webhooks(store, shelf, FernetCipher([key]), post, access, audit, clock, patience, shared=shared)
    await webhooks.open()
    events.ledger = webhooks.outbox
    return Office(webhooks, events, shelf, post, store)


@asynccontextmanager
async def sending(office: Office) -> AsyncIterator[Office]:
    """The same, at work."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(office.webhooks.run)
        yield office
        tasks.cancel_scope.cancel()


async def subscribe(office: Office, name: str = "one", url: str = URL, **choice: object) -> str:
    """A webhook; its secret."""
    return (await office.webhooks.create(SYSTEM, name, url, choice))[1]
