from random import Random

import numpy as np
import pytest

from airegistry.core.embedding import fractions, whole
from airegistry.core.ports import Vectors
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
