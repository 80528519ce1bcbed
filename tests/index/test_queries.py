from random import Random

import numpy as np
import pytest

from airegistry.core.ports import IndexDocument
from airegistry.index.memory import MemoryIndex
from tests.index.base import DIMENSIONS, UNITS, document, invented, only, unit


def filled(*entries: IndexDocument) -> MemoryIndex:
    index = MemoryIndex()
    for entry in entries:
        index.put(entry)
    return index


def found(index: MemoryIndex, query: str) -> list[str]:
    return [match.id for match in index.search(query, None)[0]]


def test_a_typed_slip_finds_what_was_meant() -> None:
    index = filled(document("server/a", "invoices"), document("server/b", "weather"))
    assert found(index, "invocies") == ["server/a"]
    assert index.search("invocies", None, explain=True)[0][0].words == (("name", "invoic"), ("description", "invoic"))


def test_a_word_that_a_visible_document_says_is_no_slip() -> None:
    assert found(filled(document("server/a", "mail"), document("server/b", "main")), "mail") == ["server/a"]


def test_a_hidden_word_neither_stands_for_a_slip_nor_keeps_it_from_one() -> None:
    index = filled(document("server/a", "mailer"), document("server/b", "maiker"), document("server/c", "mailed"))
    matches, _ = index.search("maiker", None, allowed=only("server/a"))
    assert [match.id for match in matches] == ["server/a"]
    assert index.search("maileq", None, allowed=only("server/b"))[0] == []


def test_a_slip_in_a_long_query_is_left_alone() -> None:
    assert found(filled(document("server/a", "invoices")), "please write me some invocies") == []


@pytest.mark.parametrize("typed", ["noti", "notif", "notific", "notificat", "notification", "send notificati"])
def test_the_last_word_may_be_unfinished(typed: str) -> None:
    index = filled(document("server/a", "notifications"), document("server/b", "weather"))
    assert found(index, typed) == ["server/a"]


@pytest.mark.parametrize("typed", ["ma", "weath sun", "weath ", "please tell me some weath"])
def test_nothing_is_guessed_of_two_letters_of_what_is_not_last_or_of_what_is_said(typed: str) -> None:
    assert found(filled(document("server/a", "weather maps")), typed) == []


def test_the_commonest_words_are_guessed_three_at_most() -> None:
    words = ["cabin", "cabin", "cable", "cable", "cabbage", "cabaret", "cabinet"]
    index = filled(*(document(f"server/{number}", word) for number, word in enumerate(words)))
    assert sorted(found(index, "cab")) == ["server/0", "server/1", "server/2", "server/3", "server/5"]


def test_a_hidden_word_is_not_guessed_and_takes_no_others_place() -> None:
    index = filled(*(document(f"server/{number}", f"invoi{letter}k") for number, letter in enumerate("bcdfg")))
    matches, _ = index.search("invoi", None, allowed=only("server/3", "server/4"))
    assert [match.id for match in matches] == ["server/3", "server/4"]


def test_words_of_long_texts_are_not_guessed() -> None:
    entry = IndexDocument(
        "server/a", "server", {"name": "weather", "body": "notifications"}, np.zeros((0, 0), np.float32)
    )
    assert found(filled(entry), "notif") == ["server/a"], "that is its stem"
    assert found(filled(entry), "notifi") == []


def test_a_part_of_a_query_lifts_what_it_is_near_to() -> None:
    rows = np.eye(DIMENSIONS, dtype=np.float32)
    index = filled(*(document(f"server/{number}", vectors=rows[[number]]) for number in range(3)))
    whole = 0.8 * rows[0] + 0.5 * rows[1] + 0.33 * rows[2]
    alone, _ = index.search("", whole)
    both, _ = index.search("", np.stack([whole, rows[0], rows[2]]))
    assert [match.id for match in alone] == ["server/0", "server/1", "server/2"]
    assert [match.id for match in both] == ["server/0", "server/2", "server/1"]


@pytest.mark.parametrize("seed", range(20))
def test_a_query_of_several_parts_ranks_as_if_what_is_hidden_were_not_there(seed: int) -> None:
    dice = Random(seed)
    current = {entry.id: entry for entry in (invented(dice.randrange(10_000)) for _ in range(40))}
    index = filled(*current.values())
    seen = [name for name in current if dice.random() < 0.6]
    few = filled(*(current[name] for name in sorted(seen)))
    vectors = unit(*dice.choices(range(len(UNITS)), k=3))
    for query in ("wether repot, mail", "forcast rain"):
        assert index.search(query, vectors, allowed=only(*seen)) == few.search(query, vectors)
