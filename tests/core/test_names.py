"""Names that are nearly what was typed."""

import random
import string

import pytest

from airegistry.core.names import LONGEST, Names, distances, edits, plain


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ("weather", "weather", 0),
        ("weather", "wether", 1),
        ("weather", "waether", 1),
        ("weather", "weatherx", 1),
        ("weather", "wxather", 1),
        ("invoices", "invocies", 1),
        ("invoices", "invoyce", 2),
        ("abcd", "wxyz", 3),
        ("abcd", "abcdefgh", 3),
    ],
)
def test_letters_that_are_added_dropped_changed_or_swapped_are_counted(one: str, other: str, distance: int) -> None:
    assert edits(one, other, 2) == distance
    assert edits(other, one, 2) == distance


def test_many_names_are_measured_at_once_as_each_is_alone() -> None:
    chance = random.Random(6)
    words = ["".join(chance.choices("abc", k=chance.randrange(1, 12))) for _ in range(300)] + ["漢" * LONGEST]
    for typed in [*words[:60], "c" * LONGEST]:
        for most in (0, 1, 2):
            assert distances(typed, words, most).tolist() == [edits(typed, word, most) for word in words]
    assert distances("abcd", [], 2).tolist() == []


def test_a_long_name_may_be_two_edits_away_and_a_short_one_only_one() -> None:
    names = Names()
    names.put("server/a", ["list_invoices", "a"])
    names.put("server/b", ["weather"])
    assert names.near("List-Invoyce") == [(2, "list_invoices", "server/a")]
    assert names.near("wether") == [(1, "weather", "server/b")]
    assert names.near("wethr") == []
    assert names.near("abc") == []
    assert names.near("x" * 65) == []


def test_a_name_is_given_as_its_holder_spells_it_and_no_more_once_it_is_gone() -> None:
    names = Names()
    names.put("server/a", ["getRain"])
    names.put("server/b", ["get-rain", "get_rain"])
    assert names.near("getrain") == [(0, "getRain", "server/a"), (0, "get_rain", "server/b")]
    names.put("server/a", ["snowfall"])
    names.remove("server/b")
    names.remove("server/unheard-of")
    assert names.near("getrain") == []
    names.put("server/c", ["get_train"])
    assert names.near("getrain") == [(1, "get_train", "server/c")]


def test_no_near_name_is_missed_among_many() -> None:
    chance = random.Random(5)
    words = ["".join(chance.choices(string.ascii_lowercase + string.digits + "äß漢", k=9)) for _ in range(500)]
    names = Names()
    for number, word in enumerate(words):
        names.put(f"server/{number}", [word])
    for word in words[::10]:
        place = chance.randrange(7)
        typed = word[:place] + chance.choice(["", "q", "qz"]) + word[place + 1 :]
        expected = {other for other in words if edits(plain(typed), plain(other), 2) <= 2}
        assert {name for _, name, _ in names.near(typed)} == expected
