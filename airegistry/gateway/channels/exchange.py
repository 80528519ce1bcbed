"""A conversation with one backend, message by message, whatever its era: what the gateway bridges with.

The byte-streaming proxy is not concerned: it is for clients and backends that share an era.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from airegistry.core.assets import Json
from airegistry.gateway.channels.passage import Passage
from airegistry.gateway.errors import RequestId

Era = Literal["modern", "legacy"]
"""`modern` is 2026-07-28 and later, stateless. `legacy` has a handshake and sessions; HTTP+SSE is one of it."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who is at the other end, as the backend is told: `clientInfo` and `capabilities` of the real client.

    `era` is the one that it speaks itself, and that a backend of both eras is best talked to in.
    """

    info: Json
    capabilities: Json = field(default_factory=dict)
    era: Era = "modern"

    @property
    def answers_anything(self) -> bool:
        """Whether it can be asked at all."""
        return any(isinstance(self.capabilities.get(name), dict) for name in ("elicitation", "sampling", "roots"))


@dataclass(frozen=True, slots=True)
class Opening:
    """What a backend says of itself: the result of `initialize` or `server/discover`, era aside."""

    capabilities: Json
    server_info: Json
    instructions: str | None
    version: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification on its way to the client: a whole JSON-RPC message, its progressToken the client's."""

    message: Json


@dataclass(frozen=True, slots=True)
class Question:
    """A request of a legacy backend to its client (elicitation, sampling, roots). `id` is the backend's."""

    id: RequestId
    method: str
    params: Json


@dataclass(frozen=True, slots=True)
class Answer:
    """The response: `result` or `error`, as the backend gave it. A modern result may be `input_required`.

    `passed` is whether the client has got it already: then only whether it is an error stands here.
    """

    result: Json | None
    error: Json | None
    passed: bool = False


Event = Notice | Question | Answer


class Exchange(Protocol):
    """One request under way. Iterating gives what comes back, the Answer last."""

    def __aiter__(self) -> AsyncIterator[Event]:
        """What comes back, in order.

        Raises:
            UpstreamFailed: the backend broke off, or cannot be understood.
        """
        ...

    async def passage(self) -> Passage | None:
        """The answer, if it is what comes next and its result can be passed on as it comes: then nothing follows."""
        ...

    async def reply(self, question: Question, reply: Json) -> None:
        """Answer a question: `reply` is `{"result": …}` or `{"error": …}`."""
        ...


class Channel(Protocol):
    """A conversation with one backend as one client. Safe for concurrent requests."""

    era: Era

    async def open(self) -> Opening:
        """What the backend says of itself; asked once.

        Raises:
            UpstreamFailed: it does not answer.
        """
        ...

    def request(self, method: str, params: Json) -> AbstractAsyncContextManager[Exchange]:
        """Send a request. Leaving before its Answer cancels it at the backend, in the manner of its era.

        `params` are the client's, `_meta.progressToken` included; what the era wants beside them is added here.
        """
        ...

    async def notify(self, method: str, params: Json) -> None:
        """Send a notification, where the backend's era has it; else nothing happens."""
        ...

    def listen(
        self, wanted: Json, *, rest: bool = True
    ) -> AbstractAsyncContextManager[AsyncIterator[Notice | Question]]:
        """What the backend sends unasked: `wanted` is the `notifications` member of `subscriptions/listen`.

        Legacy: the GET stream, and `resources/subscribe` for each URI of `resourceSubscriptions`. With `rest` also what
        is for nobody in particular, such as questions: of several listeners one gets it.
        """
        ...

    async def close(self) -> None:
        """End the conversation; a session of the older era is deleted."""
        ...


Headers = Mapping[str, str]
"""The backend's own credential as headers, and nothing of the caller's."""
