"""A reader of the pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.console import Reader
from tests.support.logs import pytest_runtest_makereport, pytest_runtest_setup  # noqa: F401  # hooks
from tests.support.rounds import FULL

collect_ignore = [] if FULL else ["test_runbook_replicas.py", "test_runbook_versions.py"]
"""What full rounds have alone: many starts, and a wheel of a version before, which the history has to have."""


@pytest.fixture
def reader(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """Somebody who begins at nothing."""
    somebody = Reader(tmp_path, capsys, monkeypatch)
    yield somebody
    somebody.close()
