"""What it costs to know who a bearer token stands for, and what a whole gateway call costs beside it."""

import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import orjson
from starlette.types import Message

from airegistry.app import App, running
from airegistry.core.grants import Grant, Group, Scope
from airegistry.core.principals import SYSTEM
from airegistry.core.validation import validated
from airegistry.oauth.bearer import Bearer
from airegistry.oauth.clients.clients import ClientChange
from airegistry.settings import Settings
from benchmarks.costs import Costs, measured

VERIFICATION_BUDGET = 150.0
"""Microseconds that a bearer token which was seen before may cost, median."""
ROUNDS, CALLS = 7, 300
BACKEND = """
import sys
from fastmcp import FastMCP
mcp = FastMCP("null")
@mcp.tool
def echo(text: str) -> str:
    "Echo"
    return text
mcp.run(transport="http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False)
"""


@dataclass(frozen=True)
class BearerCosts(Costs):
    """The same; `cached` says whether the token was seen before."""

    cached: bool = True


def bearer_costs(rounds: int) -> tuple[list[BearerCosts], float]:
    """The cost of tokens seen before and seen first; and microseconds of this process's CPU for one `tools/call`
    through the gateway with policy and audit on, the median of rounds against a backend in a process of its own."""
    port = _free_port()
    command, quiet = [sys.executable, "-c", BACKEND, str(port)], subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as backend:
        try:
            _wait_for(port)
            return anyio.run(_costs, port, rounds)
        finally:
            backend.terminate()


async def _costs(port: int, rounds: int) -> tuple[list[BearerCosts], float]:
    async with _registry(port) as app:
        tokens, resource = app.identity.tokens, f"{app.services.url}/null/mcp"
        mint = {"subject": "user:ann", "client_id": "app", "scopes": ["mcp"], "resource": resource}
        issued = tokens.mint(**mint)[0]  # type: ignore[arg-type]  # as its parameters are
        fresh = [tokens.mint(**mint)[0] for _ in range(2001)]  # type: ignore[arg-type]
        _, static = await app.services.tokens.create(SYSTEM, "robot", groups=["callers"], scopes=[], expires_in=3600)
        bearer = Bearer(app.services.tokens.resolve, tokens, app.identity.callers, app.identity.issuers)

        def cost(name: str, ask: Callable[[int], object], rounds: int, *, cached: bool = True) -> BearerCosts:
            assert ask(rounds) is not None
            costs = measured(name, ask, rounds)
            return BearerCosts(costs.name, costs.median, costs.p99, costs.first, cached)

        found = [
            cost("bearer: issued, seen before", lambda n: bearer.known(issued, resource), rounds),
            cost("bearer: static", lambda n: bearer.known(static, resource), rounds),
            cost("bearer: issued, seen first", lambda n: bearer.known(fresh[n], resource), 2000, cached=False),
        ]
        each = [await _calls(app, issued) for _ in range(ROUNDS)]
        return found, statistics.median(each)


async def _calls(app: App, token: str) -> float:
    """Microseconds of CPU for one call, over many."""
    began = time.process_time()
    for number in range(CALLS):
        await _call(app, token, number)
    return (time.process_time() - began) / CALLS * 1e6


async def _call(app: App, token: str, number: int) -> None:
    """One call of the modern era, handed to the application as a server would."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": "echo", "arguments": {"text": "x"}, "_meta": meta}
    body = orjson.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params})
    headers = [
        (b"host", b"127.0.0.1:8080"), (b"authorization", b"Bearer " + token.encode()),
        (b"content-type", b"application/json"), (b"accept", b"application/json, text/event-stream"),
        (b"mcp-protocol-version", b"2026-07-28"), (b"mcp-method", b"tools/call"), (b"mcp-name", b"echo"),
    ]  # fmt: skip
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/null/mcp", "raw_path": b"/null/mcp", "query_string": b"", "root_path": "", "headers": headers,
        "client": ("127.0.0.1", 50_000), "server": ("127.0.0.1", 8080),
    }  # fmt: skip
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    await app.asgi(scope, receive, send)
    assert sent[0]["status"] == 200, sent


@asynccontextmanager
async def _registry(port: int) -> AsyncIterator[App]:
    """A registry with a user `ann` who may call the server `null`, whose backend is on a port."""
    with TemporaryDirectory() as folder:
        async with running(Settings(data=Path(folder) / "data", embedder="none")) as app:
            services = app.services
            await services.policy.put_scope(SYSTEM, Scope(name="callers", grants=[Grant(assets=["null"])]))
            await services.policy.put_group(SYSTEM, Group(name="callers", scopes=["callers"]))
            await app.identity.directory.put(SYSTEM, "ann", groups=["callers"])
            await app.identity.clients.put(SYSTEM, "app", ClientChange(redirect_uris=["http://127.0.0.1/callback"]))
            url = f"http://127.0.0.1:{port}/mcp"
            await services.catalog.register(
                SYSTEM, validated({"kind": "server", "path": "null", "name": "null", "url": url})
            )
            yield app


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    """Return when somebody listens."""
    deadline = time.monotonic() + 30
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline, "the backend did not start"
        time.sleep(0.05)
