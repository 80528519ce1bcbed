"""Which application answers which path. The data path is decided first, and by string alone."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from airegistry.core.assets import RESERVED
from airegistry.rest.app import not_found

TOOLS = ("/mcp", "/airegistry-tools/mcp")
"""Paths of the registry's own MCP server: one resource."""

GATEWAY = ("/{server}/mcp", "/{server}@{version}/mcp")


class Front:
    """One ASGI application: the registry's tools, the gateway, and the plain routes."""

    def __init__(self, tools: ASGIApp, gateway: ASGIApp, plain: Sequence[BaseRoute]) -> None:
        self._tools = tools
        self._gateway = gateway
        self._plain = Starlette(routes=list(plain), exception_handlers={HTTPException: not_found})
        self._plain.router.redirect_slashes = False
        self._plain_routes = plain

    @property
    def paths(self) -> list[str]:
        """Every path template that is served, for the inventory of routes."""
        return [*TOOLS, *GATEWAY, *(route.path for route in self._plain_routes if isinstance(route, Route))]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path: str = scope["path"]
        if path.endswith("/mcp/"):
            path = path[:-1]
            scope = {**scope, "path": path, "raw_path": scope.get("raw_path", b"").removesuffix(b"/")}
        if path in TOOLS:
            await self._tools({**scope, "path": "/mcp", "raw_path": b"/mcp"}, receive, send)
        elif path.endswith("/mcp") and not self._ours(path):
            await self._gateway(scope, receive, send)
        else:
            await self._plain(scope, receive, send)

    @staticmethod
    def _ours(path: str) -> bool:
        """Whether the first segment belongs to the product's own routes; no server's path begins with a dot."""
        first = path[1:].partition("/")[0]
        return first in RESERVED or first.startswith(".")
