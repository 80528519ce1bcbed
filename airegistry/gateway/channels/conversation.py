"""What both transports of the older era share: the handshake, questions, progress tokens, and what is set again."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from itertools import count
from typing import Final

import anyio
from anyio.abc import TaskGroup
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION

from airegistry.core.assets import Json
from airegistry.core.errors import UpstreamFailed
from airegistry.egress.stream import NotSent
from airegistry.gateway.channels.exchange import Answer, Client, Era, Exchange, Notice, Opening, Question
from airegistry.gateway.channels.listeners import Listener, Listeners
from airegistry.gateway.channels.overhearing import ASKING, Overhearing
from airegistry.gateway.channels.running import Heard, Running, RunningExchange, Sent, unheard
from airegistry.gateway.channels.standing import Standing
from airegistry.gateway.channels.wire import Wire
from airegistry.gateway.channels.wishes import Wishes
from airegistry.gateway.errors import BadAnswer, SessionLost

FAREWELL_SECONDS: Final = 2.0
HANDSHAKE_SECONDS: Final = 60.0

RESTART_WAITS: Final = (0.1, 0.3, 0.6, 1.0)
"""Seconds between attempts to reach a backend that was there before: it may be restarting."""

_OWN_NOTIFICATIONS: Final = frozenset(("notifications/cancelled", "notifications/initialized"))


class Conversation(ABC):
    """A `Channel` of the older era without its transport. A handshake is made at the first use, one at a time.

    After the backend lost the session, the next handshake sets the log level and the subscriptions again. Progress
    tokens are the channel's own on the wire, so that clients that share it may use the same ones.
    """

    era: Era = "legacy"

    apart = False
    """Whether there is an event stream besides the answers."""

    def __init__(self, wire: Wire, who: Client, tasks: TaskGroup | None) -> None:
        self.wire = wire
        self.listeners = Listeners()
        self._tasks = tasks
        self.standing = Standing(self)
        self._overhearing = Overhearing()
        self._watching = anyio.Lock()
        self.version: str | None = None
        self._who = who
        self._lock = anyio.Lock()
        self._alive = False
        self._generation = 0
        self._opening: Opening | None = None
        self._ids = count(1)
        self._tokens: dict[int, object] = {}
        self._wishes = Wishes()

    @abstractmethod
    async def connect(self) -> None:
        """Get ready for a handshake, whatever there was before."""

    @abstractmethod
    async def sent(self, running: Running) -> Sent:
        """Send a request and give the messages that belong to it, to be closed.

        Raises:
            SessionLost: the backend does not know the session, and did not run the request.
            NotSent: it cannot be reached.
            UpstreamFailed: it refuses, or does not answer.
        """

    @abstractmethod
    async def tell(self, message: Json) -> None:
        """Send a message that has no answer."""

    @abstractmethod
    async def follow(self) -> bool:
        """Deliver what the backend sends of its own accord, until the stream ends; whether there is one.

        Raises as `sent`.
        """

    @abstractmethod
    async def end(self) -> None:
        """End the session at the backend; never raises for what the backend does."""

    async def open(self) -> Opening:
        """What the backend said in the handshake.

        Raises:
            UpstreamFailed: there is no agreement with it.
        """
        await self.ready()
        assert self._opening is not None
        return self._opening

    @asynccontextmanager
    async def request(self, method: str, params: Json) -> AsyncIterator[Exchange]:
        """Send a request, once more where the backend lost the session. Leaving early tells the backend.

        What it may report and ask on the event stream is heard as well, where there is one.
        """
        running = self._running(method, params)
        messages: Sent | None = None
        try:
            if self._is_overheard(running):
                async with self._overhearing.read(running, self._openly, self.tasks) as heard:
                    yield RunningExchange(self, running, heard, self._learn)
            else:
                messages = await self._delivered(running)
                yield RunningExchange(self, running, messages, self._learn, messages)
        finally:
            self._tokens.pop(running.id, None)
            try:
                if messages is not None:
                    await messages.aclose()
            finally:
                await self._leave(running)

    async def _leave(self, running: Running) -> None:
        """Tell the backend of what is over before its time."""
        if running.sent and not running.answered:
            # In this era closing the connection does not cancel: the backend has to be told.
            await self._farewell("notifications/cancelled", {"requestId": running.id})
        for question_id in running.asked:
            await self._bid(unheard(question_id))

    async def notify(self, method: str, params: Json) -> None:
        """Send a notification if there is a session; the channel says by itself what is cancelled."""
        if self._alive and method not in _OWN_NOTIFICATIONS:
            try:
                await self.tell({"jsonrpc": "2.0", "method": method, "params": params})
            except UpstreamFailed:
                pass  # a notification is not answered: the next request will show what is wrong

    @asynccontextmanager
    async def listen(self, wanted: Json, *, rest: bool = True) -> AsyncIterator[AsyncIterator[Notice | Question]]:
        """Subscribe to the resources wanted, and hear what comes on the stream that all listeners share.

        A stream that ends is opened again, at most a few times in a row. Lists that `wanted` does not name are left
        out. Where the backend has no stream the iterator waits for ever.
        """
        listener = Listener(wanted, rest=rest)
        watched: list[str] = []
        self.listeners.add(listener)
        try:
            await self.ready()
            for uri in listener.uris:
                await self._watch(uri)
                watched.append(uri)
            self.standing.start()
            yield Heard(self, listener)
        finally:
            self.listeners.remove(listener)
            if not self.listeners:
                self.standing.leave()
            await self._unwatch(watched)

    async def close(self) -> None:
        """End the session."""
        self._alive = False
        self.standing.stop()
        self.listeners.fail(UpstreamFailed("the conversation with the backend was ended"))
        await self.end()

    @property
    def tasks(self) -> TaskGroup:
        """Where the channel's streams are read."""
        if self._tasks is None:
            raise RuntimeError("a channel without tasks cannot listen")
        return self._tasks

    def deliver(self, message: Json, size: int) -> None:
        """Take what the backend sends unasked."""
        if "method" not in message:
            return
        self.standing.heard()
        id = message.get("id")
        if message["method"] == "ping" and isinstance(id, str | int):
            pong: Json = {"jsonrpc": "2.0", "id": id, "result": {}}
            self.tasks.start_soon(self._say, pong)
        elif message["method"] == "notifications/progress":
            self._overhearing.report(message, size)
        elif self.listeners.deliver(message, size) or self._overhearing.deliver(message, size):
            pass
        elif isinstance(id, str | int):
            self.tasks.start_soon(self._say, unheard(id))

    @property
    def heeded(self) -> bool:
        """Whether there is anybody whom the event stream may concern."""
        return bool(self.listeners) or bool(self._overhearing)

    def lost(self, session: int | None = None) -> None:
        """Make a new handshake before the next request, unless there was one since that of a session."""
        self._alive = self._alive and session not in (None, self._generation)

    async def react(self, message: Json) -> Notice | Question | None:
        """What a message of the backend is to the client; None for what the channel deals with itself."""
        method, params = message["method"], message.get("params")
        if "id" in message:
            id = message["id"]
            if not isinstance(id, str | int) or not isinstance(method, str):
                raise BadAnswer("the backend asks without an id or a method")
            if method == "ping":
                await self.tell({"jsonrpc": "2.0", "id": id, "result": {}})
                return None
            return Question(id, method, params if isinstance(params, dict) else {})
        if method == "notifications/progress":
            token = params.get("progressToken") if isinstance(params, dict) else None
            if not isinstance(token, int) or not isinstance(params, dict) or token not in self._tokens:
                return None  # of a request that is over
            message = {**message, "params": {**params, "progressToken": self._tokens[token]}}  # type: ignore[dict-item]  # it came as JSON
        return Notice(message)

    def _learn(self, running: Running, answer: Answer) -> None:
        """Remember what has to be set again in a new session."""
        if answer.error is None:
            self._wishes.granted(running.method, running.params)

    def _running(self, method: str, params: Json) -> Running:
        id = next(self._ids)
        meta = params.get("_meta")
        if isinstance(meta, dict) and "progressToken" in meta:
            self._tokens[id] = meta["progressToken"]
            params = {**params, "_meta": {**meta, "progressToken": id}}
        return Running(id, method, params)

    def _is_overheard(self, running: Running) -> bool:
        """Whether a request may concern what comes on the event stream: it wants progress, or can be asked."""
        if not self.apart or self._tasks is None or (self._alive and self.standing.missing(self._generation)):
            return False
        return running.id in self._tokens or (running.method in ASKING and self._who.answers_anything)

    @asynccontextmanager
    async def _openly(self, running: Running) -> AsyncIterator[AsyncIterator[Json]]:
        """Send a request with the event stream open."""
        async with aclosing(await self._delivered(running, overheard=True)) as messages:
            yield messages

    async def _delivered(self, running: Running, *, overheard: bool = False) -> Sent:
        repeated = False
        waits: Iterator[float] = iter(RESTART_WAITS if self._generation else ())
        while True:
            try:
                generation = await self.ready()
                if overheard:
                    await self.standing.open(generation)
                return await self.sent(running)
            except SessionLost:
                if repeated:
                    raise BadAnswer("the backend loses its sessions") from None
                repeated = True
                self.lost(generation)
            except NotSent:
                wait = next(waits, None)
                if wait is None:
                    raise
                await anyio.sleep(wait)

    async def ready(self) -> int:
        """Make the handshake if there is none; gives the number of the session."""
        if not self._alive:
            async with self._lock:
                if not self._alive:
                    await self._begin()
        return self._generation

    async def _begin(self) -> None:
        try:
            with anyio.fail_after(HANDSHAKE_SECONDS):
                await self.connect()
                self._opening = await self._handshake()
                await self.tell({"jsonrpc": "2.0", "method": "notifications/initialized"})
                await self._restore()
        except TimeoutError:
            await self.end()
            raise UpstreamFailed(f"the backend made no handshake within {HANDSHAKE_SECONDS:g} s") from None
        except SessionLost:
            await self.end()
            raise BadAnswer("the backend loses its sessions") from None
        except BaseException:
            await self.end()
            raise
        self._generation += 1
        self._alive = True

    async def _handshake(self) -> Opening:
        self.version = None
        answer = await self._ask(
            "initialize",
            {
                "protocolVersion": LATEST_HANDSHAKE_VERSION,
                "capabilities": self._who.capabilities,
                "clientInfo": self._who.info,
            },
        )
        result = answer.result or {}
        version = result.get("protocolVersion")
        if not isinstance(version, str) or version not in HANDSHAKE_PROTOCOL_VERSIONS:
            raise BadAnswer("the backend did not agree on a protocol version")
        self.version = version
        capabilities, info, instructions = (result.get(name) for name in ("capabilities", "serverInfo", "instructions"))
        return Opening(
            capabilities if isinstance(capabilities, dict) else {},
            info if isinstance(info, dict) else {},
            instructions if isinstance(instructions, str) else None,
            version,
        )

    async def _restore(self) -> None:
        """Refusals are the backend's affair: it may offer less than it did."""
        for method, params in self._wishes.again():
            await self._ask(method, params)

    async def _ask(self, method: str, params: Json) -> Answer:
        """A request of the channel's own, while there is no session for others."""
        running = Running(next(self._ids), method, params)
        async with aclosing(await self.sent(running)) as messages:
            return await self._answer(running, messages)

    async def _answer(self, running: Running, messages: AsyncIterator[Json]) -> Answer:
        """The answer to a request of the channel's own; nobody hears a question in between."""
        answer: Answer | None = None
        async for event in RunningExchange(self, running, messages):
            if isinstance(event, Answer):
                answer = event
            elif isinstance(event, Question):
                await self.tell(unheard(event.id))
        assert answer is not None  # an exchange ends with its answer, or raises
        return answer

    async def _watch(self, uri: str) -> None:
        async with self._watching:
            if not self._wishes.subscribed(uri):
                running = Running(next(self._ids), "resources/subscribe", {"uri": uri})
                async with aclosing(await self._delivered(running)) as messages:
                    answer = await self._answer(running, messages)
                if answer.error is not None:
                    raise BadAnswer(f"the backend refuses to watch a resource: {answer.error.get('code')}")
            self._wishes.watch(uri)

    async def _unwatch(self, uris: list[str]) -> None:
        for uri in uris:
            self._wishes.unwatch(uri)
            if self._alive and not self._wishes.subscribed(uri):
                await self._farewell("resources/unsubscribe", {"uri": uri}, id=next(self._ids))

    async def _say(self, message: Json) -> None:
        with anyio.move_on_after(FAREWELL_SECONDS):
            try:
                await self.tell(message)
            except UpstreamFailed:
                pass  # the stream will show it

    async def _farewell(self, method: str, params: Json, **head: int) -> None:
        await self._bid({"jsonrpc": "2.0", **head, "method": method, "params": params})

    async def _bid(self, message: Json) -> None:
        """Say something that nobody waits for long, even while being cancelled."""
        with anyio.CancelScope(shield=True):
            await self._say(message)
