"""The official suite's authorization server scenarios against the product, a person at the browser."""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.test_conformance import SUITE
from tests.support import node
from tests.support.browser import Browser
from tests.support.oauth import OAuthClient
from tests.support.processes import free_port
from tests.support.registry import Registry, serving

PASSWORD = "a long enough password"
pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry with one user, which offers client documents."""
    node.require_node()
    env = {"AIREGISTRY_ADMIN_PASSWORD": PASSWORD, "AIREGISTRY_CLIENT_DOCUMENTS": "on"}
    with serving(tmp_path_factory.mktemp("registry"), env) as started:
        yield started


def test_every_scenario_passes(registry: Registry, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "suite.log"
    client = OAuthClient.registered(registry.url, f"http://127.0.0.1:{port}/callback")
    told = ["--client-id", client.client_id, "--port", str(port), "--resource", registry.mcp]
    command = [str(node.NODE), str(SUITE), "authorization", "--url", registry.url, *told, "--verbose"]
    browser = Browser(registry.url, "admin", PASSWORD)
    with log.open("wb") as output:
        suite = subprocess.Popen(command, env=node.env(tmp_path), cwd=tmp_path, stdout=output, stderr=output)
    try:
        browser.visit(_printed(log, rf"({re.escape(registry.url)}/authorize\?\S+)"))
        assert suite.wait(60) == 0, log.read_text()
    finally:
        suite.kill()
        suite.wait(10)
        browser.close()
    said = log.read_text()
    assert "Total: 3 passed, 0 failed" in said, said
    assert "WARNING" not in said, said


def _printed(log: Path, pattern: str) -> str:
    """What the suite prints, as soon as it is there."""
    deadline = time.monotonic() + 60
    while not (found := re.search(pattern, log.read_text())):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    return found[1]
