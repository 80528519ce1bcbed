"""Documents of a shared store that were read here and have not changed since: they are read again from memory.

What is kept is dropped when the change feed tells that it changed, and when this process writes it. While the feed is
late, or there is none, the store is asked as if there were no mirror: so what is read is at most `LATE` behind,
whatever breaks.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence

from airegistry.core.documents import KEY, Change, Document, DocumentStore, Json, Where

LATE = 1.0
"""Seconds that what is read may be behind; longer than two beats of the feed."""
MOST = 5_000
"""Documents that are kept: as many as are kept parsed, which are the same ones."""

Place = tuple[str, str]


class Mirror:
    """A `DocumentStore` over another one, for readers who need not see what others wrote within the last second.

    `fresh` is whether changes are told in time, `written` and `follow` are to be called for every write of this process
    and every change on the feed.
    """

    def __init__(
        self, store: DocumentStore, collections: Sequence[str], fresh: Callable[[], bool], *, most: int = MOST
    ) -> None:
        self._store = store
        self._collections = frozenset(collections)
        self._fresh = fresh
        self._most = most
        self._kept: OrderedDict[Place, Document] = OrderedDict()
        self._turn = 0
        """Grows whenever something changed: what was being read then may be what was there before."""

    def __len__(self) -> int:
        """How many documents are kept."""
        return len(self._kept)

    def written(self, collection: str, key: str, document: Document | None = None) -> None:
        """This process wrote a document, or deleted it."""
        if collection in self._collections:
            self._turn += 1
            self._kept.pop((collection, key), None)

    def follow(self, change: Change) -> None:
        """The feed told of a change, of whomever."""
        if change.collection not in self._collections:
            return
        kept = self._kept.get((change.collection, change.key))
        if kept is None or change.version != kept.version or change.body != kept.body:
            self.written(change.collection, change.key)

    def clear(self) -> None:
        """Changes were lost."""
        self._turn += 1
        self._kept.clear()

    async def get(self, collection: str, key: str) -> Document | None:
        if collection not in self._collections or not self._fresh():
            return await self._store.get(collection, key)
        place = collection, key
        kept = self._kept.get(place)
        if kept is not None:
            self._kept.move_to_end(place)
            return kept
        turn = self._turn
        found = await self._store.get(collection, key)
        if found is not None and turn == self._turn:
            self._keep(found)
        return found

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        return await self._store.put(collection, key, body, expect=expect)

    async def delete(self, collection: str, key: str, *, expect: int | None = None) -> bool:
        return await self._store.delete(collection, key, expect=expect)

    async def find(
        self, collection: str, *, where: Where | None = None, any_of: Sequence[Where] = (), after: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Document]:  # fmt: skip
        keys = _named(where) if not any_of and after is None and limit is None else None
        if keys is None or collection not in self._collections or not self._fresh():
            found = self._store.find(collection, where=where, any_of=any_of, after=after, limit=limit)
            async for document in found:
                yield document
            return
        for document in await self._many(collection, keys):
            yield document

    async def _many(self, collection: str, keys: Sequence[str]) -> list[Document]:
        kept = {key: self._kept[collection, key] for key in keys if (collection, key) in self._kept}
        missing = [key for key in keys if key not in kept]
        turn = self._turn
        if missing:
            async for document in self._store.find(collection, where={KEY: missing}):
                kept[document.key] = document
                if turn == self._turn:
                    self._keep(document)
        return [kept[key] for key in sorted(kept)]

    def _keep(self, document: Document) -> None:
        self._kept[document.collection, document.key] = document
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    async def collections(self) -> Sequence[str]:
        return await self._store.collections()

    def watch(self, *, since: int | None = None) -> AsyncIterator[Change]:
        return self._store.watch(since=since)


def _named(where: Where | None) -> Sequence[str] | None:
    """The keys that are asked for, where nothing else is."""
    wanted = (where or {}).get(KEY)
    if where is None or len(where) != 1 or isinstance(wanted, str) or not isinstance(wanted, Sequence):
        return None
    keys = [each for each in wanted if isinstance(each, str)]
    return keys if len(keys) == len(wanted) else None
