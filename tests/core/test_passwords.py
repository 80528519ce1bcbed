"""Which passwords are taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airegistry.core.errors import Invalid
from airegistry.core.passwords import COMMON, SHORTEST, check_password, new_password


@pytest.mark.parametrize("password", ["", "1234567", "e\u0301" * 7, "x" * 1025])
def test_a_password_that_is_too_short_or_long_is_refused(password: str) -> None:
    with pytest.raises(Invalid, match="8 to 1024 characters"):
        check_password(password)


@pytest.mark.parametrize("password", ["qz7-!äLm", "a b c d e", "x9" + "yz" * 511, "пароль-и-ключ", "🐘🐎🐖🐄🐑🐐🦙🐪"])
def test_any_other_password_is_taken_whatever_it_is_made_of(password: str) -> None:
    check_password(password, "ann", "Ann Example", "ann@example.org", "")


@pytest.mark.parametrize(
    "password", ["password", "PassWord", "12345678", "ｐａｓｓｗｏｒｄ", " password1 ", "aaaaaaaaaaaa", "abababab"]
)
def test_a_password_that_everybody_guesses_first_is_refused(password: str) -> None:
    with pytest.raises(Invalid, match="first that are guessed"):
        check_password(password)


@pytest.mark.parametrize("password", ["ann.example", "Ann.Example@Example.org", "Annabel Example"])
def test_a_password_that_is_a_name_of_its_user_is_refused(password: str) -> None:
    with pytest.raises(Invalid, match="not its user's name"):
        check_password(password, "a.e", "Annabel Example", "ann.example@example.org")


def test_the_list_holds_what_would_be_taken_otherwise_in_the_form_it_is_compared_in() -> None:
    assert [each for each in COMMON if len(each) < SHORTEST or each != each.casefold()] == []
    assert len(COMMON) > 200


@given(st.sampled_from(sorted(COMMON)))
def test_a_refusal_never_repeats_the_password(password: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_password(password.upper())
    assert password not in refusal.value.message.casefold() or password in {"password", "passwords"}


def test_passwords_that_are_made_up_are_long_and_never_the_same() -> None:
    made = {new_password() for _ in range(100)}
    assert len(made) == 100
    assert all(len(each) == 24 for each in made)
