"""A reader of the pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.console import Reader
from tests.support.logs import pytest_runtest_makereport, pytest_runtest_setup  # noqa: F401  # hooks


@pytest.fixture
def reader(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """Somebody who begins at nothing."""
    somebody = Reader(tmp_path, capsys, monkeypatch)
    yield somebody
    somebody.close()
