"""Requests of modern clients that wait for an answer to a question: the exchange with the backend stays open meanwhile.

Such state belongs to this process, and is good for the caller, the endpoint and the request that it came from.
"""

import hashlib
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from time import monotonic
from typing import Final

import anyio

from airegistry.core.assets import Json
from airegistry.core.errors import AirError, Internal
from airegistry.gateway.channels.exchange import Event, Exchange, Question
from airegistry.gateway.channels.passage import Passage
from airegistry.gateway.channels.wire import printed

PARKED_SECONDS: Final = 300.0

_LOG = logging.getLogger(__name__)
_NOT_BOUND = frozenset(("inputResponses", "requestState", "_meta"))


class Run:
    """An exchange in a task of its own, so that it may outlive the request that began it: iterated once, in parts.

    What the backend says waits until somebody takes it, and so does the backend. `cancel` ends it at any time.
    """

    def __init__(self) -> None:
        self._scope = anyio.CancelScope()
        self._into, self._out = anyio.create_memory_object_stream[Event](0)
        self._exchange: Exchange | None = None
        self._failure: AirError | None = None

    async def drive(self, opened: AbstractAsyncContextManager[Exchange]) -> None:
        """The task: from opening the exchange to its last event."""
        with self._scope, self._into:
            try:
                async with opened as exchange:
                    self._exchange = exchange
                    async for event in exchange:
                        await self._into.send(event)
            except AirError as error:
                self._failure = error
            except anyio.BrokenResourceError:
                pass
            except Exception:  # noqa: BLE001  # one exchange must not take down the group that all of them live in
                _LOG.exception("an exchange with a backend failed")
                self._failure = Internal("internal error")

    def cancel(self) -> None:
        """End the exchange; the backend is told in the manner of its era."""
        self._scope.cancel()
        self._out.close()

    def __aiter__(self) -> "Run":
        return self

    async def passage(self) -> Passage | None:
        """None: what is said waits here."""
        return None

    async def __anext__(self) -> Event:
        try:
            return await self._out.receive()
        except anyio.EndOfStream:
            if self._failure is not None:
                raise self._failure from None
            raise StopAsyncIteration from None

    async def reply(self, question: Question, reply: Json) -> None:
        """Answer a question of the backend."""
        assert self._exchange is not None
        await self._exchange.reply(question, reply)


@dataclass(slots=True, eq=False)
class Parked:
    """A run that waits for answers. `bound` is what it is good for: subject, endpoint, and digest of the request."""

    run: Run
    questions: dict[str, Question]
    bound: tuple[str, str, bytes]
    since: float = 0.0


class Parking:
    """What is parked, by unguessable tokens: at most `per_subject` of one caller, at most `patience` seconds each."""

    def __init__(
        self, *, patience: float = PARKED_SECONDS, per_subject: int = 16, clock: Callable[[], float] = monotonic
    ) -> None:
        self._patience = patience
        self._per_subject = per_subject
        self._clock = clock
        self._held: dict[str, OrderedDict[str, Parked]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._held.values()))

    def park(self, parked: Parked) -> str:
        """Keep a run for the retry; the caller's oldest one gives way when there are too many."""
        held = self._held.setdefault(parked.bound[0], OrderedDict())
        if len(held) >= self._per_subject:
            held.popitem(last=False)[1].run.cancel()
        token = secrets.token_urlsafe(24)
        parked.since = self._clock()
        held[token] = parked
        return token

    def take(self, token: str, bound: tuple[str, str, bytes]) -> Parked | None:
        """The run that was parked under a token, if it is this caller's, and this request is its retry."""
        held = self._held.get(bound[0], OrderedDict())
        parked = held.get(token)
        if parked is None or parked.bound != bound:
            return None
        del held[token]
        if not held:
            del self._held[bound[0]]
        return parked

    def sweep(self) -> None:
        """End what has waited too long."""
        limit = self._clock() - self._patience
        for subject, held in list(self._held.items()):
            while held and next(iter(held.values())).since < limit:
                held.popitem(last=False)[1].run.cancel()
            if not held:
                del self._held[subject]

    def close(self) -> None:
        """End everything."""
        for held in self._held.values():
            for parked in held.values():
                parked.run.cancel()
        self._held.clear()


def digest(method: str, params: Json) -> bytes:
    """What a retry has in common with the request before it."""
    same = {name: value for name, value in params.items() if name not in _NOT_BOUND}
    return hashlib.sha256(printed({"method": method, "params": same}, sort=True)).digest()
