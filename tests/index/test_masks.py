from collections.abc import Sequence
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from airegistry.core.ports import IndexDocument, Mask
from airegistry.index.grants import Grants
from airegistry.index.memory import MemoryIndex
from tests.index.base import UNITS, WORDS, document, only, unit

SLIPS = ("wether", "forcast", "reprot")
STAGES, TAGS = ("dev", "live"), ("x", "y", "z")


class Asked:
    """An access rule that remembers what it was asked about."""

    def __init__(self, *granted: str) -> None:
        self.granted = set(granted)
        self.ids: list[str] = []

    def __call__(self, ids: Sequence[str]) -> Mask:
        self.ids += ids
        return np.array([one in self.granted for one in ids], np.bool_)

    def since(self) -> list[str]:
        """What it was asked about since it was asked this."""
        ids, self.ids = self.ids, []
        return sorted(ids)


def filled(*entries: IndexDocument) -> MemoryIndex:
    index = MemoryIndex()
    for entry in entries:
        index.put(entry)
    return index


def many(count: int, dice: Random) -> list[IndexDocument]:
    """Documents of which most share words, vectors and facets with others."""
    return [
        IndexDocument(
            f"server/d{number}",
            dice.choice(("server", "agent")),
            {field: " ".join(dice.choices(WORDS, k=dice.randrange(5))) for field in ("name", "description", "body")},
            unit(*dice.choices(range(40), k=dice.randrange(5))),
            {"stage": dice.choice(STAGES), "tags": dice.sample(TAGS, dice.randrange(3))},
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("seed", range(50))
def test_for_any_caller_a_search_equals_that_of_an_index_of_what_the_caller_may_see(seed: int) -> None:
    dice, index = Random(seed), MemoryIndex()
    current: dict[str, IndexDocument] = {}
    granted = {f"server/d{number}" for number in range(300) if dice.random() < dice.choice((0.02, 0.2, 0.5, 0.9))}
    for turn in range(3):
        for gone in dice.sample(sorted(current), min(len(current), 20)):
            index.remove(gone)
            del current[gone]
        for entry in many(40 if turn else 300, dice):
            index.put(entry)
            current[entry.id] = entry
        stages = dice.choice((["dev"], ["dev", "live"]))
        query = " ".join(dice.choices([*WORDS, *SLIPS], k=3))
        vector = dice.choice([None, UNITS[dice.randrange(256)], UNITS[dice.sample(range(256), 3)]])
        found = index.search(
            query, vector, allowed=only(*granted), mask_key="ann", facets={"stage": stages}, limit=25,
            explain=True,
        )  # fmt: skip
        visible = [e for e in current.values() if e.id in granted and e.facets["stage"] in stages]
        fresh = filled(*(replace(entry, facets={}) for entry in visible))
        assert found == fresh.search(query, vector, limit=25, explain=True)
        assert len(found[0]) == min(25, found[1])


def test_under_a_key_access_is_asked_once_about_a_document_that_stays_as_it_is() -> None:
    index = filled(document("server/a", "rain"), document("server/b", "rain"))
    asked = Asked("server/a")
    for _ in range(2):
        assert [match.id for match in index.search("rain", None, allowed=asked, mask_key="ann")[0]] == ["server/a"]
    assert asked.since() == ["server/a", "server/b"]


def test_without_a_key_access_is_asked_each_time() -> None:
    index, asked = filled(document("server/a", "rain")), Asked("server/a")
    index.search("rain", None, allowed=asked)
    index.search("rain", None, allowed=asked)
    assert asked.since() == ["server/a", "server/a"]


def test_under_a_key_access_is_asked_again_about_what_was_put_since() -> None:
    index, asked = filled(document("server/a", "rain"), document("server/b", "rain")), Asked("server/a", "server/b")
    index.search("rain", None, allowed=asked, mask_key="ann")
    index.put(document("server/b", "rain"))
    index.put(document("server/c", "rain"))
    asked.granted, asked.ids = {"server/a", "server/c"}, []
    assert [match.id for match in index.search("rain", None, allowed=asked, mask_key="ann")[0]] == [
        "server/a",
        "server/c",
    ]
    assert asked.since() == ["server/b", "server/c"]


def test_a_document_in_the_place_of_a_removed_one_is_asked_about() -> None:
    index, asked = filled(document("server/a", "rain")), Asked("server/a")
    index.search("rain", None, allowed=asked, mask_key="ann")
    index.remove("server/a")
    index.put(document("server/secret", "rain"))
    assert index.search("rain", None, allowed=asked, mask_key="ann") == ([], 0)
    assert asked.since() == ["server/a", "server/secret"]


def test_each_key_has_answers_of_its_own() -> None:
    index = filled(document("server/a", "rain"))
    assert index.search("rain", None, allowed=Asked("server/a"), mask_key="ann")[1] == 1
    assert index.search("rain", None, allowed=Asked(), mask_key="bob")[1] == 0


def test_under_a_key_a_filtered_search_asks_about_what_passes_and_the_next_about_the_rest() -> None:
    index = filled(document("server/a", "rain"), document("agent/a", "rain", kind="agent"))
    asked = Asked("server/a", "agent/a")
    index.search("rain", None, allowed=asked, mask_key="ann", kinds=frozenset({"agent"}))
    assert asked.since() == ["agent/a"]
    assert index.search("rain", None, allowed=asked, mask_key="ann")[1] == 2
    assert asked.since() == ["server/a"]


def test_other_facets_alone_are_no_reason_to_ask_again() -> None:
    index, asked = filled(document("server/a", "rain", facets={"health": "unknown"})), Asked("server/a")
    index.search("rain", None, allowed=asked, mask_key="ann")
    index.label("server/a", {"health": "healthy"})
    index.search("rain", None, allowed=asked, mask_key="ann", facets={"health": ["healthy"]})
    assert asked.since() == ["server/a"]


def test_a_document_replaced_while_access_is_asked_is_found_and_asked_about_anew() -> None:
    index = filled(document("server/a", "rain"))
    asked: list[str] = []

    def allowed(ids: Sequence[str]) -> Mask:
        asked.extend(ids)
        if len(asked) == 1:
            index.put(document("server/a", "rain mail"))
        return np.ones(len(ids), np.bool_)

    assert index.search("mail", None, allowed=allowed, mask_key="ann")[1] == 1
    assert index.search("mail", None, allowed=allowed, mask_key="ann")[1] == 1
    assert asked == ["server/a", "server/a"]


def test_answers_of_the_callers_who_asked_longest_ago_are_forgotten() -> None:
    grants = Grants(most_answers=20)
    for key in "abc":
        grants.note(key, np.arange(10), np.ones(10, np.bool_), 10)
    assert [grants.granted(key, 10)[1].any() for key in "bc"] == [False, False]
    assert grants.granted("a", 10)[1].all()


def test_after_more_changes_than_are_kept_all_answers_are_forgotten() -> None:
    grants = Grants(most_changes=5)
    grants.note("a", np.arange(10), np.ones(10, np.bool_), 10)
    for slot in range(5):
        grants.forget(slot)
    assert np.count_nonzero(grants.granted("a", 10)[0]) == 5
    grants.forget(9)
    assert not grants.granted("a", 10)[0].any()
