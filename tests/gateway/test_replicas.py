"""Two gateways over one store: what a backend gives a caller at one is that caller's alone at the other as well."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import anyio
import pytest
from starlette.types import Receive, Scope, Send

from airegistry.clock import SystemClock
from airegistry.core.assets import Json
from airegistry.core.documents import Document
from airegistry.core.documents import Json as Body
from airegistry.core.errors import Internal
from airegistry.egress.stream import StreamClient
from airegistry.gateway.a2a.handles import OF_SERVERS, Handles
from airegistry.stores.memory import MemoryStore
from tests.gateway.stub import SSE, Stub
from tests.gateway.test_direct import TASK
from tests.gateway.test_states import ASKS, STUB, retry
from tests.gateway.world import Answer, Desk, World, call, modern, server_at
from tests.support.asgi import serve

pytestmark = pytest.mark.anyio
ECHO: Json = {"name": "echo", "arguments": {}}


class Store(MemoryStore):
    """A store that can fail to write."""

    broken = False

    async def put(self, collection: str, key: str, body: Body, *, expect: int | None = None) -> Document:
        if self.broken:
            raise Internal("the store does not answer")
        return await super().put(collection, key, body, expect=expect)


@dataclass
class Both:
    """Gateways `a` and `b` before one backend, over one store."""

    store: Store
    a: World
    b: World
    stub: Stub

    async def ask(self, world: World, subject: str = "ann") -> Answer:
        """A call of a modern client."""
        message, headers = modern("tools/call", ECHO)
        return await world.post(message, path=STUB, headers=headers, subject=subject)


@pytest.fixture(scope="module")
async def made(client: StreamClient) -> AsyncIterator[Both]:
    store, stub, desk = Store(), Stub(), Desk()
    a, b = (World(desk, client, Handles(store, SystemClock(), collection=OF_SERVERS)) for _ in "ab")
    async with serve(stub) as backend, serve(a) as a.url, serve(b) as b.url:
        desk.standing = {"stub": server_at("stub", f"{backend}/mcp")}
        yield Both(store, a, b, stub)


@pytest.fixture
def both(made: Both) -> Both:
    made.stub.reset()
    made.a.desk.reset()
    made.store.broken = False
    return made


async def test_another_caller_goes_on_at_no_replica_with_a_request_that_is_not_its_own(both: Both) -> None:
    both.stub.body = ASKS % b"state-1"
    assert (await both.ask(both.a)).status == 200
    both.stub.reset()
    for world in (both.a, both.b):
        assert await retry(world, "state-1", "bob") == (400, -32602)
    assert not both.stub.requests
    for world in (both.b, both.a):
        assert await retry(world, "state-1", "ann") == (200, 0)


async def test_who_got_a_state_first_keeps_it_at_all_replicas(both: Both) -> None:
    both.stub.body = ASKS % b"state-2"
    assert (await both.ask(both.a)).status == 200
    assert (await both.ask(both.b, "bob")).status == 200
    both.stub.reset()
    assert await retry(both.b, "state-2", "bob") == (400, -32602)
    assert await retry(both.b, "state-2", "ann") == (200, 0)


async def test_a_state_that_was_given_to_nobody_is_refused(both: Both) -> None:
    assert await retry(both.a, "never given", "ann") == (400, -32602)
    assert not both.stub.requests


async def test_a_state_is_kept_as_a_hash(both: Both) -> None:
    both.stub.body = ASKS % b"state-secret"
    await both.ask(both.a)
    kept = [document async for document in both.store.find(OF_SERVERS)]
    assert kept
    assert "state-secret" not in str(kept)


async def test_a_state_is_its_callers_before_the_answer_is_over(both: Both) -> None:
    over = anyio.Event()

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [SSE]})
        event = b"data: " + ASKS % b"state-3" + b"\n\n"
        await send({"type": "http.response.body", "body": event, "more_body": True})
        await over.wait()
        await send({"type": "http.response.body", "body": b""})

    both.stub.answer = answer
    message, headers = modern("tools/call", ECHO)
    sent = {"accept": "application/json, text/event-stream", "x-test-subject": "ann", **headers}
    async with (
        aiohttp.ClientSession() as session,
        session.post(both.a.url + STUB, json=message, headers=sent) as response,
    ):
        assert b"state-3" in await response.content.readuntil(b"\n\n")
        both.stub.answer = both.stub.plain
        assert await retry(both.b, "state-3", "bob") == (400, -32602)
        assert await retry(both.b, "state-3", "ann") == (200, 0)
        over.set()


async def test_a_state_counts_however_much_is_asked_with_it(both: Both) -> None:
    text = b"x" * 300_000
    asks = b'{"resultType":"input_required","inputRequests":{"q":{"method":"%b"}},"requestState":"state-4"}' % text
    both.stub.body = b'{"jsonrpc":"2.0","id":1,"result":%b}' % asks
    assert len((await both.ask(both.a)).body) > len(text)
    both.stub.reset()
    assert await retry(both.b, "state-4", "bob") == (400, -32602)
    assert await retry(both.b, "state-4", "ann") == (200, 0)


async def test_without_the_store_no_state_is_given(both: Both) -> None:
    both.stub.body = ASKS % b"state-5"
    both.store.broken = True
    answer = await both.ask(both.a)
    assert (answer.status, b"state-5" in answer.body) == (502, False)
    both.store.broken = False
    both.stub.reset()
    assert await retry(both.b, "state-5", "bob") == (400, -32602)


async def test_a_task_begun_at_one_is_its_callers_alone_at_the_other(both: Both) -> None:
    both.stub.body = TASK % b"t-1"
    assert (await both.a.post(call("tools/call", {"name": "push"}), path=STUB)).status == 200
    both.stub.reset()
    for method in ("tasks/get", "tasks/result", "tasks/cancel"):
        for world in (both.a, both.b):
            strange = await world.post(call(method, {"taskId": "t-1"}), path=STUB, subject="bob")
            none = await world.post(call(method, {"taskId": "t-none"}), path=STUB)
            assert (strange.status, strange.body) == (none.status, none.body)
            assert strange.code == "not_found"
            assert not both.stub.requests
            assert (await world.post(call(method, {"taskId": "t-1"}), path=STUB)).status == 200
            both.stub.reset()
    assert ("ann", "stub", "tasks/get", "push", None) in both.b.desk.entered


async def test_the_tasks_of_all_replicas_are_listed_to_those_who_began_them(both: Both) -> None:
    for world, subject, task in ((both.a, "ann", b"u-ann"), (both.b, "ann", b"u-2"), (both.a, "bob", b"u-bob")):
        both.stub.body = TASK % task
        await world.post(call("tools/call", {"name": "push"}), path=STUB, subject=subject)
    tasks = [{"taskId": task} for task in ("u-ann", "u-2", "u-bob", "u-x")]
    both.stub.body = json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"tasks": tasks}}).encode()
    for world in (both.a, both.b):
        answer = await world.post(call("tasks/list"), path=STUB)
        assert json.loads(answer.body)["result"]["tasks"] == tasks[:2]


async def test_a_server_that_numbers_the_tasks_of_each_caller_serves_all_of_them(both: Both) -> None:
    both.stub.body = TASK % b"1"
    for world, subject in ((both.a, "ann"), (both.b, "bob")):
        await world.post(call("tools/call", {"name": "push"}), path=STUB, subject=subject)
    for world in (both.a, both.b):
        for subject, status in (("ann", 200), ("bob", 200), ("eve", 404)):
            answer = await world.post(call("tasks/get", {"taskId": "1"}), path=STUB, subject=subject)
            assert answer.status == status
