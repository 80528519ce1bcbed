"""An index whose vectors lie in a database that searches them: for whoever wants none of them in each process.

Words, filters and access are those of `MemoryIndex`, in this process. The database proposes documents that may be near
to a query; the vectors of those, and of the best by their words, are fetched and compared exactly, and what the caller
may not see is left out before anything is scored. The others count as having a constant cosine.
"""

import logging
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
from pymongo import MongoClient
from pymongo.errors import BulkWriteError, PyMongoError

from airegistry.core.documents import Unavailable
from airegistry.core.embedding import NO_VECTORS, Whole, fractions, whole
from airegistry.core.ports import IndexDocument, Mask, Match, Vectors
from airegistry.core.ranking import Numbers, Scores, view
from airegistry.index.arrays import grown
from airegistry.index.engines import Atlas, DocumentDb, Engine, Product, Row, VectorRows
from airegistry.index.memory import Allowed, Facets, MemoryIndex, Query, digest
from airegistry.index.rows import cosines
from airegistry.index.vectors import Close, close

log = logging.getLogger(__name__)
FEW = 500
"""Documents that are all compared exactly: the database is not asked which of them are near."""
NEAREST = 300
"""Rows that the database proposes; where the caller may see few of their documents it is asked for more."""
ENOUGH = 100
"""Documents among them that are enough, and those that are proposed by their words."""
DATABASE = "airegistry"
"""The database, where the URL names none."""
FLOOR = -0.15
"""The cosine of a document that was not looked at: about the least that texts have with each other. A constant, so that
it tells nothing of what is hidden."""
ANSWER_MS = 5_000
_DUPLICATE = 11_000


@dataclass(frozen=True, slots=True)
class _Looked(Query):
    """A query with the vectors of the documents that were compared, head first."""

    near: Mapping[str, Whole]


class MongoIndex(MemoryIndex):
    """A `SearchIndex` over rows of a database. A database that fails costs the meaning, not the search."""

    def __init__(self, rows: VectorRows, engine: Engine) -> None:
        """Read which documents the database has the vectors of.

        Raises:
            PyMongoError: it does not answer.
        """
        super().__init__()
        self._rows = rows
        self._engine = engine
        self._indexed = False
        self._dimensions: int | None = None
        self._rows.create_index("d")
        self._stored: dict[str, bytes] = {row["d"]: bytes(row["c"]) for row in rows.find({"n": 0}, {"d": 1, "c": 1})}
        """The content whose vectors the database has, by document."""
        self._dense = np.zeros(0, np.bool_)
        """The slots of documents that have vectors."""

    def put(self, document: IndexDocument) -> None:
        """Add or replace one document; its vectors go to the database first.

        Raises:
            ValueError: they are not as long as those before.
        """
        content = document.content
        if len(document.vectors):
            self._check(document.vectors.shape[1])
            content = content or digest(document.fields, whole(document.vectors))
            self._store(document, content)
        elif self._stored.get(document.id) not in (None, content):
            self._forget(document.id)
        super().put(replace(document, vectors=NO_VECTORS, content=b""))
        with self._lock:
            slot = self._directory.slot(document.id)
            if slot is not None:
                self._dense = grown(self._dense, self._directory.size)
                self._dense[slot] = document.id in self._stored

    def knows(self, document_id: str, content: bytes) -> bool:
        """Whether the database has the vectors of a document of this content."""
        return self._stored.get(document_id) == content

    def remove(self, document_id: str) -> None:
        """Remove one document; nothing happens when there is none."""
        super().remove(document_id)
        self._forget(document_id)

    def search(
        self,
        query: str,
        vector: Vectors | None,
        *,
        allowed: Allowed | None = None,
        mask_key: Hashable | None = None,
        kinds: frozenset[str] | None = None,
        facets: Facets | None = None,
        limit: int = 10,
        explain: bool = False,
    ) -> tuple[list[Match], int]:
        """The best matches and how many visible documents matched at all."""
        asked = None if allowed is None else self._ask(allowed, mask_key, kinds, facets)
        prepared = Query(view(query), None if vector is None else np.atleast_2d(vector))
        if prepared.vectors is not None:
            with self._lock:
                dense = np.flatnonzero(
                    self._visible(asked, mask_key, kinds, facets) & self._dense[: self._directory.size]
                )
                likely = self._likely(prepared, dense)
            prepared = self._look(prepared, dense, likely, kinds)
        with self._lock:
            return self._answer(prepared, self._visible(asked, mask_key, kinds, facets), max(0, limit), explain)

    def _likely(self, query: Query, dense: Numbers) -> set[str]:
        """Of the visible documents that have vectors the best by their words, or all where they are few."""
        if len(dense) > FEW:
            visible = np.zeros(self._directory.size, np.bool_)
            visible[dense] = True
            words, _ = self._lexical.scores(self._lexical.terms(query.view, visible), visible)
            dense = dense[words[dense] > 0]
            dense = dense[np.argsort(-words[dense])[:ENOUGH]]
        return {self._directory.id(slot) for slot in dense.tolist()}

    def _look(self, query: Query, dense: Numbers, likely: set[str], kinds: Collection[str] | None) -> Query:
        """The query with the vectors of whatever is worth an exact look; by words alone where that fails."""
        assert query.vectors is not None
        try:
            for vector in query.vectors if len(dense) > FEW else ():
                likely |= self._proposed(vector, frozenset(dense.tolist()), kinds)
            return _Looked(query.view, query.vectors, dict(self._fetched(likely)))
        except PyMongoError:
            log.exception("the database was not searched: by words alone")
            return Query(query.view, None)

    def _proposed(self, vector: Vectors, dense: Collection[int], kinds: Collection[str] | None) -> set[str]:
        """Visible documents that the database takes for near."""
        count = NEAREST
        while True:
            rows = self._rows.aggregate(self._engine.nearest(vector, count, kinds))
            found = {name for row in rows if self._directory.slot(name := str(row["d"])) in dense}
            if len(found) >= ENOUGH or count >= self._engine.most:
                return found
            count = min(4 * count, self._engine.most)

    def _fetched(self, names: Collection[str]) -> Iterator[tuple[str, Whole]]:
        """Documents with their vectors, if these are of the content that is held."""
        found: dict[str, dict[int, Vectors]] = {}
        if not names:
            return
        for row in self._rows.find({"d": {"$in": sorted(names)}}, {"d": 1, "n": 1, "c": 1, "v": 1}):
            if bytes(row["c"]) == self._stored.get(row["d"]):
                found.setdefault(row["d"], {})[row["n"]] = self._engine.loaded(row["v"])
        for name, numbered in found.items():
            if 0 in numbered:
                yield name, whole(np.stack([numbered[number] for number in sorted(numbered)]))

    def _nearness(self, query: Query, number: int, visible: Mask) -> Scores:
        """As `VectorTable.cosines`, for what was looked at."""
        found = np.full(len(visible), np.nan)
        if not isinstance(query, _Looked) or query.vectors is None:
            return found
        found[visible & self._dense[: len(visible)]] = FLOOR
        for name, rows in query.near.items():
            slot = self._directory.slot(name)
            if slot is not None and visible[slot]:
                near = cosines(rows, query.vectors[number])
                found[slot] = near[0] if len(near) == 1 else 0.5 * near[0] + 0.5 * near[1:].max()
        return found

    def _close(self, query: Query, slot: int) -> Close:
        rows = query.near.get(self._directory.id(slot)) if isinstance(query, _Looked) else None
        return (None, None) if rows is None or query.vectors is None else close(cosines(rows, query.vectors[0]))

    def _check(self, dimensions: int) -> None:
        with self._lock:
            before = self._dimensions if self._stored else None
            self._dimensions = before or dimensions
        if before not in (None, dimensions):
            raise ValueError(f"vectors of {dimensions} dimensions in an index of {before}")

    def _store(self, document: IndexDocument, content: bytes) -> None:
        """Have the database hold the vectors of a document, whichever process brings them there."""
        if self._stored.get(document.id) == content:
            return
        rounded = fractions(whole(document.vectors))
        rows: list[Row] = [
            {"_id": f"{document.id}\n{content.hex()}\n{number}", "d": document.id, "k": document.kind, "n": number,
             "c": content, "v": self._engine.stored(vector)}
            for number, vector in enumerate(rounded)
        ]  # fmt: skip
        with _logged(document.id):
            if not [*self._rows.find({"d": document.id, "c": content, "n": len(rows) - 1}, {"n": 1})]:
                self._insert(rows)
            self._rows.delete_many({"d": document.id, "c": {"$ne": content}})
            self._stored[document.id] = content
            return
        self._stored.pop(document.id, None)

    def _insert(self, rows: Sequence[Row]) -> None:
        try:
            self._rows.insert_many(rows, ordered=False)
        except BulkWriteError as error:  # another process inserts the same
            if any(each["code"] != _DUPLICATE for each in error.details.get("writeErrors", ())):
                raise
        if not self._indexed:
            self._engine.create(self._rows, len(self._engine.loaded(rows[0]["v"])))
            self._indexed = True

    def _forget(self, document_id: str) -> None:
        content = self._stored.pop(document_id, None)
        if content is not None:
            with _logged(document_id):
                self._rows.delete_many({"d": document_id, "c": content})


@contextmanager
def _logged(document_id: str) -> Iterator[None]:
    try:
        yield
    except PyMongoError:
        log.exception("the database does not have the vectors of %s: it is found by its words", document_id)


class MongoIndexes:
    """Makes indexes over a database, one for each embedder. To be closed."""

    def __init__(self, product: Product, url: str, username: str | None, password: str | None) -> None:
        """`username` and `password` stand in for those of the URL."""
        self._client: MongoClient[Row] = MongoClient(
            url, username=username, password=password, timeoutMS=ANSWER_MS, retryWrites=False, appname="airegistry"
        )
        self._database = self._client.get_default_database(DATABASE)
        self._engine: Engine = Atlas() if product == "atlas" else DocumentDb(self._database.command)

    def of(self, fingerprint: str) -> MongoIndex:
        """The index of an embedder.

        Raises:
            Unavailable: the database does not answer.
        """
        name = f"index_{blake2b(fingerprint.encode(), digest_size=8).hexdigest()}"
        try:
            return MongoIndex(self._database[name], self._engine)
        except PyMongoError as error:
            raise Unavailable(f"the index in the database cannot be opened ({type(error).__name__})") from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
