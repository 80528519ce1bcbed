"""A backend of the modern era (2026-07-28): every request stands alone, the answer is JSON or an event stream."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from itertools import count
from typing import Final

import anyio
from mcp.shared.inbound import (
    NAME_BEARING_METHODS,
    encode_header_value,
    find_invalid_x_mcp_header,
    mcp_param_headers,
    x_mcp_header_map,
)
from mcp.shared.subscriptions import SUBSCRIPTION_ID_META_KEY
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    METHOD_NOT_FOUND,
    PROTOCOL_VERSION_META_KEY,
    SERVER_INFO_META_KEY,
)
from mcp_types.version import LATEST_MODERN_VERSION, MODERN_PROTOCOL_VERSIONS

from airegistry.core.assets import Json, Server
from airegistry.egress.stream import StreamClient
from airegistry.gateway.channels.exchange import (
    Answer,
    Client,
    Era,
    Event,
    Exchange,
    Headers,
    Notice,
    Opening,
    Question,
)
from airegistry.gateway.channels.passage import Passage
from airegistry.gateway.channels.wire import (
    FIRST_BYTE_SECONDS,
    SSE,
    Messages,
    Wire,
    answer_of,
    answers,
    content_type,
)
from airegistry.gateway.errors import BadAnswer

_ACKNOWLEDGED: Final = "notifications/subscriptions/acknowledged"

_Mirror = Mapping[tuple[str, ...], str]
"""Paths of arguments that headers repeat, each with the header's token."""


class ModernChannel:
    """A `Channel` without a session: nothing is held between requests but what `open` learned."""

    era: Era = "modern"

    def __init__(
        self, client: StreamClient, server: Server, headers: Headers, who: Client,
        *, first_byte_timeout: float = FIRST_BYTE_SECONDS,
    ) -> None:  # fmt: skip
        assert server.url is not None
        self._server = server
        self.wire = Wire(client, server.url, headers, patience=first_byte_timeout)
        self._envelope: Json = {
            PROTOCOL_VERSION_META_KEY: LATEST_MODERN_VERSION,
            CLIENT_INFO_META_KEY: who.info,
            CLIENT_CAPABILITIES_META_KEY: who.capabilities,
        }
        self._ids = count(1)
        self._mirrors: dict[str, _Mirror] = {}
        self._opening: Opening | None = None

    async def open(self) -> Opening:
        """What `server/discover` answers; asked once.

        Raises:
            UpstreamFailed: nothing of the kind.
        """
        if self._opening is None:
            async with self.request("server/discover", {}) as exchange:
                async for event in exchange:
                    if isinstance(event, Answer):
                        self._opening = _opening(event)
        assert self._opening is not None  # an exchange ends with its answer, or raises
        return self._opening

    @asynccontextmanager
    async def request(self, method: str, params: Json) -> AsyncIterator[Exchange]:
        """One POST. Leaving closes the connection, unless the answer is whole: that is the cancellation."""
        request_id = next(self._ids)
        message, headers = self._message(request_id, method, params)
        async with aclosing(Messages(await self.wire.post(message, headers))) as messages:
            yield _Exchange(messages, request_id)

    async def notify(self, method: str, params: Json) -> None:
        """Nothing: over HTTP this era has no notifications of clients."""

    @asynccontextmanager
    async def listen(self, wanted: Json, *, rest: bool = True) -> AsyncIterator[AsyncIterator[Notice | Question]]:
        """`subscriptions/listen`, sent at the first step of the iterator.

        The acknowledgement is left out, and so is the subscription's id in each notice. The iterator ends when the
        backend ends the subscription; it waits for ever where the backend has no subscriptions.
        """
        async with aclosing(self._notices(wanted)) as notices:
            yield notices

    async def close(self) -> None:
        """Nothing is held."""

    async def _notices(self, wanted: Json) -> AsyncGenerator[Notice | Question, None]:
        request_id = next(self._ids)
        message, headers = self._message(request_id, "subscriptions/listen", {"notifications": wanted})
        response = await self.wire.post(message, headers, endless=True)
        async with aclosing(Messages(response, endless=content_type(response) == SSE)) as messages:
            async for received in messages:
                if "method" in received:
                    if received["method"] != _ACKNOWLEDGED:
                        yield Notice(_without_subscription(received))
                elif answers(received, request_id):
                    answer = answer_of(received)
                    if answer.error is None:
                        return
                    if answer.error.get("code") != METHOD_NOT_FOUND:
                        raise BadAnswer(f"the backend refuses to be listened to: {answer.error.get('code')}")
                    break
            else:
                raise BadAnswer("the backend broke its subscription off")
        await anyio.sleep_forever()

    def _message(self, request_id: int, method: str, params: Json) -> tuple[Json, dict[str, str]]:
        meta = params.get("_meta")
        # The client's own members stay (progressToken, traceparent); those of the era are the gateway's to say.
        full = {**meta, **self._envelope} if isinstance(meta, dict) else self._envelope
        message: Json = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": {**params, "_meta": full}}
        return message, self._mirrored(method, params)

    def _mirrored(self, method: str, params: Json) -> dict[str, str]:
        """The headers that repeat parts of the body."""
        headers = {"mcp-protocol-version": LATEST_MODERN_VERSION, "mcp-method": encode_header_value(method)}
        member = NAME_BEARING_METHODS.get(method)
        name = params.get(member) if member else None
        if not isinstance(name, str):
            return headers
        headers["mcp-name"] = encode_header_value(name)
        arguments = params.get("arguments")
        if method == "tools/call" and isinstance(arguments, dict):
            if (mirror := self._mirrors.get(name)) is None:
                mirror = self._mirrors[name] = _mirror(self._server, name)
            if mirror:
                headers |= mcp_param_headers(mirror, arguments)
        return headers


class _Exchange:
    """An `Exchange` in which the backend cannot ask."""

    __slots__ = ("_done", "_id", "_messages")

    def __init__(self, messages: Messages, request_id: int) -> None:
        self._messages = messages
        self._id = request_id
        self._done = False

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        if self._done:
            raise StopAsyncIteration
        async for message in self._messages:
            if "method" not in message:
                if answers(message, self._id):
                    self._done = self._messages.settled = True
                    return answer_of(message)
            elif "id" in message:
                raise BadAnswer("the backend asks in a manner that its era does not have")
            else:
                return Notice(message)
        raise BadAnswer("the backend ended its answer without a result")

    async def passage(self) -> Passage | None:
        """None: the other era knows other results."""
        return None

    async def reply(self, question: Question, reply: Json) -> None:
        """Nothing: this era has no questions of backends."""


def _mirror(server: Server, name: str) -> _Mirror:
    schema = next((tool.input_schema for tool in server.tools if tool.name == name), {})
    return {} if find_invalid_x_mcp_header(schema) else x_mcp_header_map(schema)


def _without_subscription(notice: Json) -> Json:
    params = notice.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    if not isinstance(params, dict) or not isinstance(meta, dict) or SUBSCRIPTION_ID_META_KEY not in meta:
        return notice
    rest = {key: value for key, value in meta.items() if key != SUBSCRIPTION_ID_META_KEY}
    others = {key: value for key, value in params.items() if key != "_meta"}
    return {**notice, "params": {**others, "_meta": rest} if rest else others}


def _opening(answer: Answer) -> Opening:
    result = answer.result
    if result is None:
        raise BadAnswer(f"the backend does not introduce itself: {(answer.error or {}).get('code')}")
    versions, capabilities = result.get("supportedVersions"), result.get("capabilities")
    spoken = [version for version in MODERN_PROTOCOL_VERSIONS if isinstance(versions, list) and version in versions]
    if not spoken:
        raise BadAnswer("the backend did not agree on a protocol version")
    meta, instructions = result.get("_meta"), result.get("instructions")
    info = meta.get(SERVER_INFO_META_KEY) if isinstance(meta, dict) else None
    return Opening(
        capabilities if isinstance(capabilities, dict) else {},
        info if isinstance(info, dict) else {},
        instructions if isinstance(instructions, str) else None,
        spoken[-1],
    )
