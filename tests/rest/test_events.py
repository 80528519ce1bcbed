"""Server-sent events: what changes, to whoever may see it and nobody else."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import anyio
import httpx2
import orjson
import pytest
from starlette.requests import Request

from airegistry.core.changes import MAX_WATCHERS
from airegistry.core.principals import SYSTEM
from airegistry.rest.api import events
from tests.rest.api_world import HIDDEN, World

pytestmark = pytest.mark.anyio


class Stream:
    """One open stream."""

    def __init__(self, response: httpx2.Response) -> None:
        self._lines = response.aiter_lines()

    async def event(self) -> tuple[str, object]:
        """Name and data of the next one; a comment has no name."""
        name, data = "", None
        with anyio.fail_after(5):
            async for line in self._lines:
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    data = orjson.loads(line[6:])
                elif line.startswith(": "):
                    return "", line[2:]
                elif not line and name:
                    return name, data
        raise AssertionError("the stream ended")


@asynccontextmanager
async def listening(
    world: World, who: str = "admin", query: str = "", headers: dict[str, str] | None = None
) -> AsyncIterator[Stream]:
    """An open stream of one caller."""
    sent = {"authorization": f"Bearer {world.tokens[who]}", **(headers or {})}
    async with world.client.stream("GET", f"{world.url}/api/v1/events{query}", headers=sent) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["x-accel-buffering"] == "no"  # or a proxy holds events back
        stream = Stream(response)
        async with aclosing(stream._lines):  # type: ignore[type-var]  # it is a generator
            yield stream


async def gone(world: World) -> None:
    """Wait until nobody listens."""
    with anyio.fail_after(5):
        while len(world.app.services.changes):  # noqa: ASYNC110  # there is no event for it
            await anyio.sleep(0.01)


async def test_a_change_is_heard_within_a_second(world: World) -> None:
    async with listening(world) as stream:
        with anyio.fail_after(1):
            await world.app.services.catalog.update(SYSTEM, "server", "weather", {"tags": ["new"]})
            assert await stream.event() == ("asset", {"kind": "server", "path": "weather"})
        await world.server("newcomer")
        told = [await stream.event(), await stream.event()]
        assert sorted(told, key=str) == [("asset", {"kind": "server", "path": "newcomer"}), ("catalog", {})]
    await gone(world)


async def test_nobody_hears_of_what_is_hidden(world: World) -> None:
    async with listening(world, "nothing") as stream:
        await world.app.services.catalog.update(SYSTEM, "server", HIDDEN, {"tags": ["new"]})
        await world.app.services.catalog.update(SYSTEM, "server", "maps", {"tags": ["new"]})
        assert await stream.event() == ("asset", {"kind": "server", "path": "maps"})


async def test_who_names_assets_hears_of_those_alone(world: World) -> None:
    async with listening(world, query=f"?asset=server/maps&asset=server/{HIDDEN}") as stream:
        await world.app.services.catalog.update(SYSTEM, "server", "weather", {"tags": ["a"]})
        await world.app.services.catalog.update(SYSTEM, "server", "maps", {"tags": ["a"]})
        assert await stream.event() == ("asset", {"kind": "server", "path": "maps"})


async def test_who_comes_back_is_told_to_read_again(world: World) -> None:
    async with listening(world, headers={"last-event-id": "7"}) as stream:
        assert await stream.event() == ("reset", {})


async def test_a_quiet_stream_says_that_it_is_alive(world: World) -> None:
    shown = events.EventStreams(world.app.services.changes, heartbeat=0.01)
    told: list[bytes] = []
    heard = anyio.Event()

    async def send(message: dict[str, object]) -> None:
        body = message.get("body")
        assert body is None or isinstance(body, bytes)
        told.append(body or b"")
        if body == b": alive\n\n":
            heard.set()

    async def receive() -> dict[str, object]:
        await heard.wait()
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "GET", "headers": [], "query_string": b"", "airegistry.principal": SYSTEM}
    with anyio.fail_after(5):
        await shown.serve(Request(scope, receive), send)  # type: ignore[arg-type]
    assert told[1].startswith(b"retry: ")
    assert b": alive\n\n" in told


async def test_a_subject_has_no_more_streams_than_its_share(world: World) -> None:
    await gone(world)
    changes = world.app.services.changes
    who = world.app.services.tokens.resolve(world.tokens["reader"])
    assert who is not None
    changes._held[who.subject] = MAX_WATCHERS
    try:
        answer = await world.ask("GET", "/events", who="reader")
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        assert int(answer.headers["retry-after"]) >= 1
        async with listening(world, "nothing"):
            pass
    finally:
        del changes._held[who.subject]


async def test_a_listener_that_vanishes_leaves_nothing(world: World) -> None:
    for _ in range(3):
        async with listening(world, "reader"):
            assert len(world.app.services.changes) == 1
        await gone(world)


async def test_a_parameter_that_is_none_is_refused(world: World) -> None:
    assert (await world.ask("GET", "/events?nobody=1")).status_code == 400


async def test_of_a_call_that_waits_hear_its_caller_and_who_may_decide_and_nobody_else(world: World) -> None:
    changes = world.app.services.changes
    async with (
        listening(world) as approver,
        listening(world, "restricted") as caller,
        listening(world, "reader") as other,
    ):
        changes.asked("token:restricted", ["server/weather"])
        assert await approver.event() == ("approvals", {})
        assert await caller.event() == ("approvals", {})
        await world.app.services.catalog.update(SYSTEM, "server", "weather", {"tags": ["asked"]})
        assert await other.event() == ("asset", {"kind": "server", "path": "weather"})
