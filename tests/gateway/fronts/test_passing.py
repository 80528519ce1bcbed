"""Answers that go on as they come: to their own request, whole or not at all."""

import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import product
from typing import Any

import aiohttp
import anyio
import pytest
from starlette.types import Receive, Scope, Send

from airegistry.core.assets import Json
from tests.gateway.fronts.world import FrontsWorld, modern
from tests.gateway.stub import JSON, SSE
from tests.gateway.world import call, server_at, until
from tests.support.asgi import serve

pytestmark = pytest.mark.anyio
LEGACY, MODERN = "teller-2025", "teller-2026"
BOTH = pytest.mark.parametrize("path", [LEGACY, MODERN])
LONG = "x" * 300_000
Say = Callable[[bytes], Sequence[bytes]]
"""The pieces of the body that answer a call of this id."""


class Teller:
    """A backend that answers calls of tools with whatever a test says; `taken_back` are what it is told to cancel."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.say: Say = lambda id: [b'{"jsonrpc":"2.0","id":%b,"result":{"content":[]}}' % id]
        self.kind = JSON
        self.taken_back: list[Json] = []
        self.go: anyio.Event | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while scope["type"] == "http" and scope["method"] == "POST":
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        asked = json.loads(body) if body else {}
        if asked.get("method") == "notifications/cancelled":
            self.taken_back.append(asked["params"])
        if scope["type"] != "http":
            return
        if asked.get("method") == "tools/call":
            await self._tell(json.dumps(asked["id"]).encode(), send)
            return
        result: Json = {"capabilities": {}, "serverInfo": {"name": "t", "version": "0"}, "resultType": "complete"}
        result |= {"protocolVersion": "2025-11-25", "supportedVersions": ["2026-07-28"]}
        said = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}).encode() if "id" in asked else b""
        await send({"type": "http.response.start", "status": 200 if said else 202, "headers": [JSON] if said else []})
        await send({"type": "http.response.body", "body": said})

    async def _tell(self, id: bytes, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [self.kind]})
        for number, piece in enumerate(self.say(id)):
            if number and self.go is not None:
                await self.go.wait()
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await anyio.sleep(0.01)
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture(scope="module")
async def made(built: FrontsWorld) -> AsyncIterator[Teller]:
    teller = Teller()
    async with serve(teller) as url:
        for path, version in ((LEGACY, "2025-11-25"), (MODERN, "2026-07-28")):
            built.desk.standing[path] = server_at(
                path, f"{url}/mcp", protocol_version=version, tools=[{"name": "tell"}]
            )
        yield teller
        del built.desk.standing[LEGACY], built.desk.standing[MODERN]


@pytest.fixture
def teller(made: Teller, world: FrontsWorld) -> Teller:
    made.reset()
    return made


async def asked(world: FrontsWorld, path: str, id: str | int = 7) -> list[Any]:
    """All messages of the answer to a call, from a client of the backend's era."""
    params: Json = {"name": "tell", "arguments": {}}
    if path == MODERN:
        async with modern(world, path) as newer, newer.post("tools/call", params, id=id) as got:
            return await read(got)
    async with world.legacy(path) as older, older.post(call("tools/call", params, id=id)) as got:
        return await read(got)


async def read(got: aiohttp.ClientResponse) -> list[Any]:
    """What a client makes of an answer: lines of an event stream may end in three ways, and be long."""
    body = await got.read()
    if got.content_type == "application/json":
        return [json.loads(body)]
    events = re.split(rb"\r\n\r\n|\n\n|\r\r", body)[:-1]
    return [json.loads(b"".join(re.findall(rb"(?m)^data: ?([^\r\n]*)", each))) for each in events]


def event(data: bytes, *, name: bytes = b"event: message\r\n", end: bytes = b"\r\n\r\n") -> bytes:
    return b"%bdata: %b%b" % (name, data, end)


def outcomes(world: FrontsWorld) -> list[tuple[str, str | None]]:
    return [(left[2], left[3]) for left in world.desk.left if left[0] == "tools/call"]


def result_of(id: bytes, content: str = LONG, rest: bytes = b"") -> bytes:
    said = json.dumps({"content": [{"type": "text", "text": content}], "resultType": "complete"}).encode()
    return b'{"jsonrpc":"2.0","id":%b,"result":%b%b}' % (id, said, rest)


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@BOTH
@pytest.mark.parametrize("size", [1_000_000, 50_000, 30])
@pytest.mark.parametrize("framed", [True, False])
@pytest.mark.parametrize("id", [7, 'seven \u00e9"'])
async def test_a_result_arrives_as_it_was_answer_however_it_is_cut(
    world: FrontsWorld, teller: Teller, path: str, size: int, framed: bool, id: str | int
) -> None:
    long = LONG if size > 30 else "short"
    teller.kind = SSE if framed else JSON
    teller.say = lambda id: cut(event(result_of(id, long)) if framed else result_of(id, long), size)
    (answer,) = await asked(world, path, id)
    assert (answer["id"], answer["result"]["content"][0]["text"]) == (id, long)
    assert outcomes(world) == [("ok", None)]


@BOTH
@pytest.mark.parametrize("end", [b"\n\n", b"\r\r", b"\r\n\r\n"])
async def test_what_comes_before_the_result_comes_before_it(
    world: FrontsWorld, teller: Teller, path: str, end: bytes
) -> None:
    notice = b'{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"soon"}}'
    teller.kind = SSE
    teller.say = lambda id: [event(notice, end=end), *cut(event(result_of(id), name=b"", end=end), 70_000)]
    said = await asked(world, path)
    assert [message.get("method", "answer") for message in said][-1] == "answer"
    assert said[-1]["result"]["content"][0]["text"] == LONG
    if path == LEGACY:
        assert said[0]["params"]["data"] == "soon"


async def test_a_result_is_on_its_way_before_its_end_has_come(world: FrontsWorld, teller: Teller) -> None:
    teller.kind, teller.go = SSE, anyio.Event()
    teller.say = lambda id: cut(event(result_of(id)), 100_000)
    async with world.legacy(LEGACY) as client, client.post(call("tools/call", {"name": "tell"})) as got:
        with anyio.fail_after(5):
            begun = await got.content.readexactly(90_000)
        teller.go.set()
        assert json.loads(begun + await got.read())["result"]["content"][0]["text"] == LONG
    assert teller.taken_back == []


@BOTH
@pytest.mark.parametrize("text", ["short", LONG], ids=["short", "long"])
async def test_that_a_tool_failed_is_recorded_of_a_long_result_too(
    world: FrontsWorld, teller: Teller, path: str, text: str
) -> None:
    failed = b'{"jsonrpc":"2.0","id":%b,"result":{"content":[{"type":"text","text":"%b"}],"isError":true}}'
    teller.say = lambda id: cut(failed % (id, text.encode()), 100_000)
    (answer,) = await asked(world, path)
    assert answer["result"]["isError"]
    assert outcomes(world) == [("tool_error", None)]


OTHERS: dict[str, Callable[[bytes], bytes]] = {
    "another id": lambda id: result_of(b"99"),
    "another id at the end": lambda id: result_of(id, rest=b',"id":99'),
    "another id before a member": lambda id: result_of(id, rest=b',"id":99,"z":{}'),
    "its own id again, and another result": lambda id: result_of(id, rest=b',"id":99,"result":{"content":[]}'),
    "two messages": lambda id: b"[%b,%b]" % (result_of(id, ""), result_of(b"99", "")),
    "a request that is an answer": lambda id: b'{"jsonrpc":"2.0","id":99,"method":"ping","result":{}}',
    "what is no number": lambda id: b'{"jsonrpc":"2.0","id":99,"result":{"n":NaN}}',
    "true": lambda id: b'{"jsonrpc":"2.0","id":true,"result":{}}',
    "a closed object and another": lambda id: result_of(id)[:-1] + b',"id":99,"z":{}}',
    "cut short": lambda id: result_of(id)[:-1],
    "cut shorter": lambda id: result_of(id)[:-2],
    "another end": lambda id: result_of(id)[:-1] + b"]",
    "no object": lambda id: b'{"jsonrpc":"2.0","id":%b,"result":[]}' % id,
}
HARMLESS = {(LEGACY, "true"), (MODERN, "no object")}
"""Ids are written anew in the older era; in the modern one a result goes to its own request as it is."""
CASES = [case for case in product((LEGACY, MODERN), OTHERS) if case not in HARMLESS]


@pytest.mark.parametrize("framed", [True, False])
@pytest.mark.parametrize(("path", "what"), CASES)
async def test_nothing_else_is_ever_told_to_the_client_as_a_whole(
    world: FrontsWorld, teller: Teller, path: str, framed: bool, what: str
) -> None:
    teller.kind = SSE if framed else JSON
    teller.say = lambda id: cut(event(OTHERS[what](id)) if framed else OTHERS[what](id), 100_000)
    try:
        said = await asked(world, path, 1)
    except (aiohttp.ClientError, json.JSONDecodeError):
        said = []  # it broke off
    assert [message for message in said if "result" in message] == []
    assert all(message["id"] == 1 for message in said)
    await until(lambda: len(outcomes(world)) == 1)
    assert outcomes(world)[0][0] not in ("ok", "tool_error")


async def test_an_answer_in_front_of_the_right_one_is_not_let_through(world: FrontsWorld, teller: Teller) -> None:
    teller.kind = SSE
    teller.say = lambda id: [event(result_of(b"99", "forged")), event(result_of(id, "true"))]
    (refused,) = await asked(world, MODERN)
    assert refused["error"]["data"]["code"] == "upstream_failed"
    (answer,) = await asked(world, LEGACY)
    assert answer["result"]["content"][0]["text"] == "true"


async def test_a_client_that_hangs_up_in_the_middle_leaves_nothing_behind(world: FrontsWorld, teller: Teller) -> None:
    before = world.connections
    teller.kind, teller.go = SSE, anyio.Event()
    teller.say = lambda id: cut(event(result_of(id)), 100_000)
    async with world.legacy(LEGACY) as client:
        async with client.post(call("tools/call", {"name": "tell"})) as got:
            await got.content.readexactly(90_000)
            got.close()
        await until(lambda: outcomes(world) == [("cancelled", None)])
        await until(lambda: len(teller.taken_back) == 1)
        teller.go.set()
        await until(lambda: world.connections <= before)
        teller.go = None
        assert (await client.call("tell"))["result"]["content"][0]["text"] == LONG


async def test_a_call_taken_back_in_the_middle_of_its_result_is_left_unfinished(
    world: FrontsWorld, teller: Teller
) -> None:
    teller.kind, teller.go = SSE, anyio.Event()
    teller.say = lambda id: cut(event(result_of(id)), 100_000)
    async with world.legacy(LEGACY) as client, client.post(call("tools/call", {"name": "tell"})) as got:
        await got.content.readexactly(90_000)
        await client.say({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})
        with pytest.raises(aiohttp.ClientError):
            await got.read()
    teller.go.set()
    assert outcomes(world) == [("cancelled", None)]
