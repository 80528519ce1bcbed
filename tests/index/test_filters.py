import time
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airegistry.index.labels import Labels
from airegistry.index.memory import MemoryIndex
from tests.index.base import document

Facets = Mapping[str, str | Sequence[str]]


def ids(index: MemoryIndex, **facets: Sequence[str]) -> list[str]:
    return [match.id for match in index.search("rain", None, facets=facets, limit=1000)[0]]


def test_other_facets_are_seen_by_the_next_search_and_change_nothing_else() -> None:
    index = MemoryIndex()
    index.put(document("server/a", "rain", facets={"health": "unknown", "stage": "dev"}))
    before = index.search("rain", None)
    index.label("server/a", {"health": "healthy"})
    assert ids(index, health=["healthy"]) == ["server/a"]
    assert ids(index, health=["unknown"]) == ids(index, stage=["dev"]) == []
    assert index.search("rain", None, kinds=frozenset({"server"})) == before


def test_facets_of_a_document_that_is_not_there_are_dropped() -> None:
    index = MemoryIndex()
    index.label("server/a", {"health": "healthy"})
    assert len(index) == 0


@pytest.mark.parametrize("count", [63, 64, 65, 66, 300])
def test_a_label_of_many_is_chosen_by_as_one_of_few(count: int) -> None:
    index = MemoryIndex()
    names = [f"server/{number:03}" for number in range(count)]
    for number, name in enumerate(names):
        index.put(document(name, "rain", facets={"tags": ["all", f"t{number}"]}))
    assert ids(index, tags=["all"]) == names
    assert ids(index, tags=["t7", "t9"]) == ["server/007", "server/009"]
    for name in names[10:]:
        index.remove(name)
    assert ids(index, tags=["all"]) == names[:10]
    for name in names[:10]:
        index.label(name, {})
    assert ids(index, tags=["all"]) == []


labels = st.tuples(st.sampled_from("ab"), st.sampled_from("123"))
changes = st.lists(st.tuples(st.integers(0, 199), st.frozensets(labels, max_size=3)), max_size=60)


@settings(max_examples=60, deadline=None)
@given(changes, st.integers(0, 199), st.sampled_from("ab"), st.frozensets(st.sampled_from("1234")))
def test_after_any_history_those_are_chosen_that_bear_a_label(
    history: list[tuple[int, frozenset[tuple[str, str]]]], many: int, name: str, values: frozenset[str]
) -> None:
    found, borne = Labels(), [frozenset({("a", "1")}) if slot < many else frozenset() for slot in range(200)]
    for slot, given_labels in [*enumerate(borne), *history]:
        found.put(slot, given_labels)
        borne[slot] = given_labels
    mask = np.ones(200, np.bool_)
    found.select(mask, name, values)
    assert mask.tolist() == [any((name, value) in each for value in values) for each in borne]


def test_a_filter_costs_no_more_than_a_pass_over_the_documents() -> None:
    """Sets built for each query would take some hundred times as long."""
    found, size = Labels(), 50_000
    for slot in range(size):
        found.put(slot, [("kind", "tool"), ("stage", f"s{slot % 2}"), ("path", f"p{slot // 10}")])

    def cost(name: str, value: str) -> float:
        mask = np.ones(size, np.bool_)
        before = time.perf_counter()
        found.select(mask, name, [value])
        return time.perf_counter() - before

    assert min(cost("kind", "tool") for _ in range(20)) < 0.001
    assert min(cost("path", "p77") for _ in range(20)) < 0.001
