"""A session with a client of the older era: what is under way in it, what it asked, and its channels to backends."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from time import monotonic
from typing import Final
from weakref import WeakKeyDictionary

import anyio
import orjson

from airegistry.core.assets import Json, Server
from airegistry.core.errors import AirError, NotFound, RateLimited, UpstreamFailed
from airegistry.gateway.channels.eras import Eras
from airegistry.gateway.channels.exchange import Channel, Client
from airegistry.gateway.channels.pool import Channels
from airegistry.gateway.errors import CredentialRefused, Malformed, RequestId
from airegistry.gateway.fronts.leash import Leash, Why
from airegistry.gateway.fronts.streams import EventStream
from airegistry.gateway.fronts.translate import meta_of

MAX_RUNNING: Final = 100
"""Requests under way in one session."""

MAX_STREAMS: Final = 32
"""Streams of requests that are kept for replay in one session."""

GRACE_SECONDS: Final = 30.0
"""How long a request goes on, and listeners listen, whose client lost its connection and may resume the stream."""

_FAREWELL_SECONDS: Final = 2.0

Write = Callable[[bytes], Awaitable[None]]
"""Sends one printed message to the client, on whichever stream it belongs to."""


NewSession = Callable[[tuple[str, str], str, Client], "Session"]
"""Makes a session from its holder, the version and the client."""


@dataclass(slots=True, eq=False)
class Asked:
    """A question that the client has been asked. `answer` takes `{"result": …}` or `{"error": …}`.

    `channel` is that of the backend that asks, None for a question of the gateway's own.
    """

    answer: Callable[[Json], Awaitable[None]]
    channel: Channel | None
    token: object = None


@dataclass(slots=True, eq=False)
class _Held:
    channel: Channel
    users: int = 0
    doubtful: bool = False
    retired: bool = False


class Session:
    """One client's conversation with one endpoint. `version` is the negotiated one, `holder` subject and endpoint.

    `unasked` is the stream of what belongs to no request: that of a GET, or the only one of HTTP+SSE.
    """

    def __init__(
        self, holder: tuple[str, str], version: str, client: Client, channels: Channels, eras: Eras,
        clock: Callable[[], float] = monotonic,
    ) -> None:  # fmt: skip
        self.id = secrets.token_urlsafe(24)
        self.holder = holder
        self.version = version
        self.client = client
        self.level: str | None = None
        self.used = clock()
        self.running: dict[RequestId, Leash] = {}
        self.listeners: dict[str, list[anyio.CancelScope]] = {}
        self.closed = False
        self._winding_up = False
        self.told: WeakKeyDictionary[Channel, str] = WeakKeyDictionary()
        self._clock = clock
        self._channels = channels
        self._eras = eras
        self._tag = secrets.token_hex(4)
        self._streams: dict[str, tuple[EventStream, Leash | None]] = {}
        self._names = count()
        self._asked: dict[str, Asked] = {}
        self._questions = count(1)
        self._held: dict[tuple[str, str, str | None], tuple[Mapping[str, str], _Held]] = {}
        self._opening = anyio.Lock()
        self.unasked = self.stream(None)

    def begin(self, request_id: RequestId, leash: Leash) -> None:
        """A request starts.

        Raises:
            RateLimited: there are too many under way.
            Malformed: one of this id is.
        """
        if request_id in self.running:
            raise Malformed("a request with this id is under way")
        if len(self.running) >= MAX_RUNNING:
            raise RateLimited(f"more than {MAX_RUNNING} requests are under way in this session", retry_after=1)
        self.running[request_id] = leash

    def finished(self, request_id: RequestId) -> None:
        """A request is answered, or was refused."""
        self.running.pop(request_id, None)
        if self._winding_up:
            self.wind_up()

    def wind_up(self) -> None:
        """End the session's own stream, as soon as nothing is under way that may have its answer there."""
        self._winding_up = True
        if not self.running:
            self.unasked.finish()

    # Streams

    def stream(self, leash: Leash | None) -> EventStream:
        """A new stream; of a request, its leash is pulled when nobody resumes it."""
        stream = EventStream(f"{self._tag}-{next(self._names)}", clock=self._clock)
        self._streams[stream.name] = stream, leash
        done = [name for name, (each, _) in self._streams.items() if each.finished]
        for name in done[: max(0, len(done) - MAX_STREAMS)]:
            del self._streams[name]
        return stream

    def resumed(self, event_id: str) -> tuple[EventStream, int] | None:
        """The stream that an event id belongs to, and the event's number; None when there is none in this session."""
        name, dot, number = event_id.rpartition(".")
        found = self._streams.get(name)
        if found is None or not dot or not (number.isascii() and number.isdigit() and len(number) < 16):
            return None
        return found[0], int(number)

    def sweep(self) -> None:
        """End what waits in vain for its client to come back."""
        limit = self._clock() - GRACE_SECONDS
        for name, (stream, leash) in list(self._streams.items()):
            if stream.deserted is None or stream.deserted > limit:
                continue
            if stream is self.unasked:
                self.stop_listening("")
            elif stream.finished:
                del self._streams[name]
            elif leash is not None:
                leash.pull("gone")

    @property
    def busy(self) -> bool:
        """Whether the client is there, or something is done for it."""
        return bool(self.running) or self.unasked.deserted is None

    def stop_listening(self, what: str) -> None:
        """End the listeners to a resource, or with an empty string those of the session's own stream."""
        for scope in self.listeners.pop(what, ()):
            scope.cancel()

    # Questions

    async def ask(self, write: Write, method: str, params: Json, asked: Asked) -> str:
        """Send the client a request under an id of our own; returns that id."""
        question_id = f"air-{next(self._questions)}"
        asked.token = meta_of(params).get("progressToken")
        self._asked[question_id] = asked
        await write(orjson.dumps({"jsonrpc": "2.0", "id": question_id, "method": method, "params": params}))
        return question_id

    def forget(self, questions: list[str]) -> None:
        """Nobody waits for these answers any more."""
        for question_id in questions:
            self._asked.pop(question_id, None)

    async def answered(self, message: Json) -> None:
        """Take the client's answer to a question; one that nobody asked is dropped."""
        asked = self._asked.pop(str(message.get("id")), None)
        if asked is None:
            return
        member = "result" if "result" in message else "error"
        try:
            await asked.answer({member: message.get(member)})
        except AirError:
            pass  # the exchange that asked ends with the same failure, and says so

    async def progressed(self, params: Json) -> None:
        """Pass on how an answer comes along."""
        token = params.get("progressToken")
        for asked in list(self._asked.values()):
            if token is not None and asked.token == token and asked.channel is not None:
                await asked.channel.notify("notifications/progress", params)

    # Channels

    @asynccontextmanager
    async def channel(self, server: Server, headers: Mapping[str, str]) -> AsyncIterator[Channel]:
        """The session's channel to a backend, opened at its first use; with another credential it is another."""
        held = await self._hold(server, headers)
        held.users += 1
        try:
            yield held.channel
        except UpstreamFailed as error:
            if not isinstance(error, CredentialRefused):
                self._eras.doubt(server, held.channel.era)
                held.doubtful = True
            raise
        finally:
            held.users -= 1
            if held.retired and not held.users:
                await _close(held.channel)

    async def _hold(self, server: Server, headers: Mapping[str, str]) -> _Held:
        key = server.path, server.version, server.url
        used, held = self._held.get(key, (headers, None))
        if held is not None and used == headers and not held.doubtful:
            return held
        async with self._opening:
            used, held = self._held.get(key, (headers, None))
            known = held is not None and used == headers
            if held is not None and known and (not held.doubtful or await self._is_right(held, server, headers)):
                held.doubtful = False
                return held
            opened = _Held(await self._channels.open(server, headers, self.client))
            if self.closed:  # meanwhile; nobody would close the channel, on which nothing was sent yet
                raise NotFound("no such session")
            self._held[key] = headers, opened
        if held is not None:
            held.retired = True
            if not held.users:
                await _close(held.channel)
        return opened

    async def _is_right(self, held: _Held, server: Server, headers: Mapping[str, str]) -> bool:
        return held.channel.era == await self._eras.best(server, headers, self.client.era)

    async def notify(self, method: str, params: Json) -> None:
        """Tell all backends that the session has to do with."""
        for _, held in list(self._held.values()):
            await held.channel.notify(method, params)

    async def close(self, why: Why = "gone") -> None:
        """End everything that goes on in the session, then its channels. The second time does nothing."""
        if self.closed:
            return
        self.closed = True
        for leash in list(self.running.values()):
            leash.pull(why)
        for what in list(self.listeners):
            self.stop_listening(what)
        for stream, _ in self._streams.values():
            stream.finish()
        self._asked.clear()
        held, self._held = [each for _, each in self._held.values()], {}
        async with anyio.create_task_group() as group:
            for each in held:
                group.start_soon(_close, each.channel)


async def _close(channel: Channel) -> None:
    with anyio.move_on_after(_FAREWELL_SECONDS, shield=True):
        try:
            await channel.close()
        except AirError:
            pass  # a backend that is gone has forgotten the session too
