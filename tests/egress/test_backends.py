"""Asking live MCP servers of both eras what they offer."""

from collections.abc import AsyncIterator

import pytest
from fastmcp import FastMCP
from mcp.types import ToolAnnotations
from starlette.types import ASGIApp

from airegistry.core.assets import Prompt, Resource, Server, Tool
from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.core.ports import Backends
from airegistry.egress.backends import McpBackends
from airegistry.egress.guard import Guard
from tests.egress.scripted import Json, Scripted
from tests.egress.servers import always, older, raw_server
from tests.support.asgi import serve

pytestmark = pytest.mark.anyio

BACKENDS: Backends = McpBackends(Guard(loopback=True), deadline=10)


def server_at(url: str, **fields: str) -> Server:
    return Server.model_validate({"path": "backend", "name": "Backend", "url": url, **fields})


def weather() -> FastMCP:
    """A real server with 55 tools on pages of 10, resources, a template and a prompt."""
    mcp = FastMCP("weather", version="3.1", instructions="Ask for a city.", list_page_size=10)
    hints = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    for number in range(55):

        @mcp.tool(name=f"forecast_{number}", title=f"Forecast {number}", annotations=hints, meta={"acme/rank": number})
        def forecast(city: str, days: int = 3) -> dict[str, int]:
            """The weather to come."""
            return {"days": days}

    @mcp.resource("weather://stations")
    def stations() -> str:
        """All stations."""
        return ""

    @mcp.resource("weather://stations/{name}")
    def station(name: str) -> str:
        """One station."""
        return name

    @mcp.prompt
    def advise(city: str) -> str:
        """What to wear."""
        return city

    return mcp


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


TRANSPORTS = ["modern, stateless", "modern, with event streams", "older, with sessions", "older, stateless", "sse"]


@pytest.fixture(scope="module", params=TRANSPORTS)
async def live(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    """The weather server behind uvicorn, in each era and over each transport; its version says which era to expect."""
    kind = request.param
    if kind == "sse":
        app: ASGIApp = weather().http_app(path="/mcp", transport="sse")
    else:
        stateless = kind.endswith("stateless")
        app = weather().http_app(path="/mcp", stateless_http=stateless, json_response=stateless)
    expected = "2026-07-28" if kind.startswith("modern") else "2025-11-25"
    async with serve(older(app) if kind.startswith("older") else app) as url:
        transport = "sse" if kind == "sse" else "streamable-http"
        yield server_at(f"{url}/mcp", transport=transport, protocol_version=expected)


async def test_everything_a_live_server_offers_is_described(live: Server) -> None:
    found = await BACKENDS.describe(live.model_copy(update={"protocol_version": None}))
    assert found.protocol_version == live.protocol_version
    assert [tool.name for tool in found.tools] == [f"forecast_{number}" for number in range(55)]
    tool = found.tools[7].model_dump(by_alias=True)
    assert tool["title"] == "Forecast 7"
    assert tool["description"] == "The weather to come."
    assert tool["inputSchema"]["required"] == ["city"]
    assert tool["outputSchema"]["type"] == "object"
    assert tool["annotations"] == {"readOnlyHint": True, "openWorldHint": False}
    assert tool["_meta"]["acme/rank"] == 7
    assert [(item.name, item.uri) for item in found.resources] == [("stations", "weather://stations")]
    assert [item.uri_template for item in found.resource_templates] == ["weather://stations/{name}"]
    assert [(item.name, item.description) for item in found.prompts] == [("advise", "What to wear.")]
    assert found.instructions == "Ask for a city."
    assert found.server_info == {"name": "weather", "version": "3.1"}


async def test_a_live_server_answers_a_ping(live: Server) -> None:
    await BACKENDS.ping(live)
    await BACKENDS.ping(live.model_copy(update={"protocol_version": None}))


async def test_a_server_that_was_older_when_last_described_is_found_to_be_modern() -> None:
    async with serve(Scripted()) as url:
        found = await BACKENDS.describe(server_at(url, protocol_version="2025-06-18"))
    assert found.protocol_version == "2026-07-28"


TOOL: Json = {
    "name": "odd",
    "title": "Odd",
    "description": "An odd tool.",
    "inputSchema": {
        "type": "object",
        "properties": {"a": {"type": "string", "x-mcp-header": "A b"}},
        "$defs": {"b": True},
    },
    "outputSchema": {"type": "object", "x-vendor": [1, 2.5, None]},
    "annotations": {"readOnlyHint": False, "acme/cost": 3},
    "icons": [{"src": "https://example.com/i.png", "acme": 1}],
    "_meta": {"acme/owner": {"team": "x"}},
    "execution": {"taskSupport": "optional"},
    "acme/new": {"deep": [{"er": None}]},
}
RESOURCE: Json = {"name": "r", "uri": "a://b", "description": "R", "size": 7, "mimeType": "x/y", "acme": [1]}
TEMPLATE: Json = {"name": "t", "uriTemplate": "a://{b}", "acme": {"c": 1}}
PROMPT: Json = {"name": "p", "arguments": [{"name": "a", "required": True, "acme": 1}], "acme": 2}


@pytest.mark.parametrize("modern", [True, False], ids=["modern", "older"])
async def test_definitions_are_kept_with_members_nobody_knows(modern: bool) -> None:
    answers: dict[str, Json] = {
        "tools/list": {"tools": [TOOL]},
        "resources/list": {"resources": [RESOURCE]},
        "resources/templates/list": {"resourceTemplates": [TEMPLATE]},
        "prompts/list": {"prompts": [PROMPT]},
    }
    async with serve(Scripted(answers, modern=modern)) as url:
        found = await BACKENDS.describe(server_at(url))
    assert dump(found.tools[0]) == TOOL
    assert Tool.model_validate(dump(found.tools[0])) == found.tools[0]
    assert dump(found.resources[0]) == RESOURCE
    assert dump(found.resource_templates[0]) == TEMPLATE
    assert dump(found.prompts[0]) == PROMPT
    assert found.server_info == {"name": "scripted", "version": "1"}
    assert found.instructions is None


def dump(model: Tool | Resource | Prompt) -> dict[str, object]:
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True)


async def test_a_server_that_only_pretends_to_be_modern_is_asked_in_the_older_era() -> None:
    async with serve(Scripted({"tools/list": {"tools": [TOOL]}}, modern=False, pretends=True)) as url:
        found = await BACKENDS.describe(server_at(url))
    assert found.protocol_version == "2025-11-25"
    assert [tool.name for tool in found.tools] == ["odd"]


async def test_an_event_of_several_megabytes_is_read() -> None:
    mcp = FastMCP("wordy")
    for number in range(20):
        mcp.tool(name=f"t{number}", description="x" * 200_000)(lambda: None)
    async with serve(older(mcp.http_app(path="/mcp"))) as url:
        found = await BACKENDS.describe(server_at(f"{url}/mcp"))
    assert sum(len(tool.description) for tool in found.tools) == 4_000_000


@pytest.mark.parametrize("modern", [True, False], ids=["modern", "older"])
async def test_only_what_is_announced_is_asked_for(modern: bool) -> None:
    app = Scripted(modern=modern, capabilities={"prompts": {}})
    async with serve(app) as url:
        found = await BACKENDS.describe(server_at(url))
    assert not [*found.tools, *found.resources, *found.resource_templates, *found.prompts]
    assert [method for method in app.seen if method.endswith("/list")] == ["prompts/list"]


@pytest.mark.parametrize("modern", [True, False], ids=["modern", "older"])
async def test_an_announced_method_that_does_not_exist_is_an_empty_list(modern: bool) -> None:
    async with serve(Scripted(modern=modern).without("resources/templates/list")) as url:
        assert (await BACKENDS.describe(server_at(url))).resource_templates == []


async def test_an_older_session_is_ended_and_no_stream_is_opened_for_it() -> None:
    app = Scripted(modern=False)
    async with serve(app) as url:
        await BACKENDS.describe(server_at(url))
    assert app.seen[:3] == ["server/discover", "initialize", "notifications/initialized"]
    assert app.seen[-1] == "DELETE"
    assert "GET" not in app.seen


async def test_a_server_known_to_be_older_is_not_asked_to_discover() -> None:
    app = Scripted(modern=False)
    async with serve(app) as url:
        await BACKENDS.ping(server_at(url, protocol_version="2025-03-26"))
    assert app.seen == ["initialize", "notifications/initialized", "ping", "DELETE"]


async def test_a_modern_ping_is_one_request() -> None:
    app = Scripted()
    async with serve(app) as url:
        await BACKENDS.ping(server_at(url))
    assert app.seen == ["server/discover"]


async def test_nothing_goes_out_but_what_mcp_needs() -> None:
    app = Scripted(capabilities={"tools": {}})
    async with serve(app) as url:
        await BACKENDS.describe(server_at(url))
    assert set(app.headers) == {
        "host",
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "mcp-method",
        "mcp-protocol-version",
        "user-agent",
    }
    assert app.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("modern", [True, False], ids=["modern", "older"])
async def test_an_empty_cursor_goes_on_in_the_modern_era_and_ends_before(modern: bool) -> None:
    def pages(params: Json) -> Json:
        name = "second" if "cursor" in params else "first"
        tools: Json = {"tools": [{"name": name, "inputSchema": {"type": "object"}}]}
        return tools if "cursor" in params else {**tools, "nextCursor": ""}

    async with serve(Scripted({"tools/list": pages}, modern=modern)) as url:
        found = await BACKENDS.describe(server_at(url))
    assert [tool.name for tool in found.tools] == (["first", "second"] if modern else ["first"])


async def test_a_server_that_runs_by_command_has_nothing_to_ask() -> None:
    with pytest.raises(Invalid, match="backend has no URL"):
        await BACKENDS.describe(Server(path="backend", name="Backend", transport="stdio", command="x"))


@pytest.mark.parametrize("url", ["http://169.254.169.254/mcp", "http://10.0.0.1/mcp", "ftp://example.com/"])
async def test_a_forbidden_url_is_refused_by_every_method(url: str) -> None:
    with pytest.raises(Invalid):
        BACKENDS.check_url(url)
    with pytest.raises(Invalid):
        await BACKENDS.describe(server_at(url))
    with pytest.raises(Invalid):
        await BACKENDS.ping(server_at(url))
    with pytest.raises(Invalid):
        await BACKENDS.fetch_text(url, limit=10)


async def test_a_text_is_fetched_by_url() -> None:
    document = "\ufeff# Skill ü".encode()
    async with raw_server(always(b"HTTP/1.1 200 OK\r\n\r\n" + document)) as port:
        assert await BACKENDS.fetch_text(f"http://127.0.0.1:{port}/SKILL.md", limit=100) == "# Skill ü"
        with pytest.raises(UpstreamFailed, match="more than 5 bytes"):
            await BACKENDS.fetch_text(f"http://127.0.0.1:{port}/SKILL.md", limit=5)


async def test_a_document_that_is_no_text_is_refused() -> None:
    async with raw_server(always(b"HTTP/1.1 200 OK\r\n\r\n\xff\xfe\x00")) as port:
        with pytest.raises(UpstreamFailed, match="no UTF-8 text"):
            await BACKENDS.fetch_text(f"http://127.0.0.1:{port}/", limit=100)
