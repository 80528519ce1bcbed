"""Backends played by hand, and what the tests do with channels."""

import json
from collections.abc import Awaitable, Callable

import anyio
from starlette.types import Message, Receive, Scope, Send

from airegistry.core.assets import Json
from airegistry.gateway.channels.exchange import Answer, Channel, Client, Event, Notice, Question
from tests.gateway.stub import JSON, SSE, Stub
from tests.gateway.world import until

ANN = Client({"name": "ann's client", "version": "7"}, {"elicitation": {}})
INITIALIZED: Json = {
    "protocolVersion": "2025-06-18", "capabilities": {"logging": {}}, "serverInfo": {"name": "s", "version": "0"},
    "instructions": "Be kind.",
}  # fmt: skip
Respond = Callable[[Json, Send], Awaitable[None]]


async def ask(channel: Channel, method: str, params: Json | None = None) -> Answer:
    """The answer to a request, whatever comes before it."""
    return (await told(channel, method, params))[1]


async def told(channel: Channel, method: str, params: Json | None = None) -> tuple[list[Event], Answer]:
    """What comes before an answer, and the answer; questions get `Ann` for an answer."""
    before: list[Event] = []
    async with channel.request(method, params or {}) as exchange:
        async for event in exchange:
            if isinstance(event, Answer):
                assert [late async for late in exchange] == []
                return before, event
            before.append(event)
            if isinstance(event, Question):
                await exchange.reply(event, {"result": {"action": "accept", "content": {"value": "Ann"}}})
    raise AssertionError("no answer")


def tool(name: str, token: str | None = None, **arguments: object) -> Json:
    """The params of a tool call."""
    params: Json = {"name": name, "arguments": json.loads(json.dumps(arguments))}
    return params if token is None else {**params, "_meta": {"progressToken": token}}


def progress(events: list[Event]) -> list[tuple[object, object]]:
    """Token and progress of each progress notification."""
    seen: list[tuple[object, object]] = []
    for event in events:
        assert isinstance(event, Notice)
        params = event.message["params"]
        assert isinstance(params, dict)
        seen.append((params["progressToken"], params["progress"]))
    return seen


async def send_json(send: Send, message: object, *headers: tuple[bytes, bytes], status: int = 200) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [JSON, *headers]})
    await send({"type": "http.response.body", "body": json.dumps(message).encode()})


async def send_status(send: Send, status: int, body: bytes = b"") -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body})


class Events:
    """An event stream under way."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def start(self) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": [SSE]})
        await self._send(part(b": hello\n\n"))

    async def message(self, message: object, *, id: str | None = None, kind: str = "message") -> None:
        data = message if isinstance(message, str) else json.dumps(message)
        name = "" if id is None else f"id: {id}\n"
        await self._send(part(f"event: {kind}\n{name}data: {data}\n\n".encode()))

    async def raw(self, data: bytes) -> None:
        await self._send(part(data))

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})


def part(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}


class Old:
    """A backend of the older era: it keeps one session at a time, which it can lose, and its GET stream is `get`."""

    def __init__(self, stub: Stub) -> None:
        self.stub = stub
        self.session = 0
        self.lost: Callable[[Send], Awaitable[None]] = lambda send: send_status(send, 404)
        self.get: Callable[[Send, dict[str, str], Receive], Awaitable[None]] = lambda send, *_: send_status(send, 405)
        self.answer: Respond = self.fine
        stub.answer = self

    def restart(self) -> None:
        """Forget the session."""
        self.session += 100

    async def fine(self, message: Json, send: Send) -> None:
        await send_json(send, {"jsonrpc": "2.0", "id": message["id"], "result": {"ok": True}})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        verb, headers, body = self.stub.requests[-1]
        message: Json = json.loads(body) if body else {}
        if message.get("method") == "initialize":
            self.session += 1
            opened = {"jsonrpc": "2.0", "id": message["id"], "result": INITIALIZED}
            await send_json(send, opened, (b"mcp-session-id", b"s%d" % self.session))
        elif verb == "DELETE":
            await send_status(send, 200)
        elif headers.get("mcp-session-id") != f"s{self.session}":
            await self.lost(send)
        elif verb == "GET":
            await self.get(send, headers, receive)
        elif "method" in message and "id" in message:
            await self.answer(message, send)
        else:
            await send_status(send, 202)

    def seen(self) -> list[str]:
        """The methods of the messages that came, or their verbs."""
        return [str(json.loads(body).get("method", "reply")) if body else verb for verb, _, body in self.stub.requests]


def sent(stub: Stub, method: str) -> list[Json]:
    """The params of the messages with a method."""
    bodies = [json.loads(body) for _, _, body in stub.requests if body]
    return [body.get("params", {}) for body in bodies if body.get("method") == method]


async def hang_up(receive: Receive) -> None:
    """Return when the other side has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


class Apart(Old):
    """As servers on the Python SDK 1.x: what tools report and ask through their session comes on the GET stream.

    The tool `report` reports three times, `ask` answers with what the client says, `log` logs; `ended` ends a stream.
    """

    def __init__(self, stub: Stub) -> None:
        super().__init__(stub)
        self.streams: list[Events] = []
        self.opened = 0
        self.ended = anyio.Event()
        self.go = anyio.Event()
        self.go.set()
        self.arrived = 0
        self.replies: dict[object, Json] = {}
        self.get = self.stand
        self.answer = self.work

    async def stand(self, send: Send, headers: dict[str, str], receive: Receive) -> None:
        events = Events(send)
        await events.start()
        self.opened += 1
        self.streams.append(events)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._watched, receive, group.cancel_scope)
                await self.ended.wait()
                group.cancel_scope.cancel()
            if self.ended.is_set():
                await events.end()
        finally:
            self.streams.remove(events)

    async def _watched(self, receive: Receive, scope: anyio.CancelScope) -> None:
        await hang_up(receive)
        scope.cancel()

    async def unasked(self, **message: object) -> None:
        """Send a message on the stream; without one it is lost."""
        for events in self.streams[-1:]:
            await events.message({"jsonrpc": "2.0", **message})

    async def question(self, id: str, method: str = "elicitation/create") -> Json:
        """Ask, and give the reply."""
        schema = {"type": "object", "properties": {"value": {"type": "string"}}}
        params: object = {"message": "name?", "requestedSchema": schema} if method == "elicitation/create" else {}
        await self.unasked(id=id, method=method, params=params)
        await until(lambda: id in self.replies)
        return self.replies.pop(id)

    async def work(self, message: Json, send: Send) -> None:
        params = message["params"]
        assert isinstance(params, dict)
        meta, name = params.get("_meta"), params.get("name")
        token = meta.get("progressToken") if isinstance(meta, dict) else None
        said = "done"
        self.arrived += 1
        await self.go.wait()
        if name == "report":
            for step in range(3):
                await self.unasked(
                    method="notifications/progress", params={"progressToken": token, "progress": step, "total": 3}
                )
        elif name == "ask":
            said = json.dumps(await self.question(f"q{self.arrived}"))
        elif name == "log":
            await self.unasked(method="notifications/message", params={"level": "error", "data": "loud"})
        result = {"content": [{"type": "text", "text": said}]}
        await send_json(send, {"jsonrpc": "2.0", "id": message["id"], "result": result})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _, _, body = self.stub.requests[-1]
        message: Json = json.loads(body) if body else {}
        if body and "method" not in message:
            self.replies[message["id"]] = {name: message[name] for name in ("result", "error") if name in message}
        await super().__call__(scope, receive, send)
