"""The fronts as an ASGI application of their own, before real backends: what the gateway does around them, in short."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import anyio
from pydantic import JsonValue
from starlette.types import Receive, Scope, Send

from airegistry.core.assets import Json, Server
from airegistry.core.calls import Call, Outcome
from airegistry.core.errors import AirError
from airegistry.core.events import Event
from airegistry.core.pleas import Plea
from airegistry.core.principals import Principal
from airegistry.egress.guard import Guard
from airegistry.egress.stream import StreamClient
from airegistry.egress.timers import Patience
from airegistry.gateway.channels.eras import Eras
from airegistry.gateway.envelope import check_headers, parse, read_headers
from airegistry.gateway.errors import Reply
from airegistry.gateway.fronts.bridge import BridgeDestination
from airegistry.gateway.fronts.front import Fronts
from airegistry.gateway.list_changes import ListChanges
from airegistry.gateway.presence import PATIENCE, Presence
from airegistry.gateway.proxy import Proxy
from airegistry.gateway.tool_lists import ByteLists
from tests.gateway.fronts.backends import Only
from tests.gateway.fronts.scripted import ScriptedChannels
from tests.gateway.world import ACCEPT, META, MODERN, Desk
from tests.support.asgi import serve


class FrontsDesk(Desk):
    """A Desk whose refusal, and whose permits, a test can set."""

    def __init__(self) -> None:
        super().__init__()
        self.refusal: AirError | None = None
        self.permits: list[CuttablePermit] = []

    def reset(self) -> None:
        super().reset()
        self.refusal = None
        self.permits.clear()

    async def enter(
        self, who: Principal, path: str, method: str, name: str | None = None, *, version: str | None = None,
        found: Server | None = None, plea: Plea | None = None,
    ) -> Call:  # fmt: skip
        if self.refusal is not None:
            raise self.refusal
        call = await super().enter(who, path, method, name, version=version, found=found)
        permit = CuttablePermit()
        self.permits.append(permit)
        return replace(call, permit=permit)

    def leave(self, call: Call, outcome: Outcome, error: str | None = None) -> None:
        assert call.permit is not None
        call.permit.release(outcome)
        super().leave(call, outcome, error)


class CuttablePermit:
    """A place that a test can take away."""

    def __init__(self) -> None:
        self.cuts: list[Callable[[], None]] = []
        self.released: list[Outcome] = []

    def release(self, outcome: Outcome) -> None:
        self.released.append(outcome)
        self.cuts.clear()

    def on_cut(self, cut: Callable[[], None]) -> None:
        self.cuts.append(cut)

    def cut(self) -> None:
        for each in self.cuts:
            each()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class FrontsWorld:
    """`/{path}/mcp` and `/{path}/sse` through the fronts; the header `x-test-subject` names the caller."""

    def __init__(self, desk: FrontsDesk, client: StreamClient, channels: ScriptedChannels, eras: Eras) -> None:
        self.desk = desk
        self.url = ""
        self.clock = Clock()
        self.channels = channels
        self.client = client
        self.lists = ByteLists()
        self.serving = 0
        self.backends: dict[str, Only] = {}
        self.revision = 0
        self.changes = ListChanges(lambda: self.revision)
        self.nudged: list[str] = []
        self.fronts = Fronts(
            desk, channels, eras, Proxy(client), first_byte_timeout=10, clock=self.clock,
            on_tools_changed=lambda server: self.nudged.append(server.path),
        )  # fmt: skip

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        reply = Reply(send)
        self.serving += 1
        try:
            with Presence(receive, Patience(PATIENCE)) as presence:
                await self._serve(scope, receive, reply, presence)
        except AirError as error:
            await reply.refuse(error)
        finally:
            self.serving -= 1

    async def _serve(self, scope: Scope, receive: Receive, reply: Reply, presence: Presence) -> None:
        _, path, transport = scope["path"].split("/")
        headers = dict(scope["headers"])
        who = Principal(subject=headers.get(b"x-test-subject", b"ann").decode())
        inbound = read_headers(scope["headers"])
        body, envelope = None, None
        if scope["method"] == "POST":
            body = b""
            while True:
                message = await receive()
                body += message.get("body", b"")
                if not message.get("more_body"):
                    break
            envelope = parse(body)
            reply.request_id = envelope.id
            if transport == "mcp":
                check_headers(inbound, envelope)
        server = await self.desk.find(who, path, "", None)
        destination = BridgeDestination(
            self.desk, self.channels, self.lists, who, server, path,
            changes=self.changes, current=self._current, again=lambda: who,
        )  # fmt: skip
        if transport == "sse":
            session = parse_qs(scope["query_string"].decode()).get("session", [None])[0]
            await self.fronts.serve_sse(
                who, destination, scope["method"], envelope, body, reply, presence,
                endpoint=scope["path"], session=session,
            )  # fmt: skip
        else:
            await self.fronts.serve(who, destination, inbound, scope["method"], envelope, body, reply, presence)

    async def _current(self, path: str, version: str | None) -> Server | None:
        return self.desk.servers.get(path)

    async def changed(self, server: Server) -> None:
        """Put another server in the place of one, as a refresh does."""
        self.desk.servers[server.path] = server
        await self.changes.on_event(Event("server:refresh", server, "ann"))

    @property
    def connections(self) -> int:
        """Connections to backends that are in use."""
        return self.client.connections - sum(map(len, self.client._idle.values()))

    @asynccontextmanager
    async def legacy(
        self, path: str, version: str = "2025-11-25", *, capabilities: Json | None = None, subject: str = "ann"
    ) -> AsyncIterator["Legacy"]:
        """A raw client with a session."""
        async with aiohttp.ClientSession() as http:
            client = Legacy(http, f"{self.url}/{path}/mcp", subject)
            await client.initialize(version, capabilities or {})
            yield client

    def raw(self, http: aiohttp.ClientSession, path: str, subject: str = "ann") -> "Legacy":
        """A raw client without a session."""
        return Legacy(http, f"{self.url}/{path}/mcp", subject)


class Legacy:
    """A client of the older era that hides nothing: each method is one HTTP request."""

    def __init__(self, http: aiohttp.ClientSession, url: str, subject: str) -> None:
        self.http = http
        self.url = url
        self.headers = {"accept": ACCEPT, "content-type": "application/json", "x-test-subject": subject}
        self.opened: Json = {}

    async def initialize(self, version: str, capabilities: Json) -> None:
        params: Json = {
            "protocolVersion": version, "capabilities": capabilities, "clientInfo": {"name": "t", "version": "0"},
        }  # fmt: skip
        async with self.post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}) as response:
            assert response.status == 200, await response.text()
            self.opened = (await response.json())["result"]
            self.headers["mcp-session-id"] = response.headers["mcp-session-id"]
        self.headers["mcp-protocol-version"] = str(self.opened["protocolVersion"])
        assert await self.say({"jsonrpc": "2.0", "method": "notifications/initialized"}) == 202

    def post(self, message: Any, **headers: str) -> Any:
        return self.http.post(self.url, data=json.dumps(message), headers={**self.headers, **headers})

    def get(self, **headers: str) -> Any:
        return self.http.get(self.url, headers={**self.headers, **headers})

    def delete(self) -> Any:
        return self.http.delete(self.url, headers=self.headers)

    async def say(self, message: Any) -> int:
        async with self.post(message) as response:
            return int(response.status)

    async def ask(self, method: str, params: Json | None = None, *, id: JsonValue = 1) -> Any:
        """The response to one request; events before it are dropped."""
        async with self.post({"jsonrpc": "2.0", "id": id, "method": method, "params": params or {}}) as response:
            async for message in messages(response):
                if message.get("id") == id and "method" not in message:
                    return message
        raise AssertionError("no response")

    async def call(self, name: str, arguments: Json | None = None, *, id: JsonValue = 1) -> Any:
        return await self.ask("tools/call", {"name": name, "arguments": arguments or {}}, id=id)


async def messages(response: aiohttp.ClientResponse) -> AsyncIterator[Any]:
    """The JSON-RPC messages of an answer as they arrive."""
    async for _, message in events(response):
        yield message


async def events(response: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, Any]]:
    """The events of an answer, with their ids."""
    if response.content_type == "application/json":
        yield "", await response.json()
        return
    event_id, data = "", ""
    async for line in response.content:
        text = line.decode().rstrip("\n")
        if text.startswith("id: "):
            event_id = text[4:]
        elif text.startswith("data: "):
            data = text[6:]
        elif not text and data:
            yield event_id, json.loads(data)
            event_id, data = "", ""


class Modern:
    """A modern client that hides nothing."""

    def __init__(self, http: aiohttp.ClientSession, url: str, subject: str, capabilities: Json) -> None:
        self.http = http
        self.url = url
        self.subject = subject
        self.capabilities = capabilities
        self.version = MODERN

    def post(self, method: str, params: Json | None = None, *, id: JsonValue = 1, meta: Json | None = None) -> Any:
        params = params or {}
        told = {
            **META,
            "io.modelcontextprotocol/protocolVersion": self.version,
            "io.modelcontextprotocol/clientCapabilities": self.capabilities,
            **(meta or {}),
        }
        headers = {
            "accept": ACCEPT, "content-type": "application/json", "x-test-subject": self.subject,
            "mcp-protocol-version": self.version, "mcp-method": method,
        }  # fmt: skip
        name = params.get("name") or params.get("uri")
        if isinstance(name, str):
            headers["mcp-name"] = name
        message = {"jsonrpc": "2.0", "id": id, "method": method, "params": {**params, "_meta": told}}
        return self.http.post(self.url, data=json.dumps(message), headers=headers)

    async def ask(self, method: str, params: Json | None = None, *, id: JsonValue = 1, meta: Json | None = None) -> Any:
        async with self.post(method, params, id=id, meta=meta) as response:
            async for message in messages(response):
                if "method" not in message:
                    return message
        raise AssertionError("no response")

    async def call(self, name: str, arguments: Json | None = None, /, **more: Any) -> Any:
        return await self.ask("tools/call", {"name": name, "arguments": arguments or {}, **more})


@asynccontextmanager
async def modern(
    world: FrontsWorld, path: str, *, capabilities: Json | None = None, subject: str = "ann"
) -> AsyncIterator[Modern]:
    async with aiohttp.ClientSession() as http:
        yield Modern(http, f"{world.url}/{path}/mcp", subject, capabilities or {})


@asynccontextmanager
async def running(desk: FrontsDesk) -> AsyncIterator[FrontsWorld]:
    """The world, served, with everything it holds ended afterwards."""
    async with StreamClient(Guard(loopback=True)) as client:
        eras = Eras(client)
        async with ScriptedChannels(client, eras) as channels, anyio.create_task_group() as group:
            world = FrontsWorld(desk, client, channels, eras)
            group.start_soon(world.fronts.run)
            group.start_soon(world.changes.run)
            async with serve(world) as url:
                world.url = url
                yield world
                await world.fronts.close()
            group.cancel_scope.cancel()
