"""The connection, and what every client command ends with when it fails."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.registry import TOKEN, FakeRegistry


@contextmanager
def web(status: int, content_type: str, body: str) -> Iterator[str]:
    """A web server that gives every POST one answer; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            sent = body.replace("ID", str(request["id"])).encode()
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(sent)))
            self.send_header("Location", "https://elsewhere.example.org/")
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


@pytest.fixture
def nobody() -> str:
    """The URL of a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_the_url_of_the_registry_comes_from_the_option_before_the_environment(
    fake: FakeRegistry, run: Run, monkeypatch: pytest.MonkeyPatch, nobody: str
) -> None:
    fake.says({"services": []})
    monkeypatch.setenv("AIREGISTRY_URL", nobody)
    assert run("list", "--url", fake.url).status == 0
    assert run("list").status == 4


@pytest.mark.parametrize("suffix", ["/", "/mcp", "/mcp/"])
def test_the_url_of_the_mcp_endpoint_is_understood_too(fake: FakeRegistry, run: Run, suffix: str) -> None:
    fake.says({"services": []})
    assert run("list", "--url", fake.url + suffix).status == 0


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example.org",
        "a.example.org",
        "http://",
        "http://[::1",
        "http://a:99999",
        "http://a\u202e/?q",
        "http://\u2603",
    ],
)
def test_a_url_that_is_none_is_a_usage_error(run: Run, url: str) -> None:
    ran = run("list", "--url", url)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("error: `")


def test_a_password_in_the_url_is_refused_and_not_repeated(run: Run) -> None:
    ran = run("list", "--url", "http://me:swordfish@127.0.0.1:8080")
    assert (ran.status, ran.out) == (2, "")
    assert "swordfish" not in ran.err


def test_an_unreachable_registry_ends_with_4_and_says_how_to_reach_one(run: Run, nobody: str) -> None:
    ran = run("list", "--url", nobody)
    assert (ran.status, ran.out) == (4, "")
    assert ran.err == (
        f"error[unreachable]: no registry answers at `{nobody}`: Connection refused\n\n"
        "hint: start one with `airegistry serve`, or name another with `--url` or AIREGISTRY_URL\n"
    )


def test_a_token_that_is_not_accepted_ends_with_4(
    fake: FakeRegistry, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIREGISTRY_TOKEN", "wrong")
    ran = run("list")
    assert (ran.status, ran.out) == (4, "")
    assert ran.err.startswith(
        f"error[unauthenticated]: the registry at `{fake.url}` does not accept the token\n\nhint:"
    )
    monkeypatch.delenv("AIREGISTRY_TOKEN")
    assert f"the registry at `{fake.url}` wants a token" in run("list").err
    assert fake.calls == []


def test_the_token_may_stand_in_a_file(
    fake: FakeRegistry, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIREGISTRY_TOKEN", "wrong")
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    fake.says({"services": []})
    assert run("list", "--token-file", str(file)).status == 0


@pytest.mark.parametrize("content", [None, b"\xff\xfe", "schl\u00fcssel".encode(), b"two words"])
def test_a_token_file_that_cannot_be_used_is_a_usage_error(run: Run, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    ran = run("list", "--token-file", str(file))
    assert (ran.status, ran.out) == (2, "")
    assert "token" in ran.err
    assert "schl" not in ran.err


def test_no_command_takes_a_token_as_an_argument(run: Run) -> None:
    assert run("list", "--token", TOKEN).status == 2


def test_an_error_of_the_registry_ends_with_1_and_shows_its_code(fake: FakeRegistry, run: Run) -> None:
    fake.refuses("not_found", "no server named 'weather'")
    ran = run("show", "weather")
    assert ran == (1, "", "error[not_found]: no server named 'weather'\n")


def test_with_json_the_error_is_on_stdout_too(fake: FakeRegistry, run: Run) -> None:
    fake.refuses("access_denied", "may not call", missing=["weather-user"])
    ran = run("show", "weather", "--json")
    assert (ran.status, ran.err) == (1, "error[access_denied]: may not call\n")
    assert json.loads(ran.out) == {"code": "access_denied", "message": "may not call", "missing": ["weather-user"]}


def test_an_error_cannot_steer_the_terminal(fake: FakeRegistry, run: Run) -> None:
    fake.refuses("upstream_failed", "\x1b]0;owned\x07 \u202egnp.exe \x9b2J")
    assert run("show", "weather").err == "error[upstream_failed]: \\x1b]0;owned\\x07 \\u202egnp.exe \\x9b2J\n"


def test_a_refusal_by_http_status_keeps_its_code(run: Run) -> None:
    refusal = '{"jsonrpc":"2.0","id":ID,"error":{"code":-32001,"message":"no","data":{"code":"quarantined"}}}'
    with web(403, "application/json", refusal) as url:
        assert run("list", "--url", url) == (1, "", "error[quarantined]: no\n")


@pytest.mark.parametrize(
    ("code", "shown"), [(-32602, "invalid"), (-32601, "unsupported"), (-32603, "internal"), (7, "internal")]
)
def test_a_json_rpc_error_has_a_code_of_ours(run: Run, code: int, shown: str) -> None:
    body = f'{{"jsonrpc":"2.0","id":ID,"error":{{"code":{code},"message":"no"}}}}'
    with web(200, "application/json", body) as url:
        assert run("list", "--url", url) == (1, "", f"error[{shown}]: no\n")


@pytest.mark.parametrize(
    ("status", "content_type", "body", "said"),
    [
        (404, "text/plain", "Not Found", "it answers with HTTP status 404"),
        (404, "application/json", '{"detail":"Not Found"}', "it answers with HTTP status 404"),
        (502, "text/html", "<h1>Bad Gateway</h1>", "it answers with HTTP status 502"),
        (308, "text/plain", "", "it answers with HTTP status 308"),
        (200, "text/html", "<h1>Welcome</h1>", "it answers with text/html, which is not MCP"),
        (200, "application/json", '{"jsonrpc":"2.0","id":ID,"result":[]}', "the answer does not follow MCP"),
        (200, "application/json", "{", "the answer does not follow MCP"),
        (200, "text/event-stream", "", "the connection ended before the answer"),
    ],
)
def test_what_is_no_registry_ends_with_4(run: Run, status: int, content_type: str, body: str, said: str) -> None:
    with web(status, content_type, body) as url:
        ran = run("list", "--url", url)
    assert (ran.status, ran.out) == (4, "")
    assert ran.err.startswith(f"error[unreachable]: no registry answers at `{url}`: {said}\n\nhint: ")


def test_a_result_that_wants_input_is_unsupported(run: Run) -> None:
    body = '{"jsonrpc":"2.0","id":ID,"result":{"resultType":"input_required","inputRequests":{}}}'
    with web(200, "application/json", body) as url:
        assert run("call", "a", "b", "--url", url).err.startswith("error[unsupported]: the tool asks for input")


def test_an_answer_without_structured_content_is_an_error(run: Run) -> None:
    body = '{"jsonrpc":"2.0","id":ID,"result":{"resultType":"complete","content":[]}}'
    with web(200, "application/json", body) as url:
        assert run("list", "--url", url).status == 1


def test_a_proxy_of_the_environment_is_not_asked_for_loopback(
    fake: FakeRegistry, run: Run, monkeypatch: pytest.MonkeyPatch, nobody: str
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, nobody)
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    fake.says({"services": []})
    assert run("list").status == 0
