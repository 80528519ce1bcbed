"""A backend of the older era over HTTP+SSE (2024-11-05): one stream carries everything back."""

import logging
from contextlib import aclosing
from typing import Final
from urllib.parse import urljoin, urlsplit

import anyio
from anyio.abc import TaskGroup, TaskStatus

from airegistry.core.assets import Json, Server
from airegistry.core.errors import AirError, UpstreamFailed
from airegistry.egress.stream import NotSent, StreamClient
from airegistry.gateway.channels.conversation import Conversation
from airegistry.gateway.channels.exchange import Client, Headers
from airegistry.gateway.channels.listeners import Box
from airegistry.gateway.channels.passage import Passage
from airegistry.gateway.channels.running import Running, Sent, speaks_of_session
from airegistry.gateway.channels.wire import FIRST_BYTE_SECONDS, Messages, Wire, parsed, read_off, whole
from airegistry.gateway.errors import BadAnswer, SessionLost

_LOG = logging.getLogger(__name__)
_MAX_REFUSAL: Final = 64 * 2**10


class LegacySseChannel(Conversation):
    """A `Channel` whose answers arrive on one stream, read by a task of `tasks` until the channel is closed.

    When the stream is lost, whatever is under way fails with UpstreamFailed; the next request connects anew.
    """

    def __init__(
        self, client: StreamClient, server: Server, headers: Headers, who: Client, tasks: TaskGroup,
        *, first_byte_timeout: float = FIRST_BYTE_SECONDS,
    ) -> None:  # fmt: skip
        assert server.url is not None
        super().__init__(Wire(client, server.url, headers, patience=first_byte_timeout), who, tasks)
        self._scope: anyio.CancelScope | None = None
        self._over = anyio.Event()
        self._endpoint = ""
        self._exchanges: dict[int, Box] = {}

    async def connect(self) -> None:
        """Open the stream and wait for its `endpoint`."""
        await self.end()
        self._endpoint = await self.tasks.start(self._read)

    async def sent(self, running: Running) -> Sent:
        """POST a request; its answer comes on the stream."""
        box = _Awaited(self._exchanges, running.id)
        running.sent = True
        try:
            with await self.wire.post(running.message, self._headers(), url=self._endpoint) as response:
                running.sent = response.status < 400
                if response.status in (400, 404):
                    body = await whole(response, _MAX_REFUSAL)
                    if response.status == 404 or speaks_of_session(body):
                        raise SessionLost
                if response.status >= 400:
                    raise BadAnswer(f"the backend answered {response.status}")
                await read_off(response)
        except BaseException as error:
            await box.aclose()
            if isinstance(error, BadAnswer | NotSent):
                running.sent = False
            raise
        return box

    async def tell(self, message: Json) -> None:
        """POST a message; what the backend thinks of it does not matter."""
        with await self.wire.post(message, self._headers(), url=self._endpoint) as response:
            await read_off(response)

    async def follow(self) -> bool:
        """Wait for the end of the stream: it is read anyway."""
        await self._over.wait()
        return True

    async def end(self) -> None:
        """Close the stream, which is how a session ends here."""
        scope, self._scope = self._scope, None
        if scope is not None:
            scope.cancel()
        self._fail("the backend's event stream is closed")

    def _headers(self) -> dict[str, str]:
        return {} if self.version is None else {"mcp-protocol-version": self.version}

    async def _read(self, *, task_status: TaskStatus[str]) -> None:
        started = False
        why = "the backend's event stream is closed"
        with anyio.CancelScope() as scope:
            self._scope, self._over = scope, (over := anyio.Event())
            try:
                response = await self.wire.get(patience=self.wire.patience)
                async with aclosing(Messages(response, endless=True)) as messages:
                    endpoint = await self._announced(messages)
                    started = True
                    task_status.started(endpoint)
                    while (data := await messages.data()) is not None:
                        self._sort(parsed(data), len(data))
                    why = "the backend ended its event stream"
            except AirError as error:
                if not started:
                    raise
                why = error.message
            except Exception:  # noqa: BLE001  # the other channels' readers run beside this one, and must go on
                _LOG.exception("reading an event stream failed")
                why = "internal error"
            finally:
                over.set()
                if self._scope is scope:
                    self._scope = None
                    self.lost()
                    self._fail(why)
        if not started:
            raise UpstreamFailed(why)

    async def _announced(self, messages: Messages) -> str:
        """The address to post to; another origin would get the credential."""
        while (fields := await messages.event()) is not None:
            if fields.event == b"endpoint":
                return _joined(self.wire.url, bytes(fields.data).decode("latin-1"))
        raise BadAnswer("the backend ended its event stream without an endpoint")

    def _fail(self, why: str) -> None:
        for box in self._exchanges.values():
            box.fail(UpstreamFailed(why))

    def _sort(self, message: Json, size: int) -> None:
        """Find out whom a message is for: the stream does not say."""
        method = message.get("method")
        box: Box | None = None
        if method is None:
            box = self._asked(message)
        elif method == "notifications/progress":
            params = message.get("params")
            token = params.get("progressToken") if isinstance(params, dict) else None
            box = self._exchanges.get(token) if isinstance(token, int) else None
        elif method == "notifications/message" or ("id" in message and method != "ping"):
            box = next(reversed(self._exchanges.values()), None)
        if box is not None:
            box.put(message, size)
        elif method != "notifications/progress":
            self.deliver(message, size)

    def _asked(self, message: Json) -> "Box | None":
        id = message.get("id")
        if id is None and len(self._exchanges) == 1:
            return next(iter(self._exchanges.values()))
        return self._exchanges.get(id) if isinstance(id, int) else None


class _Awaited(Box):
    """What comes for one request, which is under way as long as this is open."""

    __slots__ = ("_all", "_id")

    def __init__(self, exchanges: "dict[int, Box]", id: int) -> None:
        super().__init__()
        self._all = exchanges
        self._id = id
        exchanges[id] = self

    async def passage(self, running: Running) -> Passage | None:
        """The stream is that of all requests."""
        return None

    async def aclose(self) -> None:
        """Take no more."""
        self._all.pop(self._id, None)


def _joined(base: str, reference: str) -> str:
    try:
        endpoint = urljoin(base, reference)
        here = _origin(endpoint) == _origin(base)
    except ValueError:
        raise BadAnswer("the backend's endpoint is no URL") from None
    if not here:
        raise BadAnswer("the backend's endpoint is at another origin")
    return endpoint


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
