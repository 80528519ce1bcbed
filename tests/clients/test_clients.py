"""Real MCP clients against the product, in a network namespace that has loopback alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import node
from tests.support.processes import ROOT


@pytest.mark.node
@pytest.mark.timeout(200)
@pytest.mark.parametrize("cases_of", ["inside", "login_inside"])
def test_real_clients_work_on_loopback_alone(cases_of: str, tmp_path: Path) -> None:
    node.require_node()
    cases = [
        f"tests/clients/{cases_of}.py",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        "--basetemp",
        str(tmp_path / "inside"),
        *([] if "AIREGISTRY_TEST_ROUNDS" in os.environ else ["-m", "not slow"]),
    ]
    run = subprocess.run(
        [*node.require_namespace(), sys.executable, "-m", "pytest", *cases],
        cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=190, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
