"""Hashing of passwords with argon2id."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airegistry.oauth.login.passwords import Argon2Passwords

CHEAP = Argon2Passwords(memory_kib=8, passes=1)


def test_a_password_fits_its_own_hash_and_no_other_does() -> None:
    kept = CHEAP.hash("correct horse battery")
    assert CHEAP.verify(kept, "correct horse battery")
    assert not CHEAP.verify(kept, "correct horse batterY")
    assert not CHEAP.verify(None, "correct horse battery")


def test_the_same_password_is_kept_differently_each_time() -> None:
    assert CHEAP.hash("same old song") != CHEAP.hash("same old song")


def test_hashes_are_argon2id_of_the_promised_cost() -> None:
    kept = Argon2Passwords().hash("correct horse battery")
    assert kept.startswith("$argon2id$v=19$m=32768,t=3,p=1$")
    assert "correct" not in kept


@settings(max_examples=50)
@given(st.text(max_size=60))
def test_any_text_is_a_password(password: str) -> None:
    kept = CHEAP.hash(password)
    assert CHEAP.verify(kept, password)
    assert not CHEAP.verify(kept, password + "x")


def test_a_password_typed_on_another_keyboard_is_the_same() -> None:
    assert CHEAP.verify(CHEAP.hash("caf\u00e9 au lait"), "cafe\u0301 au lait")


def test_half_a_surrogate_pair_is_a_wrong_password_and_no_crash() -> None:
    assert not CHEAP.verify(CHEAP.hash("plain"), "\ud800")


@pytest.mark.parametrize("kept", ["", "plain", "$argon2id$v=19$m=8,t=1,p=1$", "$2b$12$abcdefghijklmnopqrstuu"])
def test_what_is_no_hash_fits_no_password(kept: str) -> None:
    assert not CHEAP.verify(kept, "correct horse battery")


def test_a_hash_of_other_parameters_is_outdated() -> None:
    kept = CHEAP.hash("correct horse battery")
    assert not CHEAP.outdated(kept)
    assert Argon2Passwords(memory_kib=16, passes=1).outdated(kept)
    assert Argon2Passwords(memory_kib=8, passes=2).outdated(kept)


def test_nobody_takes_as_long_as_somebody() -> None:
    passwords = Argon2Passwords()
    kept = passwords.hash("correct horse battery")

    def fastest(of: str | None) -> float:
        taken = []
        for _ in range(5):
            started = time.process_time()
            passwords.verify(of, "wrong horse battery")
            taken.append(time.process_time() - started)
        return min(taken)

    # Were nothing hashed, it would be a thousandth.
    assert fastest(None) > fastest(kept) / 3
