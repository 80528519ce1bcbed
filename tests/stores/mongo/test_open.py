"""The settings of a shared store, and a registry that runs over one."""

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from airegistry.core.documents import Document
from airegistry.core.errors import Internal, Invalid, Unsupported
from airegistry.settings import Settings
from airegistry.stores.cipher import SharedCipher
from airegistry.stores.open import open_stores

pytestmark = pytest.mark.anyio

KEY, OTHER = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def test_without_a_url_there_is_no_shared_store() -> None:
    assert Settings().shared_store is None


def test_a_shared_store_without_a_key_is_refused() -> None:
    with pytest.raises(Invalid, match="AIREGISTRY_SECRET_KEY is needed"):
        _ = Settings.model_validate({"store_url": "mongodb://127.0.0.1"}).shared_store


def test_another_database_is_refused() -> None:
    with pytest.raises(Invalid, match="mongodb://"):
        _ = Settings.model_validate({"store_url": "postgres://127.0.0.1", "secret_key": KEY}).shared_store


def test_what_is_printed_of_a_shared_store_has_no_secret_in_it() -> None:
    settings = Settings.model_validate(
        {"store_url": "mongodb://u:hunter2@h", "secret_key": KEY, "store_password": "hunter3"}
    )
    shown = repr(settings) + repr(settings.shared_store) + settings.kept_in
    assert not any(secret in shown for secret in ("hunter", KEY))


async def test_a_key_that_is_none_is_refused_before_the_database_is_asked() -> None:
    settings = Settings.model_validate({"store_url": "mongodb://127.0.0.1:9", "secret_key": "short"})
    with pytest.raises(Invalid, match="32 bytes"):
        async with open_stores(None, settings.shared_store):
            pass


def test_shared_keys_are_changed_by_the_setting_alone() -> None:
    sealed = SharedCipher([KEY]).encrypt("secret")
    both = SharedCipher([OTHER, KEY])
    assert both.decrypt(sealed) == "secret"
    assert both.outdated(sealed)
    with pytest.raises(Unsupported, match="AIREGISTRY_SECRET_KEY"):
        both.add_key()
    with pytest.raises(Internal):
        SharedCipher([OTHER]).decrypt(sealed)


async def test_two_replicas_open_one_store_and_its_secrets(url: str) -> None:
    settings = Settings.model_validate({"store_url": url, "secret_key": f"{KEY}, {OTHER}"})
    async with open_stores(None, settings.shared_store) as one, open_stores(None, settings.shared_store) as two:
        assert one.shared
        assert one.answers()
        await one.documents.put("c", "k", {"sealed": one.cipher.encrypt("secret")})
        found = await two.documents.get("c", "k")
        assert found is not None
        assert two.cipher.decrypt(str(found.body["sealed"])) == "secret"
        assert found == Document("c", "k", 1, found.body)


async def test_an_error_of_whoever_uses_the_store_stays_the_one_it_is(url: str) -> None:
    settings = Settings.model_validate({"store_url": url, "secret_key": KEY})
    with pytest.raises(ValueError, match="mine"):
        async with open_stores(None, settings.shared_store):
            raise ValueError("mine")


def test_the_driver_is_not_imported_without_a_shared_store(tmp_path: Path) -> None:
    code = (
        "import sys, airegistry.app, airegistry.stores.open; sys.exit(any('pymongo' in name for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
