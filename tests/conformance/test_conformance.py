"""The official conformance suite against the product, both revisions."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support import node
from tests.support.processes import Process, free_port, listens, python_env

BASELINE = Path(__file__).parent / "expected-failures.yml"
TOLERATED = {"tasks-mrtr-composition", "http-header-validation"}
SUITE = node.MODULES / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The MCP endpoint of the product with the fixture added."""
    node.require_node()
    folder, port = tmp_path_factory.mktemp("conformance"), free_port()
    command = [sys.executable, "-m", "tests.conformance.serve", str(port), str(folder / "data")]
    process = Process(command, folder / "conformance.log", python_env({"HOME": str(folder)}))
    try:
        process.wait_until(lambda: listens(port))
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.close()


@pytest.mark.node
@pytest.mark.parametrize("revision", ["2026-07-28", "2025-11-25"])
def test_every_required_scenario_passes(url: str, revision: str, tmp_path: Path) -> None:
    arguments = ["server", "--url", url, "--requirements", revision, "--expected-failures", str(BASELINE)]
    suite = subprocess.run(
        [node.NODE, SUITE, *arguments, "--output-dir", tmp_path / "results"],
        env=node.env(tmp_path), cwd=tmp_path, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert suite.returncode == 0, suite.stdout[suite.stdout.find("=== SUMMARY") :] + suite.stderr


def test_the_baseline_tolerates_nothing_new() -> None:
    baseline = yaml.safe_load(BASELINE.read_text())
    assert baseline.keys() == {"server"}
    assert set(baseline["server"]) <= TOLERATED
