"""Clients of the older era over streamable HTTP: sessions, event streams that can be resumed, DELETE."""

from mcp_types import INVALID_PARAMS

from airegistry.core.assets import Json
from airegistry.core.errors import AirError, ConsentRequired
from airegistry.core.principals import Principal
from airegistry.gateway.channels.passage import Passage
from airegistry.gateway.channels.wire import printed
from airegistry.gateway.envelope import Envelope, Inbound
from airegistry.gateway.errors import Malformed, Reply
from airegistry.gateway.fronts import translate
from airegistry.gateway.fronts.asking import message_of, params_in
from airegistry.gateway.fronts.background import Background
from airegistry.gateway.fronts.consent import consent_refusal
from airegistry.gateway.fronts.destination import Destination
from airegistry.gateway.fronts.leash import Leash
from airegistry.gateway.fronts.registry import SessionRegistry
from airegistry.gateway.fronts.session import NewSession, Session
from airegistry.gateway.fronts.streams import JSON_HEADERS, SSE_HEADERS, EventStream
from airegistry.gateway.fronts.talk import Said, Talk, negotiated
from airegistry.gateway.presence import Presence


class Posted:
    """Where the messages of one POST go: JSON when the answer comes first, else an event stream."""

    owes = True

    def __init__(self, session: Session, reply: Reply, presence: Presence) -> None:
        self.leash = Leash(presence, self.gone)
        self._session = session
        self._reply = reply
        self._stream: EventStream | None = None
        self._passing = False

    @property
    def begun(self) -> bool:
        """Whether there is a stream."""
        return self._stream is not None

    async def event(self, data: bytes) -> None:
        """Send a message that comes before the answer."""
        await (await self._opened()).put(data)

    async def keep_alive(self) -> None:
        """Show that the request is still being worked on."""
        await (await self._opened()).keep_alive(self._reply)

    async def _opened(self) -> EventStream:
        if self._stream is None:
            self._stream = self._session.stream(self.leash)
            await self._reply.start(200, SSE_HEADERS)
            self._stream.attach(self._reply)
        return self._stream

    async def answer(self, data: bytes) -> None:
        """Send the response, unless one has begun."""
        if self._stream is not None:
            await self._stream.put(data)
        elif not self._passing:
            await self._reply.whole(200, JSON_HEADERS, data)

    async def pass_on(self, head: bytes, passage: Passage) -> None:
        """Send the response as it comes. What has begun so and fails stays unfinished."""
        piece = await passage.piece()
        if passage.over or self._stream is not None:
            await self.answer(head + piece + await passage.whole())
            return
        self._passing = True
        await self._reply.start(200, [*JSON_HEADERS], follows=True)
        await self._reply.body(head + piece, more=True)
        while not passage.over:
            piece = await passage.piece()
            await self._reply.body(piece, more=not passage.over)

    async def end(self) -> None:
        """Nothing follows."""
        if self._stream is not None:
            await self._stream.end(self._reply)

    def gone(self) -> None:
        """The client hung up: what it knows an event id of goes on for a while, as it may resume the stream."""
        if self._stream is None:
            self.leash.pull("gone")
        else:
            self._stream.detach(self._reply)


class LegacyFront:
    """Answers clients with sessions."""

    def __init__(self, background: Background, talk: Talk, registry: SessionRegistry, made: NewSession) -> None:
        self._background = background
        self._talk = talk
        self._registry = registry
        self._made = made

    async def post(
        self, who: Principal, destination: Destination, inbound: Inbound, envelope: Envelope, body: bytes, reply: Reply,
        presence: Presence,
    ) -> None:  # fmt: skip
        """Answer one message.

        Raises:
            AirError: refused before anything was sent.
        """
        if inbound.session is None:
            await self._open(who, destination, envelope, params_in(body), reply)
            return
        session = self._session(who, destination, inbound)
        if envelope.kind != "request":
            await one_way(session, envelope, body)
            await reply.whole(202, [])
            return
        posted = Posted(session, reply, presence)
        said = Said(session, destination, envelope.id, envelope.method, params_in(body), posted)
        try:
            await self._talk.serve(said, posted.leash)
        finally:
            await posted.end()

    async def get(
        self, who: Principal, destination: Destination, inbound: Inbound, reply: Reply, presence: Presence
    ) -> None:
        """Open the session's own stream, or resume one of its streams after the event in `Last-Event-ID`.

        Raises:
            AirError: refused.
        """
        session = self._session(who, destination, inbound)
        stream, after = session.unasked, None
        last = next((value for name, value in inbound.forward if name == "last-event-id"), None)
        if last is not None:
            found = session.resumed(last)
            if found is None:
                raise Malformed("no such event id in this session", rpc=INVALID_PARAMS)
            stream, after = found
        if stream is session.unasked:
            await self._talk.listen(session, destination)
        try:
            with Leash(presence):
                await reply.start(200, SSE_HEADERS)
                stream.attach(reply, after)
                await stream.read(reply)
        finally:
            stream.detach(reply)

    async def delete(self, who: Principal, destination: Destination, inbound: Inbound, reply: Reply) -> None:
        """End a session.

        Raises:
            AirError: there is none.
        """
        session = self._session(who, destination, inbound)
        self._registry.remove(session)
        self._background.spawn(session.close)
        await reply.whole(204, [])

    def _session(self, who: Principal, destination: Destination, inbound: Inbound) -> Session:
        if inbound.session is None:
            raise Malformed("a session is needed: Mcp-Session-Id is missing")
        session = self._registry.find(inbound.session, (who.subject, destination.key))
        if inbound.version is not None and inbound.version != session.version:
            raise Malformed(f"MCP-Protocol-Version is not the one agreed on, {session.version}")
        return session

    async def _open(
        self, who: Principal, destination: Destination, envelope: Envelope, params: Json, reply: Reply
    ) -> None:
        if envelope.method != "initialize":
            raise Malformed("a session is needed: Mcp-Session-Id is missing, and this is no initialize")
        version, client = negotiated(params)
        headers = [*JSON_HEADERS]
        try:
            opening = await destination.opening(client)
        except AirError as error:
            body = None
            if isinstance(error, ConsentRequired):
                body = consent_refusal(error, envelope.id, client.capabilities, "legacy")
            if body is None:
                raise
        else:
            session = self._made((who.subject, destination.key), version, client)
            self._registry.add(session)
            result = translate.initialized(opening, version)
            body = printed({"jsonrpc": "2.0", "id": envelope.id, "result": result})
            headers.append((b"mcp-session-id", session.id.encode()))
        await reply.whole(200, headers, body)


async def one_way(session: Session, envelope: Envelope, body: bytes) -> None:
    """Take a notification of the client, or its answer to a question."""
    if envelope.kind == "response":
        await session.answered(message_of(body))
        return
    params = params_in(body)
    match envelope.method:
        case "notifications/cancelled":
            request_id = params.get("requestId")
            leash = session.running.get(request_id) if isinstance(request_id, str | int) else None
            if leash is not None:
                leash.pull("cancelled")
        case "notifications/progress":
            await session.progressed(params)
        case "notifications/roots/list_changed":
            await session.notify(envelope.method, params)
