import numpy as np
import pytest

from airegistry.core.names import edits
from airegistry.core.ranking import FIELD_WEIGHTS, bm25
from airegistry.index.lexical import Lexical, Words, pack, read, unpack
from airegistry.index.vocabulary import Vocabulary


def lexical(*names: str) -> Lexical:
    found = Lexical()
    for slot, name in enumerate(names):
        found.put(slot, read({"name": name, "body": "rain"}))
    return found


def test_words_of_names_are_found_by_what_is_nearly_them() -> None:
    found, seen = lexical("github", "gitlab", "weather"), np.ones(3, np.bool_)
    assert found.near("githb", 1, seen) == [("github", 1)]
    assert found.near("gitlob", 2, seen) == [("gitlab", 1), ("github", 2)]
    assert found.near("rian", 1, seen) == []


def test_words_of_names_that_nobody_may_see_are_not_found() -> None:
    found = lexical("github", "gitlab")
    assert found.near("gitlob", 2, np.array([True, False])) == [("github", 2)]


def test_words_of_removed_names_are_not_found() -> None:
    found = lexical("github", "github")
    found.remove(0)
    assert found.near("githb", 1, np.array([False, True])) == [("github", 1)]
    found.remove(1)
    assert found.near("githb", 1, np.ones(2, np.bool_)) == []


def test_a_vocabulary_finds_all_that_a_look_at_each_word_would() -> None:
    words = ["rain", "rains", "train", "brain", "ruin", "mail", "arin", "r", "", "raining", "雨", "rain2"]
    vocabulary = Vocabulary()
    for word in words:
        vocabulary.number(word)
    for sought in (*words, "rian", "rainn"):
        for most in (1, 2):
            expected = {word: edits(sought, word, most) for word in words if edits(sought, word, most) <= most}
            assert dict(vocabulary.near(sought, most, np.ones(len(words), np.bool_))) == expected


def test_long_lists_lose_the_right_document() -> None:
    found = Lexical()
    for slot in range(1500):
        found.put(slot, read({"name": "rain"}))
    for slot in range(0, 1500, 2):
        found.remove(slot)
    scores, coverage = found.scores(["rain"], np.ones(1500, np.bool_))
    assert coverage == 1
    assert np.flatnonzero(scores).tolist() == list(range(1, 1500, 2))


def test_no_weight_of_a_field_is_lost_in_keeping_it() -> None:
    assert all((weight * 20).is_integer() for weight in map(float, FIELD_WEIGHTS.values()))
    kept = Lexical()
    kept.put(0, Words({"rain": 60 + 7 * 15 + 4, "flood": 10**9}, {"rain": 1, "flood": 1}, 4000))
    kept.put(1, Words({"rain": 60}, {"rain": 1}, 4000))
    visible = np.ones(2, np.bool_)
    first, second = kept.scores(["rain"], visible)[0].tolist()
    assert first / second == pytest.approx(expected(8.45) / expected(3.0))
    assert kept.scores(["flood"], visible)[0][0] > 0


def expected(weight: float) -> float:
    return float(bm25(np.array([weight]), np.array([4000]), 4000, 1.0)[0])


@pytest.mark.parametrize("held", [[], [(0, 1), (70_000, 511)], [(0, 1), (1 << 40, 256)], [((1 << 23) - 1, 511)]])
def test_what_a_slot_holds_is_read_as_it_was_written_however_many_words_there_are(held: list[tuple[int, int]]) -> None:
    assert unpack(pack([number << 9 | fields for number, fields in held])) == held
    assert unpack(b"") == []
