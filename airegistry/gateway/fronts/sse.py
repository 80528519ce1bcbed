"""Clients over HTTP+SSE (2024-11-05): one stream carries everything to the client, as long as the session lasts."""

import logging

from airegistry.core.assets import Json
from airegistry.core.errors import AirError, Internal, RateLimited
from airegistry.core.principals import Principal
from airegistry.gateway.channels.exchange import Client
from airegistry.gateway.channels.passage import Passage
from airegistry.gateway.channels.wire import printed
from airegistry.gateway.envelope import Envelope
from airegistry.gateway.errors import Malformed, Reply
from airegistry.gateway.fronts import translate
from airegistry.gateway.fronts.asking import params_in
from airegistry.gateway.fronts.background import Background
from airegistry.gateway.fronts.destination import Destination
from airegistry.gateway.fronts.leash import Leash
from airegistry.gateway.fronts.legacy import one_way
from airegistry.gateway.fronts.registry import SessionRegistry
from airegistry.gateway.fronts.session import MAX_RUNNING, NewSession, Session
from airegistry.gateway.fronts.streams import SSE_HEADERS
from airegistry.gateway.fronts.talk import Said, Talk, negotiated
from airegistry.gateway.presence import Presence

_LOG = logging.getLogger(__name__)
_UNKNOWN = Client({"name": "unknown", "version": "0"}, era="legacy")


class Streamed:
    """Where the messages of one request go: all on the session's stream."""

    owes = False
    begun = True

    def __init__(self, session: Session) -> None:
        self._session = session

    async def event(self, data: bytes) -> None:
        """Send a message that comes before the answer."""
        await self._session.unasked.put(data)

    async def keep_alive(self) -> None:
        """The session's stream does that by itself."""

    async def answer(self, data: bytes) -> None:
        """Send the response."""
        await self._session.unasked.put(data)

    async def pass_on(self, head: bytes, passage: Passage) -> None:
        """Send the response, which is one event."""
        await self.answer(head + await passage.whole())


class SseFront:
    """Answers clients of the transport that came before streamable HTTP."""

    def __init__(self, background: Background, talk: Talk, registry: SessionRegistry, made: NewSession) -> None:
        self._background = background
        self._talk = talk
        self._registry = registry
        self._made = made

    async def open(
        self, who: Principal, destination: Destination, reply: Reply, presence: Presence, endpoint: str
    ) -> None:
        """Hold the stream of a session, which ends with it.

        Raises:
            AirError: refused before anything was sent.
        """
        routes = await destination.listen({}, _UNKNOWN)
        session = self._made((who.subject, destination.key), "", _UNKNOWN)
        self._registry.add(session)
        stream = session.unasked
        leash = Leash(presence)
        try:
            with leash:
                for route in routes:
                    leash.hold(route.call.permit)
                await reply.start(200, SSE_HEADERS)
                where = f"{endpoint}?session={session.id}".encode()
                await reply.body(b"event: endpoint\ndata: %b\n\n" % where, more=True)
                stream.attach(reply)
                await stream.read(reply)
            if leash.why == "cut":
                await reply.body(b"", more=False)
        finally:
            stream.detach(reply)
            for route in routes:
                destination.leave(route.call, "cancelled" if leash.why == "cut" else "ok")
            self._registry.remove(session)
            self._background.spawn(session.close)

    async def post(
        self, who: Principal, destination: Destination, envelope: Envelope, body: bytes, session_id: str | None,
        reply: Reply,
    ) -> None:  # fmt: skip
        """Take one message; its answer comes on the stream.

        Raises:
            AirError: there is no such session, or too much is under way in it.
        """
        if session_id is None:
            raise Malformed("a session is needed: the query has none")
        session = self._registry.find(session_id, (who.subject, destination.key))
        if envelope.kind != "request":
            await one_way(session, envelope, body)
            if envelope.method == "notifications/initialized" and session.version:
                await self._talk.listen(session, destination)
        elif len(session.running) >= MAX_RUNNING:
            raise RateLimited(f"more than {MAX_RUNNING} requests are under way in this session", retry_after=1)
        else:
            self._background.spawn(self._answer, session, destination, envelope, params_in(body))
        await reply.whole(202, [])

    async def _answer(self, session: Session, destination: Destination, envelope: Envelope, params: Json) -> None:
        said = Said(session, destination, envelope.id, envelope.method, params, Streamed(session))
        try:
            if envelope.method == "initialize" and not session.version:
                await self._initialize(said)
            else:
                await self._talk.serve(said, Leash())
        except AirError as error:
            await said.refuse(error)
        except Exception:  # noqa: BLE001  # one request must not take down the group that all of them live in
            _LOG.exception("a request failed")
            await said.refuse(Internal("internal error"))

    async def _initialize(self, said: Said) -> None:
        session = said.session
        leash = Leash()
        with leash:
            session.begin(said.id, leash)
            try:
                version, client = negotiated(said.params)
                session.client = client
                opening = await said.destination.opening(client)
                session.version = version
                await said.outlet.answer(
                    printed({"jsonrpc": "2.0", "id": said.id, "result": translate.initialized(opening, version)})
                )
            except AirError as error:
                await said.refuse(error)
            finally:
                session.finished(said.id)
