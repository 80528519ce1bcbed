"""Asks a live MCP server what it offers, in whichever era it speaks.

The MCP SDK's session does the protocol; HTTP goes through our guarded client. Lists are read as raw JSON objects, so
what a newer specification or a vendor adds to a tool is kept and not dropped by a model.
"""

import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import anyio
import httpx2
import mcp_types as types
from mcp import ClientSession, MCPError
from mcp.client.session import ClientRequestContext
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types.methods import validate_server_result
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_MODERN_VERSION
from pydantic import BaseModel, ConfigDict, JsonValue, RootModel, ValidationError

from airegistry import __version__
from airegistry.core.assets import Prompt, Resource, Server, Tool
from airegistry.core.credential_kinds import hide
from airegistry.core.errors import AirError, CredentialRefused, Invalid, UpstreamFailed
from airegistry.core.groups import first
from airegistry.core.ports import Description
from airegistry.egress.guard import Guard
from airegistry.egress.http import fetch_bytes, fetch_nothing, guarded_http
from airegistry.egress.messages import printable
from airegistry.egress.wire import MAX_ANSWER, Wire

MAX_ITEMS = 5_000
"""Tools, resources, templates or prompts of one server."""
MAX_PAGES = 1_000
MAX_TEXT = 256 * 1024
"""Characters of one description."""

logger = logging.getLogger(__name__)

_ACCEPT_TEXT = "application/json, text/markdown, text/plain, */*;q=0.1"
_SDK_STAND_INS = frozenset({"Server returned an error response", "Not Found", "Session terminated"})
_SDK_BROKE_OFF = ("Connection closed", "SSE stream")
_NONE: Mapping[str, str] = {}
_BACKEND_ERRORS = (AirError, MCPError, ValueError, RuntimeError, httpx2.HTTPError)

R = TypeVar("R")
M = TypeVar("M", bound=BaseModel)
ListRequest = (
    type[types.ListToolsRequest]
    | type[types.ListResourcesRequest]
    | type[types.ListResourceTemplatesRequest]
    | type[types.ListPromptsRequest]
)


class _Raw(RootModel[dict[str, JsonValue]]):
    """A result as it was on the wire. NaN and Infinity, which Python reads as JSON, are refused."""

    model_config = ConfigDict(allow_inf_nan=False)


class McpBackends:
    """The port `Backends` over HTTP. Seconds: `deadline` bounds a call as a whole, `connect_timeout` a connection."""

    def __init__(self, guard: Guard, *, deadline: float = 20.0, connect_timeout: float = 5.0) -> None:
        self._guard = guard
        self._deadline = deadline
        self._timeout = httpx2.Timeout(deadline, connect=connect_timeout)

    def check_url(self, url: str) -> None:
        """Whether a URL may be registered: scheme, form, and literal addresses.

        Raises:
            Invalid: it may not.
        """
        self._guard.check_url(url)

    async def describe(self, server: Server, headers: Mapping[str, str] = _NONE) -> Description:
        """Tools, resources and prompts of a live server. `headers` are its own credential.

        Raises:
            Invalid: it has no URL, or one that may not be connected to.
            UpstreamFailed: it cannot be reached, does not answer, or answers nonsense; CredentialRefused for 401.
        """
        return await self._converse(server, headers, _describe, legacy=server.transport == "sse")

    async def ping(self, server: Server, headers: Mapping[str, str] = _NONE) -> None:
        """Returns when the server answers its protocol: `server/discover`, or `ping` in the older era.

        Raises:
            Invalid: it has no URL, or one that may not be connected to.
            UpstreamFailed: it does not; CredentialRefused for 401.
        """
        await self._converse(server, headers, _ping, legacy=_is_legacy(server))

    async def list_tools(self, server: Server, headers: Mapping[str, str] = _NONE) -> Sequence[Tool]:
        """The tools that a live server lists now, as `describe` has them.

        Raises:
            Invalid, UpstreamFailed: as `describe`.
        """
        return await self._converse(server, headers, _tools, legacy=_is_legacy(server))

    async def reach(self, url: str) -> None:
        """Returns when something answers HTTP at a URL, whatever it says but that it is broken (5xx).

        Raises:
            Invalid: the URL is none that may be connected to.
            UpstreamFailed: nothing answers within the deadline.
        """
        async with guarded_http(self._guard) as client:
            await fetch_nothing(client, url, timeout=self._deadline)

    async def fetch_text(self, url: str, *, limit: int) -> str:
        """A small text document by URL, at most `limit` bytes.

        Raises:
            Invalid: the URL is none that may be fetched.
            UpstreamFailed: it cannot be had, or is no UTF-8 text.
        """
        async with guarded_http(self._guard) as client:
            body = await fetch_bytes(client, url, limit=limit, timeout=self._deadline, accept=_ACCEPT_TEXT)
        try:
            return body.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise UpstreamFailed(f"{self._guard.target(url)} sent what is no UTF-8 text") from None

    async def _converse(
        self,
        server: Server,
        headers: Mapping[str, str],
        work: Callable[[ClientSession], Awaitable[R]],
        *,
        legacy: bool,
    ) -> R:
        """Open a session, negotiate the era, do the work; every failure becomes one clear error."""
        if server.transport == "stdio" or server.url is None:
            raise Invalid(f"{server.path} has no URL to ask", field="url")
        target = self._guard.target(server.url)
        event_stream = server.transport == "sse"
        results: list[R] = []
        problem: Exception | None = None
        with anyio.move_on_after(self._deadline) as scope:
            wire = Wire(target, scope, event_stream=event_stream, headers=headers)
            client = guarded_http(self._guard, headers={"accept-encoding": "identity"}, wrap=wire.around)
            client.timeout = self._timeout
            try:
                async with _session(server.url, client, event_stream=event_stream) as session:
                    await _negotiate(session, legacy=legacy)
                    results.append(await work(session))
            except _BACKEND_ERRORS as error:
                problem = error
            except ExceptionGroup as group:
                problem = _first(group)
        if results:
            return results[0]
        if wire.failure is None and problem is None:
            raise UpstreamFailed(f"{target} did not answer within {self._deadline:g} s")
        failure = wire.failure or _explain(problem, wire)
        hide(failure, headers.values())
        # What it was caused by may quote what the server said, and that what it was sent.
        raise failure from (None if headers else problem)


@contextlib.asynccontextmanager
async def _session(url: str, client: httpx2.AsyncClient, *, event_stream: bool) -> AsyncIterator[ClientSession]:
    def factory(
        headers: dict[str, str] | None = None, timeout: httpx2.Timeout | None = None, auth: httpx2.Auth | None = None
    ) -> httpx2.AsyncClient:
        return client

    info = types.Implementation(name="airegistry", version=__version__)
    async with contextlib.AsyncExitStack() as stack:
        if event_stream:
            streams = await stack.enter_async_context(sse_client(url, httpx_client_factory=factory))
        else:
            await stack.enter_async_context(client)
            opening = streamable_http_client(url, http_client=client, max_sse_event_size=MAX_ANSWER)
            streams = await stack.enter_async_context(opening)
        # Servers offer some tools only to clients that can be asked: what is stored is what the best of clients sees.
        session = ClientSession(
            streams[0],
            streams[1],
            client_info=info,
            elicitation_callback=_decline,
            sampling_callback=_no_model,
            list_roots_callback=_no_roots,
        )
        yield await stack.enter_async_context(session)


async def _decline(context: ClientRequestContext, params: types.ElicitRequestParams) -> types.ElicitResult:
    return types.ElicitResult(action="decline")


async def _no_model(context: ClientRequestContext, params: types.CreateMessageRequestParams) -> types.ErrorData:
    return types.ErrorData(code=types.INVALID_REQUEST, message="the registry has no model")


async def _no_roots(context: ClientRequestContext) -> types.ListRootsResult:
    return types.ListRootsResult(roots=[])


async def _negotiate(session: ClientSession, *, legacy: bool) -> None:
    """Modern when the server answers `server/discover` as 2026-07-28 wants it, else the older handshake."""
    if not legacy:
        try:
            raw = await session.send_discover(LATEST_MODERN_VERSION)
            validate_server_result("server/discover", LATEST_MODERN_VERSION, raw)
            session.adopt(types.DiscoverResult.model_validate(raw, by_name=False))
        except (MCPError, ValidationError, RuntimeError):
            legacy = True
    if legacy:
        await session.initialize()


def _is_legacy(server: Server) -> bool:
    """The era is known since the server was described: an older one is spared a probe it may answer slowly."""
    return server.transport == "sse" or server.protocol_version in HANDSHAKE_PROTOCOL_VERSIONS


async def _ping(session: ClientSession) -> bool:
    if session.initialize_result is not None:
        await session.send_ping()
    return True


async def _tools(session: ClientSession) -> Sequence[Tool]:
    offers = session.server_capabilities or types.ServerCapabilities()
    return await _list(session, types.ListToolsRequest, "tools", Tool) if offers.tools else []


async def _describe(session: ClientSession) -> Description:
    offers = session.server_capabilities or types.ServerCapabilities()
    tools = await _tools(session)
    resources: list[Resource] = []
    templates: list[Resource] = []
    if offers.resources:
        resources = await _list(session, types.ListResourcesRequest, "resources", Resource)
        templates = await _list(session, types.ListResourceTemplatesRequest, "resourceTemplates", Resource)
    prompts = await _list(session, types.ListPromptsRequest, "prompts", Prompt) if offers.prompts else []
    if len(session.instructions or "") > MAX_TEXT:
        raise _Refused(f"its instructions are longer than {MAX_TEXT} characters")
    info = session.server_info
    return Description(
        tools=tools,
        resources=resources,
        resource_templates=templates,
        prompts=prompts,
        instructions=session.instructions,
        server_info=info.model_dump(mode="json", by_alias=True, exclude_none=True) if info else {},
        protocol_version=session.protocol_version or "",
    )


async def _list(session: ClientSession, request: ListRequest, key: str, model: type[M]) -> list[M]:
    """All pages of a list. A method that a server announces and does not have counts as an empty list."""
    items: list[M] = []
    cursor: str | None = None
    seen: set[str] = set()
    for _ in range(MAX_PAGES):
        params = None if cursor is None else types.PaginatedRequestParams(cursor=cursor)
        try:
            page = (await session.send_request(request(params=params), _Raw)).root
        except MCPError as error:
            if error.code == types.METHOD_NOT_FOUND and cursor is None:
                return []
            raise
        items.extend(_models(page.get(key), model))
        if len(items) > MAX_ITEMS:
            raise _Refused(f"it lists more than {MAX_ITEMS} {key}")
        following = page.get("nextCursor")
        # 2026-07-28: an empty string is a cursor like any other. Before, it was a common way to say "the end".
        if not isinstance(following, str) or (not following and session.initialize_result is not None):
            return items
        if following in seen:
            raise _Refused(f"its {key} never end: a cursor came twice")
        seen.add(following)
        cursor = following
    raise _Refused(f"its {key} take more than {MAX_PAGES} pages")


def _models(raw: JsonValue, model: type[M]) -> Sequence[M]:
    found: list[M] = []
    for item in raw if isinstance(raw, list) else []:
        known = {name: value for name, value in item.items() if value is not None} if isinstance(item, dict) else {}
        name = printable(str(known.get("name")))
        if len(str(known.get("description", ""))) > MAX_TEXT:
            raise _Refused(f"the description of {name} is longer than {MAX_TEXT} characters")
        for field, info in model.model_fields.items():
            # Kept as an unknown member it would be taken for our field when the record is read again.
            if info.alias is not None and field in known:
                raise _Refused(f"{name} has a member {field}, which is not {info.alias} and passes for it")
        found.append(model.model_validate(known))
    return found


class _Refused(UpstreamFailed):
    """What a server says is well-formed and still too much; `message` is about "it"."""


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """The first failure in a group. The SDK reads hostile input in tasks of its own: that input caused it."""
    failure = first(group)
    if not isinstance(failure, _BACKEND_ERRORS):
        logger.warning("the MCP client failed on an answer of a backend", exc_info=failure)
    return failure


def _explain(problem: Exception | None, wire: Wire) -> UpstreamFailed:
    """The problem as one sentence that names the host and shows of the answer at most an escaped error message."""
    target = wire.target
    if isinstance(problem, _Refused):
        return UpstreamFailed(f"{target}: {problem.message}")
    said = problem.message if isinstance(problem, MCPError) and problem.message not in _SDK_STAND_INS else ""
    if wire.status is not None:
        kind = CredentialRefused if wire.unauthorized else UpstreamFailed
        return kind(f"{target} answered {wire.status}" + (f" ({printable(said)})" if said else ""))
    if wire.content_type not in {"application/json", "text/event-stream", ""}:
        return UpstreamFailed(f"{target} answered with content type {printable(wire.content_type)}: that is not MCP")
    if isinstance(problem, ValidationError):
        first = problem.errors(include_url=False, include_context=False, include_input=False)[0]
        where = printable(".".join(str(part) for part in first["loc"]))
        return UpstreamFailed(f"{target} answers against the MCP specification: {where}: {printable(first['msg'])}")
    if isinstance(problem, MCPError):
        if problem.code == types.PARSE_ERROR:
            return UpstreamFailed(f"{target} answered with something that is no JSON-RPC message")
        if said.startswith(_SDK_BROKE_OFF):
            return UpstreamFailed(f"{target} broke off before it had answered")
        return UpstreamFailed(f"{target} answered with error {problem.code}: {printable(said)}")
    return UpstreamFailed(f"{target} does not follow MCP: {printable(str(problem))}")
