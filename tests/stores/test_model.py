"""The embedded store and the memory store, side by side, over any sequence of operations."""

import asyncio
import tempfile
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from airegistry.core.documents import Change, Document, DocumentStore, Json, Where
from airegistry.core.errors import Conflict
from airegistry.stores.memory import MemoryStore
from airegistry.stores.tinydb import TinyStore
from tests.stores.contract import collect, take

T = TypeVar("T")

collections = st.sampled_from(["c", "d"])
names = st.sampled_from(["a", "b", "ü", "a/b", ""]).map(lambda end: f"k{end}")
bodies = st.fixed_dictionaries(
    {"n": st.integers(0, 2)}, optional={"tags": st.lists(st.sampled_from("xyz"), max_size=2)}
)
expects = st.none() | st.integers(0, 4)


async def put(store: DocumentStore, collection: str, key: str, body: Json, expect: int | None) -> object:
    try:
        return await store.put(collection, key, body, expect=expect)
    except Conflict as conflict:
        return conflict.message


async def delete(store: DocumentStore, collection: str, key: str, expect: int | None) -> object:
    try:
        return await store.delete(collection, key, expect=expect)
    except Conflict as conflict:
        return conflict.message


class Stores(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.memory = MemoryStore()
        self.opened: AbstractAsyncContextManager[TinyStore]
        self.tiny: TinyStore

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    @initialize()
    def open(self) -> None:
        self.opened = TinyStore.open(Path(self.folder.name) / "documents.journal", min_garbage=300)
        self.tiny = self.run(self.opened.__aenter__())
        assert self.tiny.damage == []

    @rule(collection=collections, key=names, body=bodies, expect=expects)
    def put(self, collection: str, key: str, body: Json, expect: int | None) -> None:
        wanted = self.run(put(self.memory, collection, key, body, expect))
        assert self.run(put(self.tiny, collection, key, body, expect)) == wanted

    @rule(collection=collections, key=names, expect=expects)
    def delete(self, collection: str, key: str, expect: int | None) -> None:
        wanted = self.run(delete(self.memory, collection, key, expect))
        assert self.run(delete(self.tiny, collection, key, expect)) == wanted

    @rule(writes=st.lists(st.tuples(collections, names, bodies, expects), max_size=6))
    def put_together(self, writes: list[tuple[str, str, Json, int | None]]) -> None:
        async def together(store: DocumentStore) -> list[object]:
            return list(await asyncio.gather(*(put(store, *write) for write in writes)))

        assert self.run(together(self.tiny)) == self.run(together(self.memory))

    @rule(collection=collections, key=names)
    def get(self, collection: str, key: str) -> None:
        assert self.run(self.tiny.get(collection, key)) == self.run(self.memory.get(collection, key))

    @rule(
        collection=collections,
        where=st.sampled_from([None, {"n": 1}, {"n": [0, 2]}, {"tags": "x"}, {"tags": None}]),
        after=st.none() | names,
        limit=st.none() | st.integers(0, 3),
    )
    def find(self, collection: str, where: Where | None, after: str | None, limit: int | None) -> None:
        def found(store: DocumentStore) -> list[Document]:
            return self.run(collect(store.find(collection, where=where, after=after, limit=limit)))

        assert found(self.tiny) == found(self.memory)

    @rule()
    def compact(self) -> None:
        self.run(self.tiny.compact())

    @rule()
    def reopen(self) -> None:
        self.close()
        self.open()

    @rule(collection=collections, body=bodies)
    def watch(self, collection: str, body: Json) -> None:
        async def next_change(store: DocumentStore) -> Change:
            watching = asyncio.ensure_future(take(store.watch(), 1))
            await asyncio.sleep(0)
            await store.put(collection, "watched", body)
            return (await watching)[0]

        assert self.run(next_change(self.tiny)) == self.run(next_change(self.memory))

    def close(self) -> None:
        self.run(self.opened.__aexit__(None, None, None))

    def teardown(self) -> None:
        if hasattr(self, "tiny"):
            self.close()
        self.runner.close()
        self.folder.cleanup()


TestStores = Stores.TestCase
TestStores.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
