"""Which names are a slip of another one, and which are words of their own."""

import pytest

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
