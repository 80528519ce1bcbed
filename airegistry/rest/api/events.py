"""`/api/v1/events`: what changes, as server-sent events, for whoever listens and may see it.

`core/changes.py` decides what each caller hears of. A listener that comes back (`Last-Event-ID`) is told `reset` first:
what changed in between is not kept, so it reads again what it shows.
"""

import anyio
import orjson
from pydantic import JsonValue
from starlette.requests import Request
from starlette.types import Send

from airegistry.core.assets import Json
from airegistry.core.changes import APPROVALS, ASSETS, CATALOG, ENTITLEMENT, Changes, Watcher
from airegistry.core.errors import Invalid
from airegistry.oauth.identity import again_of

HEARTBEAT = 15.0
"""Seconds without an event after which a comment is sent, so that nobody on the way takes the stream for dead."""
RETRY = 3_000
"""Milliseconds after which a listener should come back."""
MAX_ASSETS = 1_000


class EventStreams:
    """Opens streams over one `Changes`, which limits how many a subject has."""

    def __init__(self, changes: Changes, *, heartbeat: float = HEARTBEAT) -> None:
        self._changes = changes
        self._heartbeat = heartbeat

    async def serve(self, request: Request, send: Send) -> None:
        """Tell a listener what changes from now on, until it goes away; with `asset` of those assets alone.

        Raises:
            Invalid: there is a parameter that is none.
            RateLimited: the caller has too many streams.
        """
        wanted, bell = _wanted(request), _Bell()
        watcher = Watcher(again_of(request.scope), wanted, bell.ring)
        with self._changes.watching(watcher):
            headers = [
                (b"content-type", b"text/event-stream"),
                (b"cache-control", b"no-store"),
                (b"x-accel-buffering", b"no"),
            ]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            if request.method == "HEAD":
                await send({"type": "http.response.body", "body": b""})
                return
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._tell, watcher, bell, send, "last-event-id" in request.headers)
                await _gone(request)
                tasks.cancel_scope.cancel()

    async def _tell(self, watcher: Watcher, bell: "_Bell", send: Send, back: bool) -> None:
        number = 0
        await _say(send, b"retry: %d\n\n" % RETRY + (_event("reset", {}, number) if back else b""))
        while True:
            said = []
            for change in watcher.take():
                number += 1
                said.append(_event(*_named(change), number))
            if said:
                await _say(send, b"".join(said))
            if not await bell.rang(self._heartbeat):
                await _say(send, b": alive\n\n")


class _Bell:
    """Rings when there is something to take."""

    def __init__(self) -> None:
        self._rung = anyio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def rang(self, seconds: float) -> bool:
        """Wait until it rings; False when it did not within so many seconds."""
        with anyio.move_on_after(seconds):
            await self._rung.wait()
        rang = self._rung.is_set()
        self._rung = anyio.Event()
        return rang


async def _say(send: Send, chunk: bytes) -> None:
    await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _named(change: str) -> tuple[str, Json]:
    if change in (CATALOG, ENTITLEMENT, APPROVALS):
        return change, {}
    kind, _, path = change.partition("/")
    return "asset", {"kind": kind, "path": path}


def _wanted(request: Request) -> set[str]:
    if unknown := sorted(request.query_params.keys() - {"asset"}):
        raise Invalid(f"{unknown[0][:40]!r} is no parameter here", field=unknown[0][:40])
    assets = request.query_params.getlist("asset")
    if len(assets) > MAX_ASSETS:
        raise Invalid(f"at most {MAX_ASSETS} assets are listened to at a time", field="asset")
    return {CATALOG, ENTITLEMENT, APPROVALS, *(assets or [ASSETS])}


def _event(name: str, data: JsonValue, number: int) -> bytes:
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (number, name.encode(), orjson.dumps(data))
