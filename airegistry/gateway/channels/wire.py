"""What channels of both eras send and read: HTTP requests with the backend's credential, bounded JSON-RPC messages."""

import json
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, Self

import anyio
import orjson

from airegistry.core import errors
from airegistry.core.assets import Json
from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.egress.stream import StreamClient, StreamResponse
from airegistry.gateway.channels.exchange import Answer, Headers
from airegistry.gateway.channels.passage import Passage, passage_of
from airegistry.gateway.errors import BadAnswer, CallRefused, CredentialRefused
from airegistry.gateway.sse import Bytes, Events, Fields, fields_of

MAX_ANSWER: Final = 32 * 2**20
"""The longest answer to one request, all its events together, and the longest event of a stream, in bytes."""

A_DAY: Final = 86_400.0
FIRST_BYTE_SECONDS: Final = 300.0
JSON: Final = b"application/json"
SSE: Final = b"text/event-stream"

_LAST_CHUNK_SECONDS: Final = 0.05
_LITTLE: Final = 64 * 2**10
_OWN = frozenset(("accept", "content-type", "last-event-id"))
_NOTHING: Mapping[str, str] = {}


class Wire:
    """Requests to one URL with one credential, which never replaces a header of the protocol.

    `patience` bounds the wait for the head of an answer, in seconds. `status` is that of the latest answer, 0 before.
    """

    __slots__ = ("_client", "_credential", "_get", "_post", "patience", "status", "url")

    def __init__(
        self, client: StreamClient, url: str, headers: Headers, *, patience: float = FIRST_BYTE_SECONDS
    ) -> None:
        self._client = client
        self.url = url
        self.patience = patience
        self.status = 0
        self._credential = [item for item in headers.items() if not _is_own(item[0].lower())]
        self._post = [
            ("accept", "application/json, text/event-stream"),
            ("content-type", "application/json"),
            *self._credential,
        ]
        self._get = [("accept", "text/event-stream"), *self._credential]

    async def post(
        self, message: Json, headers: Mapping[str, str] = _NOTHING, *, url: str | None = None, endless: bool = False
    ) -> StreamResponse:
        """Send one message; an `endless` answer may begin whenever, and be silent for ever.

        Raises:
            CredentialRefused: the backend answers 401.
            UpstreamFailed: it does not answer, or with 403 or a redirect.
        """
        sent = [*self._post, *headers.items()]
        patience = A_DAY if endless else self.patience
        return await self._asked("POST", url or self.url, sent, printed(message), patience, endless=endless)

    async def get(self, headers: Mapping[str, str] = _NOTHING, *, patience: float = A_DAY) -> StreamResponse:
        """Ask for an event stream, which may be silent for ever; raises as `post`."""
        return await self._asked("GET", self.url, [*self._get, *headers.items()], None, patience, endless=True)

    async def delete(self, headers: Mapping[str, str]) -> StreamResponse:
        """End a session; raises as `post`."""
        return await self._asked("DELETE", self.url, [*self._credential, *headers.items()], None, self.patience)

    async def _asked(
        self, verb: str, url: str, headers: list[tuple[str, str]], body: bytes | None, patience: float, *,
        endless: bool = False,
    ) -> StreamResponse:  # fmt: skip
        try:
            response = await self._client.request(
                verb, url, headers, body, first_byte_timeout=patience, endless=endless
            )
        except Invalid as error:
            # An address that the guard forbids, say: the caller is not the one who chose it.
            raise errors.CallRefused(error.message) from None
        status = self.status = response.status
        if status not in (401, 403) and not 300 <= status < 400:
            return response
        response.finish()
        if status == 401:
            raise CredentialRefused("the backend answered 401")
        if status == 403:
            raise CallRefused("the backend answered 403")
        raise BadAnswer(f"the backend answered {status}")


def _is_own(name: str) -> bool:
    return name in _OWN or name.startswith("mcp-")


def printed(message: Json, *, sort: bool = False) -> bytes:
    """A message as JSON; arguments may hold integers beyond 64 bits, which orjson does not print.

    Raises:
        Invalid: it is nested too deeply.
    """
    try:
        return orjson.dumps(message, option=orjson.OPT_SORT_KEYS if sort else None)
    except orjson.JSONEncodeError:
        pass
    try:
        return json.dumps(message, separators=(",", ":"), sort_keys=sort).encode()
    except RecursionError:
        raise Invalid("the message is nested too deeply") from None


def parsed(data: bytes | memoryview) -> Json:
    """A message of a backend.

    Raises:
        BadAnswer: it is none.
    """
    try:
        message = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise BadAnswer("the backend's answer is not JSON") from None
    if not isinstance(message, dict):
        raise BadAnswer("the backend's answer is not a JSON-RPC message")
    return message


def answer_of(message: Json) -> Answer:
    """What a response says.

    Raises:
        BadAnswer: it has neither a result nor an error, or both.
    """
    result, error = message.get("result"), message.get("error")
    if isinstance(error, dict) and result is None:
        return Answer(None, error)
    if isinstance(result, dict) and error is None:
        return Answer(result, None)
    raise BadAnswer("the backend's answer has neither a result nor an error")


def answers(message: Json, request_id: int) -> bool:
    """Whether a response is the one to a request; an error without an id is, where only one request was sent."""
    return message.get("id") == request_id or ("error" in message and message.get("id") is None)


def content_type(response: StreamResponse) -> bytes:
    """The media type of an answer, without its parameters, in lower case."""
    for name, value in response.headers:
        if name == b"content-type":
            return value.partition(b";")[0].strip().lower()
    return b""


def header(response: StreamResponse, name: bytes) -> str | None:
    """The first header of a name (lower case)."""
    return next((value.decode("latin-1") for key, value in response.headers if key == name), None)


async def whole(response: StreamResponse, limit: int = MAX_ANSWER) -> bytes:
    """A body in one piece.

    Raises:
        BadAnswer: it is longer than `limit` bytes.
    """
    body = bytearray()
    while (piece := await response.piece()) is not None:
        body += piece
        if len(body) > limit:
            raise BadAnswer(f"the backend's answer is longer than {limit} bytes")
    return bytes(body)


async def read_off(response: StreamResponse) -> None:
    """Read a body that says nothing, so that the connection can be kept; not for long."""
    with anyio.move_on_after(_LAST_CHUNK_SECONDS), suppress(UpstreamFailed):
        await whole(response, _LITTLE)


class Messages:
    """The JSON-RPC messages of an answer, whichever way it is framed; closing them finishes with the answer.

    `last_id` and `retry` (seconds) are what the events said of resuming the stream. Iterating raises BadAnswer for what
    is no message, for an event longer than `limit` bytes and, unless `endless`, for more than that together. Whoever
    has what it wants says so by `settled`: then the connection is kept, if the end comes soon.
    """

    __slots__ = (
        "_begun", "_endless", "_events", "_held", "_left", "_response", "_waiting", "last_id", "retry", "settled",
    )  # fmt: skip

    def __init__(self, response: StreamResponse, *, limit: int = MAX_ANSWER, endless: bool = False) -> None:
        self._response = response
        self._held: bytes | None = None
        """A piece that was looked at, and is to be read yet."""
        self._begun = False
        self._events = Events(limit)
        self._left = limit
        self._endless = endless
        self._waiting: deque[Bytes] = deque()
        self.last_id: str | None = None
        self.retry: float | None = None
        self.settled = False

    def __aiter__(self) -> Self:
        return self

    # No generator: one that is left before its end costs a task of the event loop.
    async def __anext__(self) -> Json:
        if not self._begun and not self._endless and content_type(self._response) == JSON:
            if self._left < 0:
                raise StopAsyncIteration
            body = bytearray()
            while (piece := await self._piece()) is not None:
                body += piece
            self._left = -1
            return parsed(bytes(body))
        data = await self.data()
        if data is None:
            raise StopAsyncIteration
        return parsed(data)

    async def passage(self, request_id: int, on_over: Callable[[], None]) -> Passage | None:
        """The answer to a request, if it is what comes next, to be passed on; what its backend could resume is not."""
        kind = content_type(self._response)
        read_on = self._waiting or self._events.begun or self.last_id is not None or self._left < 0
        if read_on or kind not in (JSON, SSE):
            return None
        self._held = await self._piece()
        if self._held is None:
            return None
        found = passage_of(self._held, request_id, self._piece, on_over, framed=kind == SSE)
        if found is not None:
            self._held, self._begun = None, True
        return found

    async def _piece(self) -> bytes | None:
        """The next piece of the answer; None at its end."""
        if self._held is not None:
            held, self._held = self._held, None
            return held
        piece = await self._response.piece()
        if piece is not None and not self._endless:
            self._left -= len(piece)
            if self._left < 0:
                raise BadAnswer(f"the backend's answer is longer than {MAX_ANSWER} bytes")
        return piece

    async def data(self) -> bytes | memoryview | None:
        """The next message of a stream, unread; None when it has ended."""
        while (fields := await self.event()) is not None:
            if fields.data and (not fields.event or fields.event == b"message"):
                return fields.data
        return None

    async def event(self) -> Fields | None:
        """The next event of a stream; None when it has ended.

        Raises:
            BadAnswer: it is no stream of events, or too much.
        """
        if not self._begun:
            if content_type(self._response) != SSE:
                status = self._response.status
                raise BadAnswer(f"the backend answered {status} with neither JSON nor an event stream")
            self._begun = True
        while not self._waiting:
            chunk = await self._piece()
            if chunk is None:
                return None
            self._waiting.extend(self._events.feed(chunk))
        fields = fields_of(self._waiting.popleft())
        if fields.id and b"\0" not in fields.id:
            self.last_id = fields.id.decode("latin-1")
        if fields.retry is not None and fields.retry.isdigit():
            self.retry = min(int(fields.retry[:9]), 30_000) / 1000
        return fields

    async def aclose(self) -> None:
        """Let go of the answer."""
        self._response.finish(ending=self._begun and self.settled)
