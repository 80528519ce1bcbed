"""What fails a test that logs a secret: it has to be able to."""

import logging
import secrets
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.secret_watch import SecretWatch


@pytest.fixture
def watch() -> Iterator[SecretWatch]:
    """A watch that is told by the test alone."""
    made = SecretWatch(lambda: ())
    mint = secrets.token_urlsafe
    made.start()
    logging.getLogger().removeHandler(made)
    yield made
    secrets.token_urlsafe = mint


def says(watch: SecretWatch, message: str, *args: object) -> list[str]:
    """What it finds wrong with one record."""
    watch.handle(logging.LogRecord("airegistry.x", logging.DEBUG, "file.py", 1, message, args, None))
    return watch.complaints()


def test_ordinary_records_are_fine(watch: SecretWatch) -> None:
    assert says(watch, "request %s took %d ms", "0af7651916cd43dd8448eb211c80319c", 3) == []


def test_a_secret_that_was_made_meanwhile_is_found_inside_a_longer_word(watch: SecretWatch) -> None:
    token = f"operator-{secrets.token_urlsafe(32)}"
    assert len(says(watch, "refused %s", f"x={token}!")) == 1
    assert says(watch, "refused %s", token[:20]) == []


def test_what_a_test_module_calls_a_secret_is_found(watch: SecretWatch) -> None:
    module = types.ModuleType("tests.some")
    vars(module).update(PASSWORD="correct-horse-battery", TOKEN="short", COLOUR="ultramarine-blue")
    watch.know_those_of(module)
    assert len(says(watch, "login with correct-horse-battery")) == 1
    assert says(watch, "short ultramarine-blue") == []


@pytest.mark.parametrize(
    "secret",
    [
        "air_0123456789abcdef_" + "x" * 43, "airr_family." + "x" * 30, "whsec_" + "A" * 32,
        "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl", "-----BEGIN EC PRIVATE KEY-----",
        "authorization: Bearer abcdefghijklmnopqrstuvwxyz",
    ],
)  # fmt: skip
def test_what_has_the_form_of_a_secret_is_found(watch: SecretWatch, secret: str) -> None:
    assert len(says(watch, "see: %s", secret)) == 1


def test_what_registries_print_is_looked_at_once_but_for_what_they_show_at_first(tmp_path: Path) -> None:
    log = tmp_path / "registry.log"
    token = "air_0123456789abcdef_" + "x" * 43
    log.write_text(f"administrator's token, shown this once: {token}\n", encoding="utf-8")
    watch = SecretWatch(lambda: [log, tmp_path / "gone.log"])
    assert watch.complaints() == []
    with log.open("a", encoding="utf-8") as file:
        file.write(f"2026-11-20 ERROR somebody logs {token}\n")
    assert len(watch.complaints()) == 1
    assert watch.complaints() == []
