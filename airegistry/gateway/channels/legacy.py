"""A backend of the older era over streamable HTTP (2025-03-26 to 2025-11-25)."""

import re
from contextlib import aclosing
from typing import Final, Self

import anyio
import orjson
from anyio.abc import TaskGroup

from airegistry.core.assets import Json, Server
from airegistry.core.errors import UpstreamFailed
from airegistry.egress.stream import NotSent, StreamClient, StreamResponse
from airegistry.gateway.channels.conversation import FAREWELL_SECONDS, Conversation
from airegistry.gateway.channels.exchange import Client, Headers
from airegistry.gateway.channels.passage import Passage
from airegistry.gateway.channels.running import Running, Sent, speaks_of_session
from airegistry.gateway.channels.wire import FIRST_BYTE_SECONDS, Messages, Wire, header, parsed, read_off, whole
from airegistry.gateway.errors import BadAnswer, SessionLost

_SESSION_ID: Final = re.compile(r"[\x21-\x7e]{1,1024}")
_MAX_REFUSAL: Final = 64 * 2**10
_MAX_RESUMED: Final = 3
_RESUME_SECONDS: Final = 1.0


class LegacyChannel(Conversation):
    """A `Channel` with a session, requests side by side in POSTs of their own."""

    apart = True

    def __init__(
        self, client: StreamClient, server: Server, headers: Headers, who: Client, tasks: TaskGroup | None = None,
        *, first_byte_timeout: float = FIRST_BYTE_SECONDS,
    ) -> None:  # fmt: skip
        assert server.url is not None
        super().__init__(Wire(client, server.url, headers, patience=first_byte_timeout), who, tasks)
        self._session: str | None = None
        self._last_id: str | None = None

    async def connect(self) -> None:
        """A session that was lost is not worth a farewell."""
        self._session = self._last_id = None

    async def sent(self, running: Running) -> Sent:
        """POST a request; its answer is resumed where the backend says how."""
        used = self._session
        running.sent = True
        try:
            response = await self.wire.post(running.message, self.identified())
        except (BadAnswer, NotSent):
            running.sent = False
            raise
        answer: Sent = _Stream(self, running, response)
        try:
            running.sent = response.status < 400
            if running.method == "initialize":
                self._session = _session_id(response)
            if used is not None and response.status in (400, 404):
                with response:
                    answer = _Once(await _refusal(response, running.id))
        except BaseException:
            response.finish()
            raise
        return answer

    async def tell(self, message: Json) -> None:
        """POST a message; what the backend thinks of it does not matter."""
        with await self.wire.post(message, self.identified()) as response:
            await read_off(response)

    async def follow(self) -> bool:
        """Read the GET stream."""
        with await self.wire.get(self.identified(self._last_id)) as response:
            if response.status == 404 and self._session is not None:
                raise SessionLost
            if response.status < 400:
                self.standing.begins()
                async with aclosing(Messages(response, endless=True)) as messages:
                    while (data := await messages.data()) is not None:
                        self._last_id = messages.last_id
                        self.deliver(parsed(data), len(data))
                return True
            if response.status not in (404, 405, 501):
                raise UpstreamFailed(f"the backend answered {response.status}")
        return False

    async def end(self) -> None:
        """DELETE the session, if there is one."""
        if self._session is None:
            return
        headers, self._session = self.identified(), None
        with anyio.move_on_after(FAREWELL_SECONDS, shield=True):
            try:
                (await self.wire.delete(headers)).finish()
            except UpstreamFailed:
                pass

    def identified(self, last_id: str | None = None) -> dict[str, str]:
        """The headers that name session, version and place in a stream, as far as there are."""
        headers: dict[str, str] = {}
        if self._session is not None:
            headers["mcp-session-id"] = self._session
        if self.version is not None:
            headers["mcp-protocol-version"] = self.version
        if last_id is not None:
            headers["last-event-id"] = last_id
        return headers


class _Stream:
    """The messages of an answer. A backend may end its stream before that; it says by event ids that it can resume."""

    __slots__ = ("_channel", "_left", "_messages", "_running")

    def __init__(self, channel: LegacyChannel, running: Running, response: StreamResponse) -> None:
        self._channel = channel
        self._running = running
        self._messages = Messages(response)
        self._left = _MAX_RESUMED

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Json:
        while True:
            last = self._messages.last_id
            try:
                message = await anext(self._messages, None)
            except BadAnswer:
                raise
            except UpstreamFailed:
                if self._messages.last_id is None:
                    raise
                message = None
            if message is not None:
                if last != self._messages.last_id:
                    self._left = _MAX_RESUMED
                return message
            if self._messages.last_id is None or not self._left:
                raise StopAsyncIteration
            self._left -= 1
            await self._resume(self._messages.last_id)

    async def passage(self, running: Running) -> Passage | None:
        """The answer, if it is what comes next and can be passed on."""
        return await self._messages.passage(running.id, running.over)

    async def aclose(self) -> None:
        """Let go of the stream."""
        self._messages.settled = self._running.answered
        await self._messages.aclose()

    async def _resume(self, last_id: str) -> None:
        retry = self._messages.retry
        await self.aclose()
        await anyio.sleep(_RESUME_SECONDS if retry is None else retry)
        wire = self._channel.wire
        self._messages = Messages(await wire.get(self._channel.identified(last_id), patience=wire.patience))
        self._messages.last_id, self._messages.retry = last_id, retry


class _Once:
    """One message that is there already."""

    __slots__ = ("_message",)

    def __init__(self, message: Json) -> None:
        self._message: Json | None = message

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Json:
        if self._message is None:
            raise StopAsyncIteration
        message, self._message = self._message, None
        return message

    async def passage(self, running: Running) -> Passage | None:
        """It was read."""
        return None

    async def aclose(self) -> None:
        """Nothing is held."""


async def _refusal(response: StreamResponse, request_id: int) -> Json:
    """The message in a refusal.

    Raises:
        SessionLost: it is about the session.
        BadAnswer: it is no message.
    """
    body = await whole(response, _MAX_REFUSAL)
    try:
        message: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        message = None
    if isinstance(message, dict) and message.get("id") == request_id:
        return message
    if response.status == 404 or speaks_of_session(body):
        raise SessionLost
    return parsed(body)


def _session_id(response: StreamResponse) -> str | None:
    id = header(response, b"mcp-session-id")
    if id is not None and not _SESSION_ID.fullmatch(id):
        raise BadAnswer("the backend's session id is not visible ASCII")
    return id
