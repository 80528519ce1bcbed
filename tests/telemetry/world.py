"""A registry that tells a collector of itself, and a backend behind it that shows what reached it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx2
import orjson
from fastmcp import Context, FastMCP
from fastmcp.server.dependencies import get_http_request

from airegistry.app import App, running
from airegistry.settings import load
from tests.support import mcp
from tests.support.asgi import serve
from tests.support.http import message, modern_headers
from tests.support.otlp import Collector, collecting

OPERATOR = "operator-" + "t" * 32
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{SPAN}-01"
Json = dict[str, Any]


def backend() -> FastMCP:
    """A server whose tool tells the headers and the `_meta` of its call."""
    server = FastMCP("Mirror", version="1.0.0")

    @server.tool
    async def mirror(ctx: Context) -> Json:
        """Shows how a call arrived, its headers and its meta data."""
        assert ctx.request_context is not None
        return {"headers": dict(get_http_request().headers), "meta": dict(ctx.request_context.meta or {})}

    return server


@dataclass(frozen=True, slots=True)
class World:
    """A registry at `url` with the server `mirror`, whose collector is `collector`."""

    app: App
    url: str
    collector: Collector
    http: httpx2.AsyncClient

    async def call(self, path: str, tool: str, arguments: Json, *, meta: Json | None = None, **headers: str) -> Json:
        """The answer to a `tools/call` of the modern era at an MCP endpoint."""
        request = message("tools/call", {"name": tool, "arguments": arguments})
        request["params"]["_meta"].update(meta or {})
        sent = {"Content-Type": "application/json", **modern_headers(request, OPERATOR), **headers}
        answer = await self.http.post(f"{self.url}{path}", content=orjson.dumps(request), headers=sent)
        assert answer.status_code == 200, answer.text
        found: Json = orjson.loads(answer.content.removeprefix(b"event: message\r\ndata: ").partition(b"\r\n")[0])
        return found

    async def mirrored(self, *, meta: Json | None = None, **headers: str) -> Json:
        """How a call through the gateway reached the backend."""
        answer = await self.call("/mirror/mcp", "mirror", {}, meta=meta, **headers)
        shown: Json = answer["result"]["structuredContent"]
        return shown


@asynccontextmanager
async def telling(
    folder: Path, *, grpc: bool = False, given: Mapping[str, object] = MappingProxyType({})
) -> AsyncIterator[World]:
    """A registry that tells all it can, and the server it has."""
    with collecting() as collector:
        url = collector.grpc_url if grpc else collector.url
        chosen: dict[str, object] = {
            "telemetry_url": url, "telemetry_protocol": "grpc" if grpc else "http/protobuf",
            "telemetry_sampler": "parentbased_always_on", "telemetry_seconds": 0.2,
            "telemetry_headers": "authorization=Bearer%20collector-key", "embedder": "none", **given,
        }  # fmt: skip
        settings = load(data=folder / "data", admin_token=OPERATOR, health_interval=0, **chosen)
        async with running(settings) as app, serve(app.asgi) as address, serve(backend().http_app()) as behind:
            async with httpx2.AsyncClient(trust_env=False, timeout=20) as http:
                await mcp.ask(
                    f"{address}/mcp", OPERATOR, "register_service", path="mirror", name="Mirror", url=f"{behind}/mcp"
                )
                yield World(app, address, collector, http)
