"""The fronts: clients of either era before a `Destination`, answered message by message."""

from collections.abc import Callable
from time import monotonic
from typing import Final

import anyio

from airegistry.core.principals import Principal
from airegistry.gateway.channels.eras import Eras
from airegistry.gateway.channels.exchange import Client
from airegistry.gateway.channels.pool import Channels
from airegistry.gateway.entry import Entry
from airegistry.gateway.envelope import Envelope, Inbound
from airegistry.gateway.errors import Malformed, Reply
from airegistry.gateway.fronts.asking import UnknownVersion, read
from airegistry.gateway.fronts.background import Background
from airegistry.gateway.fronts.destination import Destination
from airegistry.gateway.fronts.legacy import LegacyFront
from airegistry.gateway.fronts.listening import OnToolsChanged, ignore
from airegistry.gateway.fronts.modern import ModernFront
from airegistry.gateway.fronts.parked import PARKED_SECONDS, Parking
from airegistry.gateway.fronts.registry import SessionRegistry
from airegistry.gateway.fronts.renewal import Renewal
from airegistry.gateway.fronts.session import Session
from airegistry.gateway.fronts.sse import SseFront
from airegistry.gateway.fronts.subscriptions import Subscriptions
from airegistry.gateway.fronts.talk import Talk
from airegistry.gateway.presence import Presence
from airegistry.gateway.proxy import Proxy

SWEEP_SECONDS: Final = 5.0


class Fronts:
    """Serves `/{path}/mcp` and `/{path}/sse` where bytes cannot just pass. `run` must be running meanwhile.

    Seconds: `first_byte_timeout` bounds the wait for a backend, `parked` how long a modern client may take to answer
    a question, `idle` how long a session may go unused. Everything held belongs to this process.
    `on_tools_changed` is told of backends that say so.
    """

    def __init__(
        self, entry: Entry, channels: Channels, eras: Eras, proxy: Proxy, *,
        first_byte_timeout: float = 300.0, parked: float = PARKED_SECONDS, idle: float = 3_600.0,
        clock: Callable[[], float] = monotonic, on_tools_changed: OnToolsChanged = ignore,
    ) -> None:  # fmt: skip
        self._channels = channels
        self._eras = eras
        self._clock = clock
        self._background = Background()
        self.parking = Parking(patience=parked, clock=clock)
        self.registry = SessionRegistry(self._end, idle=idle, clock=clock)
        renewal = Renewal(entry)
        talk = Talk(self._background, renewal, on_tools_changed)
        self._subscriptions = Subscriptions(channels, on_tools_changed)
        self._modern = ModernFront(
            self._background, renewal, channels, eras, proxy, self.parking, first_byte_timeout=first_byte_timeout
        )
        self._legacy = LegacyFront(self._background, talk, self.registry, self._new_session)
        self._sse = SseFront(self._background, talk, self.registry, self._new_session)

    async def run(self) -> None:
        """Hold what outlives a request, and sweep; until cancelled or closed."""
        try:
            await self._background.run(SWEEP_SECONDS, self.sweep)
        finally:
            self.parking.close()

    def sweep(self) -> None:
        """End what has waited or idled too long."""
        self.parking.sweep()
        self.registry.sweep()

    def end_streams(self) -> None:
        """End what is open without an end of its own: the gateway is about to close."""
        self._subscriptions.close()
        for session in self.registry:
            session.wind_up()

    async def close(self) -> None:
        """End all streams, sessions and parked exchanges; `run` returns."""
        self.end_streams()
        self.parking.close()
        async with anyio.create_task_group() as group:
            for session in self.registry.close():
                group.start_soon(session.close, "closing")
        self._background.close()

    async def serve(
        self, who: Principal, destination: Destination, inbound: Inbound, verb: str, envelope: Envelope | None,
        body: bytes | None, reply: Reply, presence: Presence,
    ) -> None:  # fmt: skip
        """Answer one request to `/{path}/mcp`; `envelope` and `body` are those of a POST.

        Raises:
            AirError: refused before anything was sent: `Reply.refuse` says so.
        """
        if inbound.modern:
            await self._serve_modern(who, destination, inbound, verb, envelope, body, reply, presence)
        elif verb == "GET":
            await self._legacy.get(who, destination, inbound, reply, presence)
        elif verb == "DELETE":
            await self._legacy.delete(who, destination, inbound, reply)
        elif envelope is not None and body is not None:
            await self._legacy.post(who, destination, inbound, envelope, body, reply, presence)

    async def _serve_modern(
        self, who: Principal, destination: Destination, inbound: Inbound, verb: str, envelope: Envelope | None,
        body: bytes | None, reply: Reply, presence: Presence,
    ) -> None:  # fmt: skip
        if verb != "POST" or envelope is None or body is None:
            raise Malformed("this era has POST only", status=405)
        if envelope.kind == "response":
            raise Malformed("this era has no answers of clients")
        if envelope.kind == "notification":
            # Nothing of this era is one: a client that cancels closes its connection.
            if UnknownVersion.is_(inbound.version):
                raise UnknownVersion(inbound.version)
            await reply.whole(202, [])
            return
        asking = read(who, destination, inbound, envelope, body, reply)
        if asking.method == "subscriptions/listen":
            await self._subscriptions.serve(asking, presence)
        else:
            await self._modern.serve(asking, presence)

    async def serve_sse(
        self, who: Principal, destination: Destination, verb: str, envelope: Envelope | None, body: bytes | None,
        reply: Reply, presence: Presence, *, endpoint: str, session: str | None,
    ) -> None:  # fmt: skip
        """Answer one request to `/{path}/sse`: GET opens the stream, POST with `?session=` (given as `session`) talks.

        `endpoint` is the path that the client is told to post to, such as `/weather/sse`.

        Raises:
            AirError: refused before anything was sent: `Reply.refuse` says so.
        """
        if verb == "GET":
            await self._sse.open(who, destination, reply, presence, endpoint)
        elif envelope is not None and body is not None:
            await self._sse.post(who, destination, envelope, body, session, reply)
        else:
            raise Malformed("only GET and POST are served here", status=405)

    def _new_session(self, holder: tuple[str, str], version: str, client: Client) -> Session:
        return Session(holder, version, client, self._channels, self._eras, self._clock)

    def _end(self, session: Session) -> None:
        self._background.spawn(session.close)
