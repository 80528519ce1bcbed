"""Streams that pass byte for byte and have no end of their own: what is overheard on them, and how they are cut."""

import json
from functools import partial

import aiohttp
import anyio
import pytest
from starlette.types import Message, Receive, Scope, Send

from airegistry.core.assets import Server
from airegistry.gateway.app import Gateway
from airegistry.gateway.overhearing import overheard
from tests.gateway.stub import JSON, SSE, Stub
from tests.gateway.world import ACCEPT, World, modern, until

pytestmark = pytest.mark.anyio
STUB = "/stub/mcp"
CHANGED = b'data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n'


class Talking:
    """An answer that says something and goes on."""

    def __init__(self, said: bytes, kind: tuple[bytes, bytes] = SSE) -> None:
        self.said = said
        self.kind = kind

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [self.kind]})
        await send({"type": "http.response.body", "body": self.said, "more_body": True})
        await receive()


@pytest.fixture
def nudged(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    nudged: list[str] = []

    def nudge(server: Server) -> None:
        nudged.append(server.path)

    client = world.gateway._direct._client
    gateway = Gateway(world.desk, client, max_body=2**20, first_byte_timeout=10, on_tools_changed=nudge)
    monkeypatch.setattr(world, "gateway", gateway)
    return nudged


def listening() -> tuple[bytes, dict[str, str]]:
    message, headers = modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
    return json.dumps(message).encode(), {**headers, "accept": ACCEPT, "content-type": "application/json"}


async def test_a_backend_that_says_that_its_tools_changed_is_looked_at_and_its_client_is_told(
    world: World, stub: Stub, nudged: list[str]
) -> None:
    stub.answer = Talking(CHANGED)
    body, headers = listening()
    async with aiohttp.ClientSession() as client:
        for ask in (partial(client.post, data=body, headers=headers), partial(client.get, headers={"accept": ACCEPT})):
            nudged.clear()
            async with ask(world.url + STUB) as answer:
                with anyio.fail_after(5):
                    assert await answer.content.readuntil(b"\n\n") == CHANGED
                assert nudged == ["stub"]


async def test_a_notification_is_overheard_wherever_it_is_cut_in_two() -> None:
    for cut in range(len(CHANGED) + 1):
        heard: list[int] = []
        passed: list[Message] = []

        async def send(message: Message, passed: list[Message] = passed) -> None:
            passed.append(message)

        listened = overheard(send, partial(heard.append, cut))
        await listened({"type": "http.response.start", "status": 200, "headers": []})
        for part in (CHANGED[:cut], CHANGED[cut:], b": \n\n"):
            await listened({"type": "http.response.body", "body": part, "more_body": True})
        assert heard == [cut]
        assert b"".join(message.get("body", b"") for message in passed) == CHANGED + b": \n\n"


async def test_streams_end_properly_when_the_gateway_is_about_to_close(
    world: World, stub: Stub, nudged: list[str]
) -> None:
    stub.answer = Talking(b": \n\n")
    body, headers = listening()
    async with aiohttp.ClientSession() as client, client.post(world.url + STUB, data=body, headers=headers) as answer:
        await answer.content.readuntil(b"\n\n")
        world.gateway.end_streams()
        with anyio.fail_after(5):
            assert await answer.content.read() == b""
    await until(lambda: ("subscriptions/listen", None, "ok", None) in world.desk.left)


@pytest.mark.parametrize("kind", [SSE, JSON])
async def test_an_answer_that_is_cut_ends_properly_or_is_visibly_broken(
    world: World, stub: Stub, nudged: list[str], kind: tuple[bytes, bytes]
) -> None:
    stub.answer = Talking(b": \n\n", kind)
    body, headers = listening()
    async with aiohttp.ClientSession() as client, client.post(world.url + STUB, data=body, headers=headers) as answer:
        await answer.content.readuntil(b"\n\n")
        for presence in world.gateway._direct._endless:
            presence.cut()
        with anyio.fail_after(5):
            if kind == SSE:
                assert await answer.content.read() == b""
            else:
                with pytest.raises(aiohttp.ClientPayloadError):
                    await answer.content.read()


@pytest.mark.parametrize(("stops", "status", "code"), [(False, 403, "quarantined"), (True, 500, "internal")])
async def test_what_is_cut_before_its_answer_began_is_told_why(
    world: World, stub: Stub, nudged: list[str], stops: bool, status: int, code: str
) -> None:
    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()

    stub.answer = silent
    body, headers = listening()
    told: list[tuple[int, str]] = []

    async def ask() -> None:
        async with aiohttp.ClientSession() as client, client.post(world.url + STUB, data=body, headers=headers) as got:
            told.append((got.status, (await got.json())["error"]["data"]["code"]))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await until(lambda: bool(stub.requests))
            if stops:
                world.gateway.end_streams()
            else:
                (presence,) = world.gateway._direct._endless
                presence.cut()
    assert told == [(status, code)]
