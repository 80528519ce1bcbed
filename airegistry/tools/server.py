"""`airegistry-tools`: the registry as an MCP server."""

from collections.abc import Iterable

from fastmcp import FastMCP
from fastmcp.server.http import StarletteWithLifespan
from mcp.server.request_state import RequestStateSecurity
from starlette.middleware import Middleware

from airegistry import __version__
from airegistry.core.errors import Unsupported
from airegistry.core.services import Services
from airegistry.tools.ans import AnsTools
from airegistry.tools.answering import Brought, bring
from airegistry.tools.approvals import ApprovalTools
from airegistry.tools.audit import AuditTools
from airegistry.tools.browsing import BrowsingTools
from airegistry.tools.catalog import CatalogTools
from airegistry.tools.declare import add_tools
from airegistry.tools.definitions import DefinitionTools
from airegistry.tools.entity_types import EntityTypeTools
from airegistry.tools.errors import BadArguments
from airegistry.tools.event_store import MemoryEventStore
from airegistry.tools.health import HealthTools
from airegistry.tools.imports import ImportTools
from airegistry.tools.index_care import IndexCareTools
from airegistry.tools.invoke import InvokeTools
from airegistry.tools.lifecycle import LifecycleTools
from airegistry.tools.listing import ListingTools
from airegistry.tools.logs import LogTools
from airegistry.tools.policy import PolicyTools
from airegistry.tools.prompts import add_prompts
from airegistry.tools.protection import ProtectionTools
from airegistry.tools.resources import add_resources
from airegistry.tools.scans import ScanTools
from airegistry.tools.search import SearchTools
from airegistry.tools.sources import SourceTools
from airegistry.tools.tokens import TokenTools
from airegistry.tools.usage import UsageTools
from airegistry.tools.vending import VendingTools
from airegistry.tools.versions import VersionTools
from airegistry.tools.virtual import VirtualTools
from airegistry.tools.webhooks import WebhookTools
from airegistry.tools.whole_schemas import WholeSchemas

NAME = "airegistry-tools"
INSTRUCTIONS = """The company's registry of MCP servers, tools, A2A agents and skills.
To do something: intelligent_tool_finder(task), then call_tool(server, tool, arguments).
To find something: search_registry(query). To add a server: register_service(name, path, url).
You see and may call only what you are entitled to; access_denied names the scopes that are missing."""


def catalog_tools(services: Services) -> tuple[object, ...]:
    """The objects whose marked methods are the tools of catalog and policy."""
    listing = ListingTools(services)
    return (
        SearchTools(services), listing, InvokeTools(services), CatalogTools(services, listing),
        LifecycleTools(services, listing), EntityTypeTools(services.entity_types),
        PolicyTools(services), TokenTools(services), VendingTools(services.tokens), AuditTools(services),
        ScanTools(services), VersionTools(services, listing),
        DefinitionTools(services, listing), VirtualTools(services, listing),
        ApprovalTools(services.approvals), WebhookTools(services.webhooks), AnsTools(services.ans),
        SourceTools(services.federation), ImportTools(services.federation),
        ProtectionTools(services.guards), HealthTools(services), IndexCareTools(services.index_care),
        UsageTools(services), LogTools(services.logs), BrowsingTools(services),
    )  # fmt: skip


def build(services: Services, owners: Iterable[object], states: RequestStateSecurity | None = None) -> FastMCP:
    """The server with every resource and prompt, and with the marked methods of `owners` as its tools. `states` seal
    what clients come back with; by default they are good in this process alone.

    Callers come from the request: see `caller.py`.
    """
    mcp = FastMCP(
        NAME,
        instructions=INSTRUCTIONS,
        version=__version__,
        mask_error_details=True,
        on_duplicate="error",
        cache_ttl=1,
        cache_scope="private",
        dereference_schemas=False,  # `WholeSchemas` does
        middleware=[BadArguments(), WholeSchemas()],
        list_page_size=200,
        request_state_security=states,
    )
    for owner in owners:
        add_tools(mcp, owner)
    add_resources(mcp, services)
    add_prompts(mcp, services)
    # Without this each tools/call lists all tools again, to look for parameters mirrored in headers; ours have none.
    mcp._mcp_server.get_tool_input_schema = lambda name: None
    mcp._mcp_server.middleware.append(bring)
    # FastMCP asks its session state store at each call which components a session hid; ours hide none. The default
    # store would import 400 modules, 14 MB.
    mcp._FastMCP__state_store = NoSessionState()  # type: ignore[attr-defined]  # private: a test holds the memory
    return mcp


def served(mcp: FastMCP) -> StarletteWithLifespan:
    """The server as an ASGI application at `/mcp`, inside whoever checks Host, Origin and caller."""
    middleware = [Middleware(Brought)]
    events = MemoryEventStore()
    return mcp.http_app(path="/mcp", event_store=events, host_origin_protection=False, middleware=middleware)


class NoSessionState:
    """In place of FastMCP's session state, which no tool here uses."""

    async def get(self, key: str) -> None:
        """Nothing is kept."""

    async def put(self, key: str, value: object, ttl: float | None = None) -> None:
        """Refuse: what is put would be lost.

        Raises:
            Unsupported: always.
        """
        raise Unsupported("the registry's tools keep no session state")

    async def delete(self, key: str) -> None:
        """Nothing is kept."""
