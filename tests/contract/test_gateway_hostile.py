"""Requests made to slip a forbidden call past the gateway: none reaches the backend, and what does is clean."""

import base64
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.abc
import httpx2
import orjson
import pytest

from airegistry.gateway.envelope import GIVEN_UP
from tests.contract.acts import Desk, fresh
from tests.support import http
from tests.support.backends import Backend
from tests.support.bad_backends import turning
from tests.support.registry import Registry

pytestmark = pytest.mark.anyio

Twist = Callable[[bytes], bytes]
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
LEAK = b"Set-Cookie: a=b\r\nWWW-Authenticate: Bearer\r\nServer: secret/1\r\nConnection: close\r\n\r\n{}"
TWISTS: dict[str, Twist] = {
    "the name twice, the forbidden one first": lambda raw: raw.replace(b'"name":', b'"name":"secret","name":', 1),
    "the name twice, the forbidden one last": lambda raw: raw.replace(b'"echo"', b'"echo","name":"secret"', 1),
    "the name in another case": lambda raw: raw.replace(b'"echo"', b'"echo","Name":"secret"', 1),
    "the params twice": lambda raw: raw.replace(b'"params":', b'"params":{"name":"secret"},"params":', 1),
    "the method twice": lambda raw: raw.replace(b'"method":', b'"method":"resources/read","method":', 1),
    "a batch of one": lambda raw: b"[" + raw + b"]",
    "a batch of two": lambda raw: b"[" + raw + b"," + raw.replace(b'"echo"', b'"secret"') + b"]",
    "two messages": lambda raw: raw + b"\n" + raw.replace(b'"echo"', b'"secret"'),
    "a byte order mark": lambda raw: b"\xef\xbb\xbf" + raw,
    "another encoding": lambda raw: raw.decode().encode("utf-16"),
    "compression": gzip.compress,
    "nothing": lambda raw: b"",
    "half of it": lambda raw: raw[: len(raw) // 2],
    "a list": lambda raw: b"[]",
    "null": lambda raw: b"null",
    "a number": lambda raw: b"7",
    "no method": lambda raw: raw.replace(b'"method"', b'"m"', 1),
    "params that are a list": lambda raw: b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["secret"]}',
    "a name that is no string": lambda raw: raw.replace(b'"echo"', b'["secret"]', 1),
    "deep nesting": lambda raw: b"[" * 100_000,
}
HEADERS = {
    "two names": [("Mcp-Name", "secret")],
    "two methods": [("Mcp-Method", "tools/list")],
    "two versions": [("MCP-Protocol-Version", http.LEGACY)],
}


class Capture:
    """What reached a backend, one entry a request."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []

    async def __call__(self, stream: anyio.abc.SocketStream) -> None:
        head, _, received = (await stream.receive()).partition(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        while len(received) < length:
            received += await stream.receive()
        self.requests.append(head + b"\r\n\r\n" + received)
        await stream.send(ANSWER + LEAK)


@asynccontextmanager
async def captured(desk: Desk, backend: Backend) -> AsyncIterator[tuple[str, str, Capture]]:
    """A registered backend that records what it gets: its gateway URL, a token for its tool `echo`, the record."""
    path, capture = fresh("captured"), Capture()
    async with turning(backend.url, capture) as (url, turn):
        await desk.register(path, url)
        token = await desk.token({"assets": [path], "tools": ["echo"]})
        turn()
        yield desk.registry.gateway(path), token, capture


async def send(url: str, content: bytes, headers: list[tuple[str, str]]) -> httpx2.Response:
    """One POST, header by header."""
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
        return await client.post(url, content=content, headers=[*headers, ("Content-Type", "application/json")])


async def test_a_twisted_message_reaches_no_backend(desk: Desk, backend: Backend) -> None:
    async with captured(desk, backend) as (url, token, capture):
        request = http.message("tools/call", {"name": "echo", "arguments": {"text": "x"}})
        for twist, apply in TWISTS.items():
            for headers in (http.modern_headers(request, token), http.legacy_headers(token)):
                answer = await send(url, apply(orjson.dumps(request)), list(headers.items()))
                assert 400 <= answer.status_code < 500, twist
                assert capture.requests == [], twist


async def test_a_header_sent_twice_reaches_no_backend(desk: Desk, backend: Backend) -> None:
    async with captured(desk, backend) as (url, token, capture):
        request = http.message("tools/call", {"name": "echo", "arguments": {"text": "x"}})
        for what, more in HEADERS.items():
            headers = [*http.modern_headers(request, token).items(), *more]
            assert (await send(url, orjson.dumps(request), headers)).status_code == 400, what
            assert capture.requests == [], what


@pytest.mark.parametrize(
    "change",
    [
        {"Mcp-Method": "tools/list"},
        {"Mcp-Name": "echo"},
        {"Mcp-Name": "=?base64?ZWNobw==?="},
        {"MCP-Protocol-Version": "2027-01-01"},
    ],
)
async def test_headers_that_belie_the_body_reach_no_backend(
    desk: Desk, backend: Backend, change: dict[str, str]
) -> None:
    async with captured(desk, backend) as (url, token, capture):
        request = http.message("tools/call", {"name": "secret", "arguments": {}})
        headers = {**http.modern_headers(request, token), **change}
        assert (await send(url, orjson.dumps(request), list(headers.items()))).status_code in {400, 403}
        assert capture.requests == []


async def test_only_headers_of_the_protocol_go_to_the_backend_and_come_back(desk: Desk, backend: Backend) -> None:
    private = {
        "Cookie": "session=1", "X-Api-Key": "1", "X-Forwarded-For": "192.0.2.1", "Forwarded": "for=192.0.2.1",
        "Proxy-Authorization": "Basic x", "Referer": "http://192.0.2.1/", "X-Anything": "1",
    }  # fmt: skip
    async with captured(desk, backend) as (url, token, capture):
        request = http.message("tools/call", {"name": "echo", "arguments": {"text": "x"}})
        answer = await send(
            url, orjson.dumps(request), [*http.modern_headers(request, token).items(), *private.items()]
        )
        head = capture.requests[0].split(b"\r\n\r\n")[0].decode().lower()
        names = {line.split(":")[0] for line in head.split("\r\n")[1:]}
        assert not names & {name.lower() for name in private}
        assert "authorization" not in names
        assert token not in capture.requests[0].decode()
        assert not answer.headers.keys() & {"set-cookie", "www-authenticate"}
        assert answer.headers.get("server") != "secret/1"


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("resources/read", {"uri": "parcel://vault"}),
        ("resources/subscribe", {"uri": "parcel://vault"}),
        ("prompts/get", {"name": "complaint", "arguments": {"parcel": "1"}}),
        ("completion/complete", {"ref": {"type": "ref/prompt", "name": "complaint"}, "argument": {"name": "parcel"}}),
        ("tools/call", {"name": "secret ", "arguments": {}}),
        ("tools/call", {"name": "Echo", "arguments": {}}),
        ("tools/call", {"name": "", "arguments": {}}),
        ("tools/call", {}),
    ],
)
async def test_what_was_not_granted_is_refused_by_any_method(
    registry: Registry, desk: Desk, parcel: str, method: str, params: dict[str, object]
) -> None:
    caller = await desk.token({"assets": [parcel], "tools": ["echo"]})
    request = http.message(method, params)
    named = base64.b64encode(str(params.get("name", params.get("uri", ""))).encode()).decode()
    modern = {"MCP-Protocol-Version": http.MODERN, "Mcp-Method": method, "Mcp-Name": f"=?base64?{named}?="}
    for headers in ({**http.legacy_headers(caller), **modern}, http.legacy_headers(caller)):
        answer = http.post(registry.gateway(parcel), request, headers)
        given_up = method in GIVEN_UP and headers["MCP-Protocol-Version"] == http.MODERN
        assert answer.status_code in ({404} if given_up else {400, 403})
        assert "gold" not in answer.text
