"""`airegistry login` against the product's own authorization server, with a person who fills in its pages."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.person import type_code
from tests.support.processes import Process, python_env, run_module
from tests.support.registry import Registry, serving

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with serving(tmp_path_factory.mktemp("login"), {"AIREGISTRY_ADMIN_PASSWORD": PASSWORD}) as started:
        yield started


def command(registry: Registry, *argv: str, decision: str = "allow") -> "subprocess.CompletedProcess[str]":
    """A command of a person without a token in the environment, whose browser answers for them."""
    env = {
        "HOME": registry.env["HOME"],
        "AIREGISTRY_URL": registry.url,
        "BROWSER": f"{sys.executable} -m tests.support.person %s &",
        "PERSON_NAME": "admin",
        "PERSON_PASSWORD": PASSWORD,
        "PERSON_DECISION": decision,
    }
    return run_module("airegistry", *argv, env=env)


def test_a_person_logs_in_administers_is_refreshed_and_logs_out(registry: Registry) -> None:
    assert "wants a token" in command(registry, "list").stderr

    ran = command(registry, "login")
    assert ran.returncode == 0, ran.stderr + registry.process.output()
    assert command(registry, "list").returncode == 0
    ran = command(registry, "scope", "put", "quotes", "--grant", '{"assets": ["parcels"]}')
    assert ran.returncode == 1
    assert ran.stderr.endswith("with the scopes `mcp mcp:admin`: `airegistry login --admin` gets one\n")

    ran = command(registry, "login", "--admin")
    assert ran.returncode == 0, ran.stderr
    assert "mcp:admin" in ran.stderr
    ran = command(registry, "scope", "put", "quotes", "--grant", '{"assets": ["parcels"]}')
    assert ran.returncode == 0, ran.stderr

    kept = Path(registry.env["HOME"]) / ".config" / "airegistry" / "logins.json"
    held = json.loads(kept.read_text())
    held[registry.mcp]["tokens"]["expires_at"] = 1.0
    kept.write_text(json.dumps(held))
    assert command(registry, "list").returncode == 0
    refreshed = kept.read_text()
    assert (
        json.loads(refreshed)[registry.mcp]["tokens"]["refresh_token"] != held[registry.mcp]["tokens"]["refresh_token"]
    )

    assert command(registry, "logout").stderr == f"logged out at `{registry.url}`\n"
    assert "wants a token" in command(registry, "list").stderr
    kept.write_text(refreshed)
    assert "does not accept the token" in command(registry, "list").stderr


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_over_ssh_a_person_logs_in_by_a_code_in_a_browser_elsewhere(
    registry: Registry, tmp_path: Path, decision: str
) -> None:
    env = {"HOME": str(tmp_path), "AIREGISTRY_URL": registry.url, "SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}
    asked = Process([sys.executable, "-m", "airegistry", "login", "--admin"], tmp_path / "login.log", python_env(env))
    asked.wait_until(lambda: "waiting for you" in asked.output())
    code = re.search(r"enter the code:  ([A-Z]{4}-[A-Z]{4})", asked.output())
    assert code is not None, asked.output()
    assert f"\n  {registry.url}/device\n" in asked.output()
    last = type_code(f"{registry.url}/device", code[1], "admin", PASSWORD, decision)
    assert last.status_code == 200, last.text
    status = asked.wait_end(30)
    if decision == "deny":
        assert status == 1
        assert "error[access_denied]" in asked.output()
        return
    assert status == 0, asked.output()
    assert asked.output().endswith(f"logged in at `{registry.url}` with `mcp mcp:admin`\n")
    assert run_module("airegistry", "token", "list", env=env).returncode == 0
    assert run_module("airegistry", "logout", env=env).returncode == 0
    assert "wants a token" in run_module("airegistry", "list", env=env).stderr


def test_a_person_who_declines_is_not_logged_in(registry: Registry) -> None:
    ran = command(registry, "login", decision="deny")
    assert ran.returncode == 1
    assert "error[access_denied]" in ran.stderr
