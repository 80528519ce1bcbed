"""`airegistry setup verify` against a registry that runs: ready, or what is not; a demo leaves nothing behind."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import run_command
from tests.support.processes import ROOT, Process, free_port, listens, python_env
from tests.support.registry import Registry, serving

Json = dict[str, Any]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with serving(tmp_path_factory.mktemp("verify"), {"AIREGISTRY_EMBEDDER": "none"}) as started:
        yield started


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The MCP server that the docs name for it."""
    port = free_port()
    weather = [sys.executable, str(ROOT / "examples" / "weather.py"), str(port)]
    process = Process(weather, tmp_path_factory.mktemp("demo") / "log", python_env({}))
    process.wait_until(lambda: listens(port))
    yield f"http://127.0.0.1:{port}/mcp"
    process.close()


def checks(text: str) -> dict[str, Json]:
    return {row["id"]: row for row in json.loads(text)["checks"]}


def test_a_registry_is_ready_and_the_demo_is_gone_afterwards(registry: Registry, demo: str) -> None:
    ran = registry.command(
        "setup", "verify", "--demo", demo, "--demo-arg", "city=Bern", "--demo-tool", "get_forecast", "--json"
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = checks(ran.stdout)
    assert found["verify.demo"]["saw"].endswith("called, removed")
    assert found["verify.closed"]["verdict"] == found["verify.login"]["verdict"] == "ok"
    assert found["verify.scopes"]["verdict"] == "warn", "only administrators have rights in a new registry"
    assert json.loads(registry.command("list", "--json").stdout)["services"] == []
    assert "the registry is ready" in ran.stderr


def test_a_provider_that_cannot_be_reached_makes_it_not_ready(registry: Registry) -> None:
    added = registry.command(
        "provider", "add", "corp", "registry", "--issuer", f"http://127.0.0.1:{free_port()}", "--auth-method", "none"
    )
    assert added.returncode == 0, added.stderr
    try:
        ran = registry.command("setup", "verify")
        assert ran.returncode == 1
        assert "/login/corp answers 502" in ran.stdout
        assert "the registry is not ready: identity.providers, verify.login" in ran.stderr
        assert "airegistry provider test" in ran.stderr
    finally:
        registry.command("provider", "remove", "corp", "--yes")


def test_without_a_token_what_anybody_sees_is_checked_and_the_rest_is_not_ready(registry: Registry) -> None:
    ran = registry.command("setup", "verify", "--json", token="x" * 40)
    found = checks(ran.stdout)
    assert ran.returncode == 1
    assert found["verify.closed"]["verdict"] == "ok"
    assert found["verify.search"]["verdict"] == "fail"


def test_a_dry_run_asks_nobody(registry: Registry, tmp_path: Path) -> None:
    ran = registry.command("setup", "verify", "--dry-run", "--url", "http://127.0.0.1:1", "--json")
    assert ran.returncode == 0
    assert {row["verdict"] for row in checks(ran.stdout).values()} == {"skip"}


def test_the_token_of_a_profile_goes_to_no_other_registry(registry: Registry, tmp_path: Path) -> None:
    outputs, token = tmp_path / "outputs.json", tmp_path / "token"
    outputs.write_text(json.dumps({"url": {"value": registry.url}}))
    token.write_text(registry.token)
    token.chmod(0o600)
    env = {"HOME": str(tmp_path)}
    made = run_command("profile", "set", "other", "http://127.0.0.1:1", "--token-file", str(token), env=env)
    assert made.returncode == 0, made.stderr
    used = run_command("profile", "use", "other", env=env)
    assert used.returncode == 0, used.stderr
    ran = run_command("setup", "verify", "--outputs", str(outputs), "--json", env=env)
    assert checks(ran.stdout)["verify.search"]["verdict"] == "fail", "it would do, with the token"
