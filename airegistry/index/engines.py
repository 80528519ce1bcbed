"""How databases are asked for the vectors nearest to one: MongoDB Atlas and Amazon DocumentDB.

A row of the collection is one vector: `d` is the document it belongs to, `k` the document's kind, `n` the vector's
number there, `c` the document's content, and `v` the vector.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias, cast

import numpy as np
from bson.binary import Binary, BinaryVectorDtype
from pymongo.errors import OperationFailure
from pymongo.operations import SearchIndexModel

from airegistry.core.ports import Vectors

Row: TypeAlias = dict[str, Any]
INDEX = "vectors"
Product = Literal["atlas", "documentdb"]
_HEADER = 2
"""Bytes before the numbers of a BSON vector."""
_EXISTS = frozenset({68, 85, 86})


class VectorRows(Protocol):
    """What is used of a collection of the driver; it blocks, and is safe from several threads."""

    @property
    def name(self) -> str: ...

    def aggregate(self, pipeline: Sequence[Mapping[str, Any]]) -> Iterable[Row]: ...

    def find(self, filter: Mapping[str, Any], projection: Mapping[str, int]) -> Iterable[Row]: ...

    def insert_many(self, documents: Iterable[Row], ordered: bool) -> object: ...

    def delete_many(self, filter: Mapping[str, Any]) -> object: ...

    def create_index(self, keys: str) -> object: ...

    def create_search_index(self, model: SearchIndexModel) -> object: ...


class Engine(Protocol):
    """One product. `most` is how many rows it can be asked for."""

    most: int

    def create(self, rows: VectorRows, dimensions: int) -> None:
        """Have the collection indexed by its vectors; nothing happens where it is."""

    def nearest(self, vector: Vectors, count: int, kinds: Collection[str] | None) -> list[Row]:
        """The pipeline for the rows nearest to a vector, of some kinds or of all; of each only `d` is told."""

    def stored(self, vector: Vectors) -> object:
        """A vector as it lies in a row."""

    def loaded(self, stored: object) -> Vectors:
        """A vector of a row."""


class Atlas:
    """`$vectorSearch`, which filters before it looks."""

    most = 10_000

    def create(self, rows: VectorRows, dimensions: int) -> None:
        """Create the search index, which Atlas builds in the background."""
        fields = [
            {"type": "vector", "path": "v", "numDimensions": dimensions, "similarity": "cosine"},
            {"type": "filter", "path": "k"},
        ]
        model = SearchIndexModel(definition={"fields": fields}, name=INDEX, type="vectorSearch")
        _unless_there(lambda: rows.create_search_index(model))

    def nearest(self, vector: Vectors, count: int, kinds: Collection[str] | None) -> list[Row]:
        """The approximate search, over ten times as many candidates."""
        asked: Row = {
            "index": INDEX, "path": "v", "queryVector": self.stored(vector), "limit": count,
            "numCandidates": min(self.most, 10 * count),
        }  # fmt: skip
        if kinds is not None:
            asked["filter"] = {"k": {"$in": sorted(kinds)}}
        return [{"$vectorSearch": asked}, {"$project": {"d": 1}}]

    def stored(self, vector: Vectors) -> Binary:
        """A BSON vector of float32."""
        return Binary.from_vector(vector.tolist(), BinaryVectorDtype.FLOAT32)

    def loaded(self, stored: object) -> Vectors:
        """Its numbers."""
        return np.frombuffer(cast(bytes, stored), "<f4", offset=_HEADER).astype(np.float32)


class DocumentDb:
    """`$search` with `vectorSearch` over an HNSW index (engine 5.0 or later), which filters what it has found."""

    most = 1_000

    def __init__(self, command: Callable[[Row], object]) -> None:
        """`command` runs a command of the database."""
        self._command = command

    def create(self, rows: VectorRows, dimensions: int) -> None:
        """Create the index, for at most 2,000 dimensions."""
        options = {"type": "hnsw", "dimensions": dimensions, "similarity": "cosine", "m": 16, "efConstruction": 64}
        index = {"key": {"v": "vector"}, "name": INDEX, "vectorOptions": options}
        _unless_there(lambda: self._command({"createIndexes": rows.name, "indexes": [index]}))

    def nearest(self, vector: Vectors, count: int, kinds: Collection[str] | None) -> list[Row]:
        """The approximate search; the graph gives no more rows than it keeps in sight."""
        asked = {"vector": self.stored(vector), "path": "v", "similarity": "cosine", "k": count, "efSearch": count}
        chosen = [] if kinds is None else [{"$match": {"k": {"$in": sorted(kinds)}}}]
        return [{"$search": {"vectorSearch": asked}}, *chosen, {"$project": {"d": 1}}]

    def stored(self, vector: Vectors) -> list[float]:
        """A list of numbers."""
        return cast(list[float], vector.tolist())

    def loaded(self, stored: object) -> Vectors:
        """Its numbers."""
        return np.array(stored, np.float32)


def _unless_there(create: Callable[[], object]) -> None:
    try:
        create()
    except OperationFailure as error:
        if error.code not in _EXISTS:
            raise
