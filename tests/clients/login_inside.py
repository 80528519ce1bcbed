"""Real clients log in: a person's browser, the registry's own authorization server, local users and a real provider.

`test_clients.py` runs these tests without any network but loopback. Of two clients by four ways to be known, the
everyday suite has each client and each way; `.ci/full` has all eight.
"""

import http.server
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.clients.codex import app_server
from tests.clients.pages import blocks
from tests.clients.terminal import Terminal
from tests.oauth.providers.op import CLIENT, SECRET, Op, person, require_op
from tests.support import node
from tests.support.browser import Browser
from tests.support.processes import free_port
from tests.support.registry import Registry, serving

PASSWORD = "a long enough password"
URL = r"(https?://\S+/authorize\?\S+)"
DONE = r"(?i)(authenticat|success|logged in)"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry with one local user."""
    with serving(tmp_path_factory.mktemp("registry"), {"AIREGISTRY_ADMIN_PASSWORD": PASSWORD}) as started:
        yield started


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry with one local user, which takes client documents from loopback."""
    env = {"AIREGISTRY_ADMIN_PASSWORD": PASSWORD, "AIREGISTRY_CLIENT_DOCUMENT_LOOPBACK": "true"}
    with serving(tmp_path_factory.mktemp("documented"), env) as started:
        yield started


@pytest.fixture(scope="module")
def federated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Registry, Op]]:
    """A registry whose persons log in at a provider, which is the real thing: npm `oidc-provider`."""
    require_op()
    registry = Registry(tmp_path_factory.mktemp("federated"))
    op = Op(tmp_path_factory.mktemp("op"), registry.url)
    issuer = op.add("corp", "/corp", {"alice": person({"groups": ["administrators"], "name": "Alice"})})
    provider = {"name": "corp", "profile": "oidc", "issuer": issuer, "client_id": CLIENT, "client_secret": SECRET}
    registry.env["AIREGISTRY_IDENTITY_PROVIDERS"] = json.dumps([provider])
    try:
        op.start()
        registry.start()
        yield registry, op
    finally:
        registry.close()
        op.stop()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The client's home."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@contextmanager
def terminal(home: Path, registry: Registry, *command: str, **more: str) -> Iterator[Terminal]:
    """A client's command in a terminal."""
    env = {**node.env(home), "AIREGISTRY_URL": registry.url, **more}
    del env["CI"]
    env["TERM"] = "xterm"
    running = Terminal(command, env, home)
    try:
        yield running
    finally:
        running.close()


def run(home: Path, registry: Registry, *command: str, **more: str) -> str:
    """A client's command to its end; what it printed."""
    with terminal(home, registry, *command, **more) as running:
        status = running.wait_end()
        assert status == 0, running.printed
        return running.printed


def log_in(home: Path, registry: Registry, *command: str, op: Op | None = None) -> list[str]:
    """A login command to its end, and the person's part in the browser; the pages they saw."""
    with terminal(home, registry, *command) as running:
        url = running.wait_for(URL)
        at = ("corp", op.origin) if op else None
        browser = Browser(registry.url, "alice" if op else "admin", PASSWORD, provider=at)
        try:
            browser.visit(url)
        finally:
            browser.close()
        assert running.wait_end() == 0, running.printed
        assert re.search(DONE, running.printed), running.printed
        return browser.seen


@contextmanager
def client_document(redirect_uri: str) -> Iterator[str]:
    """A client metadata document on loopback; its URL, which is the client's id."""

    class Document(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            document = {
                "client_id": f"http://{self.headers['host']}/client.json", "client_name": "A client by document",
                "redirect_uris": [redirect_uri], "grant_types": ["authorization_code", "refresh_token"],
                "response_types": ["code"], "token_endpoint_auth_method": "none", "application_type": "native",
            }  # fmt: skip
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return None

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Document)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/client.json"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def registered_client(registry: Registry, redirect_uri: str) -> str:
    """A public client made by an administrator."""
    made = registry.cli("client", "add", "the-desk", "--redirect-uri", redirect_uri)
    assert made.returncode == 0, made.stderr
    return "the-desk"


def test_claude_code_logs_in_by_the_command_of_its_page(registry: Registry, home: Path) -> None:
    run(home, registry, "sh", "-e", "-c", blocks("claude-code", "sh")[0])
    assert "authenticat" in run(home, registry, "claude", "mcp", "list").lower()
    seen = log_in(home, registry, "claude", "mcp", "login", "airegistry", "--no-browser")
    assert [path for path in seen if path in {"/login", "/consent"}][:1] == ["/login"]
    assert seen[-1] == "/consent"
    assert "Connected" in run(home, registry, "claude", "mcp", "list")


@pytest.mark.slow
def test_claude_code_logs_in_as_a_registered_client(registry: Registry, home: Path) -> None:
    port = free_port()
    client_id = registered_client(registry, f"http://localhost:{port}/callback")
    add = ("claude", "mcp", "add", "--transport", "http", "--client-id", client_id, "--callback-port", str(port))
    run(home, registry, *add, "airegistry", registry.mcp)
    log_in(home, registry, "claude", "mcp", "login", "airegistry", "--no-browser")
    assert "Connected" in run(home, registry, "claude", "mcp", "list")


def test_claude_code_logs_in_as_the_client_of_a_document(documented: Registry, home: Path) -> None:
    port, registry = free_port(), documented
    with client_document(f"http://localhost:{port}/callback") as client_id:
        add = ("claude", "mcp", "add", "--transport", "http", "--client-id", client_id, "--callback-port", str(port))
        run(home, registry, *add, "airegistry", registry.mcp)
        log_in(home, registry, "claude", "mcp", "login", "airegistry", "--no-browser")
        assert "Connected" in run(home, registry, "claude", "mcp", "list")


def test_claude_code_logs_in_through_an_identity_provider(federated: tuple[Registry, Op], home: Path) -> None:
    registry, op = federated
    run(home, registry, "sh", "-e", "-c", blocks("claude-code", "sh")[0])
    log_in(home, registry, "claude", "mcp", "login", "airegistry", "--no-browser", op=op)
    assert "Connected" in run(home, registry, "claude", "mcp", "list")


@pytest.mark.slow
def test_codex_logs_in_through_an_identity_provider_and_calls_a_tool(
    federated: tuple[Registry, Op], home: Path
) -> None:
    registry, op = federated
    log_in(home, registry, "sh", "-e", "-c", blocks("codex", "sh")[0], op=op)
    calls_a_tool(registry, home)


def calls_a_tool(registry: Registry, home: Path) -> None:
    """Codex calls a tool with the login it has."""
    with app_server(["codex", "app-server"], node.env(home), home / "codex.err") as codex:
        found = codex.call_tool("airegistry", "healthcheck", {})
        assert found["structuredContent"]["status"] == "ok"


def test_codex_logs_in_by_the_command_of_its_page_and_calls_a_tool(registry: Registry, home: Path) -> None:
    log_in(home, registry, "sh", "-e", "-c", blocks("codex", "sh")[0])
    calls_a_tool(registry, home)


def codex_as(registry: Registry, home: Path, port: int, client_id: str) -> None:
    """Codex logs in as a client that it is told, which is answered at a port, and calls a tool."""
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text(f"mcp_oauth_callback_port = {port}\n")
    log_in(home, registry, "codex", "mcp", "add", "airegistry", "--url", registry.mcp, "--oauth-client-id", client_id)
    calls_a_tool(registry, home)


def test_codex_logs_in_as_a_registered_client(registry: Registry, home: Path) -> None:
    port = free_port()
    codex_as(registry, home, port, registered_client(registry, f"http://127.0.0.1:{port}/callback"))


@pytest.mark.slow
def test_codex_logs_in_as_the_client_of_a_document(documented: Registry, home: Path) -> None:
    port = free_port()
    with client_document(f"http://127.0.0.1:{port}/callback") as client_id:
        codex_as(documented, home, port, client_id)
