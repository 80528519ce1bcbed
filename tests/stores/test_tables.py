"""TinyDB's own operations on our storage and table."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from tinydb import Query
from tinydb.table import Document

from airegistry.stores.tables import JournalDB


def document(key: str, n: int) -> Document:
    """TinyDB declares integer ids; this table's are strings."""
    return Document({"version": 1, "body": {"n": n}}, doc_id=cast(int, key))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "documents.journal"


@pytest.fixture
def db(path: Path) -> Iterator[JournalDB]:
    with JournalDB(path) as db:
        yield db


def numbers(db: JournalDB, name: str = "c") -> dict[str, int]:
    return {str(found.doc_id): found["body"]["n"] for found in db.table(name).all()}


def test_tinydb_operations_are_seen_when_they_are_flushed_and_kept(db: JournalDB, path: Path) -> None:
    table = db.table("c")
    table.insert(document("a", 1))
    table.insert_multiple([document("b", 2), document("c", 3)])
    table.upsert(document("a", 10))
    table.remove(doc_ids=cast(list[int], ["b"]))
    assert numbers(db) == {}
    db.journal.flush()
    assert numbers(db) == {"a": 10, "c": 3}
    assert db.tables() == {"c"}
    with JournalDB(path) as again:
        assert numbers(again) == {"a": 10, "c": 3}


def test_queries_see_what_is_committed(db: JournalDB) -> None:
    table = db.table("c")
    table.insert_multiple([document("a", 1), document("b", 2)])
    db.journal.flush()
    assert [found["body"] for found in table.search(Query().body.n > 1)] == [{"n": 2}]
    table.remove(Query().body.n == 2)
    assert len(table.search(Query().body.n > 1)) == 1
    db.journal.flush()
    assert table.search(Query().body.n > 1) == []


def test_an_update_in_place_changes_no_row_before_it_is_flushed(db: JournalDB) -> None:
    def double(row: dict[str, dict[str, int]]) -> None:
        row["body"]["n"] *= 2

    db.table("c").insert(document("a", 1))
    db.journal.flush()
    db.table("c").update(double)  # type: ignore[arg-type]  # TinyDB declares a mapping of anything
    db.table("c").update(double)  # type: ignore[arg-type]  # as above
    assert numbers(db) == {"a": 1}
    db.journal.flush()
    assert numbers(db) == {"a": 4}


def test_an_id_that_is_taken_is_refused_by_insert_even_when_only_staged(db: JournalDB) -> None:
    db.table("c").insert(document("a", 1))
    with pytest.raises(ValueError, match="already exists"):
        db.table("c").insert(document("a", 2))


def test_truncated_and_dropped_tables_are_empty_after_reopening(db: JournalDB, path: Path) -> None:
    for name in ("one", "two", "three"):
        db.table(name).insert(document("a", 1))
    db.journal.flush()
    db.table("one").truncate()
    db.drop_table("two")
    db.journal.flush()
    assert db.tables() == {"three"}
    with JournalDB(path) as again:
        assert again.tables() == {"three"}
    db.drop_tables()
    db.journal.flush()
    assert db.tables() == set()


def test_an_operation_writes_what_it_touched_and_nothing_else(db: JournalDB) -> None:
    table = db.table("c")
    table.insert_multiple(document(f"k{n}", n) for n in range(1000))
    db.journal.flush()
    before = db.journal.journal.end
    table.update({"version": 2}, doc_ids=cast(list[int], ["k5"]))
    db.journal.flush()
    assert db.journal.journal.end - before < 100
