"""`subscriptions/listen` of modern clients: an answer that lasts, fed by one backend or several."""

from collections.abc import AsyncIterator
from functools import partial

import anyio

from airegistry.core.assets import Json
from airegistry.core.errors import AirError
from airegistry.gateway.channels.exchange import Channel, Notice, Question
from airegistry.gateway.channels.pool import Channels
from airegistry.gateway.channels.wire import printed
from airegistry.gateway.fronts import translate
from airegistry.gateway.fronts.asking import Asking
from airegistry.gateway.fronts.destination import Route
from airegistry.gateway.fronts.leash import Leash
from airegistry.gateway.fronts.listening import OnToolsChanged, is_wanted, listen, notices, respond, wanted_of
from airegistry.gateway.fronts.streams import KEEP_ALIVE, KEEP_ALIVE_SECONDS, SSE_HEADERS, event
from airegistry.gateway.presence import Presence

_ID = "io.modelcontextprotocol/subscriptionId"


class Subscriptions:
    """Holds the streams of modern clients that listen."""

    def __init__(self, channels: Channels, on_tools_changed: OnToolsChanged) -> None:
        self._channels = channels
        self._on_tools_changed = on_tools_changed
        self._open: set[Leash] = set()

    async def serve(self, asking: Asking, presence: Presence) -> None:
        """Acknowledge, then tell what changes until the client hangs up, is cut off, or no backend tells any more.

        Raises:
            AirError: refused before anything was sent.
        """
        wanted = wanted_of(asking.params)
        routes = await asking.destination.listen(wanted, asking.client)
        leash = Leash(presence)
        self._open.add(leash)
        stream = _Stream(asking, wanted)
        try:
            with leash:
                async with asking.destination.changes(partial(leash.pull, "cut")) as changes:
                    await self._tell(asking, routes, stream, changes, leash)
        finally:
            self._open.discard(leash)
            for route in routes:
                asking.destination.leave(route.call, "ok")
        if leash.why == "closing":
            await stream.finish()
        elif leash.why != "gone":
            await asking.reply.body(b"", more=False)

    async def _tell(
        self, asking: Asking, routes: list[Route], stream: "_Stream", changes: AsyncIterator[frozenset[str]],
        leash: Leash,
    ) -> None:  # fmt: skip
        await stream.begin()
        async with anyio.create_task_group() as group:
            group.start_soon(stream.keep_alive)
            if not routes:
                await stream.follow(changes)  # which has no end of its own
            group.start_soon(stream.follow, changes)
            async with anyio.create_task_group() as listeners:
                for route in list(routes):
                    listeners.start_soon(self._heard, asking, routes, route, stream, leash)
            group.cancel_scope.cancel()

    def close(self) -> None:
        """End all streams, gracefully."""
        for leash in self._open:
            leash.pull("closing")

    async def _heard(self, asking: Asking, waiting: list[Route], route: Route, stream: "_Stream", leash: Leash) -> None:
        waiting.remove(route)
        call = route.call
        reached = self._channels.shared(call.server, call.headers, asking.client, owner=call.who.subject)
        try:
            cut = partial(leash.pull, "cut")
            await listen(asking.destination, route, reached, stream.told, cut, self._on_tools_changed, rest=False)
        except AirError:
            pass  # one that cannot be listened to has nothing to tell: the stream stays open for the others


class _Stream:
    """The answer to one `subscriptions/listen`; several backends write to it."""

    def __init__(self, asking: Asking, wanted: Json) -> None:
        self._asking = asking
        self._wanted = wanted
        self._meta: Json = {_ID: asking.id}
        self._lock = anyio.Lock()

    async def begin(self) -> None:
        """The acknowledgement, which comes first."""
        await self._asking.reply.start(200, SSE_HEADERS)
        params: Json = {"notifications": self._wanted, "_meta": self._meta}
        await self._write({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged", "params": params})

    async def told(self, channel: Channel, happened: Notice | Question) -> None:
        """Pass on what the client listens to."""
        if isinstance(happened, Question):
            await respond(channel, happened, translate.cannot_answer(happened.method))
        elif is_wanted(happened.message.get("method"), self._wanted):
            params = happened.message.get("params")
            known = params if isinstance(params, dict) else {}
            await self._write(
                {**happened.message, "params": {**known, "_meta": {**translate.meta_of(known), **self._meta}}}
            )

    async def follow(self, changes: AsyncIterator[frozenset[str]]) -> None:
        """Tell which lists of the catalog changed, of those that the client listens to."""
        async for changed in changes:
            for notice in notices(changed):
                if is_wanted(notice["method"], self._wanted):
                    await self._write({**notice, "params": {"_meta": self._meta}})

    async def keep_alive(self) -> None:
        """Write something now and then, so that nothing on the way takes the stream for dead."""
        while True:
            await anyio.sleep(KEEP_ALIVE_SECONDS)
            async with self._lock:
                await self._asking.reply.body(KEEP_ALIVE, more=True)

    async def finish(self) -> None:
        """The result, which says that the stream ended deliberately."""
        result: Json = {"resultType": "complete", "_meta": self._meta}
        await self._asking.reply.body(
            event(printed({"jsonrpc": "2.0", "id": self._asking.id, "result": result})), more=False
        )

    async def _write(self, message: Json) -> None:
        async with self._lock:
            await self._asking.reply.body(event(printed(message)), more=True)
