"""What happens to one request in a session of the older era, whichever transport carries it."""

from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import anyio
import orjson
from anyio.abc import TaskStatus
from mcp_types import INVALID_PARAMS, METHOD_NOT_FOUND, MISSING_REQUIRED_CLIENT_CAPABILITY
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION
from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.core.calls import failed_as
from airegistry.core.errors import AirError, ConsentRequired, Quarantined, RateLimited
from airegistry.gateway.attempts import CANCELLED, Result
from airegistry.gateway.channels.exchange import Answer, Channel, Client, Exchange, Notice, Question
from airegistry.gateway.channels.passage import Passage
from airegistry.gateway.channels.wire import printed
from airegistry.gateway.errors import BadAnswer, Malformed, RequestId, error_body
from airegistry.gateway.fronts import translate
from airegistry.gateway.fronts.background import Background
from airegistry.gateway.fronts.consent import consent_refusal
from airegistry.gateway.fronts.destination import Answered, Destination, Route
from airegistry.gateway.fronts.leash import Leash
from airegistry.gateway.fronts.listening import OnToolsChanged, follow, listen, respond
from airegistry.gateway.fronts.pleas import SaidPlea
from airegistry.gateway.fronts.renewal import Renewal
from airegistry.gateway.fronts.rounds import Round
from airegistry.gateway.fronts.session import Asked, Session
from airegistry.gateway.tool_lists import response

REQUEST_CANCELLED: Final = -32800
"""Answers a request that its client took back: over streamable HTTP of 2025 only a response ends its stream."""

MAX_ROUNDS: Final = 10
"""How often a modern backend may ask before it answers, as in the SDKs."""

_MAX_WATCHED: Final = 100
_ALL_CHANGES: Final[Json] = {
    "toolsListChanged": True, "promptsListChanged": True, "resourcesListChanged": True,
}  # fmt: skip


class Outlet(Protocol):
    """Where the messages that belong to one request go. `owes` is whether even a cancelled one must be answered."""

    owes: bool

    @property
    def begun(self) -> bool:
        """Whether something was sent, so that a refusal has to be a message."""
        ...

    async def event(self, data: bytes) -> None:
        """Send a message that comes before the answer."""
        ...

    async def keep_alive(self) -> None:
        """Show that the request is still being worked on."""
        ...

    async def answer(self, data: bytes) -> None:
        """Send the response."""
        ...

    async def pass_on(self, head: bytes, passage: Passage) -> None:
        """Send the response as it comes, after its head. What has begun so and fails stays unfinished."""
        ...


@dataclass(slots=True, eq=False)
class Said:
    """One request of a session's client."""

    session: Session
    destination: Destination
    id: RequestId
    method: str
    params: Json
    outlet: Outlet

    async def result(self, result: Json) -> None:
        """Send a result."""
        await self.outlet.answer(printed({"jsonrpc": "2.0", "id": self.id, "result": result}))

    async def error(self, error: Json) -> None:
        """Send an error."""
        await self.outlet.answer(printed({"jsonrpc": "2.0", "id": self.id, "error": error}))

    async def passed(self, passage: Passage) -> Answer:
        """Send a result as it comes."""
        await self.outlet.pass_on(b'{"jsonrpc":"2.0","id":%b,"result":' % orjson.dumps(self.id), passage)
        return Answer({"isError": passage.failed}, None, passed=True)

    async def refuse(self, error: AirError) -> None:
        """Send a refusal.

        Raises:
            AirError: it is to be refused whole, as nothing was sent.
        """
        refusal = None
        if isinstance(error, ConsentRequired):
            refusal = consent_refusal(error, self.id, self.session.client.capabilities, "legacy")
        if refusal is None:
            if not self.outlet.begun:
                raise error
            refusal = error_body(error, self.id)
        await self.outlet.answer(refusal)


class Talk:
    """Answers requests in sessions. Listeners run in the background."""

    def __init__(self, background: Background, renewal: Renewal, on_tools_changed: OnToolsChanged) -> None:
        self._background = background
        self._renewal = renewal
        self._on_tools_changed = on_tools_changed

    async def serve(self, said: Said, leash: Leash) -> None:
        """Answer one request, unless the leash is pulled before.

        Raises:
            AirError: refused before anything was sent.
        """
        session = said.session
        session.begin(said.id, leash)
        try:
            await self._dispatch(said, leash)
        except AirError as error:
            await said.refuse(error)
        finally:
            session.finished(said.id)

    async def _dispatch(self, said: Said, leash: Leash) -> None:
        session, method, params = said.session, said.method, said.params
        match method:
            case "ping":
                await said.result({})
            case "initialize":
                raise Malformed("the session is initialized already")
            case "server/discover" | "subscriptions/listen":
                raise Malformed(f"{method} is not of this era", rpc=METHOD_NOT_FOUND, status=200)
            case "logging/setLevel":
                if params.get("level") not in translate.LEVELS:
                    raise Malformed("no such log level", rpc=INVALID_PARAMS, status=200)
                session.level = str(params["level"])
                await said.result({})
            case "resources/subscribe":
                await self._subscribe(said, str(params.get("uri")))
                await said.result({})
            case "resources/unsubscribe":
                session.stop_listening(str(params.get("uri")))
                await said.result({})
            case _:
                translate.check_no_task(method, params)
                found = await said.destination.route(method, params, session.client, SaidPlea.of(said, leash))
                if isinstance(found, Answered):
                    await said.outlet.answer(response(said.id, found.result))
                else:
                    await self._led(said, found, leash)

    async def _led(self, said: Said, route: Route, leash: Leash) -> None:
        result, failure = CANCELLED, None
        try:
            with leash:
                leash.hold(route.call.permit)
                result = await self._renewal.tried(route, partial(self._attempt, said), begun=lambda: said.outlet.begun)
        except AirError as error:
            failure = error
            result = Result(failed_as(error), error.message)
        except Exception:
            result = Result("error", "internal")
            raise
        finally:
            if leash.why == "cut":
                result, failure = Result("cancelled", "quarantined"), Quarantined("cut off by an administrator")
            said.destination.leave(route.call, result.outcome, result.error)
        if failure is not None:
            raise failure
        if leash.why in ("cancelled", "closing") and said.outlet.owes:
            await said.error({"code": REQUEST_CANCELLED, "message": "Request cancelled"})

    async def _attempt(self, said: Said, route: Route) -> Result:
        session = said.session
        async with session.channel(route.server, route.call.headers) as channel:
            if channel.era == "legacy":
                await _set_level(session, channel)
                answer = await self._asked(said, route, channel, route.params, passing=_passes(said, route))
                return await self._answered(said, route, channel, answer)
            base = translate.params_for_modern(route.params, session.level or translate.DEFAULT_LEVEL)
            params = base
            for number in range(MAX_ROUNDS):
                answer = await self._asked(said, route, channel, params)
                result = answer.result
                if result is None or result.get("resultType") != "input_required":
                    return await self._answered(said, route, channel, answer)
                given = await self._inputs(said, channel, result, number)
                if isinstance(given, Answer):
                    return await self._answered(said, route, channel, given)
                params = {**base, **given}
        raise BadAnswer(f"the backend asked {MAX_ROUNDS} times and did not answer")

    async def _asked(
        self, said: Said, route: Route, channel: Channel, params: Json, *, passing: bool = False
    ) -> Answer:
        """Send a request; what comes before its answer goes to the client, and with `passing` a result as it comes."""
        questions: list[str] = []
        try:
            async with channel.request(route.method, params) as exchange:
                events = aiter(exchange)
                while True:
                    passage = await exchange.passage() if passing else None
                    event = await (anext(events, None) if passage is None else said.passed(passage))
                    if event is None or isinstance(event, Answer):
                        break
                    if isinstance(event, Question):
                        await self._ask(said, channel, exchange, event, questions)
                    elif is_shown(said.session, event):
                        await said.outlet.event(printed(event.message))
        finally:
            said.session.forget(questions)
        if event is None:
            raise BadAnswer("the backend ended its answer without a result")
        return event

    async def _ask(
        self, said: Said, channel: Channel, exchange: Exchange, question: Question, questions: list[str]
    ) -> None:
        if not translate.can_answer(said.session.client.capabilities, question.method, question.params):
            await exchange.reply(question, translate.cannot_answer(question.method))
            return
        asked = Asked(partial(exchange.reply, question), channel)
        questions.append(await said.session.ask(said.outlet.event, question.method, question.params, asked))

    async def _inputs(self, said: Said, channel: Channel, result: Json, number: int) -> Json | Answer:
        """What the client answers to the `inputRequests` of a modern backend, as parameters; or why there is none."""
        state: Json = {"requestState": result["requestState"]} if "requestState" in result else {}
        wanted = result.get("inputRequests")
        if not isinstance(wanted, dict) or not wanted:
            await anyio.sleep(min(0.05 * 2**number, 0.25))
            return state
        round_ = Round(set(wanted))
        questions: list[str] = []
        try:
            for key, request in wanted.items():
                question = translate.question_for_legacy(request)
                if question is None or not translate.can_answer(said.session.client.capabilities, *question):
                    return _unanswerable(request)
                method, params = question
                asked = Asked(partial(round_.take, key, method), channel)
                questions.append(await said.session.ask(said.outlet.event, method, params, asked))
            await round_.over.wait()
        finally:
            said.session.forget(questions)
        if round_.failure is not None:
            return Answer(None, round_.failure)
        return {**state, "inputResponses": round_.answers}

    async def _answered(self, said: Said, route: Route, channel: Channel, answer: Answer) -> Result:
        outcome, failure = translate.outcome_of(answer)
        if answer.passed:
            return Result(outcome, failure)
        modern = channel.era == "modern"
        if answer.error is not None:
            await said.error(translate.error_for_legacy(route.method, answer.error) if modern else answer.error)
            return Result(outcome, failure)
        result = answer.result or {}
        if route.result is not None:
            result = route.result(result)
        await said.result(translate.result_for_legacy(said.method, result, said.session.version))
        return Result(outcome, failure)

    # What comes unasked

    async def listen(self, session: Session, destination: Destination) -> None:
        """Begin to listen for changes, on the session's own stream; once.

        Raises:
            AirError: the caller may not.
        """
        routes = await destination.listen(_ALL_CHANGES, session.client)
        if "" in session.listeners:
            for route in routes:
                destination.leave(route.call, "ok")
            return
        scopes = session.listeners[""] = []
        try:
            scope = await self._background.start(follow, destination, session.unasked.put, session.unasked.dismiss)
        except AirError:
            session.stop_listening("")
            for route in routes:
                destination.leave(route.call, "cancelled")
            raise
        assert isinstance(scope, anyio.CancelScope)
        if session.closed:
            scope.cancel()
        scopes.append(scope)
        for route in routes:
            self._background.spawn(self._heard, session, destination, route, scopes)

    async def _heard(
        self, session: Session, destination: Destination, route: Route, scopes: list[anyio.CancelScope]
    ) -> None:
        """A backend that cannot be listened to has no changes to tell: the stream stays open for the others."""
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            try:
                await self._listen(session, destination, route)
            except AirError:
                pass

    async def _subscribe(self, said: Said, uri: str) -> None:
        session, destination = said.session, said.destination
        routes = await destination.listen({"resourceSubscriptions": [uri]}, session.client)
        if uri in session.listeners or len(session.listeners) > _MAX_WATCHED:
            for route in routes:
                destination.leave(route.call, "ok")
            if uri not in session.listeners:
                raise RateLimited(f"more than {_MAX_WATCHED} resources are subscribed to", retry_after=60)
            return
        scopes = session.listeners[uri] = []
        for number, route in enumerate(routes):
            try:
                scope = await self._background.start(self._listen, session, destination, route)
                assert isinstance(scope, anyio.CancelScope)
                scopes.append(scope)
            except AirError as error:
                session.stop_listening(uri)
                for rest in routes[number + 1 :]:
                    destination.leave(rest.call, "cancelled")
                raise error

    async def _listen(
        self, session: Session, destination: Destination, route: Route,
        *, task_status: TaskStatus[anyio.CancelScope] = anyio.TASK_STATUS_IGNORED,
    ) -> None:  # fmt: skip
        reached = session.channel(route.server, route.call.headers)
        told = partial(self._told, session)
        await listen(
            destination, route, reached, told, session.unasked.dismiss, self._on_tools_changed, task_status=task_status
        )

    async def _told(self, session: Session, channel: Channel, event: Notice | Question) -> None:
        if isinstance(event, Notice):
            if is_shown(session, event):
                await session.unasked.put(printed(event.message))
        elif translate.can_answer(session.client.capabilities, event.method, event.params):
            asked = Asked(partial(respond, channel, event), channel)
            await session.ask(session.unasked.put, event.method, event.params, asked)
        else:
            await respond(channel, event, translate.cannot_answer(event.method))


def negotiated(params: Json) -> tuple[str, Client]:
    """Version and client of an `initialize`.

    Raises:
        Malformed: it does not say.
    """
    offered, info, capabilities = (params.get(name) for name in ("protocolVersion", "clientInfo", "capabilities"))
    if not isinstance(offered, str) or not isinstance(info, dict) or not isinstance(capabilities, dict):
        raise Malformed("initialize needs protocolVersion, capabilities and clientInfo", rpc=INVALID_PARAMS)
    version = offered if offered in HANDSHAKE_PROTOCOL_VERSIONS else LATEST_HANDSHAKE_VERSION
    return version, Client(info, translate.capabilities_told(capabilities), "legacy")


def is_shown(session: Session, notice: Notice) -> bool:
    """Whether a notification goes to the client of a session: log messages as loud as it wants them, for one."""
    method = notice.message.get("method")
    if method == "notifications/message":
        return session.level is None or translate.is_loud(notice.message, session.level)
    return method != "notifications/subscriptions/acknowledged"


def _passes(said: Said, route: Route) -> bool:
    """Whether the result of a backend of the older era is, byte for byte, what the client is to get."""
    return route.result is None and said.method == "tools/call" and translate.knows_all_content(said.session.version)


def _unanswerable(request: JsonValue) -> Answer:
    method = request.get("method") if isinstance(request, dict) else None
    message = f"the server asks what this client did not declare that it answers: {str(method)[:80]}"
    return Answer(None, {"code": MISSING_REQUIRED_CLIENT_CAPABILITY, "message": message})


async def _set_level(session: Session, channel: Channel) -> None:
    """Tell a backend of the older era which log messages the client wants, once."""
    if session.level is None or session.told.get(channel) == session.level:
        return
    session.told[channel] = session.level
    if "logging" in (await channel.open()).capabilities:
        async with channel.request("logging/setLevel", {"level": session.level}) as exchange:
            async for _ in exchange:
                pass
