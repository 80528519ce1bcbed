"""The inventory of routes: what of the composed application anybody gets without a token is on a short list."""

import re
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from airegistry.app import App, running
from airegistry.front import Front
from airegistry.gateway.open import Gateways
from airegistry.oauth.authenticate import Authenticate
from airegistry.oauth.resources import Resources
from airegistry.rest.app import routes
from airegistry.rest.twins import COLLECTIONS, TWINS
from airegistry.settings import load
from tests.support.rounds import examples

pytestmark = pytest.mark.anyio
TOKEN = "operator-" + "t" * 32
OPEN = {
    "/healthz",
    "/readyz",
    "/.well-known/airegistry-client.json",
    "/.well-known/jwks.json",
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/{path:path}",
}
"""Anybody may read these."""
LOGIN = {
    "/authorize": {"GET": 400, "HEAD": 400, "POST": 400},
    "/token": {"POST": 400},
    "/register": {"POST": 400},
    "/revoke": {"POST": 400},
    "/introspect": {"POST": 400},
    "/login": {"GET": 200, "HEAD": 200, "POST": 400},
    "/login/{provider}": {"GET": 404, "HEAD": 404},
    "/callback/{provider}": {"GET": 404, "HEAD": 404},
    "/logout": {"GET": 200, "HEAD": 200, "POST": 400},
    "/logout/{provider}": {"POST": 400},
    "/device": {"GET": 200, "HEAD": 200, "POST": 400},
    "/device_authorization": {"POST": 400},
    "/consent": {"GET": 400, "HEAD": 400, "POST": 400},
    "/account": {"GET": 401, "HEAD": 401},
    "/account/applications": {"POST": 400},
    "/account/sessions": {"POST": 400},
    "/account/password": {"GET": 401, "HEAD": 401, "POST": 400},
    "/account/second-factor": {"GET": 401, "HEAD": 401, "POST": 400},
    "/account/second-factor/confirm": {"POST": 400},
    "/account/second-factor/off": {"POST": 400},
    "/account/connections": {"GET": 401, "HEAD": 401},
    "/account/connections/connect": {"GET": 401, "HEAD": 401, "POST": 400},
    "/account/connections/disconnect": {"POST": 400},
    "/oauth/callback": {"GET": 400, "HEAD": 400},
    "/ui/assets/{file}": {"GET": 404, "HEAD": 404},
}
"""These find out themselves who is there; what somebody gets who sends nothing. Every other method is 405."""
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY", "get"]
Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Answer:
    """Status, headers and body."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


async def ask(
    app: App, method: str, target: str, headers: Headers = (), *, host: bytes = b"127.0.0.1:8080", body: bytes = b""
) -> Answer:
    """Ask as uvicorn would: `target` is the path as it stands on the request line."""
    path, _, query = target.partition("?")
    sent: list[Message] = []
    asked = False

    async def receive() -> Message:
        nonlocal asked
        if asked:
            return {"type": "http.disconnect"}
        asked = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": unquote_to_bytes(path).decode("utf-8", "replace"), "raw_path": path.encode(),
        "query_string": query.encode(), "root_path": "", "headers": [(b"host", host), *headers],
        "client": ("127.0.0.1", 50_000), "server": ("127.0.0.1", 8080),
    }  # fmt: skip
    with anyio.fail_after(5):
        await app.asgi(scope, receive, send)
    parts = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(sent[0]["status"], dict(sent[0]["headers"]), parts)


def bearer(token: str = TOKEN) -> tuple[bytes, bytes]:
    return b"authorization", f"Bearer {token}".encode()


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """For the module: one application serves all of these tests."""
    return "asyncio"


@pytest.fixture(scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[App]:
    """A composed registry over an empty data folder."""
    folder: Path = tmp_path_factory.mktemp("routes")
    async with AsyncExitStack() as stack:
        chosen = load(data=folder / "data", admin_token=TOKEN, embedder="none", port=8080, host="127.0.0.1")
        yield await stack.enter_async_context(running(chosen))


def an_instance(template: str) -> str:
    """A path that a template serves."""
    return re.sub(r"\{[^}]*\}", "weather", template)


async def test_every_path_that_is_served_is_in_the_inventory(app: App) -> None:
    assert {"/mcp", "/airegistry-tools/mcp", "/{server}/mcp", "/{server}@{version}/mcp", "/healthz"} <= set(app.paths)
    assert {"/scim/v2", "/scim/v2/{path:path}"} <= set(app.paths)
    assert {"/api/v1/federation/changes", "/api/v1/federation/assets"} <= set(app.paths)
    assert {f"{prefix}/{path}" for prefix in ("/v0.1", "/v0") for path in ("servers", "publish")} <= set(app.paths)
    assert set(app.paths) >= OPEN
    assert set(app.paths) >= LOGIN.keys()


@pytest.mark.parametrize("method", METHODS)
async def test_without_a_token_nothing_is_served_but_what_is_on_the_list(app: App, method: str) -> None:
    for template in app.paths:
        answer = await ask(app, method, an_instance(template))
        if template in OPEN:
            assert answer.status == (200 if method in {"GET", "HEAD"} else 405), template
        elif template in LOGIN:
            assert answer.status == LOGIN[template].get(method, 405), (template, answer.status)
            assert b"weather" not in answer.body
        else:
            assert answer.status == 401, template
            assert b"resource_metadata=" in answer.headers[b"www-authenticate"]
            assert b"weather" not in answer.body


async def test_without_a_token_no_route_of_the_api_is_served_whatever_its_method(app: App) -> None:
    assert {"/api/v1/{path:path}", "/api/docs", "/api/docs/{file}"} <= set(app.paths)
    rows = {an_instance(twin.path.replace("{kinds}", place)) for twin in TWINS for place in COLLECTIONS.values()}
    for path in ("/events", "/openapi.json", "/federation/changes", "/federation/assets", *sorted(rows)):
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            answer = await ask(app, method, f"/api/v1{path}", [(b"content-type", b"application/json")], body=b"{}")
            assert answer.status == 401, (method, path)
            assert b"/.well-known/oauth-protected-resource/api" in answer.headers[b"www-authenticate"]


async def test_what_anybody_may_read_tells_nothing_of_the_catalog(app: App) -> None:
    health = await ask(app, "GET", "/healthz")
    absent, present = [
        await ask(app, "GET", f"/.well-known/oauth-protected-resource/{path}/mcp") for path in ("absent", "weather")
    ]
    assert health.body == b'{"status":"ok"}'
    assert absent.body.replace(b"absent", b"weather") == present.body


ODD = [
    "//mcp", "/mcp/", "/mcp//", "/%6dcp", "/%6Dcp", "/mcp%2f", "/mcp%00", "/api/../mcp", "/.well-known/../mcp",
    "/.well-known/mcp", "/.well-known/x/mcp", "/.well-known/airegistry-tools/mcp", "/healthz/../mcp", "/healthz/mcp",
    "/healthz%2f..%2fmcp", "/readyz/../airegistry-tools/mcp", "/foo@1/mcp", "/foo%401/mcp", "/foo%2fmcp", "/a/b/mcp",
    "/a%2fb/mcp", "/weather/mcp/", "/weather//mcp", "/;/mcp", "/mcp;x", "/mcp?x=/healthz", "/mcp?/.well-known/", "/MCP",
    "/airegistry-tools//mcp", "/airegistry-tools/mcp/", "/airegistry-tools%2fmcp", "/%2e%2e/mcp", "/%252e/mcp", "/",
    "", "*", "/\\mcp", "/.well-known%2f..%2fmcp", "/.well-known/%2e%2e/mcp", "/api", "/v0.1/servers", "/docs",
    "/metrics", "/openapi.json", "/favicon.ico", "/messages", "/sse", "/agents/a", "/weather/sse", "/\u00ad/mcp",
    "/m\u0441p",
]  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
async def test_no_odd_spelling_of_a_path_is_served_without_a_token(app: App, method: str) -> None:
    for path in ODD:
        answer = await ask(app, method, path, [(b"content-type", b"application/json")], body=b"{}")
        assert answer.status in {401, 403, 404, 405}, path
        if not path.startswith("/.well-known"):
            assert answer.status == 401, path


INITIALIZE = (
    b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},'
    b'"clientInfo":{"name":"x","version":"1"}}}'
)
JSON = [(b"content-type", b"application/json"), (b"accept", b"application/json, text/event-stream")]


async def test_a_token_opens_the_tools_at_both_of_their_paths_and_at_no_other_spelling(app: App) -> None:
    for path in ("/mcp", "/airegistry-tools/mcp"):
        assert (await ask(app, "POST", path, [bearer(), *JSON], body=INITIALIZE)).status == 200, path
    for path in ODD:
        if unquote_to_bytes(path.partition("?")[0]).removesuffix(b"/") in {b"/mcp", b"/airegistry-tools/mcp"}:
            continue
        answer = await ask(app, "POST", path, [bearer(), *JSON], body=INITIALIZE)
        assert answer.status in {404, 405}, path
        assert b"serverInfo" not in answer.body


SEGMENTS = [
    "mcp",
    "api",
    "..",
    ".",
    "",
    "healthz",
    "readyz",
    ".well-known",
    "airegistry-tools",
    "weather",
    "%2f",
    "%2e%2e",
]
SEGMENTS += ["oauth-protected-resource", "weather@1", "%6dcp", "x y", "ü", "%00", "%ff"]


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=5), st.sampled_from(["GET", "POST", "DELETE"]))
def test_no_path_at_all_leads_an_anonymous_caller_to_a_tool_or_a_server(segments: list[str], method: str) -> None:
    """Driven in a loop of its own: what is decided before the application needs no running one."""

    async def reach() -> None:
        reached: list[str] = []
        guarded = _outside(reached)
        answer = await ask(guarded, method, "/" + "/".join(segments), JSON, body=INITIALIZE)
        assert answer.status in {200, 401, 404, 405}
        assert reached == []

    with ThreadPoolExecutor(1) as pool:  # a fixture may have a loop running in this thread
        pool.submit(anyio.run, reach).result()


class Nobody:
    """Tokens of which none holds."""

    async def resolve(self, token: str, resource: str) -> None:
        return None

    def alive(self, token: str, resource: str) -> bool:
        return False

    def holder(self, token: str, resource: str) -> None:
        return None


def _outside(reached: list[str]) -> App:
    """The layers an anonymous request meets, around applications that only say that they were reached."""

    async def inside(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    front = Front(inside, Gateways(inside, inside), routes(lambda: True))
    return App(Authenticate(front, Nobody(), Resources("http://127.0.0.1:8080")), [], None, None, None, None)  # type: ignore[arg-type]  # only its ASGI application is asked


@pytest.mark.parametrize(
    "headers",
    [
        [bearer(), bearer()],
        [bearer(), bearer("x" * 40)],
        [bearer("x" * 40), bearer()],
        [(b"authorization", b"Basic b3A6b3A=")],
        [(b"authorization", b"")],
        [(b"x-api-key", TOKEN.encode())],
        [(b"cookie", b"authorization=" + TOKEN.encode())],
    ],
)
async def test_tokens_given_twice_or_otherwise_do_not_count(app: App, headers: Headers) -> None:
    for path in ("/mcp", "/weather/mcp", "/api/x"):
        assert (await ask(app, "POST", path, [*headers, *JSON], body=INITIALIZE)).status == 401


async def test_a_token_in_the_url_does_not_count(app: App) -> None:
    assert (await ask(app, "POST", f"/mcp?access_token={TOKEN}", JSON, body=INITIALIZE)).status == 401


@pytest.mark.parametrize("host", [b"evil.test", b"127.0.0.1.evil.test", b"localhost.evil.test:8080", b"[::2]"])
async def test_a_host_that_is_not_ours_is_421_even_with_a_token(app: App, host: bytes) -> None:
    for path in ("/mcp", "/weather/mcp", "/healthz", "/.well-known/oauth-protected-resource"):
        assert (await ask(app, "POST", path, [bearer(), *JSON], host=host, body=INITIALIZE)).status == 421


@pytest.mark.parametrize("host", [b"127.0.0.1:8080", b"localhost:8080", b"LOCALHOST"])
async def test_both_names_of_loopback_are_ours(app: App, host: bytes) -> None:
    assert (await ask(app, "GET", "/healthz", host=host)).status == 200


@pytest.mark.parametrize("origin", [b"https://evil.test", b"null", b"http://127.0.0.1.evil.test", b"file://"])
async def test_an_origin_that_is_not_ours_is_403_even_with_a_token(app: App, origin: bytes) -> None:
    for path in ("/mcp", "/weather/mcp", "/healthz"):
        answer = await ask(app, "POST", path, [bearer(), (b"origin", origin), *JSON], body=INITIALIZE)
        assert answer.status == 403


async def test_our_own_origin_is_served(app: App) -> None:
    headers = [bearer(), (b"origin", b"http://127.0.0.1:8080"), *JSON]
    assert (await ask(app, "POST", "/mcp", headers, body=INITIALIZE)).status == 200


@pytest.mark.parametrize("path", ["/mcp", "/weather/mcp", "/healthz", "/"])
async def test_websockets_are_refused(app: App, path: str) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "websocket", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"host", b"127.0.0.1:8080"), bearer()], "subprotocols": [], "scheme": "ws",
    }  # fmt: skip
    await app.asgi(scope, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/x"])
async def test_what_is_not_built_yet_is_404_problem_details_with_a_token(app: App, path: str) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        answer = await ask(app, method, path, [bearer()])
        assert (answer.status, answer.headers[b"content-type"]) == (404, b"application/problem+json")
