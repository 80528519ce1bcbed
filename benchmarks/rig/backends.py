"""What stands behind the gateway or beside it: `python -m benchmarks.rig.backends KIND PORT [URL]`.

`fastmcp` is an ordinary FastMCP server, `many` one with 1,000 tools, `null` answers with almost no work at all, so
that what a gateway costs is not hidden by its backend, and `proxy` is FastMCP's own proxy in front of URL.
"""

import secrets
import sys
from typing import Any

import orjson
import uvicorn
from fastmcp import FastMCP
from fastmcp.server import create_proxy
from fastmcp.server.providers.proxy import ProxyClient
from fastmcp.tools import Tool
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.rig.messages import LEGACY, MODERN

MANY = 1_000
TOOLS = [
    {
        "name": name,
        "description": about,
        "inputSchema": {"type": "object", "properties": {argument: {"type": kind}}, "required": [argument]},
    }
    for name, about, argument, kind in (
        ("echo", "Answers with the same text.", "text", "string"),
        ("length", "How long a text is.", "text", "string"),
        ("blob", "A text of some size.", "size", "integer"),
    )
]


def echo(text: str) -> str:
    """Answers with the same text."""
    return text


def length(text: str) -> str:
    """How long a text is."""
    return str(len(text))


def blob(size: int) -> str:
    """A text of some size."""
    return "x" * size


def fastmcp() -> FastMCP:
    """The ordinary server."""
    server = FastMCP("bench")
    for tool in (echo, length, blob):
        server.add_tool(Tool.from_function(tool, output_schema=None))
    return server


def many() -> FastMCP:
    """The same with 1,000 tools."""
    server = FastMCP("many")
    for number in range(MANY):
        about = f"Answers with the same text, as number {number} of the tools that this server has."
        server.add_tool(Tool.from_function(echo, name=f"tool_{number:04}", description=about))
    return server


def proxy(url: str) -> FastMCP:
    """FastMCP's own gateway; the caller's headers are not passed on."""
    return create_proxy(ProxyClient(url, forward_incoming_headers=False), name="proxy")


async def null(scope: Scope, receive: Receive, send: Send) -> None:
    """A server of both eras that looks at the method and answers from constants."""
    body = b""
    more = scope["method"] == "POST"
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    given = orjson.loads(body) if body else {}
    modern = (b"mcp-protocol-version", MODERN.encode()) in scope["headers"]
    headers = [] if modern else [(b"mcp-session-id", _session(scope))]
    if given.get("method") == "subscriptions/listen" or scope["method"] == "GET":
        await _idle_stream(headers, receive, send)
        return
    status, payload = 202, b""
    if "id" in given:
        status, payload = _null_answer(given, modern=modern)
        headers.append((b"content-type", b"application/json"))
    headers.append((b"content-length", b"%d" % len(payload)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": payload})


def _session(scope: Scope) -> bytes:
    """The session that the request names, or else a new one."""
    return dict(scope["headers"]).get(b"mcp-session-id") or secrets.token_hex(16).encode()


async def _idle_stream(headers: list[tuple[bytes, bytes]], receive: Receive, send: Send) -> None:
    """An event stream on which one comment comes and then nothing, until the client goes."""
    headers.append((b"content-type", b"text/event-stream"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b": open\n\n", "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass


def _null_answer(given: dict[str, Any], *, modern: bool) -> tuple[int, bytes]:
    answer = {"jsonrpc": "2.0", "id": given["id"]}
    result = _null_result(given["method"], given.get("params", {}), modern=modern)
    if result is not None:
        return 200, orjson.dumps({**answer, "result": result})
    error = {"code": -32601, "message": "no such method"}
    return 404 if modern else 200, orjson.dumps({**answer, "error": error})


def _null_result(method: str, params: dict[str, Any], *, modern: bool) -> dict[str, Any] | None:
    result: dict[str, Any] = {"resultType": "complete"} if modern else {}
    cached = {"ttlMs": 0, "cacheScope": "private"} if modern else {}
    about = {"capabilities": {"tools": {}}, "serverInfo": {"name": "null", "version": "1"}}
    match method:
        case "tools/call":
            return {**result, "content": [{"type": "text", "text": _said(params)}]}
        case "tools/list":
            return {**result, **cached, "tools": TOOLS}
        case "initialize" if not modern:
            return {"protocolVersion": LEGACY, **about}
        case "server/discover" if modern:
            return {**result, **cached, "supportedVersions": [MODERN], **about}
    return None


def _said(params: dict[str, Any]) -> str:
    arguments = params["arguments"]
    match params["name"]:
        case "blob":
            return "x" * int(arguments["size"])
        case "length":
            return str(len(arguments["text"]))
    return str(arguments["text"])


def application(kind: str, url: str) -> ASGIApp:
    """The application of a kind."""
    match kind:
        case "null":
            return null
        case "many":
            return many().http_app(path="/mcp")
        case "proxy":
            return proxy(url).http_app(path="/mcp")
    return fastmcp().http_app(path="/mcp")


if __name__ == "__main__":
    uvicorn.run(
        application(sys.argv[1], "".join(sys.argv[3:])), host="127.0.0.1", port=int(sys.argv[2]), loop="uvloop",
        http="httptools", log_level="error", access_log=False,
    )  # fmt: skip
