"""The drills of docs/runbook.md on running processes: keys and secrets change, a back-up comes back.

Revoking a compromised agent is drilled where its skill is followed: tests/skills/test_followed.py.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import http
from tests.support.backends import Backend, start_python
from tests.support.logs import pytest_runtest_makereport, pytest_runtest_setup  # noqa: F401  # hooks
from tests.support.processes import run_module
from tests.support.registry import Registry, serving

pytestmark = pytest.mark.anyio
PASSWORD = "a password that the backend wants"


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    started = start_python(tmp_path_factory.mktemp("backend"))
    yield started
    started.close()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, backend: Backend) -> Iterator[Registry]:
    with serving(tmp_path_factory.mktemp("runbook"), {"AIREGISTRY_EMBEDDER": "none"}) as started:
        succeeds(started.cli("register", backend.url, "--path", "desk"))
        yield started


def succeeds(ran: "subprocess.CompletedProcess[str]") -> str:
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def sent(registry: Registry) -> str:
    """The credential that the backend sees."""
    answer = http.body(http.call_tool(registry.gateway("desk"), "headers", {}, token=registry.token))
    return str(answer["result"]["structuredContent"].get("authorization"))


def give(registry: Registry, folder: Path, secret: str) -> None:
    file = folder / "credential.json"
    file.write_text(json.dumps({"kind": "bearer", "token": secret}), encoding="utf-8")
    succeeds(registry.cli("credential", "set", "desk", str(file)))


def test_a_backends_secret_and_the_key_that_seals_it_are_rotated(registry: Registry, tmp_path: Path) -> None:
    give(registry, tmp_path, f"old-{PASSWORD}".replace(" ", "-"))
    assert sent(registry).startswith("Bearer old-")
    give(registry, tmp_path, f"new-{PASSWORD}".replace(" ", "-"))
    assert sent(registry).startswith("Bearer new-")
    keys = (registry.data / "secret.key").read_bytes()
    succeeds(registry.cli("credential", "rotate-key"))
    assert (registry.data / "secret.key").read_bytes() != keys
    assert sent(registry).startswith("Bearer new-")
    registry.restart()
    assert sent(registry).startswith("Bearer new-")


def test_the_key_of_the_trail_is_rotated_and_the_trail_holds(registry: Registry) -> None:
    assert "signs now" in registry.cli("audit", "rotate-key").stderr
    answer = http.body(http.call_tool(registry.mcp, "verify_audit", {}, token=registry.token))
    assert answer["result"]["structuredContent"]["intact"]


def test_a_back_up_is_restored_and_what_came_after_it_is_undone(registry: Registry, tmp_path: Path) -> None:
    token = json.loads(succeeds(registry.cli("token", "create", "before", "--json")))["token"]
    registry.process.stop()
    env = {"HOME": registry.env["HOME"], "AIREGISTRY_DATA": str(registry.data)}
    file, new = tmp_path / "backup.gz", tmp_path / "new"
    try:
        succeeds(run_module("airegistry", "data", "export", str(file), env=env))
    finally:
        registry.start()
    succeeds(registry.cli("delete", "desk", "--yes"))

    succeeds(run_module("airegistry", "data", "verify", str(file), env=env))
    new.mkdir(mode=0o700)
    shutil.copy(registry.data / "secret.key", new / "secret.key")
    succeeds(run_module("airegistry", "data", "import", str(file), "--data", str(new), env=env))
    restored = Registry(tmp_path, {"AIREGISTRY_EMBEDDER": "none"})
    restored.data = new
    try:
        restored.start()
        assert [each["path"] for each in json.loads(succeeds(restored.cli("list", "--json")))["services"]] == ["desk"]
        assert sent(restored).startswith("Bearer new-"), "sealed secrets open with the key that was carried over"
        assert restored.cli("whoami", "--json", token=token).returncode == 0
        answer = http.body(http.call_tool(restored.mcp, "verify_audit", {}, token=restored.token))
        assert answer["result"]["structuredContent"]["intact"]
    finally:
        restored.close()
