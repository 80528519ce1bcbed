"""An MCP server that says exactly what a test wants it to say, in either era."""

import json
from collections.abc import Callable, Mapping

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

Json = dict[str, JsonValue]
Answer = Json | Callable[[Json], Json | None]
ALL: Json = {"tools": {}, "resources": {}, "prompts": {}}
EMPTY: Mapping[str, Answer] = {
    "tools/list": {"tools": []},
    "resources/list": {"resources": []},
    "resources/templates/list": {"resourceTemplates": []},
    "prompts/list": {"prompts": []},
}


class Scripted:
    """An ASGI app at any path; `answers` gives results by method, a missing method is answered as unknown.

    A modern one knows `server/discover` only, an older one the handshake with sessions; one that `pretends` is older
    and answers `server/discover` all the same, without what 2026-07-28 asks for. `seen` has the methods asked
    for, HTTP's among them; `headers` the headers of the last request.
    """

    def __init__(
        self,
        answers: Mapping[str, Answer] = {},
        *,
        modern: bool = True,
        pretends: bool = False,
        capabilities: Json = ALL,
        instructions: str | None = None,
        version: str = "2025-11-25",
    ) -> None:
        self._answers = {**EMPTY, **answers}
        self._modern = modern
        self._pretends = pretends
        self._server: Json = {"capabilities": capabilities}
        if instructions is not None:
            self._server["instructions"] = instructions
        self._version = version
        self.seen: list[str] = []
        self.headers: Mapping[str, str] = {}

    def without(self, method: str) -> "Scripted":
        del self._answers[method]
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope, receive)
            await self._answer(request, await request.body())(scope, receive, send)

    def _answer(self, request: Request, body: bytes) -> Response:
        self.headers = dict(request.headers)
        if request.method != "POST":
            self.seen.append(request.method)
            return Response(status_code=204)
        message = json.loads(body)
        method = message["method"]
        self.seen.append(method)
        if not (self._modern or self._pretends) and request.headers.get("mcp-protocol-version") == "2026-07-28":
            return PlainTextResponse("Bad Request: unsupported protocol version", status_code=400)
        if "id" not in message:
            return Response(status_code=202)
        headers = {"mcp-session-id": "s1"} if method == "initialize" else {}
        result = self._result(method, message.get("params") or {})
        if result is None:
            error = {"code": -32601, "message": "Method not found"}
            status = 404 if self._modern else 200
            return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "error": error}, status_code=status)
        answer = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result})  # NaN included, unlike Starlette
        return Response(answer, headers=headers, media_type="application/json")

    def _result(self, method: str, params: Json) -> Json | None:
        if method == "ping" and not self._modern:
            return {}
        if method == "initialize" and not self._modern:
            info: Json = {"name": "scripted", "version": "1"}
            return {**self._server, "protocolVersion": self._version, "serverInfo": info}
        if method == "server/discover" and self._modern:
            meta: Json = {"io.modelcontextprotocol/serverInfo": {"name": "scripted", "version": "1"}}
            return self._cacheable({**self._server, "supportedVersions": ["2026-07-28"], "_meta": meta})
        if method == "server/discover" and self._pretends:
            return {**self._server, "supportedVersions": ["2026-07-28"]}
        answer = self._answers.get(method)
        result = answer(params) if callable(answer) else answer
        return None if result is None else self._cacheable(result)

    def _cacheable(self, result: Json) -> Json:
        return {"resultType": "complete", "ttlMs": 0, "cacheScope": "private", **result} if self._modern else result
