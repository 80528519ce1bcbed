"""The drills of docs/runbook.md on running processes: keys and secrets change, a back-up comes back.

Revoking a compromised agent is drilled in test_runbook_revoke.py, rolling back in test_runbook_versions.py, the key of
replicas in test_runbook_replicas.py.
"""

import json
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.docs.drills import LIGHT, give, intact, sent, status, succeeds
from tests.support.backends import Backend
from tests.support.commands import run_command
from tests.support.logs import pytest_runtest_makereport, pytest_runtest_setup  # noqa: F401  # hooks
from tests.support.registry import Registry, serving

PASSWORD = "a password that the backend wants"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, backend: Backend) -> Iterator[Registry]:
    with serving(tmp_path_factory.mktemp("runbook"), LIGHT) as started:
        succeeds(started.command("register", backend.url, "--path", "desk"))
        yield started


def test_a_backends_secret_and_the_key_that_seals_it_are_rotated(registry: Registry, tmp_path: Path) -> None:
    give(registry, tmp_path, f"old-{PASSWORD}".replace(" ", "-"))
    assert sent(registry).startswith("Bearer old-")
    give(registry, tmp_path, f"new-{PASSWORD}".replace(" ", "-"))
    assert sent(registry).startswith("Bearer new-")
    keys = (registry.data / "secret.key").read_bytes()
    succeeds(registry.command("credential", "rotate-key"))
    assert (registry.data / "secret.key").read_bytes() != keys
    assert sent(registry).startswith("Bearer new-")
    registry.restart()
    assert sent(registry).startswith("Bearer new-")


def test_the_operators_token_is_rotated_by_a_restart(registry: Registry) -> None:
    old, new = registry.token, "operator-" + secrets.token_urlsafe(32)
    registry.env["AIREGISTRY_ADMIN_TOKEN"] = new
    registry.restart()
    assert (status(registry, old), status(registry, new)) == (401, 200)
    registry.token = new


def test_a_clients_secret_is_rotated_and_the_old_one_is_good_for_nothing(registry: Registry) -> None:
    def answered(secret: str) -> int:
        form = {"grant_type": "client_credentials", "client_id": "nightly", "client_secret": secret}
        resource = {"resource": registry.gateway("desk")}
        return httpx2.post(f"{registry.url}/token", data={**form, **resource}, trust_env=False).status_code

    old, new = (
        json.loads(succeeds(registry.command("client", "add", "nightly", *more, "--json")))["client_secret"]
        for more in ([], ["--rotate-secret"])
    )
    assert (answered(old), answered(new)) == (401, 200)


def test_the_key_of_the_trail_is_rotated_and_the_trail_holds(registry: Registry) -> None:
    assert "signs now" in registry.command("audit", "rotate-key").stderr
    assert intact(registry)


def test_a_back_up_is_restored_and_what_came_after_it_is_undone(registry: Registry, tmp_path: Path) -> None:
    token = json.loads(succeeds(registry.command("token", "create", "before", "--json")))["token"]
    registry.process.stop()
    env = {"HOME": registry.env["HOME"], "AIREGISTRY_DATA": str(registry.data)}
    file, new = tmp_path / "backup.gz", tmp_path / "new"
    try:
        succeeds(run_command("data", "export", str(file), env=env))
    finally:
        registry.start()
    succeeds(registry.command("delete", "desk", "--yes"))

    succeeds(run_command("data", "verify", str(file), env=env))
    new.mkdir(mode=0o700)
    shutil.copy(registry.data / "secret.key", new / "secret.key")
    succeeds(run_command("data", "import", str(file), "--data", str(new), env=env))
    restored = Registry(tmp_path, LIGHT)
    restored.data = new
    try:
        restored.start()
        listed = json.loads(succeeds(restored.command("list", "--json")))["services"]
        assert [each["path"] for each in listed] == ["desk"]
        assert sent(restored).startswith("Bearer new-"), "sealed secrets open with the key that was carried over"
        assert restored.command("whoami", "--json", token=token).returncode == 0
        assert intact(restored)
    finally:
        restored.close()
