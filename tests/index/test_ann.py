import numpy as np
import pytest

from airegistry.core.embedding import whole
from airegistry.index.vectors import VectorTable

pytest.importorskip("faiss", reason="needs the extra ann")

_rows = np.random.default_rng(3).standard_normal((6000, 64))
POINTS = np.asarray(_rows / np.linalg.norm(_rows, axis=1, keepdims=True), np.float32)
EXACT = 10**9


def table(slots: list[int], *, many: int) -> VectorTable:
    """Each third document has two parts."""
    found = VectorTable(many)
    for slot in slots:
        found.put(slot, whole(POINTS[[slot, (slot * 7) % 6000, (slot * 11) % 6000][: 1 if slot % 3 else 3]]))
    return found


def best(found: np.ndarray, count: int) -> list[int]:
    return [int(place) for place in np.argsort(-np.nan_to_num(found, nan=-9), kind="stable")[:count]]


def test_past_many_vectors_the_best_are_those_of_an_exact_search_with_their_very_cosines() -> None:
    slots, visible = list(range(6000)), np.ones(6000, np.bool_)
    exact, likely = table(slots, many=EXACT), table(slots, many=1000)
    for query in POINTS[5:3000:500]:
        expected, found = exact.cosines(query, visible), likely.cosines(query, visible)
        assert best(found, 50) == best(expected, 50)
        assert found[best(found, 50)].tolist() == expected[best(found, 50)].tolist()
        assert np.count_nonzero(found != expected) > 1000


def test_what_is_hidden_does_not_move_what_is_found() -> None:
    visible = np.arange(6000) % 4 > 0
    whole_table = table(list(range(6000)), many=1000)
    seen = table(np.flatnonzero(visible).tolist(), many=1000)
    for query in POINTS[5:3000:500]:
        assert np.array_equal(whole_table.cosines(query, visible), seen.cosines(query, visible), equal_nan=True)


def test_the_best_by_their_words_are_looked_at_exactly() -> None:
    slots, visible = list(range(6000)), np.ones(6000, np.bool_)
    lexical = np.zeros(6000)
    exact, likely = table(slots, many=EXACT), table(slots, many=1000)
    expected = exact.cosines(POINTS[0], visible)
    worst = best(-expected, 20)
    lexical[worst] = 1
    assert likely.cosines(POINTS[0], visible, lexical)[worst].tolist() == expected[worst].tolist()


def test_changes_are_seen_by_the_next_search() -> None:
    found, visible = table(list(range(6000)), many=1000), np.ones(6001, np.bool_)
    target = POINTS[3000]
    assert best(found.cosines(target, visible), 1) != [1]
    found.remove(1)
    found.put(1, whole(target[None]))
    found.put(6000, whole(-target[None]))
    cosines = found.cosines(target, visible)
    assert cosines[1] == pytest.approx(1, abs=1e-3)
    assert cosines[6000] < 0
    assert best(found.cosines(-target, visible), 1) == [6000]
