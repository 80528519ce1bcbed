"""Carries one admitted request to an agent, and its answer back: an event stream event by event, JSON as a whole."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from airegistry.egress.stream import StreamClient, StreamResponse
from airegistry.gateway.a2a.answers import Reading
from airegistry.gateway.attempts import Again, Result, attempts
from airegistry.gateway.errors import BadAnswer, CallRefused, CredentialRefused, Reply
from airegistry.gateway.sse import Bytes, Events, data_of

MAX_ANSWER = 32 * 2**20
"""The longest JSON answer, and the longest event of a stream, in bytes."""

_JSON = frozenset((b"application/json", b"application/a2a+json"))
_SHOWN = frozenset((b"a2a-version", b"a2a-extensions", b"x-a2a-extensions", b"retry-after"))
_SSE_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]
Headers = Sequence[tuple[str, str]]


@dataclass(slots=True)
class Sending:
    """A request as the agent gets it. `safe` is whether it may be sent twice; `renew` is asked after the first 401.
    `endless` is for streams, which may be silent for ever."""

    verb: str
    url: str
    headers: Headers
    body: bytes | None
    patience: float
    safe: bool
    renew: Callable[[], Awaitable[Headers | None]] | None
    endless: bool = False


class Relay:
    """Exchanges over a pool of connections to agents."""

    def __init__(self, client: StreamClient, max_answer: int = MAX_ANSWER) -> None:
        self._client = client
        self._max_answer = max_answer

    async def exchange(self, sending: Sending, reply: Reply, reading: Reading) -> Result:
        """Send the request and its answer on; never raises for what an agent does.

        Cancelling closes the connection to the agent, which is how it learns of it.
        """
        attempt = partial(self._attempt, sending, reply, reading)
        return await attempts(attempt, reply, safe=sending.safe)

    async def _attempt(self, sending: Sending, reply: Reply, reading: Reading) -> Result:
        """One attempt.

        Raises:
            AirError: it failed.
            Again: the agent wants other headers, and they are at hand by now.
        """
        try:
            async with self._client.open(
                sending.verb, sending.url, sending.headers, sending.body,
                first_byte_timeout=sending.patience, endless=sending.endless,
            ) as response:  # fmt: skip
                return await self._carry(response, sending, reply, reading)
        except CredentialRefused:
            renew, sending.renew = sending.renew, None
            other = None if renew is None else await renew()
            if other is None:
                raise
        sending.headers = other
        raise Again

    async def _carry(self, response: StreamResponse, sending: Sending, reply: Reply, reading: Reading) -> Result:
        status, kind = response.status, b""
        if status == 401:
            raise CredentialRefused("the agent answered 401")
        if status == 403:
            raise CallRefused("the agent answered 403")
        if 300 <= status < 400:
            raise BadAnswer(f"the agent answered {status}")
        shown = [(name, value) for name, value in response.headers if name in _SHOWN]
        for name, value in response.headers:
            if name == b"content-type":
                kind = value.partition(b";")[0].strip().lower()
            elif name == b"content-encoding" and value.strip().lower() != b"identity":
                raise BadAnswer("the agent compressed its answer without being asked to")
        if kind == b"text/event-stream" and status < 300:
            if not sending.endless:
                raise BadAnswer("the agent answered with a stream that was not asked for")
            return await self._stream(response, reply, reading, shown)
        if kind in _JSON:
            body = await reading.message(await self._whole(response), status)
            head = [*shown, (b"content-type", kind), (b"cache-control", b"no-store")]
            await reply.whole(status, head, body)
            return reading.result
        if status < 300:
            if await self._whole(response):
                raise BadAnswer("the agent's answer is neither JSON nor an event stream")
            await reply.whole(204 if status == 204 else 200, shown)
            return reading.result
        if status >= 500:
            raise BadAnswer(f"the agent answered {status}")
        await reply.refuse(BadAnswer(f"the agent answered {status}"), status=status)
        return Result("error", f"HTTP {status}")

    async def _whole(self, response: StreamResponse) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for chunk in response.chunks():
            size += len(chunk)
            if size > self._max_answer:
                raise BadAnswer(f"the agent's answer is longer than {self._max_answer} bytes")
            parts.append(chunk)
        return b"".join(parts)

    async def _stream(
        self, response: StreamResponse, reply: Reply, reading: Reading, shown: list[tuple[bytes, bytes]]
    ) -> Result:
        events = Events(self._max_answer)
        await reply.start(response.status, [*shown, *_SSE_HEADERS])
        async for chunk in response.chunks():
            for event in events.feed(chunk):
                await _pass(event, reply, reading)
        await _pass(events.rest(), reply, reading)
        await reply.body(b"", more=False)
        return reading.result


async def _pass(event: Bytes, reply: Reply, reading: Reading) -> None:
    """An event goes on as it came, once its ids are its caller's."""
    if data := data_of(event):
        await reading.message(data)
    if event:
        await reply.body(bytes(event), more=True)
