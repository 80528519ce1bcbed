"""One tool call to the registry over streamable HTTP, in the era without sessions: one request, one answer."""

import logging
import os
import socket
import ssl
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx2
import mcp_types as types
from mcp import ClientSession, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types.version import LATEST_MODERN_VERSION
from pydantic import RootModel, ValidationError

from airegistry import __version__
from airegistry.cli.client import Answer, items
from airegistry.cli.errors import NoAnswer, Refused, Usage
from airegistry.cli.values import Json
from airegistry.core.errors import AirError
from airegistry.core.groups import first
from airegistry.egress.oauth_discovery import challenge_of

READ_TIMEOUT = 300.0
"""Seconds without a byte. A call takes as long as its backend does; the registry bounds that."""
TIMEOUT = httpx2.Timeout(30, connect=5, read=READ_TIMEOUT)

MCP_TYPES = frozenset({"application/json", "text/event-stream"})
CODES = {types.INVALID_PARAMS: "invalid", types.METHOD_NOT_FOUND: "unsupported"}

# The SDK logs what it also raises; here it is printed once.
logging.getLogger("mcp").addHandler(logging.NullHandler())


class _Raw(RootModel[Json]):
    """A result as it was on the wire."""


class Session:
    """A caller at the registry whose base URL is `url`."""

    def __init__(self, url: str, token: str | None) -> None:
        self._url = url
        self._token = token
        self._status = 0
        self._content_type = ""
        self._step_up: str | None = None

    async def call(self, tool: str, arguments: Json) -> Answer:
        """The tool's answer.

        Raises:
            NoAnswer: nothing answers there, or not to this caller.
            Refused: the answer is an error.
            Usage: the URL names no host.
        """
        failure: AirError | Usage | None = None
        result: Json = {}
        # The SDK runs in task groups, so what went wrong comes in a group.
        try:
            result = await self._request(tool, arguments)
        except* MCPError as group:
            failure = self._explain(first(group))
        except* httpx2.HTTPError as group:
            failure = self._unreachable(_reason(first(group)))
        except* httpx2.InvalidURL as group:
            failure = Usage(f"`{self._url}` is not the URL of a registry: {first(group)}")
        except* ValidationError:
            failure = self._unreachable("the answer does not follow MCP")
        if failure is not None:
            raise failure
        return _answer(result)

    async def _request(self, tool: str, arguments: Json) -> Json:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        client = httpx2.AsyncClient(
            headers={"User-Agent": f"airegistry/{__version__}", **headers},
            timeout=TIMEOUT,
            event_hooks={"response": [self._look_at]},
            # A proxy of the environment cannot reach this machine's own loopback.
            trust_env=urlsplit(self._url).hostname not in {"127.0.0.1", "::1", "localhost"},
        )
        info = types.Implementation(name="airegistry-cli", version=__version__)
        async with (
            client,
            streamable_http_client(f"{self._url}/mcp", http_client=client) as (read, write),
            ClientSession(read, write, client_info=info) as session,
        ):
            session.adopt(_KNOWN)
            params = types.CallToolRequestParams(name=tool, arguments=arguments)
            return (await session.send_request(types.CallToolRequest(params=params), _Raw)).root

    async def _look_at(self, response: httpx2.Response) -> None:
        """Remember what the SDK does not pass on."""
        self._status = response.status_code
        challenge = challenge_of(response) if response.status_code == HTTPStatus.FORBIDDEN else None
        self._step_up = challenge.scope if challenge else None
        self._content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()

    def _explain(self, error: MCPError) -> AirError:
        data = error.error.data
        if self._status == HTTPStatus.UNAUTHORIZED:
            problem = "does not accept the token" if self._token else "wants a token"
            return NoAnswer(
                "unauthenticated",
                f"the registry at `{self._url}` {problem}",
                "run `airegistry login`, set AIREGISTRY_TOKEN, or name a file that holds the token with `--token-file`",
            )
        if self._step_up is not None:
            way = ": `airegistry login --admin` gets one" if "mcp:admin" in self._step_up.split() else ""
            return Refused("access_denied", f"this takes a token with the scopes `{self._step_up}`{way}")
        if isinstance(data, dict) and isinstance(code := data.get("code"), str):
            return Refused(code, error.message, {"message": error.message, **data})
        if self._status >= HTTPStatus.MULTIPLE_CHOICES and error.code not in {types.INVALID_PARAMS}:
            return self._unreachable(f"it answers with HTTP status {self._status}")
        if self._content_type not in MCP_TYPES:
            return self._unreachable(f"it answers with {self._content_type or 'nothing'}, which is not MCP")
        if error.code == types.CONNECTION_CLOSED:
            return self._unreachable("the connection ended before the answer")
        if error.code == types.PARSE_ERROR:
            return self._unreachable("the answer does not follow MCP")
        return Refused(CODES.get(error.code, "internal"), error.message)

    def _unreachable(self, why: str) -> NoAnswer:
        return NoAnswer(
            "unreachable",
            f"no registry answers at `{self._url}`: {why}",
            "start one with `airegistry serve`, or name another with `--url` or AIREGISTRY_URL",
        )


_KNOWN = types.DiscoverResult(
    supported_versions=[LATEST_MODERN_VERSION],
    capabilities=types.ServerCapabilities(),
    result_type="complete",
    ttl_ms=0,
    cache_scope="private",
)
"""What a registry answers to `server/discover`; asking would double the requests of a command."""


def _answer(result: Json) -> Answer:
    if result.get("resultType", "complete") != "complete":
        raise Refused("unsupported", "the tool asks for input while it runs, which the command line cannot give")
    structured = result.get("structuredContent")
    answer = Answer(items(result.get("content")), structured)
    if result.get("isError"):
        fields = structured if isinstance(structured, dict) else {}
        raise Refused(str(fields.get("code", "")), str(fields.get("message") or answer.text), structured)
    return answer


def _reason(error: httpx2.HTTPError) -> str:
    """The cause in the words of the operating system where there are some."""
    if isinstance(error, httpx2.ConnectTimeout):
        return "no connection within 5 s"
    if isinstance(error, httpx2.TimeoutException):
        return f"no answer within {READ_TIMEOUT:g} s"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, (ssl.SSLError, socket.gaierror)):
            return str(cause.strerror or cause)
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno)
        cause = cause.__cause__ or cause.__context__
    return str(error) or type(error).__name__
