"""Which application answers which path. The data path is decided first, and by string alone."""

from collections.abc import Sequence
from functools import lru_cache

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from airegistry.core.assets import RESERVED
from airegistry.gateway.open import Gateways
from airegistry.rest.api.app import Api
from airegistry.rest.app import not_found

TOOLS = ("/mcp", "/airegistry-tools/mcp")
"""Paths of the registry's own MCP server: one resource."""

GATEWAY = (
    "/{server}/mcp", "/{server}@{version}/mcp", "/{server}/sse", "/{server}@{version}/sse",
    "/agents/{path}", "/agents/{path}/{rest:path}",
)  # fmt: skip

MOST_KNOWN = 1024
"""Paths whose templates are kept: most requests are to few of them."""
_SERVERS = ("/mcp", "/sse")
_AGENTS = "/agents/"


class Front:
    """One ASGI application: the registry's tools, the gateway unless it is switched off, and the plain routes."""

    def __init__(self, tools: ASGIApp, gateways: Gateways | None, plain: Sequence[BaseRoute]) -> None:
        self._tools = tools
        self._gateways = gateways
        self._plain = Starlette(routes=list(plain), exception_handlers={HTTPException: not_found})
        self._plain.router.redirect_slashes = False
        self._plain_routes = plain
        routes = [route for route in plain if isinstance(route, Route)]
        self._literal = frozenset(route.path for route in routes if "{" not in route.path)
        self._patterns = [
            (route.path, route.path_regex.match, route.endpoint if isinstance(route.endpoint, Api) else None)
            for route in routes
            if "{" in route.path
        ]

        self._fitting = lru_cache(MOST_KNOWN)(self._fits)

    @property
    def paths(self) -> list[str]:
        """Every path template that is served, for the inventory of routes."""
        plain = [route.path for route in self._plain_routes if isinstance(route, Route)]
        return [*TOOLS, *(GATEWAY if self._gateways is not None else ()), *plain]

    def route_of(self, scope: Scope) -> str:
        """The template that a request's path fits, empty where there is none: what may be told of a path."""
        template, endpoint = self._fitting(scope["path"])
        if endpoint is None:
            return template
        return endpoint.template(scope["method"], scope.get("raw_path") or scope["path"].encode()) or template

    def _fits(self, path: str) -> tuple[str, Api | None]:
        """The template of a path, and the application that knows more of it."""
        path = path.removesuffix("/") or "/"
        if path in TOOLS or path in self._literal:
            return path, None
        if self._gateway(path) is not None:
            return _template_of(path), None
        return next(((template, endpoint) for template, fits, endpoint in self._patterns if fits(path)), ("", None))

    def on_data_path(self, path: str) -> bool:
        """Whether a path leads to the gateway."""
        return path not in TOOLS and self._gateway(path) is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path: str = scope["path"]
        if path.endswith("/mcp/"):
            path = path[:-1]
            scope = {**scope, "path": path, "raw_path": scope.get("raw_path", b"").removesuffix(b"/")}
        if path in TOOLS:
            await self._tools({**scope, "path": "/mcp", "raw_path": b"/mcp"}, receive, send)
        elif (gateway := self._gateway(path)) is not None:
            await gateway(scope, receive, send)
        else:
            await self._plain(scope, receive, send)

    def _gateway(self, path: str) -> ASGIApp | None:
        """The application of the data path that a path belongs to."""
        if self._gateways is None:
            return None
        if path.endswith(_SERVERS) and not _ours(path):
            return self._gateways.servers
        return self._gateways.agents if path.startswith(_AGENTS) else None


def _template_of(path: str) -> str:
    """Of a path on the data path."""
    if path.startswith(_AGENTS):
        return GATEWAY[4] if path.count("/") == 2 else GATEWAY[5]
    name, _, last = path[1:].partition("/")
    version = "@{version}" if "@" in name else ""
    return f"/{{server}}{version}/{last}"


def _ours(path: str) -> bool:
    """Whether the first segment belongs to the product's own routes; no server's path begins with a dot."""
    first = path[1:].partition("/")[0]
    return first in RESERVED or first.startswith(".")
