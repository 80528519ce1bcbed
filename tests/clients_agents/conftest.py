"""The agents as they lie in the tree, and the environment of the one that needs a framework."""

import os
import sys
from pathlib import Path

import pytest

from tests.support.processes import ROOT

sys.path[:0] = [str(ROOT / "clients" / "python"), str(ROOT / "clients" / "agents")]
STRANDS = Path(os.environ.get("AIREGISTRY_STRANDS", ROOT / ".cache" / "strands")) / "bin" / "python"


@pytest.fixture
def strands() -> str:
    """The Python that has Strands; skips the test with the reason where there is none."""
    if not STRANDS.exists():
        pytest.skip(f"no Strands at {STRANDS}: run .ci/install-strands")
    return str(STRANDS)
