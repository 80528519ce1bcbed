"""What a live server is sent besides its protocol: its own credential, to its own origin and nowhere else."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from fastmcp import FastMCP
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from airegistry.core.assets import Server
from airegistry.core.errors import CredentialRefused, UpstreamFailed
from airegistry.egress.backends import McpBackends
from airegistry.egress.guard import Guard
from tests.egress.servers import older
from tests.support.asgi import serve

pytestmark = pytest.mark.anyio
SECRET = "s3cret-s3cret"  # a test's
SENT = {"authorization": f"Bearer {SECRET}", "x-key": SECRET}
BACKENDS = McpBackends(Guard(loopback=True), deadline=10)
HASTY = McpBackends(Guard(loopback=True), deadline=0.5)


def server_at(url: str, **fields: str) -> Server:
    return Server.model_validate({"path": "backend", "name": "Backend", "url": url, **fields})


class Demands:
    """In front of a server: 401 without the credential. `seen` are method and credential of every request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.seen: list[tuple[str, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            given = headers.get(b"authorization", b"").decode()
            self.seen.append((scope["method"], given))
            if given != SENT["authorization"] or headers.get(b"x-key") != SECRET.encode():
                refusal = PlainTextResponse("no", 401, {"www-authenticate": "Bearer"})
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def weather() -> FastMCP:
    mcp = FastMCP("weather")

    @mcp.tool
    def forecast(city: str) -> str:
        """The weather to come."""
        return city

    return mcp


Wrap = Callable[[ASGIApp], ASGIApp]


@asynccontextmanager
async def demanding(
    transport: str = "streamable-http", wrap: Wrap | None = None
) -> AsyncIterator[tuple[Demands, Server]]:
    app = weather().http_app(path="/mcp", transport="sse" if transport == "sse" else "http")
    demands = Demands(wrap(app) if wrap else app)
    async with app.lifespan(app), serve(demands) as url:
        yield demands, server_at(f"{url}/mcp", transport=transport)


@pytest.mark.parametrize(("transport", "wrap"), [("streamable-http", None), ("streamable-http", older), ("sse", None)])
async def test_every_request_of_either_era_carries_it(transport: str, wrap: Wrap | None) -> None:
    async with demanding(transport, wrap) as (demands, server):
        found = await BACKENDS.describe(server, SENT)
        assert [tool.name for tool in found.tools] == ["forecast"]
        await BACKENDS.ping(server, SENT)
        assert {given for _, given in demands.seen} == {SENT["authorization"]}


@pytest.mark.parametrize("transport", ["streamable-http", "sse"])
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong-s3cret"}])
async def test_a_401_is_told_from_other_failures(transport: str, headers: dict[str, str]) -> None:
    async with demanding(transport) as (_, server):
        for ask in (BACKENDS.describe, BACKENDS.ping):
            with pytest.raises(CredentialRefused, match="401: it asks for credentials") as refusal:
                await ask(server, headers)
            assert "wrong-s3cret" not in refusal.value.message


@pytest.mark.parametrize("transport", ["streamable-http", "sse"])
async def test_it_is_not_carried_along_a_redirect(transport: str) -> None:
    async with demanding(transport) as (demands, server):

        async def elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
            await RedirectResponse(server.url or "", 307)(scope, receive, send)

        async with serve(elsewhere) as url:
            with pytest.raises(UpstreamFailed, match="redirect"):
                await BACKENDS.describe(server_at(f"{url}/mcp", transport=transport), SENT)
        assert demands.seen == []


async def test_an_event_stream_that_names_another_origin_to_post_to_gets_nothing_there() -> None:
    async with demanding() as (demands, elsewhere):

        async def stream(scope: Scope, receive: Receive, send: Send) -> None:
            body = f"event: endpoint\ndata: {elsewhere.url}\n\n".encode()
            headers = [(b"content-type", b"text/event-stream")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body, "more_body": False})

        async with serve(stream) as url:
            with pytest.raises(UpstreamFailed):
                await HASTY.describe(server_at(f"{url}/sse", transport="sse"), SENT)
        assert demands.seen == []


async def test_a_server_that_repeats_what_it_was_sent_tells_nobody(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def echo(scope: Scope, receive: Receive, send: Send) -> None:
        said = {"code": -32000, "message": f"wrong: {dict(scope['headers'])[b'authorization'].decode()}"}
        answer = {"jsonrpc": "2.0", "id": 1, "error": said}
        await JSONResponse(answer, 400)(scope, receive, send)

    async with serve(echo) as url:
        with pytest.raises(UpstreamFailed) as refusal:
            await BACKENDS.describe(server_at(f"{url}/mcp"), SENT)
    assert SECRET not in refusal.value.message + repr(refusal.value)
    assert refusal.value.__cause__ is None
