"""Raw JSON-RPC over HTTP, for what an MCP client library hides: statuses, headers, bytes."""

import itertools
from collections.abc import Mapping
from typing import Any

import httpx2
import orjson

from tests.support.tls import TLS

MODERN = "2026-07-28"
LEGACY = "2025-11-25"
ACCEPT = "application/json, text/event-stream"
NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Methods of the modern era whose `Mcp-Name` header repeats a parameter."""

_ids = itertools.count(1)

Json = dict[str, Any]


def bearer(token: str | None) -> dict[str, str]:
    """The Authorization header of a token; none without."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def message(method: str, params: Json | None = None) -> Json:
    """A JSON-RPC request of the modern era, with the `_meta` it requires."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "contract", "version": "0"},
    }
    return {"jsonrpc": "2.0", "id": next(_ids), "method": method, "params": {**(params or {}), "_meta": meta}}


def modern_headers(request: Json, token: str | None) -> dict[str, str]:
    """The headers that a modern request must repeat."""
    headers = {"Accept": ACCEPT, "MCP-Protocol-Version": MODERN, "Mcp-Method": request["method"], **bearer(token)}
    if key := NAMED.get(request["method"]):
        headers["Mcp-Name"] = request["params"][key]
    return headers


def legacy_headers(token: str | None, session: str | None = None) -> dict[str, str]:
    """The headers of a request of the older era."""
    sid = {"Mcp-Session-Id": session} if session else {}
    return {"Accept": ACCEPT, "MCP-Protocol-Version": LEGACY, **sid, **bearer(token)}


def client() -> httpx2.Client:
    """A client that reads no proxy settings and follows no redirect."""
    return httpx2.Client(timeout=60, trust_env=False, verify=TLS)


def post(url: str, request: Json, headers: Mapping[str, str]) -> httpx2.Response:
    """One POST of a JSON-RPC message."""
    with client() as http:
        return http.post(url, content=orjson.dumps(request), headers={"Content-Type": "application/json", **headers})


def call(url: str, method: str, params: Json | None = None, *, token: str | None) -> httpx2.Response:
    """One request of the modern era."""
    request = message(method, params)
    return post(url, request, modern_headers(request, token))


def call_tool(url: str, tool: str, arguments: Json, *, token: str | None) -> httpx2.Response:
    """One `tools/call` of the modern era."""
    return call(url, "tools/call", {"name": tool, "arguments": arguments}, token=token)


def initialize(url: str, token: str | None) -> httpx2.Response:
    """The opening request of the older era."""
    params = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "contract", "version": "0"}}
    request = {"jsonrpc": "2.0", "id": next(_ids), "method": "initialize", "params": params}
    return post(url, request, legacy_headers(token))


def session(url: str, token: str) -> str:
    """Opens a session of the older era and returns its id."""
    opened = initialize(url, token)
    assert opened.status_code == 200, opened.text
    sid: str = opened.headers["mcp-session-id"]
    post(url, {"jsonrpc": "2.0", "method": "notifications/initialized"}, legacy_headers(token, sid))
    return sid


def legacy_call(url: str, method: str, params: Json, *, token: str, session: str) -> httpx2.Response:
    """One request of the older era in an open session."""
    request = {"jsonrpc": "2.0", "id": next(_ids), "method": method, "params": params}
    return post(url, request, legacy_headers(token, session))


def body(response: httpx2.Response) -> Json:
    """The JSON-RPC answer, whether it came as JSON or as an event stream."""
    if "text/event-stream" in response.headers.get("content-type", ""):
        return events(response.text)[-1]
    parsed: Json = response.json()
    return parsed


def events(stream: str) -> list[Json]:
    """The JSON messages of an event stream, in order."""
    return [orjson.loads(line[5:]) for line in stream.splitlines() if line.startswith("data:") and line[5:].strip()]
