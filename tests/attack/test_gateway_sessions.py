"""Sessions of the older era that are abused: by callers to fill the memory, by backends to be asked for ever."""

# ruff: noqa: F811  # fixtures are imported, and asked for by their names

import gc
import json
import weakref

import pytest
from starlette.types import Receive, Scope, Send

from airegistry.core.assets import Server
from airegistry.gateway.sessions import (
    MAX_EVENT_ID,
    MAX_EVENTS,
    MAX_OPENING,
    MAX_SETTINGS,
    EventIds,
    Session,
)
from airegistry.gateway.tool_lists import MAX_KEPT, ByteLists
from tests.gateway.conftest import anyio_backend, built, client, stub, stubbed, world  # noqa: F401  # fixtures
from tests.gateway.stub import SSE, Stub
from tests.gateway.test_sessions import STUB, begin, use
from tests.gateway.world import World, call, server_at

pytestmark = pytest.mark.anyio


def test_what_a_session_is_set_up_with_is_bounded_in_bytes_too() -> None:
    session = Session("s", "s", "1.0.0")
    for number in range(3 * MAX_SETTINGS):
        session.remember(f"resources/subscribe {number}", b"x" * (MAX_OPENING // 10))
    assert 0 < sum(map(len, session.settings.values())) <= MAX_OPENING
    session.remember("resources/subscribe huge", b"x" * 16 * 2**20)
    assert not session.settings


def test_what_is_set_again_is_set_in_the_order_it_was_last_said() -> None:
    session = Session("s", "s", "1.0.0")
    for method in ("subscribe", "unsubscribe", "subscribe"):
        session.remember(method, method.encode())
    assert [*session.settings] == ["unsubscribe", "subscribe"]


async def test_what_the_backend_refused_is_not_set_up_again(world: World, stub: Stub) -> None:
    await begin(world, stub, "s-refused")
    stub.body = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no"}}'
    subscribe = call("resources/subscribe", {"uri": "x://y"})
    await world.post(subscribe, path=STUB, headers={"mcp-session-id": "s-refused"})
    stub.requests.clear()
    stub.answer = Amnesic(404, stub)
    await use(world, "s-refused")
    assert "resources/subscribe" not in stub.answer.asked


class Amnesic:
    """Opens sessions gladly, and knows none of them."""

    def __init__(self, status: int, stub: Stub) -> None:
        self.status = status
        self.stub = stub
        self.opened = 0

    @property
    def asked(self) -> list[str]:
        return [json.loads(body)["method"] for _, _, body in self.stub.requests]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, status, body = [(b"content-type", b"application/json")], 200, b""
        if self.asked[-1] == "initialize":
            self.opened += 1
            headers.append((b"mcp-session-id", b"s-%d" % self.opened))
            result = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "a", "version": "0"}}
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode()
        elif self.asked[-1] == "notifications/initialized":
            status = 202
        else:
            status, body = self.status, b'{"error":"Bad Request: No valid session ID provided"}'
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize("status", [400, 404])
async def test_a_backend_that_loses_every_session_is_asked_a_few_times_and_the_session_is_over(
    world: World,
    stub: Stub,
    status: int,
) -> None:
    session = f"s-lost-{status}"
    await begin(world, stub, session)
    level = call("logging/setLevel", {"level": "info"})
    await world.post(level, path=STUB, headers={"mcp-session-id": session})
    stub.requests.clear()
    stub.answer = amnesic = Amnesic(status, stub)
    assert [await use(world, session) for _ in range(5)] == [404] * 5
    assert (amnesic.opened, len(stub.requests)) == (1, 5)


async def test_a_session_does_not_follow_its_path_to_another_address(world: World, stub: Stub) -> None:
    """What somebody registers at a path that was deleted never sees the sessions of what stood there."""
    await begin(world, stub, "s-moved")
    before = world.desk.servers["stub"]
    assert before.url is not None
    world.desk.servers["stub"] = before.model_copy(
        update={"url": before.url.replace("/mcp", "/other"), "created_by": "eve"}
    )
    assert await use(world, "s-moved") == 404
    assert not stub.requests
    world.desk.servers["stub"] = before
    assert await use(world, "s-moved") == 200


def test_lists_that_are_short_are_bounded_in_number_and_keep_no_asset() -> None:
    lists = ByteLists()
    asset: Server | None = server_at("a", "http://127.0.0.1:1/mcp")
    gone = weakref.ref(asset)
    made: list[int] = []
    for number in (*range(MAX_KEPT + 1), 0, MAX_KEPT):
        lists.get(asset, number, lambda number=number: made.append(number) or b"{}")  # type: ignore[misc, func-returns-value]
    assert made == [*range(MAX_KEPT + 1), 0]
    asset = None
    gc.collect()
    assert gone() is None


def test_an_asset_in_place_of_another_at_one_address_in_memory_has_its_own_list() -> None:
    lists = ByteLists()
    for number in range(200):  # the interpreter gives the memory of one to the next
        asset = server_at(f"s{number}", "http://127.0.0.1:1/mcp")
        assert lists.get(asset, "all", lambda number=number: b"%d" % number) == b"%d" % number  # type: ignore[misc]
        del asset


def test_event_ids_are_read_however_the_stream_is_cut_and_from_no_data() -> None:
    stream = b"id: a\r\ndata: id: x\r\n\r\nid:b\ndata: " + b"y" * 1000 + b"id: z\n\nid: \n\nid: cut"
    for size in (1, 2, 3, 7, 1000, len(stream)):
        session = Session("s", "s", "1.0.0")
        ids = EventIds(session)
        for start in range(0, len(stream), size):
            ids.feed(stream[start : start + size])
        assert [*session.events] == [b"a", b"b"]
    for number in range(3 * MAX_EVENTS):
        session.heard(b"%d" % number)
    session.heard(b"x" * (MAX_EVENT_ID + 1))
    assert (len(session.events), next(reversed(session.events))) == (MAX_EVENTS, b"%d" % (3 * MAX_EVENTS - 1))


async def test_anothers_event_id_replays_nothing_and_reaches_no_backend(world: World, stub: Stub) -> None:
    """Backends that keep all events in one place would replay what another caller was sent."""
    for session, subject in (("s-ann", "ann"), ("s-bob", "bob")):
        await begin(world, stub, session, subject=subject)
    stub.headers, stub.body = [SSE], b'id: e-ann\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n'
    assert await use(world, "s-ann") == 200
    stub.reset()
    stub.headers, stub.body = [SSE], b": again\n\n"

    async def resume(session: str | None, subject: str) -> int:
        headers = {"last-event-id": "e-ann"} | ({} if session is None else {"mcp-session-id": session})
        return (await world.send("GET", path=STUB, headers=headers, subject=subject)).status

    assert [await resume("s-bob", "bob"), await resume("s-ann", "bob")] == [400, 404]
    assert not stub.requests
    assert [await resume(None, "bob"), await resume("s-ann", "ann")] == [200, 200]
    assert [headers.get("last-event-id") for _, headers, _ in stub.requests] == [None, "e-ann"]
