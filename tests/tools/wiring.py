"""A real core on memory stores behind a real MCP server; only the authentication layer and the network are stood in."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from fastmcp import Client, FastMCP
from fastmcp.client.transports import SSETransport, StreamableHttpTransport
from fastmcp.resources import TextResource
from fastmcp.utilities.tests import ASGIServer, asgi_server
from pydantic import AnyUrl
from starlette.types import ASGIApp, Receive, Scope, Send

from airegistry.core.access import Access, Grant, Group
from airegistry.core.access import Scope as AccessScope
from airegistry.core.admission import Admission
from airegistry.core.assets import Json, Server
from airegistry.core.audit import Audit
from airegistry.core.catalog import Catalog, validated
from airegistry.core.entity_types import EntityTypes
from airegistry.core.errors import UpstreamFailed
from airegistry.core.events import Events
from airegistry.core.explain import Explainer
from airegistry.core.intake import Intake
from airegistry.core.invocation import Invocation
from airegistry.core.policy import Policy
from airegistry.core.ports import Description, UpstreamResult
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.ratings import Ratings
from airegistry.core.scans import Scans
from airegistry.core.search import Search
from airegistry.core.services import Services
from airegistry.core.shelf import Shelf
from airegistry.core.tokens import Tokens
from airegistry.core.visibility import Visibility
from airegistry.index.memory import MemoryIndex
from airegistry.oauth.identity import PRINCIPAL
from airegistry.stores.memory import MemoryLog, MemoryStore
from airegistry.telemetry import Meter, SystemClock
from airegistry.tools.prompts import add_prompts
from airegistry.tools.resources import PAGE, add_resources

McpClient: TypeAlias = "Client[StreamableHttpTransport | SSETransport]"
URL = "http://registry.test"
MODERN = "2026-07-28"
PEOPLE = {
    "ann": Principal(subject="ann"),
    "bob": Principal(subject="bob", groups=frozenset({"staff"})),
    "cat": Principal(subject="cat", scopes=frozenset({"forecasts"})),
    "dan": Principal(subject="dan", scopes=frozenset({"no-reading"})),
    "operator": Principal(subject="operator", operator=True),
}
"""Who may stand in the header `x-test-subject`; anybody else is nobody."""


class Unreachable:
    """No backend answers here: assets are registered by value."""

    async def describe(self, server: Server) -> Description:
        raise UpstreamFailed(f"{server.path} is out of reach")

    async def ping(self, server: Server) -> None:
        raise UpstreamFailed(f"{server.path} is out of reach")

    async def fetch_text(self, url: str, *, limit: int) -> str:
        raise UpstreamFailed(f"{url} is out of reach")

    def check_url(self, url: str) -> None:
        return None

    async def request(
        self,
        server: Server,
        headers: Mapping[str, str],
        method: str,
        params: Json,
        *,
        timeout: float,
        owner: str | None = None,
    ) -> UpstreamResult:
        raise UpstreamFailed(f"{server.path} is out of reach")


async def core() -> Services:
    """A core without scanners and embedder, and two scopes."""
    store, clock, access = MemoryStore(), SystemClock(), Access()
    audit = Audit(MemoryLog(), access, clock)
    policy, shelf, visibility, events = Policy(store, access, audit), Shelf(store), Visibility(access, "dev"), Events()
    search = Search(MemoryIndex(), None, access, visibility, shelf)
    scans = Scans(store, (), access, clock)
    admission, network = Admission(scans, search, access), Unreachable()
    events.subscribe(search.on_event)
    events.subscribe(admission.on_event)
    catalog = Catalog(shelf, access, visibility, admission, scans, audit, events, network, clock)
    types, tokens = EntityTypes(store, access, audit), Tokens(store, access, policy, audit, clock, operator_hash=None)
    await policy.put_scope(
        SYSTEM, AccessScope(name="forecasts", grants=[Grant(assets=["weather"], tools=["forecast"])])
    )
    await policy.put_scope(
        SYSTEM,
        AccessScope(name="no-reading", grants=[Grant(assets=["weather"], actions=["read"], effect="deny")]),
    )
    await policy.put_group(SYSTEM, Group(name="staff"))
    return Services(
        url=URL, access=access, policy=policy, tokens=tokens, catalog=catalog, entity_types=types,
        intake=Intake(catalog, types, network, access, audit), ratings=Ratings(store, catalog, shelf, audit),
        search=search, scans=scans, audit=audit, explainer=Explainer(access, visibility, shelf, tokens),
        invocation=Invocation(shelf, access, visibility, audit, Meter(), clock, network),
    )  # fmt: skip


async def put(services: Services, kind: str, path: str, **fields: object) -> None:
    """Register an asset by value."""
    more = {"url": f"https://{path}.test/mcp"} if kind == "server" else {}
    asset = validated({"kind": kind, "path": path, "name": path, **more, **fields})  # type: ignore[dict-item]  # JSON, as each test gives it
    await services.catalog.register(SYSTEM, asset, fetch=False)


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

    services: Services
    server: ASGIServer

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
    services = await core()
    await furnish(services)
    mcp = FastMCP("registry", mask_error_details=True, list_page_size=page_size)
    for name in ("first", "second"):
        mcp.add_resource(TextResource(uri=AnyUrl(f"test://{name}"), text=name))
    add_resources(mcp, services, page_size=page_size)
    add_prompts(mcp, services)
    async with asgi_server(mcp) as served:
        yield World(services, ASGIServer(served.url, Subjects(served.app), served.transport_type))
