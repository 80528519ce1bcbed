"""The command line, and a Keycloak that answers by its published description."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import fake, run, served  # noqa: F401  # fixtures
from tests.cli.setup.fake_keycloak import PASSWORD, FakeKeycloak


@pytest.fixture
def keycloak() -> Iterator[FakeKeycloak]:
    with FakeKeycloak() as started:
        yield started


@pytest.fixture
def password(tmp_path: Path) -> Path:
    """A file with the administrator's password."""
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n", encoding="utf-8")
    return file
