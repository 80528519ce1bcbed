"""Backends of one era or version each: the FastMCP desk behind a wrapper that refuses the others as real servers do."""

import json

import anyio
from fastmcp import Context, FastMCP
from mcp.shared.message import ServerMessageMetadata
from mcp_types import (
    ElicitRequest,
    ElicitRequestURLParams,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    SamplingMessage,
    TextContent,
)
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.gateway.desk import build_backend, signals

__all__ = ["Only", "build", "signals"]


async def ask_twice(ctx: Context) -> str:
    """Ask two things, one after the other."""
    first = await ctx.elicit("first?", response_type=str)
    second = await ctx.elicit("second?", response_type=str)
    return f"{getattr(first, 'data', first.action)} {getattr(second, 'data', second.action)}"


async def ask_both(ctx: Context) -> str:
    """Ask two things at once."""
    answers: dict[str, str] = {}

    async def put(question: str) -> None:
        answer = await ctx.elicit(question, response_type=str)
        answers[question] = str(getattr(answer, "data", answer.action))

    async with anyio.create_task_group() as group:
        group.start_soon(put, "left?")
        group.start_soon(put, "right?")
    return f"{answers['left?']} {answers['right?']}"


async def ask_roots(ctx: Context) -> str:
    """Ask for the roots, in the older era."""
    related = ServerMessageMetadata(related_request_id=ctx.request_id)
    found = await ctx.session.send_request(ListRootsRequest(), ListRootsResult, metadata=related)
    return ",".join(str(root.uri) for root in found.roots)


async def ask_sample(ctx: Context) -> str:
    """Have something said by a model, in the older era."""
    said = SamplingMessage(role="user", content=TextContent(type="text", text="say it"))
    answer = await ctx.session.create_message([said], max_tokens=9, related_request_id=ctx.request_id)
    assert isinstance(answer.content, TextContent)
    return answer.content.text


async def ask_many(ctx: Context) -> str | InputRequiredResult:
    """Ask for roots and a page to be opened, at once, in the modern way."""
    if ctx.input_responses is None:
        page = ElicitRequestURLParams(message="open it", url="https://example.test/page")
        asked = {
            "roots": ListRootsRequest(method="roots/list"),
            "page": ElicitRequest(method="elicitation/create", params=page),
        }
        return InputRequiredResult(result_type="input_required", input_requests=asked, request_state="many")
    return ",".join(sorted(ctx.input_responses))


async def page_first() -> str:
    """Wants a page to be opened before the call, as 2025-11-25 has it: `Only` says so in its place."""
    return ""


async def logs(ctx: Context) -> str:
    """Log at two levels."""
    await ctx.debug("quiet")
    await ctx.error("loud")
    return "logged"


def build() -> FastMCP:
    mcp = build_backend()
    for tool in (ask_twice, ask_both, ask_roots, ask_sample, ask_many, page_first, logs):
        mcp.tool(tool)
    return mcp


class Only:
    """A backend that speaks `versions` only, as many as the application in it has."""

    def __init__(self, app: ASGIApp, *versions: str) -> None:
        self.app = app
        self.versions = versions
        self.token: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name: value.decode() for name, value in scope["headers"]}
        version = headers.get(b"mcp-protocol-version")
        body = b""
        if scope["method"] == "POST":
            more = True
            while more:
                message = await receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
        method = json.loads(body).get("method", "") if body else ""
        if self.token is not None and headers.get(b"authorization") != f"Bearer {self.token}":
            await refuse(send, None, -32600, "who are you?", status=401)
            return
        if method == "initialize" and not set(self.versions) & set(HANDSHAKE_PROTOCOL_VERSIONS):
            await refuse(send, json.loads(body)["id"], -32022, "Unsupported protocol version")
            return
        if version is not None and version not in self.versions:
            await refuse(send, None, -32600, f"Bad Request: Unsupported protocol version: {version}")
            return
        if method == "tools/call" and json.loads(body)["params"]["name"] == "page_first":
            page = {"mode": "url", "message": "first", "url": "https://example.test/first", "elicitationId": "e1"}
            await refuse(send, json.loads(body)["id"], -32042, "open it", {"elicitations": [page]}, status=200)
            return
        if method == "initialize":
            body = self._capped(body)
            scope = {**scope, "headers": [*(h for h in scope["headers"] if h[0] != b"content-length"),
                                          (b"content-length", b"%d" % len(body))]}  # fmt: skip
        sent = False

        async def replay() -> Message:
            nonlocal sent
            if sent or scope["method"] != "POST":
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, replay, send)

    def _capped(self, body: bytes) -> bytes:
        """A client that offers more is offered the newest of this server's versions."""
        message = json.loads(body)
        if message["params"]["protocolVersion"] not in self.versions:
            message["params"]["protocolVersion"] = self.versions[-1]
        return json.dumps(message).encode()


async def refuse(
    send: Send, request_id: object, code: int, text: str, data: object = None, *, status: int = 400
) -> None:
    error = {"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": text, "data": data}}
    body = json.dumps(error).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
