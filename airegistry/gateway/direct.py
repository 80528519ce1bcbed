"""The way of a message to a backend that speaks its client's era: bytes, both ways.

Sessions of the older era are the backend's; when it has lost one, by a restart, it is opened anew behind the client.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from airegistry.core.assets import Server, Tool
from airegistry.core.calls import Call
from airegistry.core.errors import AirError, NotFound
from airegistry.core.grants import CALLS
from airegistry.core.principals import Principal
from airegistry.egress.stream import StreamClient
from airegistry.gateway.attempts import CANCELLED, OK, Result
from airegistry.gateway.direct_pleas import DirectPlea, Holder, Questions
from airegistry.gateway.entry import Entry
from airegistry.gateway.envelope import Envelope, Inbound
from airegistry.gateway.errors import BadAnswer, Malformed, Reply
from airegistry.gateway.fronts.asking import UnknownVersion
from airegistry.gateway.fronts.listening import OnToolsChanged
from airegistry.gateway.list_changes import Again
from airegistry.gateway.lists import LISTS, OPENINGS, Keep, Member
from airegistry.gateway.overhearing import overheard
from airegistry.gateway.presence import Presence
from airegistry.gateway.proxy import Outgoing, Proxy
from airegistry.gateway.reopening import Reopening
from airegistry.gateway.sessions import MAX_OPENING, SESSION_ID, EventIds, Session, Sessions
from airegistry.gateway.tool_lists import ByteLists, modern, printed_tools, response

STREAM_OPEN = "stream/open"
SESSION_CLOSE = "session/close"

_ENDED_BY_CLIENT = frozenset((STREAM_OPEN, "subscriptions/listen"))
_SETTINGS = frozenset(("logging/setLevel", "resources/subscribe", "resources/unsubscribe"))
_CHANGES_NOTHING = frozenset(
    "initialize ping server/discover prompts/list prompts/get resources/list resources/templates/list "
    "resources/read completion/complete stream/open".split()
)
_OTHER_ERA = frozenset((400, 404, 405, 406))
JSON_HEADERS = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))
_INVALID_PARAMS = -32602
_A_DAY = 86_400.0


@dataclass(slots=True, eq=False)
class Request:
    """One message of a client. `target` is the path and version that it named: sessions belong to that."""

    who: Principal
    target: str
    verb: str
    inbound: Inbound
    envelope: Envelope
    body: bytes | None
    session: Session | None
    again: Again

    @property
    def names_session(self) -> bool:
        """Whether the client says it is in a session, in an era that has them."""
        return self.inbound.session is not None and not self.inbound.modern

    @property
    def holder(self) -> Holder:
        """Whose questions it may answer: the caller, at its endpoint, in its session."""
        return self.who.subject, self.target, "" if self.session is None else self.session.id


Doubt = Callable[[Server, bool], None]
"""Is told of a backend that refused a message as if it were of the other era; the flag says the modern one."""


class Direct:
    """Carries messages to backends, byte for byte but for what a caller may not see."""

    def __init__(
        self, entry: Entry, client: StreamClient, sessions: Sessions, *, first_byte_timeout: float, doubt: Doubt,
        on_tools_changed: OnToolsChanged, proxy: Proxy | None = None,
    ) -> None:  # fmt: skip
        self._doubt = doubt
        self._on_tools_changed = on_tools_changed
        self._endless: set[Presence] = set()
        self._entry = entry
        self._client = client
        self._proxy = proxy or Proxy(client)
        self._sessions = sessions
        self._tasks = self._proxy.tasks
        self._questions = Questions()
        self._lists = ByteLists()
        self._first_byte_timeout = first_byte_timeout

    async def serve(self, request: Request, server: Server, reply: Reply, presence: Presence) -> None:
        """Answer one message.

        Raises:
            AirError: it is refused.
        """
        who, envelope, name = request.who, request.envelope, request.envelope.name
        for uri in envelope.watched:
            watch = await self._entry.enter(who, server.path, "resources/subscribe", uri, found=server)
            self._entry.leave(watch, "ok")
        if envelope.task is not None:
            name = await self._tasks.tool(who.subject, server.path, envelope.task)
        plea = self._plea(request, reply)
        if plea is not None and plea.comes_back:
            envelope, body = plea.stripped()
            request = replace(request, envelope=envelope, body=body)
        elif plea is None and self._questions.takes(request.holder, envelope, request.body):
            await reply.whole(202, [])
            return
        try:
            call = await self._entry.enter(who, server.path, envelope.method, name, found=server, plea=plea)
        except AirError as error:
            if plea is None or plea.late is None:
                raise
            await plea.late.refuse(error)
            return
        finally:
            self._questions.waited(request.holder, envelope.id)
        reply = reply if plea is None or plea.late is None else plea.late
        if call.permit is not None:
            call.permit.on_cut(presence.cut)
        try:
            await self._check_handles(request, server)
            answer = self._tools(request, call) if envelope.method == "tools/list" else None
        except AirError as error:
            self._entry.leave(call, "error", error.code)
            raise
        if answer is None and envelope.method in _ENDED_BY_CLIENT:
            await self._stream(request, call, reply, presence)
        elif answer is None:
            await self._relay(request, call, reply)
        else:
            self._entry.leave(call, "ok")
            await reply.whole(200, [*JSON_HEADERS], answer)

    def _plea(self, request: Request, reply: Reply) -> DirectPlea | None:
        """How the caller is asked, of a call that may have to be approved."""
        if request.envelope.method not in CALLS:
            return None
        opening = None if request.session is None else request.session.opening
        return DirectPlea.of(
            request.again, request.inbound, request.envelope, request.body, opening, reply, self._questions,
            request.holder,
        )  # fmt: skip

    def end_streams(self) -> None:
        """Cut what ends only when its client wants it to."""
        for presence in list(self._endless):
            presence.cut()

    async def _stream(self, request: Request, call: Call, reply: Reply, presence: Presence) -> None:
        reply.send = overheard(reply.send, partial(self._on_tools_changed, call.server))
        self._endless.add(presence)
        try:
            await self._relay(request, call, reply)
        finally:
            self._endless.discard(presence)

    async def _check_handles(self, request: Request, server: Server) -> None:
        """A session, task or event that is not the caller's is none.

        Raises:
            NotFound, Malformed: it is not.
        """
        session = request.session
        if request.names_session and (session is None or session.url != server.url):
            raise NotFound("no such session")
        last = next((value for name, value in request.inbound.forward if name == "last-event-id"), None)
        if session is not None and last is not None and last.strip().encode() not in session.events:
            # Backends may keep the events of all sessions in one place, and cannot tell our callers apart.
            raise Malformed("no such event id in this session", rpc=_INVALID_PARAMS)
        if request.envelope.state is not None:
            await self._proxy.states.check(request.who.subject, server.path, request.envelope.state)
        task = request.envelope.task
        if task is not None and not await self._tasks.holds(request.who.subject, server.path, task):
            raise NotFound("no such task")

    def _tools(self, request: Request, call: Call) -> bytes:
        """The tools that were described when the server was fetched: nothing that was not scanned is offered."""
        if request.inbound.modern and UnknownVersion.is_(request.inbound.version):
            raise UnknownVersion(request.inbound.version)
        if request.envelope.cursor is not None:
            raise Malformed("no such cursor: all tools are on one page", rpc=_INVALID_PARAMS)

        def kept(tool: Tool) -> bool:
            return self._entry.may_use(call, "tools", tool.name)

        make = partial(printed_tools, call.server, kept)
        result = self._lists.get(call.server, self._entry.entitlement(call), make)
        if request.inbound.modern:
            result = modern(result, call.server.server_info, cacheable=True)
        return response(request.envelope.id, result)

    async def _relay(self, request: Request, call: Call, reply: Reply) -> None:
        result = OK if call.method in _ENDED_BY_CLIENT else CANCELLED
        try:
            outgoing = self._outgoing(request, call)
            on_head = partial(self._on_head, request, call)
            result = await self._proxy.relay(outgoing, reply, on_head, await self._keep(request, call))
        except Exception:
            result = Result("error", "internal")
            raise
        finally:
            self._entry.leave(call, result.outcome, result.error)
        call.let_go_on(result.state)
        await self._bind(call, result)
        set_up = call.method in _SETTINGS and result.outcome == "ok"
        if set_up and request.session is not None and request.body is not None:
            request.session.remember(f"{call.method} {call.name or ''}", request.body)

    async def _bind(self, call: Call, result: Result) -> None:
        """Have what a backend gave out be its caller's alone."""
        if result.state:
            await self._proxy.states.bind(call.who.subject, call.server.path, result.state)
        if result.task is not None:
            await self._tasks.bind(call.who.subject, call.server.path, result.task, call.name)

    async def _keep(self, request: Request, call: Call) -> Keep | None:
        if call.method in LISTS or call.method in OPENINGS or call.method == STREAM_OPEN:
            return partial(self._listed, call)
        if call.method == "tasks/list":
            held = await self._tasks.held(request.who.subject, call.server.path)
            return lambda member, name: held(name)
        return None

    def _listed(self, call: Call, member: Member, name: str) -> bool:
        if member == "tasks":
            return False
        if member == "instructions":  # which are read like a tool's description, and approved like one
            return name == call.server.instructions
        return self._entry.may_use(call, member, name)

    def _outgoing(self, request: Request, call: Call) -> Outgoing:
        """The request for the backend: the message as it came, the headers that may be seen, the backend's own."""
        server, envelope, session = call.server, request.envelope, request.session
        assert server.url is not None
        if session is not None:
            session.protocol = request.inbound.version or session.protocol
        headers = request.inbound.forward
        if session is None:  # and so no stream that could be known to be this caller's
            headers = [header for header in headers if header[0] != "last-event-id"]
        if request.body is not None:
            # The charset that the body was checked in, whatever the client declared.
            headers.append(("content-type", "application/json"))
        way = _Way(headers, call, session)
        patience = _A_DAY if envelope.method in _ENDED_BY_CLIENT else self._first_byte_timeout
        outgoing = Outgoing(
            request.verb, server.url, way.headers(), request.body, envelope.kind != "request", patience,
            safe=envelope.method in _CHANGES_NOTHING or is_read_only(call), endless=envelope.method in _ENDED_BY_CLIENT,
        )  # fmt: skip
        if session is not None:
            outgoing.heard = EventIds(session).feed
        if self._proxy.shared:  # the answer to it may go to another replica at once
            outgoing.bind = partial(self._bind, call)
        if call.headers:
            outgoing.renew = partial(self._renewed, way)
        if session is not None and session.opening is not None and envelope.method != SESSION_CLOSE:
            made = partial(Reopening, self._client, session, server.url, session.backend, self._first_byte_timeout)
            outgoing.reopen = partial(_reopened, way, made)
        return outgoing

    async def _renewed(self, way: "_Way") -> Sequence[tuple[str, str]] | None:
        better = await self._entry.renewed(way.call)
        if better is None:
            return None
        way.call = better
        return way.headers()

    def _on_head(self, request: Request, call: Call, status: int, offered: str | None) -> str | None:
        """Bind a session that begins, forget one that ends; returns the id to show."""
        if status in _OTHER_ERA and request.session is None:
            self._doubt(call.server, request.inbound.modern)
        if request.inbound.modern:
            return None
        session, subject, method = request.session, request.who.subject, request.envelope.method
        if method == "initialize" and offered is not None and status < 300:
            if not SESSION_ID.fullmatch(offered):
                raise BadAnswer("the backend's session id is not visible ASCII")
            body = request.body if request.body is not None and len(request.body) <= MAX_OPENING else None
            opened = Session(offered, offered, call.server.version, body, url=call.server.url)
            return self._sessions.bind(subject, request.target, opened).id
        if session is None:
            return None
        if status == 404 or (method == SESSION_CLOSE and status < 300):
            self._sessions.unbind(subject, request.target, session.id)
        return session.id if offered == session.backend else None


class _Way:
    """The headers of a request: what may pass of the client's, the session as the backend knows it, the credential."""

    __slots__ = ("_plain", "_session", "call")

    def __init__(self, plain: Sequence[tuple[str, str]], call: Call, session: Session | None) -> None:
        self._plain = plain
        self._session = session
        self.call = call

    def headers(self) -> list[tuple[str, str]]:
        """As they are now."""
        headers = with_credential(self._plain, self.call)
        if self._session is not None:
            headers.append(("mcp-session-id", self._session.backend))
        return headers


async def _reopened(way: _Way, reopening: Callable[[], Reopening]) -> Sequence[tuple[str, str]] | None:
    """The headers with the session as it is called now; what a stream had reached is not known any more."""
    if not await reopening().run(with_credential([], way.call)):
        return None
    return [header for header in way.headers() if header[0] != "last-event-id"]


def with_credential(headers: Sequence[tuple[str, str]], call: Call) -> list[tuple[str, str]]:
    """Headers with the backend's own credential, which nothing of the client's replaces."""
    if not call.headers:
        return [*headers]
    own = {name.lower() for name in call.headers}
    return [*(header for header in headers if header[0] not in own), *call.headers.items()]


def is_read_only(call: Call) -> bool:
    """Whether a tool call changes nothing, as its scanned description has it."""
    if call.method != "tools/call":
        return False
    tool = next((tool for tool in call.server.tools if tool.name == call.name), None)
    return tool is not None and tool.annotations is not None and tool.annotations.get("readOnlyHint") is True
