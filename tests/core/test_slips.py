"""Which names are a slip of another one, and which are words of their own."""

import random

import pytest
from rapidfuzz.distance import OSA

from airegistry.core.slips import Slips, is_slip


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("create_paymemt", "create_payment"),
        ("craete_payment", "create_payment"),
        ("sned_email", "send_email"),
        ("run_querry", "run_query"),
        ("run_queryy", "run_query"),
        ("getAcount", "getAccount"),
        ("read_flle", "read_file"),
        ("descirbe_table", "describe_table"),
        ("list_paymnts", "list_payments"),
    ],
)
def test_a_slip_in_one_word_is_one(name: str, known: str) -> None:
    assert is_slip(name, known)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("create_payments", "create_payment"),
        ("create_document", "create_payment"),
        ("get_stats", "get_status"),
        ("get_form", "get_from"),
        ("list_contracts", "list_contacts"),
        ("create_change", "create_charge"),
        ("head_file", "read_file"),
        ("get_x", "get_y"),
        ("run_query2", "run_query"),
        ("paymemt", "create_payment"),
        ("craete_paymemt", "create_payment"),
        ("step_1000", "step_1001"),
        ("use_axxb", "use_axyb"),
    ],
)
def test_other_words_plurals_numbers_and_short_words_are_none(name: str, known: str) -> None:
    assert not is_slip(name, known)


def test_names_are_found_by_their_slips_until_they_are_removed() -> None:
    slips = Slips()
    for name in ("create_payment", "create_payout", "list_payments"):
        slips.put(name)
    assert slips.of("create_paymemt") == ["create_payment"]
    assert slips.of("create_payment") == []
    slips.remove("create_payment")
    slips.remove("unknown")
    assert slips.of("create_paymemt") == []


def test_what_is_looked_at_is_all_that_a_slip_can_be_of() -> None:
    chance = random.Random(5)
    letters = "abeilrnstuo1I|_.-\u0430\u043e\u00e9"
    words = [
        "return",
        "payment",
        "querry",
        "listt",
        "orders",
        "burn",
        "w\u043erd",
        "caf\u00e9s",
        "model1",
        "getReturn",
        "x",
    ]
    known = {
        "_".join(chance.choices(words, k=chance.randint(1, 3))) + chance.choice(["", "", "_", "s"]) for _ in range(60)
    }
    slips = Slips()
    for name in known:
        slips.put(name)
    found = 0
    for _ in range(3_000):
        name = _slip(chance, chance.choice(sorted(known)), letters)
        each = {one for one in known if one != name and one[:1].lower() == name[:1].lower() and _one_edit(name, one)}
        assert set(slips.of(name)) == {one for one in each if is_slip(name, one)}, name
        found += bool(slips.of(name))
    assert found > 300


def _slip(chance: random.Random, name: str, letters: str) -> str:
    at = chance.randrange(1, len(name) + 1)
    return chance.choice(
        [
            name[:at] + chance.choice(letters) + name[at:],
            name[:at] + name[at - 1] + name[at:],
            name[:at] + name[at + 1 :],
            name[:at] + chance.choice(letters) + name[at + 1 :],
            name[:at] + name[at + 1 : at + 2] + name[at : at + 1] + name[at + 2 :],
        ]
    )


def _one_edit(name: str, other: str) -> bool:
    return OSA.distance(name, other) <= 1
