"""The index whose vectors lie in a database, at the level of commands: no engine here has vector search.

`Rows` is a collection as far as it is used; it answers a vector search by comparing all rows, and remembers what it was
asked. That the pipelines are what Atlas and Amazon DocumentDB take is from their documentation.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import pytest
from pymongo.errors import BulkWriteError, ConnectionFailure, OperationFailure
from pymongo.operations import SearchIndexModel

from airegistry.core.ports import Vectors
from airegistry.index import mongo
from airegistry.index.engines import Atlas, DocumentDb, Engine, Row
from airegistry.index.memory import MemoryIndex
from airegistry.index.mongo import MongoIndex
from tests.index.base import DIMENSIONS, UNITS, WORDS, IndexContract, document, invented, only, unit


class Rows:
    """A collection in memory, with the vector search of either product."""

    name = "vectors"

    def __init__(self, load: Callable[[object], Vectors]) -> None:
        self.rows: dict[str, Row] = {}
        self.asked: list[Row] = []
        self.made: list[object] = []
        self.fails = False
        self._load = load

    def aggregate(self, pipeline: Sequence[Mapping[str, Any]]) -> Iterable[Row]:
        self._check()
        self.asked.append(dict(pipeline[0]))
        rows = [*self.rows.values()]
        for stage in pipeline:
            ((act, said),) = stage.items()
            if act == "$vectorSearch":
                assert set(said) <= {"index", "path", "queryVector", "limit", "numCandidates", "filter"}
                assert said["limit"] <= said["numCandidates"] <= 10_000
                rows = [row for row in rows if _fits(row, said.get("filter", {}))]
                rows = self._nearest(rows, said["queryVector"], said["limit"])
            elif act == "$search":
                (asked,) = said.values()
                assert asked["k"] <= asked["efSearch"] <= 1_000
                rows = self._nearest(rows, asked["vector"], asked["k"])
            elif act == "$match":
                rows = [row for row in rows if _fits(row, said)]
            else:
                assert act == "$project"
                rows = [{name: row[name] for name in ("_id", *said)} for row in rows]
        return rows

    def find(self, filter: Mapping[str, Any], projection: Mapping[str, int]) -> Iterable[Row]:
        self._check()
        return [{name: row[name] for name in ("_id", *projection)} for row in self.rows.values() if _fits(row, filter)]

    def insert_many(self, documents: Iterable[Row], ordered: bool) -> object:
        self._check()
        twice = [row for row in documents if self.rows.setdefault(row["_id"], row) is not row]
        if twice:
            raise BulkWriteError({"writeErrors": [{"code": 11_000} for _ in twice]})
        return None

    def delete_many(self, filter: Mapping[str, Any]) -> object:
        self._check()
        self.rows = {name: row for name, row in self.rows.items() if not _fits(row, filter)}
        return None

    def create_index(self, keys: str) -> object:
        self.made.append(keys)
        return None

    def create_search_index(self, model: SearchIndexModel) -> object:
        self.made.append(model.document)
        if len(self.made) > 3:
            raise OperationFailure("there already", 68)
        return None

    def command(self, said: Row) -> object:
        self.made.append(said)
        return None

    def of(self, name: str) -> list[Row]:
        return [row for row in self.rows.values() if row["d"] == name]

    def _nearest(self, rows: list[Row], stored: object, count: int) -> list[Row]:
        query = self._load(stored)
        return sorted(rows, key=lambda row: -float(self._load(row["v"]) @ query))[:count]

    def _check(self) -> None:
        if self.fails:
            raise ConnectionFailure("nobody there")


def _fits(row: Row, filter: Mapping[str, Any]) -> bool:
    for name, wanted in filter.items():
        if isinstance(wanted, dict):
            ((act, values),) = wanted.items()
            if (act == "$in" and row[name] not in values) or (act == "$ne" and row[name] == values):
                return False
            assert act in {"$in", "$ne"}
        elif row[name] != wanted:
            return False
    return True


def atlas() -> tuple[Rows, Engine]:
    engine = Atlas()
    return Rows(engine.loaded), engine


def documentdb() -> tuple[Rows, Engine]:
    rows = Rows(lambda stored: np.array(stored, np.float32))
    return rows, DocumentDb(rows.command)


PRODUCTS = pytest.mark.parametrize("product", [atlas, documentdb])


class TestAtlasIndex(IndexContract):
    def make(self) -> MongoIndex:
        return MongoIndex(*atlas())


class TestDocumentDbIndex(IndexContract):
    def make(self) -> MongoIndex:
        return MongoIndex(*documentdb())


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """All bounds are small, so that the database is asked."""
    for name, value in (("FEW", 3), ("NEAREST", 6), ("ENOUGH", 4)):
        monkeypatch.setattr(mongo, name, value)


def filled(rows: Rows, engine: Engine, count: int = 60) -> MongoIndex:
    index = MongoIndex(rows, engine)
    for number in range(count):
        index.put(document(f"server/s{number:02}", "rain" if number % 9 == 0 else "mail", vectors=unit(number)))
    return index


@PRODUCTS
@pytest.mark.usefixtures("narrow")
def test_the_nearest_of_the_database_come_first(product: Callable[[], tuple[Rows, Engine]]) -> None:
    rows, engine = product()
    index, plain = filled(rows, engine), MemoryIndex()
    for number in range(60):
        plain.put(document(f"server/s{number:02}", "rain" if number % 9 == 0 else "mail", vectors=unit(number)))
    for number in (5, 9, 41):
        found, total = index.search("", UNITS[number], limit=3)
        expected, _ = plain.search("", UNITS[number], limit=3)
        assert [(each.id, round(each.dense, 6)) for each in found] == [(e.id, round(e.dense, 6)) for e in expected]
        assert total == 60
    assert rows.asked


@PRODUCTS
@pytest.mark.usefixtures("narrow")
def test_a_caller_who_sees_little_is_found_it_however_near_the_rest_is(
    product: Callable[[], tuple[Rows, Engine]],
) -> None:
    rows, engine = product()
    index = filled(rows, engine)
    seen = [f"server/s{number:02}" for number in (3, 13, 23, 33, 43, 53)]
    found, total = index.search("", UNITS[7], allowed=only(*seen), limit=60)
    assert ({match.id for match in found}, total) == ({*seen}, 6)
    counts = [asked[stage].get("limit") or asked[stage]["vectorSearch"]["k"] for asked in rows.asked for stage in asked]
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]
    rows.asked.clear()
    assert [m.id for m in index.search("", UNITS[7], allowed=only("server/s07", "server/s08"))[0]][:1] == ["server/s07"]
    assert rows.asked == []  # of so few all are compared


@pytest.mark.usefixtures("narrow")
def test_kinds_are_chosen_by_the_database() -> None:
    rows, engine = atlas()
    filled(rows, engine).search("", UNITS[1], kinds=frozenset({"server"}))
    assert rows.asked[0]["$vectorSearch"]["filter"] == {"k": {"$in": ["server"]}}
    rows, engine = documentdb()
    index = filled(rows, engine)
    index.put(document("agent/a", "rain", kind="agent", vectors=unit(1)))
    for _ in range(2):
        found, _ = index.search("", UNITS[1], kinds=frozenset({"agent"}))
        assert [match.id for match in found] == ["agent/a"]


@pytest.mark.usefixtures("narrow")
def test_the_best_by_words_are_compared_whatever_the_database_proposes() -> None:
    rows, engine = atlas()
    index = filled(rows, engine)
    far = int(np.argmin(UNITS[:60] @ UNITS[1]))
    index.put(document(f"server/s{far:02}", "hail", vectors=unit(far)))
    (match,) = [each for each in index.search("hail", UNITS[1], limit=60)[0] if each.lexical > 0]
    assert match.dense == pytest.approx(float(UNITS[far] @ UNITS[1]), abs=1e-3)


@PRODUCTS
def test_a_document_with_parts_is_as_near_as_in_memory(product: Callable[[], tuple[Rows, Engine]]) -> None:
    rows, engine = product()
    index, plain = MongoIndex(rows, engine), MemoryIndex()
    for each in (index, plain):
        for number in range(30):
            each.put(invented(number))
    for query in WORDS:
        assert index.search(query, UNITS[[4, 9]]) == plain.search(query, UNITS[[4, 9]])


@PRODUCTS
def test_another_process_finds_what_is_there_and_writes_nothing_again(
    product: Callable[[], tuple[Rows, Engine]],
) -> None:
    rows, engine = product()
    first = MongoIndex(rows, engine)
    given = document("server/a", "rain", vectors=unit(1, 2))
    content = b"c" * 16
    first.put(type(given)(given.id, given.kind, given.fields, given.vectors, {}, content))
    second = MongoIndex(rows, engine)
    assert second.knows("server/a", content)
    assert not second.knows("server/a", b"other")
    before = dict(rows.rows)
    second.put(type(given)(given.id, given.kind, given.fields, given.vectors[:0], {}, content))
    assert rows.rows == before
    assert second.search("", UNITS[1])[0][0].dense > 0.4
    second.remove("server/a")
    assert rows.rows == {}


def test_a_replaced_document_leaves_no_row_of_before() -> None:
    rows, engine = atlas()
    index = MongoIndex(rows, engine)
    index.put(document("server/a", "rain", vectors=unit(1, 2, 3)))
    index.put(document("server/a", "rain", vectors=unit(4)))
    assert len(rows.of("server/a")) == 1
    index.put(document("server/a", "rain"))
    assert rows.of("server/a") == []
    assert index.search("rain", UNITS[4])[0][0].dense == 0


def test_two_processes_that_write_the_same_at_once_disturb_each_other_in_nothing() -> None:
    rows, engine = atlas()
    one, other = MongoIndex(rows, engine), MongoIndex(rows, engine)
    find, rows.find = rows.find, lambda filter, projection: []  # type: ignore[method-assign]  # neither has seen the other
    for index in (one, other):
        index.put(document("server/a", "rain", vectors=unit(1)))
    rows.find = find  # type: ignore[method-assign]  # see above
    assert len(rows.of("server/a")) == 1
    assert one.search("rain", UNITS[1]) == other.search("rain", UNITS[1])


def test_a_database_that_does_not_answer_costs_the_meaning_alone(caplog: pytest.LogCaptureFixture) -> None:
    rows, engine = atlas()
    index = filled(rows, engine, 5)
    rows.fails = True
    index.put(document("server/new", "rain", vectors=unit(9)))
    assert {match.id for match in index.search("rain", UNITS[9])[0]} == {"server/new", "server/s00"}
    index.remove("server/s01")
    assert "the database was not searched: by words alone" in caplog.messages
    rows.fails = False
    assert not index.knows("server/new", b"")
    assert len(index) == 5


def test_atlas_is_asked_for_a_search_index_of_the_vectors_and_what_they_are_filtered_by() -> None:
    rows, engine = atlas()
    filled(rows, engine, 2)
    filled(rows, engine, 3)
    plain, first = rows.made[0], cast(Row, rows.made[1])
    assert plain == "d"
    assert (first["name"], first["type"]) == ("vectors", "vectorSearch")
    assert first["definition"] == {
        "fields": [
            {"type": "vector", "path": "v", "numDimensions": DIMENSIONS, "similarity": "cosine"},
            {"type": "filter", "path": "k"},
        ]
    }


def test_documentdb_is_asked_for_an_hnsw_index() -> None:
    rows, engine = documentdb()
    filled(rows, engine, 2)
    options = {"type": "hnsw", "dimensions": DIMENSIONS, "similarity": "cosine", "m": 16, "efConstruction": 64}
    index = {"key": {"v": "vector"}, "name": "vectors", "vectorOptions": options}
    assert rows.made == ["d", {"createIndexes": "vectors", "indexes": [index]}]
