"""One request of the older era under way, and what is heard between requests, as the channel's user meets them."""

from collections.abc import AsyncIterator, Callable
from typing import Protocol, Self

from mcp_types import METHOD_NOT_FOUND

from airegistry.core.assets import Json
from airegistry.gateway.channels.exchange import Answer, Event, Notice, Question
from airegistry.gateway.channels.listeners import Listener
from airegistry.gateway.channels.passage import Passage
from airegistry.gateway.channels.wire import answer_of, answers
from airegistry.gateway.errors import BadAnswer, RequestId


class Running:
    """One request under way: `sent` when the backend may be working on it, `answered` when it is through.

    `asked` are the ids of questions that came on the event stream, were given to it, and are not answered yet.
    """

    __slots__ = ("answered", "asked", "id", "message", "method", "params", "sent")

    def __init__(self, id: int, method: str, params: Json) -> None:
        self.id = id
        self.method = method
        self.params = params
        self.message: Json = {"jsonrpc": "2.0", "id": id, "method": method, "params": params}
        self.sent = False
        self.answered = False
        self.asked: set[RequestId] = set()

    def over(self) -> None:
        """The answer is there."""
        self.answered = True


class Talk(Protocol):
    """What a request under way needs of its channel."""

    async def react(self, message: Json) -> Notice | Question | None:
        """What a message of the backend is to the client; None for what the channel deals with itself."""
        ...

    async def tell(self, message: Json) -> None:
        """Send a message that has no answer."""
        ...


class Sent(Protocol):
    """The messages that belong to a request which was sent; whoever has them closes them."""

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> Json: ...

    async def passage(self, running: "Running") -> Passage | None:
        """The answer, if it is what comes next and can be passed on."""
        ...

    async def aclose(self) -> None:
        """Let go of them."""
        ...


class Heard:
    """What one listener hears."""

    __slots__ = ("_channel", "_listener")

    def __init__(self, channel: Talk, listener: Listener) -> None:
        self._channel = channel
        self._listener = listener

    def __aiter__(self) -> AsyncIterator[Notice | Question]:
        return self

    async def __anext__(self) -> Notice | Question:
        while True:
            event = await self._channel.react(await anext(self._listener))
            if event is not None:
                return event


class RunningExchange:
    """The `Exchange` of one request."""

    __slots__ = ("_channel", "_learn", "_messages", "_running", "_sent")

    def __init__(
        self,
        channel: Talk,
        running: Running,
        messages: AsyncIterator[Json],
        learn: Callable[[Running, Answer], None] | None = None,
        sent: Sent | None = None,
    ) -> None:
        """`sent` are the messages again, where they are all that there is."""
        self._channel = channel
        self._sent = sent
        self._running = running
        self._messages = messages
        self._learn = learn

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        if self._running.answered:
            raise StopAsyncIteration
        async for message in self._messages:
            if "method" in message:
                event = await self._channel.react(message)
                if event is not None:
                    return event
            elif answers(message, self._running.id):
                self._running.answered = True
                answer = answer_of(message)
                if self._learn is not None:
                    self._learn(self._running, answer)
                return answer
        raise unfinished()

    async def passage(self) -> Passage | None:
        """The answer, if it is what comes next and its result can be passed on as it comes: then nothing follows."""
        return None if self._sent is None else await self._sent.passage(self._running)

    async def reply(self, question: Question, reply: Json) -> None:
        """Answer a question of the backend.

        Raises:
            UpstreamFailed: it does not take the answer.
        """
        self._running.asked.discard(question.id)
        await self._channel.tell({"jsonrpc": "2.0", "id": question.id, **reply})


def unfinished() -> BadAnswer:
    """What a request ends with whose answer ends too early."""
    return BadAnswer("the backend ended its answer without a result")


def unheard(id: str | int | None) -> Json:
    """What a backend gets that asks where nobody is to answer."""
    return {"jsonrpc": "2.0", "id": id, "error": {"code": METHOD_NOT_FOUND, "message": "not supported by this client"}}


def speaks_of_session(body: bytes) -> bool:
    """Whether the words of a refusal are about the session: several servers have no status of their own for it."""
    return b"ession" in body or b"not initialized" in body
