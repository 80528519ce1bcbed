"""Clients of the modern era (2026-07-28): every request stands alone; what a backend asks becomes `input_required`."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final
from weakref import WeakKeyDictionary

import anyio
from mcp.shared.inbound import ERROR_CODE_HTTP_STATUS, NAME_BEARING_METHODS, encode_header_value
from mcp_types import (
    INVALID_PARAMS,
)
from mcp_types.version import LATEST_MODERN_VERSION
from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.core.calls import failed_as
from airegistry.core.errors import AirError, Quarantined
from airegistry.core.pleas import state_asked_for, without_answer
from airegistry.gateway.attempts import CANCELLED, OK, Result
from airegistry.gateway.channels.eras import Eras
from airegistry.gateway.channels.exchange import Answer, Channel, Era, Exchange, Notice, Question
from airegistry.gateway.channels.pool import Channels
from airegistry.gateway.channels.wire import printed
from airegistry.gateway.direct import with_credential
from airegistry.gateway.errors import BadAnswer, Malformed
from airegistry.gateway.fronts import translate
from airegistry.gateway.fronts.asking import Asking
from airegistry.gateway.fronts.background import Background
from airegistry.gateway.fronts.consent import urls_required, without_opened
from airegistry.gateway.fronts.destination import Answered, Route
from airegistry.gateway.fronts.leash import Leash
from airegistry.gateway.fronts.parked import Parked, Parking, Run, digest
from airegistry.gateway.fronts.pleas import AskingPlea
from airegistry.gateway.fronts.renewal import Renewal
from airegistry.gateway.late_reply import LateReply
from airegistry.gateway.presence import Presence
from airegistry.gateway.proxy import Outgoing, Proxy
from airegistry.gateway.tool_lists import modern as as_modern
from airegistry.gateway.tool_lists import response

_GATHER_SECONDS: Final = 0.02
"""How long more questions of the same kind are waited for after the first: several go into one answer."""


class ModernFront:
    """Answers modern requests. What outlives its request runs in the background."""

    def __init__(
        self, background: Background, renewal: Renewal, channels: Channels, eras: Eras, proxy: Proxy, parking: Parking,
        *, first_byte_timeout: float,
    ) -> None:  # fmt: skip
        self._background = background
        self._renewal = renewal
        self._channels = channels
        self._eras = eras
        self._proxy = proxy
        self._parking = parking
        self._first_byte_timeout = first_byte_timeout
        self._levels: WeakKeyDictionary[Channel, str] = WeakKeyDictionary()

    async def serve(self, asking: Asking, presence: Presence) -> None:
        """Answer a request that is not `subscriptions/listen`.

        Raises:
            AirError: refused before anything was sent.
        """
        try:
            if asking.method == "server/discover":
                await asking.result(translate.discovered(await asking.destination.opening(asking.client)))
                return
            plea = AskingPlea.of(asking)
            asking.params = without_answer(asking.params)
            found = await asking.destination.route(asking.method, without_opened(asking.params), asking.client, plea)
        except AirError as error:
            self._drop(asking)
            await asking.refuse(error)
            return
        if isinstance(found, Answered):
            result = as_modern(found.result, found.server_info or {}, cacheable=found.cacheable)
            await asking.finish(response(asking.id, result))
            return
        await self._led(asking, found, presence)

    async def _led(self, asking: Asking, route: Route, presence: Presence) -> None:
        result, failure = CANCELLED, None
        leash = Leash(presence, lambda: None if asking.finished else leash.pull("gone"))
        try:
            with leash:
                leash.hold(route.call.permit)
                result = await self._renewal.tried(
                    route, partial(self._attempt, asking), begun=lambda: asking.reply.started
                )
        except AirError as error:
            failure = error
            result = Result(failed_as(error), error.message)
        except Exception:
            result = Result("error", "internal")
            raise
        finally:
            if leash.why == "cut":
                failure = Quarantined("cut off by an administrator")
                result = Result("cancelled", "quarantined")
            asking.destination.leave(route.call, result.outcome, result.error)
        if failure is not None:
            await asking.refuse(failure)

    async def _attempt(self, asking: Asking, route: Route) -> Result:
        era = await self._eras.best(route.server, route.call.headers)
        state = asking.params.get("requestState")
        if era == "modern":
            given = route.params.get("requestState")
            await self._proxy.states.check(asking.who.subject, route.server.path, given)
        if era == "modern" and route.result is None:
            return await self._relay(asking, route)
        if era == "legacy" and state is not None:
            return await self._resumed(asking, route, state)
        if era == "legacy" and asking.client.answers_anything:
            run = Run()
            self._background.spawn(run.drive, self._opened(asking, route))
            return await self._ridden(asking, route, run)
        async with self._opened(asking, route) as exchange:
            result = await self._carried(asking, route, exchange, era)
            assert isinstance(result, Result)
            return result

    async def _relay(self, asking: Asking, route: Route) -> Result:
        """A modern backend's answer as it comes: only the request was written anew."""
        server, params = route.server, route.params
        assert server.url is not None
        headers = [
            ("accept", "application/json, text/event-stream"),
            ("content-type", "application/json"),
            ("mcp-protocol-version", LATEST_MODERN_VERSION),
            ("mcp-method", encode_header_value(route.method)),
            *(route.headers or {}).items(),
        ]
        name = params.get(NAME_BEARING_METHODS.get(route.method, ""))
        if isinstance(name, str):
            headers.append(("mcp-name", encode_header_value(name)))
        body = printed({"jsonrpc": "2.0", "id": asking.id, "method": route.method, "params": params})
        outgoing = Outgoing(
            "POST", server.url, with_credential(headers, route.call), body, False, self._first_byte_timeout,
            renew=partial(self._renewed, route, headers), only=asking.id,
        )  # fmt: skip
        if self._proxy.shared:  # the answer to it may go to another replica at once
            outgoing.bind = partial(self._bind, route)
        reply = LateReply(asking.reply) if asking.streaming else asking.reply
        result = await self._proxy.relay(outgoing, reply, _no_session)
        route.call.let_go_on(result.state)
        await self._bind(route, result)
        return result

    async def _bind(self, route: Route, result: Result) -> None:
        """Have the state that a modern backend gave out be its caller's alone."""
        if result.state:
            await self._proxy.states.bind(route.call.who.subject, route.server.path, result.state)

    async def _renewed(self, route: Route, headers: list[tuple[str, str]]) -> list[tuple[str, str]] | None:
        call = await self._renewal.entry.renewed(route.call)
        return None if call is None else with_credential(headers, call)

    @asynccontextmanager
    async def _opened(self, asking: Asking, route: Route) -> AsyncIterator[Exchange]:
        call, level = route.call, asking.level
        async with self._channels.shared(call.server, call.headers, asking.client, owner=call.who.subject) as channel:
            params = route.params
            if channel.era == "legacy":
                params = translate.params_for_legacy(params)
                if level is not None:
                    await self._set_level(channel, level)
            async with channel.request(route.method, params) as exchange:
                yield exchange

    async def _set_level(self, channel: Channel, level: str) -> None:
        """Have a session send the log messages that any of its requests wants; those too many are left out later."""
        known = self._levels.get(channel)
        if level not in translate.LEVELS or (known and translate.LEVELS.index(known) <= translate.LEVELS.index(level)):
            return
        if "logging" not in (await channel.open()).capabilities:
            return
        self._levels[channel] = level
        async with channel.request("logging/setLevel", {"level": level}) as exchange:
            async for _ in exchange:
                pass

    async def _resumed(self, asking: Asking, route: Route, state: JsonValue) -> Result:
        """Go on with an exchange that is parked: its questions are answered now, or some of them."""
        responses = asking.params.get("inputResponses")
        if not isinstance(state, str) or not isinstance(responses, dict | None):
            raise Malformed("requestState is a string, and inputResponses an object", rpc=INVALID_PARAMS)
        parked = self._parking.take(state, _bound(asking))
        if parked is None:
            raise Malformed("no such requestState: it is over, or another request's", rpc=INVALID_PARAMS)
        try:
            for key, question in list(parked.questions.items()):
                answer = (responses or {}).get(key)
                if isinstance(answer, dict):
                    await parked.run.reply(question, {"result": answer})
                    del parked.questions[key]
        except BaseException:
            parked.run.cancel()
            raise
        if parked.questions:
            return await self._park(asking, route, parked.run, parked.questions)
        return await self._ridden(asking, route, parked.run)

    async def _ridden(self, asking: Asking, route: Route, run: Run) -> Result:
        """Carry a run on until it is answered or asks, in which case it is parked."""
        try:
            result = await self._carried(asking, route, run, "legacy", parks=True)
        except BaseException:
            run.cancel()
            raise
        if isinstance(result, Result):
            run.cancel()
            return result
        return await self._park(asking, route, run, result)

    async def _park(self, asking: Asking, route: Route, run: Run, questions: dict[str, Question]) -> Result:
        state = self._parking.park(Parked(run, questions, _bound(asking)))
        route.call.let_go_on(state)
        requests: Json = {
            key: translate.question_for_modern(question.method, question.params) for key, question in questions.items()
        }
        asked: Json = {"resultType": "input_required", "inputRequests": requests, "requestState": state}
        await asking.result(asked)
        return OK

    async def _carried(
        self, asking: Asking, route: Route, exchange: Exchange, era: Era, *, parks: bool = False
    ) -> Result | dict[str, Question]:
        """Carry events to the client until the answer, or with `parks` until the client has to be asked."""
        questions: dict[str, Question] = {}
        events = aiter(exchange)
        while True:
            with anyio.move_on_after(_GATHER_SECONDS if questions else math.inf) as patience:
                happened = await anext(events, None)
            if patience.cancelled_caught:
                return questions
            if happened is None:
                raise BadAnswer("the backend ended its answer without a result")
            if isinstance(happened, Notice):
                await asking.notice(happened.message)
            elif isinstance(happened, Answer):
                return await self._answered(asking, route, era, happened)
            elif parks and translate.can_answer(asking.client.capabilities, happened.method, happened.params):
                questions[f"question-{happened.id}"] = happened
            else:
                await exchange.reply(happened, translate.cannot_answer(happened.method))

    async def _answered(self, asking: Asking, route: Route, era: Era, answer: Answer) -> Result:
        outcome, failure = translate.outcome_of(answer)
        if answer.error is not None:
            error = translate.error_for_modern(route.method, answer.error) if era == "legacy" else answer.error
            urls = [] if asking.has_opened else translate.required_urls(error)
            told = asking.client.capabilities
            if urls and all(translate.can_answer(told, "elicitation/create", {**url, "mode": "url"}) for url in urls):
                await asking.result(urls_required(urls))
                return OK
            code = error.get("code")
            status = ERROR_CODE_HTTP_STATUS.get(code, 200) if isinstance(code, int) else 200
            await asking.finish(printed({"jsonrpc": "2.0", "id": asking.id, "error": error}), status)
            return Result(outcome, failure)
        result = answer.result or {}
        asked = Result(outcome, failure, state=state_asked_for(result))
        route.call.let_go_on(asked.state)
        if era == "modern":
            await self._bind(route, asked)
        if route.result is not None and result.get("resultType") != "input_required":
            result = route.result(result)
        await asking.result(translate.result_for_modern(asking.method, result, route.server_info))
        return Result(outcome, failure)

    def _drop(self, asking: Asking) -> None:
        """A retry that is refused ends what waits for it."""
        state = asking.params.get("requestState")
        parked = self._parking.take(state, _bound(asking)) if isinstance(state, str) else None
        if parked is not None:
            parked.run.cancel()


def _bound(asking: Asking) -> tuple[str, str, bytes]:
    return asking.who.subject, asking.destination.key, digest(asking.method, asking.params)


def _no_session(status: int, offered: str | None) -> str | None:
    return None
