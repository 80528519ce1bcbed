"""What a start takes over of an index that was kept: assets that are as they were are not turned into texts again."""

from collections.abc import AsyncIterator, Callable, Collection, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

import anyio

from airegistry.core.groups import first
from airegistry.core.ports import Mask, SearchIndex

T = TypeVar("T")
BATCH = 250
"""Assets that are read at once."""
AHEAD = 2
"""Batches that wait while one is worked on."""


class KeptIndex(SearchIndex, Protocol):
    """A `SearchIndex` that may hold documents of before the start, which nobody finds until they are put again."""

    def bind(self, ids: Sequence[str], content: bytes) -> None:
        """Say that these documents, that of an asset first, are all that is made of a content. It holds until one of
        them is put, labelled or removed."""
        ...

    def put_again(self, document_id: str, content: bytes) -> Sequence[str] | None:
        """Put again the documents that were bound to a content, by the first of them, where they are of before the
        start; their ids, None where that is not so."""
        ...

    def tally(
        self, named: Mapping[str, Collection[str]], *, allowed: Callable[[Sequence[str]], Mask],
        mask_key: Hashable | None, kinds: frozenset[str], facets: Mapping[str, Sequence[str]],
    ) -> tuple[list[str], dict[str, dict[str, int]]]:  # fmt: skip
        """The visible documents of some kinds that pass the facets, and of each facet `named` how many bear each of its
        values, whatever is chosen of those facets that it is named with. See `SearchIndex.search` for the others."""
        ...


@asynccontextmanager
async def ahead(found: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[list[T]]]:
    """What is found, some at a time; more is asked for while those before are worked on."""
    send, receive = anyio.create_memory_object_stream[list[T]](AHEAD)

    async def read() -> None:
        with send:
            async for batch in _batches(found):
                await send.send(batch)

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            with receive:
                yield receive
            tasks.cancel_scope.cancel()
    except ExceptionGroup as failed:
        raise first(failed) from failed


async def _batches(found: AsyncIterator[T]) -> AsyncIterator[list[T]]:
    batch: list[T] = []
    async for each in found:
        batch.append(each)
        if len(batch) == BATCH:
            yield batch
            batch = []
    yield batch
