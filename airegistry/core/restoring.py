"""What a start takes over of an index that was kept: assets that are as they were are not turned into texts again."""

from collections.abc import AsyncIterator, Callable, Collection, Hashable, Mapping, Sequence
from typing import Protocol

from airegistry.core.ports import AnyAsset, Mask, SearchIndex

BATCH = 200
"""Assets that are read at once."""


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


async def batches(assets: AsyncIterator[tuple[str, AnyAsset]]) -> AsyncIterator[list[AnyAsset]]:
    """Assets that come with their keys, some at a time."""
    batch: list[AnyAsset] = []
    async for _, asset in assets:
        batch.append(asset)
        if len(batch) == BATCH:
            yield batch
            batch = []
    yield batch
