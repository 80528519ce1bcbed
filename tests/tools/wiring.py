"""A real core on memory stores behind a real MCP server; only the authentication layer and the network are stood in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from fastmcp import Client, FastMCP
from fastmcp.client.transports import SSETransport, StreamableHttpTransport
from fastmcp.resources import TextResource
from fastmcp.utilities.tests import ASGIServer, asgi_server
from pydantic import AnyUrl
from starlette.types import ASGIApp, Receive, Scope, Send

from airegistry.core.assets import Json
from airegistry.core.grants import Grant, Group
from airegistry.core.grants import Scope as AccessScope
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.services import Services
from airegistry.oauth.identity import PRINCIPAL
from airegistry.tools.prompts import add_prompts
from airegistry.tools.resources import PAGE, add_resources
from airegistry.tools.server import build as build_server
from airegistry.tools.server import catalog_tools
from tests.core.wiring import World as Core
from tests.core.wiring import asset, build

McpClient: TypeAlias = "Client[StreamableHttpTransport | SSETransport]"
MODERN = "2026-07-28"
PEOPLE = {
    "ann": Principal(subject="ann"),
    "bob": Principal(subject="bob", groups=frozenset({"staff"})),
    "cat": Principal(subject="cat", scopes=frozenset({"forecasts"})),
    "dan": Principal(subject="dan", scopes=frozenset({"no-reading"})),
    "operator": Principal(subject="operator", operator=True),
}
"""Who may stand in the header `x-test-subject`; anybody else is nobody."""


async def furnished_core() -> Core:
    """A core without embedder, with two scopes and some assets."""
    core = await build()
    services = core.services
    for scope in (
        AccessScope(name="forecasts", grants=[Grant(assets=["weather"], tools=["forecast"])]),
        AccessScope(name="no-reading", grants=[Grant(assets=["weather"], actions=["read"], effect="deny")]),
    ):
        await services.policy.put_scope(SYSTEM, scope)
    await services.policy.put_group(SYSTEM, Group(name="staff"))
    await furnish(services)
    return core


async def put(services: Services, kind: str, path: str, **fields: object) -> None:
    """Register an asset by value."""
    more = {"url": f"https://{path}.test/mcp"} if kind == "server" else {}
    await services.catalog.register(SYSTEM, asset(kind, path, **more, **fields), fetch=False)


async def put_skill(
    services: Services,
    path: str,
    *,
    name: str = "",
    files: dict[str, str] | None = None,
    more: str = "",
    governance: Json | None = None,
) -> str:
    """Register a skill and return its SKILL.md; `more` are further lines of frontmatter."""
    content = f"---\nname: {name or path}\ndescription: About {path}.\n{more}---\n# Größe\r\nof {path}\n"
    await services.intake.skill(SYSTEM, path, content=content, files=files, governance=governance or {})
    return content


async def furnish(services: Services) -> None:
    """What most tests look at: public assets of every kind, and some that only staff may see."""
    tools: list[Json] = [{"name": name, "description": f"The {name}."} for name in ("forecast", "archive")]
    await put(services, "server", "weather", tools=tools, description="Tells the weather.")
    await put(services, "server", "vault", groups=["staff"])
    await put(services, "agent", "planner", card={"name": "planner"})
    await put(services, "virtual_server", "bundle")
    await services.entity_types.define(SYSTEM, "dataset", {"type": "object"})
    await services.intake.entity(SYSTEM, "dataset", "rain", {"rows": 7}, governance={})
    await put_skill(services, "folding", files={"notes/how to.md": "Crease.", "fold.py": "print('ü')\n"})
    await put_skill(services, "secret-plans", governance={"groups": ["staff"]})
    await put_skill(services, "retired-plans")
    await services.catalog.toggle(SYSTEM, "skill", "retired-plans", enabled=False)


class Subjects:
    """Stands in for the authentication layer: the header `x-test-subject` names the caller."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            who = PEOPLE.get(dict(scope["headers"]).get(b"x-test-subject", b"").decode())
            if who is not None:
                scope[PRINCIPAL] = who
        await self._app(scope, receive, send)


@dataclass(frozen=True)
class World:
    """A core and the MCP server over it."""

    core: Core
    server: ASGIServer

    @property
    def services(self) -> Services:
        """The core's services."""
        return self.core.services

    def client(self, subject: str = "ann", mode: str = MODERN) -> McpClient:
        """An MCP client of one caller; `mode` is the era."""
        return self.server.client(headers={"x-test-subject": subject}, mode=mode)

    async def ask(self, method: str, params: Json | None = None, *, subject: str = "ann") -> dict[str, Any]:
        """The JSON-RPC answer to one modern request, as it stands on the wire."""
        meta: Json = {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "0"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**(params or {}), "_meta": meta}}
        headers = {
            "accept": "application/json, text/event-stream", "mcp-protocol-version": MODERN, "mcp-method": method,
            "x-test-subject": subject,
        }  # fmt: skip
        async with self.server.http_client() as http:
            answer = (await http.post("/mcp", json=message, headers=headers)).json()
        assert isinstance(answer, dict)
        return answer


@asynccontextmanager
async def furnished(page_size: int = PAGE) -> AsyncIterator[World]:
    """A furnished core behind a server with the registry's resources, skills and prompts, without sockets.

    The server also has two resources of its own, as the conformance fixture brings some.
    """
    core = await furnished_core()
    mcp = FastMCP("registry", mask_error_details=True, list_page_size=page_size)
    for name in ("first", "second"):
        mcp.add_resource(TextResource(uri=AnyUrl(f"test://{name}"), text=name))
    add_resources(mcp, core.services, page_size=page_size)
    add_prompts(mcp, core.services)
    async with served(mcp, core) as world:
        yield world


@asynccontextmanager
async def complete() -> AsyncIterator[World]:
    """A furnished core behind `airegistry-tools` as it is, without sockets."""
    core = await furnished_core()
    async with served(build_server(core.services, catalog_tools(core.services)), core) as world:
        yield world


@asynccontextmanager
async def served(mcp: FastMCP, core: Core) -> AsyncIterator[World]:
    """A server behind the stand-in for the authentication layer."""
    async with asgi_server(mcp) as server:
        yield World(core, ASGIServer(server.url, Subjects(server.app), server.transport_type))
