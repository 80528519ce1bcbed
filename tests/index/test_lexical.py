import numpy as np

from airegistry.core.names import edits
from airegistry.index.lexical import Lexical, read
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
