"""A store that several processes share, as one of them sees it: it knows which changes on the feed are its own."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence

from airegistry.core.documents import Change, Document, DocumentStore, Json, Where

REMEMBERED = 20_000
"""Own writes that wait for the feed to tell of them; of more than these some are taken for those of others."""
_DELETED = 0


class OwnWrites:
    """A `DocumentStore` over another one. Whoever writes through it has put its own house in order by then; `made` says
    of a change whether it is such a write. In doubt it is not: to follow a change twice does no harm. `tell` is called
    for each write with collection, key and the document, which is None when it was deleted."""

    def __init__(self, store: DocumentStore) -> None:
        self._store = store
        self.tell: Callable[[str, str, Document | None], object] = lambda collection, key, document: None
        self._written: OrderedDict[tuple[str, str], int] = OrderedDict()
        """The version that this process wrote last, or `_DELETED`, until the feed has told of it."""

    def made(self, change: Change) -> bool:
        """Whether this process made a change; asked once, in the order of the feed."""
        place = change.collection, change.key
        written = self._written.get(place)
        if written is None:
            return False
        if change.body is not None and change.version < written:
            return False  # of before
        del self._written[place]
        return written == (_DELETED if change.body is None else change.version)

    def forget(self) -> None:
        """Changes were lost: take none for an own one that was written before."""
        self._written.clear()

    async def get(self, collection: str, key: str) -> Document | None:
        return await self._store.get(collection, key)

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        document = await self._store.put(collection, key, body, expect=expect)
        self._remember(collection, key, document.version)
        self.tell(collection, key, document)
        return document

    async def delete(self, collection: str, key: str, *, expect: int | None = None) -> bool:
        deleted = await self._store.delete(collection, key, expect=expect)
        if deleted:
            self._remember(collection, key, _DELETED)
            self.tell(collection, key, None)
        return deleted

    def find(
        self, collection: str, *, where: Where | None = None, any_of: Sequence[Where] = (), after: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Document]:  # fmt: skip
        return self._store.find(collection, where=where, any_of=any_of, after=after, limit=limit)

    async def collections(self) -> Sequence[str]:
        return await self._store.collections()

    def watch(self, *, since: int | None = None) -> AsyncIterator[Change]:
        return self._store.watch(since=since)

    def _remember(self, collection: str, key: str, version: int) -> None:
        self._written[collection, key] = version
        self._written.move_to_end((collection, key))
        if len(self._written) > REMEMBERED:
            self._written.popitem(last=False)
