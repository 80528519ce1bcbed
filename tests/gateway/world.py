"""What stands in for the core and for the authentication layer, and how the tests reach the gateway."""

import io
import json
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, Literal

import aiohttp
import anyio
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from pydantic import JsonValue
from starlette.types import Receive, Scope, Send

from airegistry.core.assets import Json, Server, now
from airegistry.core.calls import Call, Outcome
from airegistry.core.errors import AccessDenied, AirError, NotFound
from airegistry.core.pleas import Plea
from airegistry.core.principals import Principal
from airegistry.egress.stream import StreamClient
from airegistry.gateway.a2a.handles import Handles
from airegistry.gateway.app import Gateway
from airegistry.gateway.proxy import Proxy
from airegistry.oauth.identity import PRINCIPAL

MODERN = "2026-07-28"
LEGACY = "2025-11-25"
META: Json = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
ACCEPT = "application/json, text/event-stream"


def server_at(path: str, url: str, **members: object) -> Server:
    return Server.model_validate(
        {
            "path": path,
            "name": path,
            "url": url,
            "fetched_at": now(),
            "protocol_version": MODERN,
            "instructions": "Read this.",
            **members,
        }
    )


@dataclass
class Desk:
    """A fake of `core.invocation.Invocation`: who may do what, and what was written down."""

    standing: dict[str, Server] = field(default_factory=dict)
    servers: dict[str, Server] = field(default_factory=dict)
    denied: set[tuple[str, str]] = field(default_factory=set)
    hidden_from: set[tuple[str, str]] = field(default_factory=set)
    refusals: dict[str, AirError] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    entered: list[tuple[str, str, str, str | None, str | None]] = field(default_factory=list)
    left: list[tuple[str, str | None, Outcome, str | None]] = field(default_factory=list)
    pinned: str | None = None
    next_headers: dict[str, str] | None = None
    on_enter: Callable[[], None] = lambda: None
    on_leave: Callable[[], None] = lambda: None
    on_use: Callable[[], None] = lambda: None

    def reset(self) -> None:
        self.servers = dict(self.standing)
        for collection in (self.denied, self.hidden_from, self.refusals, self.headers, self.entered, self.left):
            collection.clear()
        self.on_enter = self.on_leave = self.on_use = lambda: None
        self.next_headers = None

    async def find(
        self, who: Principal, path: str, method: str, name: str | None, *, version: str | None = None
    ) -> Server:
        self.pinned = version
        if path in self.refusals:
            self.entered.append((who.subject, path, method, name, version))
            raise self.refusals[path]
        if path not in self.servers or (who.subject, path) in self.hidden_from or version == "0.0.0":
            self.entered.append((who.subject, path, method, name, version))
            raise NotFound(f"no server named {path!r}")
        return self.servers[path]

    async def enter(
        self, who: Principal, path: str, method: str, name: str | None = None, *, version: str | None = None,
        found: Server | None = None, plea: Plea | None = None,
    ) -> Call:  # fmt: skip
        self.on_enter()
        version = self.pinned if found is not None else version
        self.entered.append((who.subject, path, method, name, version))
        if path in self.refusals:
            raise self.refusals[path]
        if path not in self.servers or (who.subject, path) in self.hidden_from or version == "0.0.0":
            raise NotFound(f"no server named {path!r}")
        if (method, name) in self.denied or (method, "*") in self.denied:
            raise AccessDenied(f"{who.subject} may not use {name or method}", missing=["tools-all"])
        return Call(who, self.servers[path], method, name, monotonic(), dict(self.headers))

    def leave(self, call: Call, outcome: Outcome, error: str | None = None) -> None:
        written: Outcome = "upstream_failed" if outcome == "upstream_refused" else outcome  # as the core writes it
        self.left.append((call.method, call.name, written, error))
        self.on_leave()

    async def renewed(self, call: Call) -> Call | None:
        headers, self.next_headers = self.next_headers, None
        return None if headers is None else replace(call, headers=headers)

    def entitlement(self, call: Call) -> Hashable:
        return call.who.subject, frozenset(self.denied)

    def may_use(self, call: Call, member: Literal["tools", "prompts", "resources"], name: str) -> bool:
        self.on_use()
        used_by = {"tools": "tools/call", "prompts": "prompts/get", "resources": "resources/read"}[member]
        return (used_by, name) not in self.denied


class World:
    """The gateway behind a stand-in for the authentication layer: the header `x-test-subject` names the caller."""

    def __init__(self, desk: Desk, client: StreamClient, shared: Handles | None = None) -> None:
        self.desk = desk
        self.url = ""
        proxy = Proxy(client, shared)
        self.gateway = Gateway(desk, client, max_body=8 * 2**20, first_byte_timeout=10, proxy=proxy)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        subject = dict(scope["headers"]).get(b"x-test-subject", b"ann").decode()
        if subject != "nobody":
            scope[PRINCIPAL] = Principal(subject=subject)
        await self.gateway(scope, receive, send)

    def client(
        self,
        mode: str = MODERN,
        *,
        path: str = "full",
        subject: str = "ann",
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> "Client[StreamableHttpTransport]":
        """A real FastMCP client of the gateway."""
        transport = StreamableHttpTransport(
            f"{self.url}/{path}/mcp", headers={"x-test-subject": subject, **(headers or {})}
        )
        return Client(transport, mode=mode, **options)

    async def post(
        self,
        message: JsonValue | bytes,
        *,
        path: str = "/plain/mcp",
        headers: dict[str, str] | None = None,
        subject: str = "ann",
    ) -> "Answer":
        """POST one message as it is, with the headers of an older client unless others are given."""
        return await self.send("POST", message, path=path, headers=headers, subject=subject)

    async def send(
        self,
        verb: str,
        message: JsonValue | bytes = b"",
        *,
        path: str = "/plain/mcp",
        headers: dict[str, str] | None = None,
        subject: str = "ann",
    ) -> "Answer":
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        sent = {"accept": ACCEPT, "content-type": "application/json", "x-test-subject": subject, **(headers or {})}
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                verb, self.url + path, data=io.BytesIO(body) if body else None, headers=sent, allow_redirects=False
            ) as response,
        ):
            return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, await response.read())


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> Json:
        error = json.loads(self.body)["error"]
        assert isinstance(error, dict)
        return error

    @property
    def code(self) -> object:
        data = self.error["data"]
        assert isinstance(data, dict)
        return data["code"]


def call(method: str, params: Json | None = None, *, id: JsonValue = 1) -> Json:
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": params or {}}


def modern(method: str, params: Json | None = None, *, id: JsonValue = 1) -> tuple[Json, dict[str, str]]:
    """A modern request and the headers that mirror it."""
    params = {**(params or {}), "_meta": META}
    headers = {"mcp-protocol-version": MODERN, "mcp-method": method}
    name = params.get("name") or params.get("uri")
    if isinstance(name, str):
        headers["mcp-name"] = name
    return call(method, params, id=id), headers


def tool(name: str, arguments: Json | None = None, *, id: JsonValue = 1) -> tuple[Json, dict[str, str]]:
    return modern("tools/call", {"name": name, "arguments": arguments or {}}, id=id)


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(20):
        while not condition():  # noqa: ASYNC110  # the condition is anything
            await anyio.sleep(0.005)
