"""What becomes of a request whose token ends, or whose caller is cut off, while it is being answered."""

from collections.abc import AsyncIterator

import aiohttp
import anyio
import pytest
from starlette.types import Receive, Scope, Send

from airegistry.core.principals import Principal
from airegistry.oauth.authenticate import Authenticate
from airegistry.oauth.resources import Resources
from tests.support.asgi import serve

pytestmark = pytest.mark.anyio
ANN = Principal("token:ann", client="1")
SSE, JSON = b"text/event-stream", b"application/json"
BEARER = {"authorization": "Bearer anns"}


class World:
    """A door before an application whose answers begin, as a path says, and never end."""

    def __init__(self) -> None:
        self.valid = {"anns"}
        self.cut_off: set[str] = set()
        self.arrived = anyio.Event()
        self.finish = anyio.Event()
        self.url = ""
        self.door = Authenticate(
            self.inside, self, Resources("http://127.0.0.1"), on_data_path=lambda path: path.startswith("/data"),
            cut_off=lambda who: who.subject in self.cut_off,
        )  # fmt: skip

    async def resolve(self, token: str, resource: str) -> Principal | None:
        return self.holder(token, resource)

    def alive(self, token: str, resource: str) -> bool:
        return token in self.valid

    def holder(self, token: str, resource: str) -> Principal | None:
        return ANN if token in self.valid else None

    async def inside(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        kind = {"sse": SSE, "json": JSON}.get(scope["path"].rpartition("/")[2])
        if kind is not None:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
            await send({"type": "http.response.body", "body": b"[", "more_body": True})
        self.arrived.set()
        await self.finish.wait()


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr("airegistry.oauth.open_requests.EVERY", 0.01)
    world = World()
    async with serve(world.door) as url, anyio.create_task_group() as tasks:
        world.url = url
        tasks.start_soon(world.door.open_requests.run)
        yield world
        tasks.cancel_scope.cancel()


TREES = pytest.mark.parametrize("tree", ["/data", "/own"])


@TREES
async def test_an_event_stream_of_a_caller_who_is_cut_off_ends(world: World, tree: str) -> None:
    async with aiohttp.ClientSession(headers=BEARER) as session, session.get(f"{world.url}{tree}/sse") as stream:
        world.cut_off.add(ANN.subject)
        with anyio.fail_after(2):
            assert await stream.read() == b"["
        async with session.get(f"{world.url}{tree}/sse") as again:
            assert (again.status, (await again.json())["code"]) == (403, "quarantined")


@TREES
async def test_anything_else_that_has_begun_is_visibly_broken(world: World, tree: str) -> None:
    async with aiohttp.ClientSession(headers=BEARER) as session, session.get(f"{world.url}{tree}/json") as answer:
        world.valid.clear()
        with anyio.fail_after(2), pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


@TREES
async def test_a_request_that_was_not_answered_yet_is_told_why(world: World, tree: str) -> None:
    told: list[tuple[int, str]] = []

    async def ask(session: aiohttp.ClientSession) -> None:
        async with session.post(f"{world.url}{tree}/silent") as answer:
            told.append((answer.status, (await answer.json())["code"]))

    async def end(what: str) -> None:
        if what == "token":
            world.valid.clear()
        elif what == "caller":
            world.cut_off.add(ANN.subject)
        else:
            world.door.open_requests.close()

    for what in ("token", "caller", "all"):
        world.valid.add("anns")
        world.cut_off.clear()
        world.arrived = anyio.Event()
        async with aiohttp.ClientSession(headers=BEARER) as session, anyio.create_task_group() as tasks:
            with anyio.fail_after(5):
                tasks.start_soon(ask, session)
                await world.arrived.wait()
                await end(what)
    assert told == [(401, "unauthenticated"), (403, "quarantined"), (503, "internal")]


async def test_streams_alone_end_when_the_registry_is_asked_to_stop(world: World) -> None:
    async with aiohttp.ClientSession(headers=BEARER) as session:
        async with (
            session.get(f"{world.url}/own/sse") as stream, session.post(f"{world.url}/own/sse") as call,
            session.get(f"{world.url}/own/json") as page,
        ):  # fmt: skip
            world.door.open_requests.end_streams()
            with anyio.fail_after(2):
                assert await stream.read() == b"["
            assert not call.content.is_eof()
            assert not page.content.is_eof()
            assert len(world.door.open_requests._open) == 2
            world.door.open_requests.close()
            assert await call.read() == b"["
