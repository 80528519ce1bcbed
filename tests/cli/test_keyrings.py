"""Tokens of a login in the system's keyring, and what happens where there is none."""

import json
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import KeyringLocked, PasswordDeleteError

from airegistry.cli.keyrings import SERVICE, Keyring, system_keyring
from airegistry.cli.logins import LoginFile
from airegistry.egress.oauth_client import Held
from airegistry.egress.oauth_discovery import AuthorizationServer
from airegistry.egress.oauth_tokens import ClientCredentials, Tokens

pytestmark = pytest.mark.anyio
SERVER = "http://127.0.0.1:8080/mcp"
SECRET = "air-secret-" + "x" * 40


class Chest(KeyringBackend):
    """A keyring of this process. `longest` is what it keeps of a secret; `locked`, it opens for nobody."""

    priority = 5
    longest = 10_000
    locked = False

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # theirs
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked("locked")
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.locked:
            raise KeyringLocked("locked")
        self.kept[service, username] = password[: self.longest]

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("not there")


def held() -> Held:
    at = AuthorizationServer(resource=SERVER, issuer="i", authorization_endpoint="", token_endpoint="t")
    tokens = Tokens(access_token=SECRET, issued_at=0.0)
    return Held(server=SERVER, at=at, client=ClientCredentials(issuer="i", client_id="c"), tokens=tokens)


@pytest.fixture
def chest() -> Chest:
    return Chest()


async def test_tokens_are_in_the_keyring_and_the_file_says_only_that(tmp_path: Path, chest: Chest) -> None:
    file = LoginFile(tmp_path, SERVER, Keyring(chest))
    await file.save(held())
    assert await file.load() == held()
    assert SECRET in chest.kept[SERVICE, SERVER]
    assert json.loads((tmp_path / "logins.json").read_text()) == {SERVER: {"in": "keyring"}}
    assert file.place.startswith("the keyring (")
    await file.save(None)
    assert chest.kept == {}
    assert await file.load() is None


@pytest.mark.parametrize("way", ["locked", "cut"])
async def test_what_a_keyring_does_not_keep_is_in_the_file(tmp_path: Path, chest: Chest, way: str) -> None:
    chest.locked, chest.longest = way == "locked", 20
    file = LoginFile(tmp_path, SERVER, Keyring(chest))
    await file.save(held())
    assert await file.load() == held()
    assert file.place == f"`{tmp_path / 'logins.json'}`"


async def test_a_keyring_that_is_gone_or_locked_is_no_login(tmp_path: Path, chest: Chest) -> None:
    await LoginFile(tmp_path, SERVER, Keyring(chest)).save(held())
    assert await LoginFile(tmp_path, SERVER).load() is None
    chest.locked = True
    assert await LoginFile(tmp_path, SERVER, Keyring(chest)).load() is None


async def test_a_login_of_before_the_keyring_is_read_and_moves_at_the_next_save(tmp_path: Path, chest: Chest) -> None:
    await LoginFile(tmp_path, SERVER).save(held())
    file = LoginFile(tmp_path, SERVER, Keyring(chest))
    assert await file.load() == held()
    await file.save(held())
    assert SECRET not in (tmp_path / "logins.json").read_text()


def test_a_keyring_that_is_not_safe_is_not_used(chest: Chest) -> None:
    before = keyring.get_keyring()
    try:
        keyring.set_keyring(NoKeyring())  # type: ignore[no-untyped-call]  # theirs
        assert system_keyring() is None
        keyring.set_keyring(chest)
        found = system_keyring()
        assert found is not None
        found.forget("nothing")
    finally:
        keyring.set_keyring(before)
