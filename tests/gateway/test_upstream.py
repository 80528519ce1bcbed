"""One request to a backend of either era, as `call_tool` makes it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from starlette.types import Receive, Scope, Send

from airegistry.core.assets import Json, Server
from airegistry.core.errors import AirError, Unsupported, UpstreamFailed
from airegistry.core.ports import Upstream
from airegistry.egress.stream import StreamClient
from airegistry.gateway.channels.eras import Eras
from airegistry.gateway.channels.pool import Channels
from airegistry.gateway.upstream import PooledUpstream
from tests.gateway.desk import signals
from tests.gateway.stub import JSON, SSE, Stub
from tests.gateway.world import LEGACY, MODERN, World, server_at
from tests.support.asgi import serve

pytestmark = pytest.mark.anyio
both_eras = pytest.mark.parametrize("era", [MODERN, LEGACY])
INITIALIZED: Json = {"protocolVersion": LEGACY, "capabilities": {}, "serverInfo": {"name": "s", "version": "0"}}


@pytest.fixture
async def upstream(client: StreamClient) -> AsyncIterator[PooledUpstream]:
    async with pooled(client, limit=2) as upstream:
        port: Upstream = upstream
        assert port is upstream
        yield upstream


@asynccontextmanager
async def pooled(client: StreamClient, *, limit: int = 256) -> AsyncIterator[PooledUpstream]:
    async with Channels(client, Eras(client), limit=limit) as channels:
        yield PooledUpstream(channels)


def at(world: World, path: str, era: str) -> Server:
    return world.desk.standing[path].model_copy(update={"protocol_version": era})


async def call(
    upstream: PooledUpstream,
    server: Server,
    name: str,
    arguments: Json | None = None,
    *,
    owner: str | None = "ann",
    headers: dict[str, str] | None = None,
) -> Json:
    params: Json = {"name": name, "arguments": arguments or {}}
    answer = await upstream.request(server, headers or {}, "tools/call", params, timeout=5, owner=owner)
    assert answer.result is not None, answer.error
    return answer.result


@both_eras
@pytest.mark.parametrize("path", ["full", "plain"])
async def test_a_tool_answers_with_its_own_result(world: World, upstream: PooledUpstream, path: str, era: str) -> None:
    result = await call(upstream, at(world, path, era), "echo", {"text": "ü"})
    assert result["structuredContent"] == {"result": "ü"}


@both_eras
async def test_a_tool_that_reports_progress_answers_all_the_same(
    world: World, upstream: PooledUpstream, era: str
) -> None:
    result = await call(upstream, at(world, "full", era), "canary", {"text": "c"})
    assert result["structuredContent"] == {"result": "c"}


@both_eras
async def test_the_backends_own_error_is_the_answer(world: World, upstream: PooledUpstream, era: str) -> None:
    answer = await upstream.request(at(world, "full", era), {}, "no/such", {}, timeout=5, owner="ann")
    assert answer.result is None
    assert answer.error is not None
    assert answer.error["code"] == -32601


@both_eras
async def test_the_credential_of_the_backend_goes_along(world: World, upstream: PooledUpstream, era: str) -> None:
    result = await call(upstream, at(world, "full", era), "headers", headers={"Authorization": "Bearer b"})
    seen = result["structuredContent"]
    assert isinstance(seen, dict)
    assert seen["authorization"] == "Bearer b"


async def test_a_session_is_its_owners_and_nobody_elses(world: World, upstream: PooledUpstream) -> None:
    server = at(world, "full", LEGACY)

    async def count(owner: str | None, headers: dict[str, str] | None = None) -> object:
        content = (await call(upstream, server, "counter", owner=owner, headers=headers))["structuredContent"]
        assert isinstance(content, dict)
        return content["result"]

    assert [await count("ann"), await count("ann"), await count("bob"), await count("ann")] == [1, 2, 1, 3]
    assert [await count(None), await count(None)] == [1, 1]
    assert await count("ann", {"Authorization": "Bearer other"}) == 1


async def test_requests_of_one_owner_run_side_by_side(world: World, upstream: PooledUpstream) -> None:
    server = at(world, "full", LEGACY)
    seen: set[str] = set()

    async def one(number: int) -> None:
        result = await call(upstream, server, "echo", {"text": str(number)})
        assert result["structuredContent"] == {"result": str(number)}
        seen.add(str(number))

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(one, number)
    assert len(seen) == 20


async def test_an_older_backend_hears_that_nobody_waits_any_more(world: World, upstream: PooledUpstream) -> None:
    signals.reset()
    server = at(world, "full", LEGACY)
    with pytest.raises(UpstreamFailed, match=r"within 0\.5 s"):
        await upstream.request(server, {}, "tools/call", {"name": "hang"}, timeout=0.5, owner="ann")
    with anyio.fail_after(5):
        await signals.cancelled.wait()


class Old:
    """A backend of the older era, played by a stub: it forgets sessions, asks, and counts."""

    def __init__(self, stub: Stub) -> None:
        self.stub = stub
        self.started = 0
        self.forgets = 0
        self.tail: list[Json] = [{"jsonrpc": "2.0", "result": {"ok": True}}]
        stub.answer = self.answer

    @property
    def seen(self) -> list[str]:
        return [
            verb if verb != "POST" else str(json.loads(body).get("method", "reply"))
            for verb, _, body in self.stub.requests
        ]

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        verb, _, body = self.stub.requests[-1]
        message = json.loads(body) if body else {}
        status, out, extra = 200, b"", []
        if message.get("method") == "initialize":
            self.started += 1
            extra = [(b"mcp-session-id", b"s%d" % self.started)]
            out = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": INITIALIZED}).encode()
        elif verb == "POST" and "id" in message and "method" in message:
            if self.forgets:
                self.forgets -= 1
                status = 404
            else:
                extra = [SSE]
                parts = [{"id": message["id"], **part} if "result" in part else part for part in self.tail]
                out = b"".join(b"data: " + json.dumps(part).encode() + b"\n\n" for part in parts)
        kind = [] if SSE in extra else [JSON]
        await send({"type": "http.response.start", "status": status, "headers": [*kind, *extra]})
        await send({"type": "http.response.body", "body": out})


async def test_a_session_that_is_lost_is_opened_anew_once(world: World, stub: Stub, upstream: PooledUpstream) -> None:
    old = Old(stub)
    server = at(world, "stub", LEGACY)
    assert await call(upstream, server, "t") == {"ok": True}
    old.forgets = 1
    assert await call(upstream, server, "t") == {"ok": True}
    opening = ["initialize", "notifications/initialized", "tools/call"]
    assert old.seen == [*opening, "tools/call", *opening]
    assert stub.requests[-1][1]["mcp-session-id"] == "s2"
    assert stub.requests[-1][1]["mcp-protocol-version"] == LEGACY
    old.forgets = 2
    with pytest.raises(UpstreamFailed, match="loses its sessions"):
        await call(upstream, server, "t")


async def test_a_backend_that_asks_gets_an_answer(world: World, stub: Stub, upstream: PooledUpstream) -> None:
    old = Old(stub)
    old.tail = [
        {"jsonrpc": "2.0", "id": "p", "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/message"},
        {"jsonrpc": "2.0", "id": "e", "method": "elicitation/create"},
        *old.tail,
    ]
    assert await call(upstream, at(world, "stub", LEGACY), "t") == {"ok": True}
    replies = [json.loads(body) for _, _, body in stub.requests][-2:]
    assert replies[0] == {"jsonrpc": "2.0", "id": "p", "result": {}}
    assert replies[1]["error"]["code"] == -32601
    assert json.loads(stub.requests[0][2])["params"]["capabilities"] == {}


async def test_sessions_are_bounded_and_ended_when_the_pool_closes(
    world: World, stub: Stub, client: StreamClient
) -> None:
    old = Old(stub)
    server = at(world, "stub", LEGACY)
    async with pooled(client, limit=2) as upstream:
        for owner in ("a", "b", "c", None):
            await call(upstream, server, "t", owner=owner)
        ended = [headers["mcp-session-id"] for verb, headers, _ in stub.requests if verb == "DELETE"]
        assert ended == ["s1", "s4"]
    ended = [headers["mcp-session-id"] for verb, headers, _ in stub.requests if verb == "DELETE"]
    assert sorted(ended) == ["s1", "s2", "s3", "s4"]
    assert old.started == 4


async def test_a_session_in_use_is_kept_beyond_the_bound(world: World, stub: Stub, client: StreamClient) -> None:
    signals.reset()
    async with pooled(client, limit=0) as upstream:
        Old(stub)
        async with anyio.create_task_group() as group:
            group.start_soon(call, upstream, at(world, "full", LEGACY), "paced")
            # The second request finds the first one's session busy, and ends its own only.
            await call(upstream, at(world, "stub", LEGACY), "t")
            signals.go.set()
        assert [verb for verb, _, _ in stub.requests].count("DELETE") == 1


async def test_a_backend_that_is_gone_ends_its_sessions_all_the_same(world: World, client: StreamClient) -> None:
    stub = Stub()
    Old(stub)
    async with pooled(client) as upstream:
        async with serve(stub) as url:
            server = server_at("gone", f"{url}/mcp", protocol_version=LEGACY)
            assert await call(upstream, server, "t") == {"ok": True}
        with pytest.raises(UpstreamFailed):
            await call(upstream, server, "t")


async def test_nobody_is_left_to_hear_a_cancellation(world: World, client: StreamClient) -> None:
    stub = Stub()
    old = Old(stub)
    stopped = anyio.Event()

    async def hang(scope: Scope, receive: Receive, send: Send) -> None:
        if b'"notifications/cancelled"' in stub.requests[-1][2]:
            await send({"type": "http.response.start", "status": 401, "headers": [JSON]})
            await send({"type": "http.response.body", "body": b""})
            stopped.set()
        elif b'"tools/call"' in stub.requests[-1][2]:
            while (await receive())["type"] != "http.disconnect":
                pass
        else:
            await old.answer(scope, receive, send)

    stub.answer = hang
    async with pooled(client) as upstream, serve(stub) as url:
        server = server_at("hangs", f"{url}/mcp", protocol_version=LEGACY)
        with pytest.raises(UpstreamFailed, match="within"):
            await upstream.request(server, {}, "tools/call", {"name": "t"}, timeout=0.3)
        assert stopped.is_set()


async def test_a_modern_request_carries_its_mirror_headers(world: World, stub: Stub, upstream: PooledUpstream) -> None:
    schema: Json = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}
    server = server_at("stub", str(world.desk.servers["stub"].url), tools=[{"name": "größe", "inputSchema": schema}])
    stub.answer = echoing_id(stub, {"resultType": "complete"})
    arguments: Json = {"region": "eu", "big": 2**80}
    await call(upstream, server, "größe", arguments)
    _, headers, body = stub.requests[0]
    assert headers["mcp-method"] == "tools/call"
    assert headers["mcp-name"] == "=?base64?Z3LDtsOfZQ==?="
    assert headers["mcp-param-region"] == "eu"
    assert headers["mcp-protocol-version"] == MODERN
    params = json.loads(body)["params"]
    assert params["arguments"] == arguments
    assert params["_meta"]["io.modelcontextprotocol/clientCapabilities"] == {}
    assert len(stub.requests) == 1


def echoing_id(stub: Stub, result: object) -> "Answerer":
    return Answerer(stub, result)


class Answerer:
    def __init__(self, stub: Stub, result: object) -> None:
        self.stub, self.result = stub, result

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = json.loads(self.stub.requests[-1][2])["id"]
        self.stub.body = json.dumps({"jsonrpc": "2.0", "id": request_id, "result": self.result}).encode()
        await self.stub.plain(scope, receive, send)


async def test_a_tool_that_asks_for_input_is_for_the_endpoint(
    world: World, stub: Stub, upstream: PooledUpstream
) -> None:
    stub.answer = echoing_id(stub, {"resultType": "input_required", "inputRequests": {}})
    with pytest.raises(Unsupported, match="asks for input"):
        await call(upstream, at(world, "stub", MODERN), "t")


async def test_a_server_on_its_users_machine_is_unsupported(world: World, upstream: PooledUpstream) -> None:
    server = server_at("x", "http://127.0.0.1:1/", transport="stdio")
    with pytest.raises(Unsupported):
        await call(upstream, server, "t")


BAD: list[tuple[int, list[tuple[bytes, bytes]], bytes, str]] = [
    (401, [JSON], b"{}", "answered 401"),
    (302, [JSON], b"{}", "answered 302"),
    (200, [(b"content-type", b"text/html")], b"<p>", "neither JSON nor"),
    (200, [], b"", "neither JSON nor"),
    (200, [JSON], b"[]", "not a JSON-RPC message"),
    (200, [JSON], b"{", "not JSON"),
    (200, [JSON], b'{"jsonrpc":"2.0","id":"other","result":{}}', "without a result"),
    (200, [SSE], b"data: {}\n\n", "without a result"),
    (200, [SSE], b"", "without a result"),
    (200, [JSON], b'{"jsonrpc":"2.0","id":null,"error":"text"}', "neither a result nor an error"),
    (200, [JSON], b" " * (32 * 2**20 + 1), "longer than"),
]


@pytest.mark.parametrize(("status", "headers", "body", "why"), BAD, ids=[why for *_, why in BAD])
@both_eras
async def test_an_answer_that_is_none_is_upstream_failed(
    world: World, stub: Stub, upstream: PooledUpstream, era: str, status: int, headers: list[tuple[bytes, bytes]],
    body: bytes, why: str,
) -> None:  # fmt: skip
    stub.status, stub.headers, stub.body = status, headers, body
    with pytest.raises(UpstreamFailed, match=why):
        await call(upstream, at(world, "stub", era), "t")


async def test_a_backend_that_agrees_on_no_version_is_upstream_failed(
    world: World, stub: Stub, upstream: PooledUpstream
) -> None:
    stub.answer = echoing_id(stub, {"protocolVersion": "1999-01-01"})
    with pytest.raises(AirError, match="did not agree"):
        await call(upstream, at(world, "stub", LEGACY), "t")


async def test_an_error_of_a_refused_request_is_the_answer(world: World, stub: Stub, upstream: PooledUpstream) -> None:
    stub.status, stub.body = 400, b'{"jsonrpc":"2.0","id":null,"error":{"code":-32020,"message":"m"}}'
    answer = await upstream.request(at(world, "stub", MODERN), {}, "tools/call", {"name": "t"}, timeout=5)
    assert answer.error == {"code": -32020, "message": "m"}
