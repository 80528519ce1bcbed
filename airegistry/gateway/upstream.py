"""One JSON-RPC request to a backend, whatever its era: what `call_tool` uses where the gateway streams."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import anyio

from airegistry.core.assets import Json, Server
from airegistry.core.errors import Unsupported, UpstreamFailed
from airegistry.core.ports import NOBODY, Audience, Renew, UpstreamResult
from airegistry.gateway.channels.eras import GATEWAY
from airegistry.gateway.channels.exchange import Answer, Channel, Client, Headers, Notice, Question
from airegistry.gateway.channels.pool import Channels
from airegistry.gateway.channels.running import unheard
from airegistry.gateway.errors import CredentialRefused

MAX_ROUNDS: Final = 10
"""How often a modern backend may ask for input before it answers one request."""

_PROGRESS: Final = "notifications/progress"


class PooledUpstream:
    """The `Upstream` port over the gateway's channels.

    A session of the older era may hold state, so it is shared only between requests of one `owner`; a request without
    an owner has a session of its own.
    """

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    async def request(
        self,
        server: Server,
        headers: Headers,
        method: str,
        params: Json,
        *,
        timeout: float,
        owner: str | None = None,
        audience: Audience = NOBODY,
        renew: Renew | None = None,
    ) -> UpstreamResult:
        """The answer of a backend; `timeout` in seconds bounds the whole exchange.

        Raises:
            UpstreamFailed: there was none, or none that can be read.
            Unsupported: the server runs on its user's machine, or asks for input that the audience does not give.
        """
        try:
            with anyio.fail_after(timeout):
                try:
                    return await self._answer(server, headers, method, params, owner, audience)
                except CredentialRefused:
                    better = None if renew is None else await renew()
                    if better is None:
                        raise
                return await self._answer(server, better, method, params, owner, audience)
        except TimeoutError:
            raise UpstreamFailed(f"the backend did not answer within {timeout:g} s") from None

    async def _answer(
        self, server: Server, headers: Headers, method: str, params: Json, owner: str | None, audience: Audience
    ) -> UpstreamResult:
        client = Client(GATEWAY.info, audience.capabilities)
        if audience.on_progress is not None:
            params = {**params, "_meta": {"progressToken": "call"}}
        async with self._channel(server, headers, client, owner) as channel:
            for _ in range(MAX_ROUNDS):
                answer = await _one(channel, method, params, audience)
                result = answer.result
                if result is None or result.get("resultType") != "input_required" or audience.takes_input_required:
                    return UpstreamResult(result, answer.error)
                if audience.on_question is None:
                    raise Unsupported(
                        f"{method} asks for input before it answers: call it through the server's own endpoint, "
                        f"/{server.path}/mcp"
                    )
                params = await _with_input(params, result, audience)
        raise UpstreamFailed(f"the backend asked for input {MAX_ROUNDS} times and gave no answer")

    @asynccontextmanager
    async def _channel(
        self, server: Server, headers: Headers, client: Client, owner: str | None
    ) -> AsyncIterator[Channel]:
        if owner is not None:
            async with self._channels.shared(server, headers, client, owner=owner) as channel:
                yield channel
            return
        channel = await self._channels.open(server, headers, client)
        try:
            yield channel
        finally:
            await channel.close()


async def _one(channel: Channel, method: str, params: Json, audience: Audience) -> Answer:
    answer: Answer | None = None
    async with channel.request(method, params) as exchange:
        async for event in exchange:
            match event:
                case Answer():
                    answer = event
                case Notice(message):
                    details = message.get("params") if message["method"] == _PROGRESS else None
                    if audience.on_progress is not None and isinstance(details, dict):
                        await audience.on_progress(details)
                case Question(id, asked, details):
                    reply = unheard(id)
                    if audience.on_question is not None:
                        reply = await audience.on_question(asked, details)
                    await exchange.reply(event, {key: reply[key] for key in ("result", "error") if key in reply})
    assert answer is not None  # an exchange ends with its answer, or raises
    return answer


async def _with_input(params: Json, result: Json, audience: Audience) -> Json:
    """The request once more, with what the audience says to each of the questions in `result`."""
    assert audience.on_question is not None
    asked = result.get("inputRequests")
    responses: Json = {}
    for name, question in asked.items() if isinstance(asked, dict) else ():
        if not isinstance(question, dict) or not isinstance(method := question.get("method"), str):
            raise UpstreamFailed("the backend asks for input in a form that is none")
        details = question.get("params")
        reply = await audience.on_question(method, details if isinstance(details, dict) else {})
        if "result" not in reply:
            raise Unsupported(f"the backend asks for {method}, which cannot be answered here")
        responses[name] = reply["result"]
    state = result.get("requestState")
    again: Json = {key: value for key, value in params.items() if key not in ("inputResponses", "requestState")}
    again["inputResponses"] = responses
    return again if state is None else {**again, "requestState": state}
