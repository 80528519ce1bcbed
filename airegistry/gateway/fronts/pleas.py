"""How callers that are answered message by message are asked for their approval, and kept waiting for another's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self

import anyio
from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.core.pleas import ELICITATION, Plea, Verdict, can_elicit, form, verdict_of
from airegistry.gateway.channels.wire import printed
from airegistry.gateway.fronts.asking import Asking
from airegistry.gateway.fronts.destination import Destination
from airegistry.gateway.fronts.leash import Leash
from airegistry.gateway.fronts.session import Asked, Session
from airegistry.gateway.fronts.translate import meta_of


@dataclass(slots=True, eq=False)
class AskingPlea(Plea):
    """A request of the modern era: asked by a result `input_required`."""

    asking: Asking

    @classmethod
    def of(cls, asking: Asking) -> Self:
        """The plea of a request, with its params as they came."""
        params = asking.params
        return cls(lambda: params, asking.destination.now, asking)

    @property
    def can_ask(self) -> bool:
        """Whether the client declared that it shows its person a form."""
        return can_elicit(self.asking.client.capabilities)

    async def waiting(self, id: str, times: int) -> None:
        """Send a sign of life, and how long it takes to whoever wants to know."""
        token = meta_of(self.asking.params).get("progressToken")
        if token is None:
            await self.asking.keep_alive()
        else:
            await self.asking.notice(still_waiting(token, id, times))


class Outlet(Protocol):
    """Where messages before the answer go."""

    async def event(self, data: bytes) -> None:
        """Send a message."""
        ...

    async def keep_alive(self) -> None:
        """Show that the request is still being worked on."""
        ...


class Spoken(Protocol):
    """One request in a session."""

    @property
    def session(self) -> Session: ...
    @property
    def destination(self) -> Destination: ...
    @property
    def params(self) -> Json: ...
    @property
    def outlet(self) -> Outlet: ...


@dataclass(slots=True, eq=False)
class SaidPlea(Plea):
    """A request in a session of the older era: asked by a request on its own stream."""

    said: Spoken
    leash: Leash

    @classmethod
    def of(cls, said: Spoken, leash: Leash) -> Self:
        """The plea of a request."""
        return cls(lambda: said.params, said.destination.now, said, leash)

    @property
    def can_ask(self) -> bool:
        """Whether the client declared that it shows its person a form."""
        return can_elicit(self.said.session.client.capabilities)

    def on_gone(self, cancel: Callable[[], None]) -> None:
        """Have the wait cancelled with the request."""
        self.leash.waits(cancel)

    async def ask(self, id: str, question: str) -> Verdict:
        """Have the client's person confirm."""
        answers: list[JsonValue] = []
        answered = anyio.Event()

        async def take(reply: Json) -> None:
            answers.append(reply.get("result"))
            answered.set()

        session = self.said.session
        asked = await session.ask(self.said.outlet.event, ELICITATION, form(question), Asked(take, None))
        try:
            await answered.wait()
        finally:
            session.forget([asked])
        return verdict_of(answers[0])

    async def waiting(self, id: str, times: int) -> None:
        """Send a sign of life, and how long it takes to whoever wants to know."""
        token = meta_of(self.said.params).get("progressToken")
        if token is None:
            await self.said.outlet.keep_alive()
        else:
            await self.said.outlet.event(printed(still_waiting(token, id, times)))


def still_waiting(token: JsonValue, id: str, times: int) -> Json:
    """A notification of progress: hardly any, so that what the backend tells later is more."""
    told: Json = {"progressToken": token, "progress": times / 1_000_000, "message": f"waits for approval {id}"}
    return {"jsonrpc": "2.0", "method": "notifications/progress", "params": told}
