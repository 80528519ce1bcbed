"""What real clients do with the product. `test_clients.py` runs these tests without any network but loopback.

Every client gets a throw-away home, and is configured by the commands of its page in `clients/`.
"""

import json
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.clients.codex import app_server
from tests.clients.pages import blocks
from tests.contract.acts import register
from tests.support import node
from tests.support.backends import start_python
from tests.support.registry import Registry, serving

VARIABLE = "AIREGISTRY_TOKEN"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry with the Python backend behind it as `parcels`."""
    folder = tmp_path_factory.mktemp("registry")
    backend = start_python(folder)
    try:
        with serving(folder) as started:
            anyio.run(partial(register, started, "parcels", backend.url))
            yield started
    finally:
        backend.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The client's home."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def run(home: Path, registry: Registry, *command: str, **env: str) -> str:
    """A client's command to its end; what it printed."""
    known = {**node.env(home), "AIREGISTRY_URL": registry.url, VARIABLE: registry.token, **env}
    done = subprocess.run(
        command, env=known, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def follow(page: str, home: Path, registry: Registry, **env: str) -> str:
    """Do as a page of `clients/` says; what was printed."""
    return run(home, registry, "sh", "-e", "-c", blocks(page, "sh")[-1], **env)


def test_claude_code_connects(registry: Registry, home: Path) -> None:
    follow("claude-code", home, registry)
    assert "Connected" in run(home, registry, "claude", "mcp", "list")
    assert "Connected" in run(home, registry, "claude", "mcp", "get", "airegistry")


def test_claude_code_connects_to_a_server_behind_the_gateway(registry: Registry, home: Path) -> None:
    follow("claude-code", home, registry, AIREGISTRY_URL=f"{registry.url}/parcels")
    assert "Connected" in run(home, registry, "claude", "mcp", "list")


def test_claude_code_with_a_wrong_token_does_not_connect(registry: Registry, home: Path) -> None:
    follow("claude-code", home, registry, AIREGISTRY_TOKEN="wrong" * 8)
    assert "Connected" not in run(home, registry, "claude", "mcp", "list")


def test_codex_calls_tools_without_a_model(registry: Registry, home: Path) -> None:
    follow("codex", home, registry)
    assert "Bearer token" in run(home, registry, "codex", "mcp", "list")
    url = registry.gateway("parcels")
    run(home, registry, "codex", "mcp", "add", "parcels", "--url", url, "--bearer-token-env-var", VARIABLE)
    env = {**node.env(home), VARIABLE: registry.token}
    with app_server(["codex", "app-server"], env, home / "codex.err") as codex:
        found = codex.call_tool("airegistry", "search_registry", {"query": "price of sending a parcel"})
        assert "quote_freight" in {hit["tool"] for hit in found["structuredContent"]["results"]}
        arguments = {"destination": "Oslo", "kilograms": 2}
        asked = {"server": "parcels", "tool": "quote_freight", "arguments": arguments}
        through = codex.call_tool("airegistry", "call_tool", asked)
        direct = codex.call_tool("parcels", "quote_freight", arguments)
        assert through["structuredContent"] == direct["structuredContent"] == {"destination": "Oslo", "euros": 9.0}
        refused = codex.call_tool("airegistry", "get_server_details", {"path": "no-such-server"})
        assert refused["isError"] is True
        assert refused["structuredContent"]["code"] == "not_found"


def test_inspector_follows_its_page(registry: Registry, home: Path) -> None:
    assert "search_registry" in {tool["name"] for tool in json.loads(follow("inspector", home, registry))["tools"]}


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_inspector_finds_the_tools_portable_and_calls_one(registry: Registry, home: Path, era: str) -> None:
    listed = inspect(home, registry, registry.mcp, era, "tools/list", "--strict")
    assert {"search_registry", "register_service", "call_tool"} <= {tool["name"] for tool in listed["tools"]}
    query = ("--tool-name", "search_registry", "--tool-arg", "query=price of sending a parcel")
    found = inspect(home, registry, registry.mcp, era, "tools/call", *query)
    assert "quote_freight" in {hit["tool"] for hit in found["structuredContent"]["results"]}


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_inspector_reaches_a_server_through_the_gateway(registry: Registry, home: Path, era: str) -> None:
    url = registry.gateway("parcels")
    listed = inspect(home, registry, url, era, "tools/list")
    assert "quote_freight" in {tool["name"] for tool in listed["tools"]}
    call = ("--tool-name", "add", "--tool-arg", "a=2", "b=3")
    assert inspect(home, registry, url, era, "tools/call", *call)["structuredContent"] == {"result": 5}


def inspect(home: Path, registry: Registry, url: str, era: str, method: str, *options: str) -> dict[str, Any]:
    """What the Inspector's command line prints."""
    server = ("--server-url", url, "--transport", "http", "--protocol-era", era)
    header = ("--header", f"Authorization: Bearer {registry.token}")
    printed = run(home, registry, "mcp-inspector", "--cli", *server, *header, "--method", method, *options)
    answer: dict[str, Any] = json.loads(printed)
    return answer
