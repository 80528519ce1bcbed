"""A session id is good for the caller who got it, on that server, in this process: nobody else's reaches a backend."""

import pytest

from airegistry.core.assets import Json
from airegistry.gateway.sessions import Sessions
from tests.gateway.stub import JSON, Stub
from tests.gateway.world import LEGACY, World, call, modern, server_at

pytestmark = pytest.mark.anyio
STUB = "/stub/mcp"
PARAMS: Json = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}


async def begin(world: World, stub: Stub, session: str = "s-1", subject: str = "ann", path: str = STUB) -> None:
    stub.headers = [JSON, (b"mcp-session-id", session.encode())]
    answer = await world.post(call("initialize", PARAMS), path=path, subject=subject)
    assert (answer.status, answer.headers["mcp-session-id"]) == (200, session)
    stub.reset()


async def use(world: World, session: str, *, verb: str = "POST", subject: str = "ann", path: str = STUB) -> int:
    message = call("tools/call", {"name": "echo"}) if verb == "POST" else b""
    answer = await world.send(verb, message, path=path, headers={"mcp-session-id": session}, subject=subject)
    if answer.status == 404 and answer.body:
        assert answer.code == "not_found"
    return answer.status


async def test_its_owner_uses_a_session(world: World, stub: Stub) -> None:
    await begin(world, stub, "s-own")
    assert await use(world, "s-own") == 200
    assert stub.requests[0][1]["mcp-session-id"] == "s-own"


@pytest.mark.parametrize("verb", ["POST", "GET", "DELETE"])
async def test_another_callers_session_is_404_and_nothing_reaches_the_backend(
    world: World, stub: Stub, verb: str
) -> None:
    await begin(world, stub, "s-ann")
    assert await use(world, "s-ann", verb=verb, subject="bob") == 404
    assert await use(world, "s-nobody", verb=verb) == 404
    assert not stub.requests
    assert {left[2:] for left in world.desk.left[1:]} == {("error", "not_found")}
    assert await use(world, "s-ann") == 200


async def test_a_strange_session_and_a_server_that_is_none_read_the_same(world: World, stub: Stub) -> None:
    strange = await world.post(call("ping"), path=STUB, headers={"mcp-session-id": "x"})
    nowhere = await world.post(call("ping"), path="/nowhere/mcp", headers={"mcp-session-id": "x"})
    assert (strange.status, strange.body) == (nowhere.status, nowhere.body)


async def test_a_session_belongs_to_one_server_and_version(world: World, stub: Stub) -> None:
    await begin(world, stub, "s-here")
    world.desk.servers["twin"] = world.desk.servers["stub"].model_copy(update={"path": "twin"})
    assert await use(world, "s-here", path="/twin/mcp") == 404
    assert await use(world, "s-here", path="/stub@1.0.0/mcp") == 404


async def test_an_id_that_a_backend_gives_to_two_callers_is_good_for_both(world: World, stub: Stub) -> None:
    await begin(world, stub, "same", "ann")
    await begin(world, stub, "same", "bob")
    assert [await use(world, "same", subject=subject) for subject in ("ann", "bob", "eve")] == [200, 200, 404]


async def test_delete_ends_a_session_unless_the_backend_refuses(world: World, stub: Stub) -> None:
    await begin(world, stub, "s-end")
    stub.status = 405
    assert await use(world, "s-end", verb="DELETE") == 405
    stub.reset()
    assert await use(world, "s-end", verb="DELETE") == 200
    assert stub.requests[0][0] == "DELETE"
    stub.reset()
    assert await use(world, "s-end") == 404
    assert not stub.requests


async def test_a_session_that_the_backend_forgot_is_forgotten_here_too(world: World, stub: Stub) -> None:
    await begin(world, stub, "s-lost")
    stub.status, stub.body = 404, b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"gone"}}'
    first = await world.post(call("ping"), path=STUB, headers={"mcp-session-id": "s-lost"})
    assert (first.status, first.body) == (404, stub.body)
    assert await use(world, "s-lost") == 404
    assert len(stub.requests) == 1


async def test_modern_requests_have_no_session(world: World, stub: Stub) -> None:
    stub.headers = [JSON, (b"mcp-session-id", b"s-modern")]
    for method in ("tools/list", "initialize"):
        message, headers = modern(method)
        answer = await world.post(message, path=STUB, headers={**headers, "mcp-session-id": "whatever"})
        assert answer.status == 200
        assert "mcp-session-id" not in answer.headers
        assert "mcp-session-id" not in stub.requests[-1][1]


async def test_a_session_id_comes_from_initialize_only(world: World, stub: Stub) -> None:
    await begin(world, stub, "s-1st")
    stub.headers = [JSON, (b"mcp-session-id", b"s-2nd")]
    answer = await world.post(call("ping"), path=STUB, headers={"mcp-session-id": "s-1st"})
    assert "mcp-session-id" not in answer.headers
    assert await use(world, "s-2nd") == 404


async def test_a_session_id_that_is_not_visible_ascii_is_the_backends_fault(world: World, stub: Stub) -> None:
    stub.headers = [JSON, (b"mcp-session-id", b"a b")]
    answer = await world.post(call("initialize", PARAMS), path=STUB)
    assert (answer.status, answer.code) == (502, "upstream_failed")


async def test_a_failed_initialize_begins_no_session(world: World, stub: Stub) -> None:
    stub.status, stub.headers = 400, [JSON, (b"mcp-session-id", b"s-bad")]
    answer = await world.post(call("initialize", PARAMS), path=STUB)
    assert "mcp-session-id" not in answer.headers
    assert await use(world, "s-bad") == 404


async def test_a_backend_that_restarts_is_met_with_404_and_a_new_session(world: World, stub: Stub) -> None:
    world.desk.servers["stub"] = server_at("stub", str(world.desk.servers["stub"].url))
    await begin(world, stub, "s-old")
    stub.status, stub.body = 404, b"{}"
    assert (await world.post(call("ping"), path=STUB, headers={"mcp-session-id": "s-old"})).status == 404
    stub.reset()
    await begin(world, stub, "s-new")
    assert await use(world, "s-new") == 200


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_sessions_are_bounded_and_a_flood_costs_its_author() -> None:
    sessions = Sessions(limit=5, per_subject=3)
    sessions.bind("ann", "s", "a")
    for number in range(10):
        sessions.bind("flood", "s", str(number))
    assert len(sessions) == 4
    assert [sessions.holds("flood", "s", str(number)) for number in range(6, 10)] == [False, True, True, True]
    for subject in ("bob", "cid"):
        sessions.bind(subject, "s", "x")
    assert len(sessions) == 5
    assert sessions.holds("ann", "s", "a")
    assert not sessions.holds("flood", "s", "7")


def test_the_session_used_longest_ago_goes_first() -> None:
    sessions = Sessions(per_subject=2)
    for session in ("a", "b"):
        sessions.bind("ann", "s", session)
    assert sessions.holds("ann", "s", "a")
    sessions.bind("ann", "s", "c")
    assert [sessions.holds("ann", "s", session) for session in "abc"] == [True, False, True]


def test_an_idle_session_is_forgotten_and_use_keeps_it() -> None:
    clock = Clock()
    sessions = Sessions(idle=10, clock=clock)
    sessions.bind("ann", "s", "a")
    sessions.bind("ann", "s", "a")
    for clock.now in (9, 18):
        assert sessions.holds("ann", "s", "a")
    clock.now = 29
    assert not sessions.holds("ann", "s", "a")
    assert len(sessions) == 0
    sessions.unbind("ann", "s", "a")
