from random import Random
from typing import Any

import numpy as np
import pytest

from airegistry.core.embedding import fractions, whole
from airegistry.core.ports import Vectors
from airegistry.index import matrices
from airegistry.index import rows as rows_module
from airegistry.index.matrices import Matrix
from airegistry.index.products import digits, products, summed
from airegistry.index.rows import Rows
from airegistry.index.vectors import VectorTable
from tests.index.base import UNITS


def expected(held: dict[int, Vectors], query: Vectors, size: int) -> list[float]:
    """Half the head's cosine and half the best part's."""
    found = [float("nan")] * size
    for slot, vectors in held.items():
        cosines = (vectors @ query).tolist()
        found[slot] = cosines[0] if len(cosines) == 1 else (cosines[0] + max(cosines[1:])) / 2
    return found


@pytest.mark.parametrize("seed", range(5))
def test_after_thousands_of_changes_cosines_are_those_of_what_is_held(seed: int) -> None:
    dice, table = Random(seed), VectorTable()
    held: dict[int, Vectors] = {}
    for _ in range(1500):
        slot = dice.randrange(60)
        if dice.random() < 0.3:
            table.remove(slot)
            held.pop(slot, None)
        else:
            vectors = UNITS[dice.sample(range(256), dice.choice((0, 1, 3, 20)))]
            table.put(slot, whole(vectors))
            held.pop(slot, None)
            if len(vectors):
                held[slot] = vectors
    visible = np.array([dice.random() < 0.8 for _ in range(60)])
    seen = {slot: vectors for slot, vectors in held.items() if visible[slot]}
    found = table.cosines(UNITS[7], visible)
    assert found == pytest.approx(expected(seen, UNITS[7], 60), abs=1e-3, nan_ok=True)


def test_a_search_among_few_gives_the_very_figures_of_one_among_all() -> None:
    table = VectorTable()
    for slot in range(200):
        table.put(slot, whole(UNITS[[slot, (slot + 1) % 256, (slot + 9) % 256]]))
    every = table.cosines(UNITS[3], np.ones(200, np.bool_))
    few = np.zeros(200, np.bool_)
    few[[5, 77, 150]] = True
    found = table.cosines(UNITS[3], few)
    assert found[few].tolist() == every[few].tolist()
    assert np.isnan(found[~few]).all()


def test_vectors_that_documents_share_are_kept_once() -> None:
    rows = Rows()
    first, second = rows.take(whole(UNITS[:3])), rows.take(whole(UNITS[[2, 1, 5]]))
    assert second[:2] == [first[2], first[1]]
    assert len(rows) == 4
    rows.release(first)
    assert rows.cosines(UNITS[5])[second[2]] == pytest.approx(1, abs=1e-3)
    assert rows.take(whole(UNITS[[1]])) == [second[1]]


def test_a_row_that_nobody_uses_is_used_again() -> None:
    rows = Rows()
    kept, gone = rows.take(whole(UNITS[:2]))
    rows.release([gone])
    assert rows.take(whole(UNITS[[9]])) == [gone]
    assert len(rows) == 2
    assert rows.cosines(UNITS[9])[kept] < 0.9


def test_a_cosine_is_the_same_in_whatever_order_and_block_it_is_added_up() -> None:
    dice = np.random.default_rng(1)
    vectors = dice.standard_normal((5000, 384))
    units = np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
    rows, turned = Rows(), Rows()
    rows.take(whole(units))
    turned.take(whole(units[::-1]))
    backwards = Rows()
    backwards.take(whole(units[:, ::-1]))
    found = rows.cosines(units[17])
    assert found.tolist() == turned.cosines(units[17])[::-1].tolist()
    assert found.tolist() == backwards.cosines(units[17][::-1].copy()).tolist()
    assert found == pytest.approx(units @ units[17], abs=1e-3)


def test_what_is_kept_of_a_vector_is_kept_again_without_loss() -> None:
    kept = whole(UNITS)
    assert np.array_equal(whole(fractions(kept)), kept)


def _units(count: int, seed: int, dimensions: int = 384) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((count, dimensions))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def test_very_many_vectors_are_kept_as_bytes_and_cosines_hardly_move() -> None:
    units, fine, bytes_ = _units(3000, 2), Rows(), Rows(many=1000)
    for start in range(0, 3000, 500):  # on the way some are kept already
        assert fine.take(whole(units[start : start + 500])) == bytes_.take(whole(units[start : start + 500]))
    kept, halved = fine.dump()["rows"], bytes_.dump()["rows"]
    assert (kept.dtype.name, halved.dtype.name, halved.shape[1]) == ("int16", "int8", 384)
    for query in units[::500]:
        assert bytes_.cosines(query) == pytest.approx(units @ query, abs=0.004)
        assert np.std(bytes_.cosines(query) - units @ query) < 0.001
    few = np.array([5, 1500, 2999])
    assert bytes_.cosines(units[5], few).tolist() == bytes_.cosines(units[5])[few].tolist()


def test_vectors_that_are_bytes_come_and_go_as_others_do() -> None:
    units, rows = _units(50, 3), Rows(many=20)
    places = rows.take(whole(units))
    assert rows.take(whole(units[7:8])) == [places[7]]
    rows.release([places[7], places[8]])
    assert rows.cosines(units[7])[places[7]] > 0.99, "it was taken twice"
    assert rows.take(whole(-units[7:8])) == [places[8]]
    assert rows.cosines(units[7])[places[8]] < -0.99
    rows.release([places[7], *(place for number, place in enumerate(places) if number != 7)])
    assert rows.dimensions is None
    assert rows.take(whole(_units(1, 4, dimensions=8))) == [0]
    assert rows.dimensions == 8


def test_vectors_that_only_more_digits_told_apart_are_both_kept_until_nobody_uses_them() -> None:
    unit = whole(_units(1, 5))
    near = unit + np.eye(1, 384, dtype=np.int16)
    rows = Rows(many=2)
    one, other = rows.take(np.concatenate((unit, near)))
    rows.take(whole(_units(1, 6)))
    for gone in (one, other):
        rows.release([gone])
    assert len({*rows.take(whole(_units(3, 7)))} & {one, other}) == 2, "their rows are used again"
    assert rows.cosines(fractions(unit[0])).max() < 0.9


@pytest.mark.parametrize("bound", [1000, 10**6])
def test_a_table_of_bytes_is_restored_as_it_was(bound: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module.Rows.__init__, "__defaults__", (bound,))
    units, table, visible = _units(2000, 8), VectorTable(), np.ones(1000, np.bool_)
    for slot in range(1000):
        table.put(slot, whole(units[[slot, 999 - slot, 2 * slot][: 1 + slot % 3]]))
    restored = VectorTable.restored(table.dump())
    table.put(3, whole(units[[1500]]))
    restored.put(3, whole(units[[1500]]))
    for query in units[::400]:
        assert np.array_equal(restored.cosines(query, visible), table.cosines(query, visible))


@pytest.mark.parametrize("bound", [1000, 10**6])
def test_threads_that_share_very_many_vectors_find_what_one_finds(bound: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrices, "_TOGETHER", 128)
    units, rows = _units(5003, 9, dimensions=32), Rows(many=bound)
    rows.take(whole(units))
    alone, few = rows.cosines(units[4]), np.arange(0, 5003, 3)
    some = rows.cosines(units[4], few)
    monkeypatch.setattr(matrices, "_ALONE", 100)
    monkeypatch.setattr(matrices, "_BLOCK", 64)
    monkeypatch.setattr(matrices, "_FEW", 10)
    assert np.array_equal(rows.cosines(units[4]), alone)
    assert np.array_equal(rows.cosines(units[4], few), some)


def test_who_asks_again_after_a_change_is_answered_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "_SCANNED", 100)
    units, rows, scanned = _units(300, 10), Rows(), list[int]()
    score = Matrix.score

    def counted(self: Matrix, *given: Any) -> Vectors:
        scanned.append(given[2])
        return score(self, *given)

    monkeypatch.setattr(Matrix, "score", counted)
    places = rows.take(whole(units[:200]))
    before, few = rows.cosines(units[4]).tolist(), np.arange(0, 200, 7)
    times = len(scanned)
    assert rows.cosines(units[4]).tolist() == before
    assert rows.cosines(units[4], few).tolist() == [before[place] for place in few]
    assert len(scanned) == times, "it was remembered"
    rows.release([places[4]])
    assert rows.take(whole(-units[4:5])) == [places[4]]
    assert rows.cosines(units[4])[places[4]] < -0.99
    for other in units[200:210]:
        assert len(rows.cosines(other)) == 200
    times = len(scanned)
    assert rows.cosines(units[4])[places[4]] < -0.99
    assert len(scanned) > times, "only the last few are remembered"


@pytest.mark.parametrize("width", [1, 7, 384, 1536])
def test_products_of_bytes_are_exact_also_at_their_limits(width: int) -> None:
    dice = np.random.default_rng(width)
    columns = dice.integers(-127, 128, (width, 500), dtype=np.int8)
    for query in (dice.integers(-2048, 2049, width), np.where(columns[:, 3] > 0, 2048, -2048), np.zeros(width)):
        found = products(digits(query.astype(np.float32)), columns, summed(columns))
        assert found.tolist() == (query.astype(np.int64) @ columns.astype(np.int64)).tolist()


def test_bytes_are_found_again_where_they_were_taken_whichever_block_that_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrices, "_TOGETHER", 16)
    units, rows = _units(100, 11), Rows(many=20)
    places = [rows.take(whole(units[start : start + 7]))[0] for start in range(0, 98, 7)]
    for number, place in enumerate(places):
        found = rows.cosines(units[7 * number])
        assert (int(np.argmax(found)), len(found)) == (place, 98)
    assert [rows.take(whole(units[start : start + 1]))[0] for start in range(0, 98, 7)] == places
