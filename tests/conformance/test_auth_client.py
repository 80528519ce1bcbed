"""The official suite's `auth/*` client scenarios against the product's outgoing OAuth client."""

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conformance.auth_client import client_command
from tests.conformance.test_conformance import SUITE
from tests.support import node
from tests.support.rounds import FULL

pytestmark = pytest.mark.node


def suite(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """One run of the suite's program."""
    node.require_node()
    return subprocess.run(
        [node.NODE, SUITE, *arguments],
        env=node.env(folder),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def client(folder: Path, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A run against our client."""
    return suite(folder, "client", "--command", command, "-o", str(folder / "results"), *arguments)


def required(folder: Path, revision: str) -> list[str]:
    """The `auth/*` scenarios that a revision requires of a client."""
    listed = suite(folder, "list", "--client", "--requirements", revision).stdout.partition("never scored")[0]
    return re.findall(r"^ +- (auth/\S+)$", listed, re.MULTILINE)


@pytest.mark.timeout(300)  # some 25 runs of the suite
@pytest.mark.parametrize(("revision", "least"), [("2026-07-28", 25), ("2025-11-25", 14)][: 2 if FULL else 1])
def test_every_scenario_that_a_revision_requires_passes(revision: str, least: int, tmp_path: Path) -> None:
    scenarios = required(tmp_path, revision)
    assert len(scenarios) >= least

    def run(scenario: str) -> str:
        ran = client(tmp_path, command, "--scenario", scenario, "--spec-version", revision)
        passed = ran.returncode == 0 and "OVERALL: PASSED" in ran.stdout + ran.stderr
        return "" if passed else f"{scenario}:\n{ran.stdout}\n{ran.stderr}"

    with client_command(tmp_path) as command, ThreadPoolExecutor(2) as pool:
        failures = [failure for failure in pool.map(run, scenarios) if failure]
    assert not failures, "\n\n".join(failures)


@pytest.mark.parametrize(("name", "least"), [("backcompat", 2), ("extensions", 6)])
def test_the_older_flow_and_every_extension_pass(name: str, least: int, tmp_path: Path) -> None:
    with client_command(tmp_path) as command:
        ran = client(tmp_path, command, "--suite", name)
    said = ran.stdout + ran.stderr
    summary = said[said.find("=== SUITE SUMMARY") :]
    assert ran.returncode == 0, summary
    assert summary.count("✓ auth/") >= least
