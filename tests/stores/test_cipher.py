"""Secrets at rest."""

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from airegistry.core.errors import Internal, Invalid
from airegistry.stores.cipher import KEY_NAME, FernetCipher, open_cipher


def test_what_one_start_seals_a_later_one_opens(tmp_path: Path) -> None:
    sealed = open_cipher(tmp_path).encrypt("a secret of Größe")
    assert "secret" not in sealed
    assert open_cipher(tmp_path).decrypt(sealed) == "a secret of Größe"


def test_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    open_cipher(tmp_path)
    assert stat.S_IMODE((tmp_path / KEY_NAME).stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == [KEY_NAME]


def test_another_registrys_secret_does_not_open(tmp_path: Path) -> None:
    sealed = open_cipher(None).encrypt("x")
    with pytest.raises(Internal, match="does not open"):
        open_cipher(tmp_path).decrypt(sealed)


def test_an_altered_secret_does_not_open() -> None:
    cipher = open_cipher(None)
    sealed = cipher.encrypt("x")
    with pytest.raises(Internal):
        cipher.decrypt(sealed[:-3] + "AA=")


def test_after_a_change_of_keys_old_secrets_open_and_new_ones_are_sealed_under_the_first(tmp_path: Path) -> None:
    old = open_cipher(tmp_path)
    sealed = old.encrypt("x")
    key = Fernet.generate_key().decode()
    (tmp_path / KEY_NAME).write_text(f"{key}\n{(tmp_path / KEY_NAME).read_text()}")
    both = open_cipher(tmp_path)
    assert both.decrypt(sealed) == "x"
    assert FernetCipher([key]).decrypt(both.encrypt("y")) == "y"


def test_a_file_that_holds_no_key_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / KEY_NAME).write_text("not a key\n")
    with pytest.raises(Invalid, match="secret key"):
        open_cipher(tmp_path)


def test_an_empty_file_stops_the_start_too(tmp_path: Path) -> None:
    (tmp_path / KEY_NAME).write_text("")
    with pytest.raises(Invalid):
        open_cipher(tmp_path)
