"""A session id is good for the caller who got it, on that server, in this process: nobody else's reaches a backend."""

import json

import anyio
import pytest
from starlette.types import Receive, Scope, Send

from airegistry.core.assets import Json
from airegistry.gateway.sessions import Session, Sessions
from tests.gateway.stub import JSON, Stub
from tests.gateway.world import LEGACY, World, call, modern

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


async def test_a_session_that_the_backend_forgot_and_will_not_open_again_is_forgotten_here_too(
    world: World, stub: Stub
) -> None:
    await begin(world, stub, "s-lost")
    stub.status, stub.body = 404, b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"gone"}}'
    first = await world.post(call("ping"), path=STUB, headers={"mcp-session-id": "s-lost"})
    assert (first.status, first.code) == (404, "not_found")
    assert await use(world, "s-lost") == 404
    assert [b"initialize" in request[2] for request in stub.requests] == [False, True]


@pytest.mark.parametrize("lost", [(404, b"{}"), (400, b'{"error":{"message":"No valid session ID provided"}}')])
async def test_a_backend_that_restarts_inside_a_session_is_initialized_anew_behind_it(
    world: World, stub: Stub, lost: tuple[int, bytes]
) -> None:
    old = f"s-old-{lost[0]}"
    await begin(world, stub, old)
    level = call("logging/setLevel", {"level": "info"})
    await world.post(level, path=STUB, headers={"mcp-session-id": old, "mcp-protocol-version": LEGACY})
    forgetful = Forgetful(*lost)
    stub.answer = forgetful
    stub.requests.clear()
    headers = {"mcp-session-id": old, "mcp-protocol-version": LEGACY}
    for _ in range(2):
        answer = await world.post(call("tools/call", {"name": "echo"}), path=STUB, headers=headers)
        assert (answer.status, json.loads(answer.body)["result"]) == (200, {"ran": True})
    said = [(json.loads(body)["method"], sent.get("mcp-session-id")) for _, sent, body in stub.requests]
    assert said == [
        ("tools/call", old), ("initialize", None), ("notifications/initialized", "s-new"),
        ("logging/setLevel", "s-new"), ("tools/call", "s-new"), ("tools/call", "s-new"),
    ]  # fmt: skip
    assert (await use(world, "s-new"), await use(world, old, subject="bob")) == (404, 404)


async def test_many_requests_that_find_a_session_lost_open_it_once(world: World, stub: Stub) -> None:
    await begin(world, stub, "s-old-2")
    stub.answer = Forgetful(404, b"{}")
    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(use, world, "s-old-2")
    assert sum(b'"initialize"' in request[2] for request in stub.requests) == 1


async def test_a_backend_that_speaks_another_version_since_gets_no_session_of_the_older(
    world: World, stub: Stub
) -> None:
    await begin(world, stub, "s-old-3")
    stub.answer = Forgetful(404, b"{}", version="2025-06-18")
    answer = await world.post(
        call("ping"), path=STUB, headers={"mcp-session-id": "s-old-3", "mcp-protocol-version": LEGACY}
    )
    assert (answer.status, answer.code) == (404, "not_found")


async def test_a_bad_request_within_a_session_stays_one(world: World, stub: Stub) -> None:
    await begin(world, stub, "s-own")
    stub.status, stub.body = 400, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no such thing"}}'
    answer = await world.post(call("tools/call", {"name": "echo"}), path=STUB, headers={"mcp-session-id": "s-own"})
    assert (answer.status, answer.body) == (400, stub.body)
    assert len(stub.requests) == 1
    assert world.desk.left[-1][2:] == ("error", "HTTP 400")


async def test_modern_requests_have_no_session(world: World, stub: Stub) -> None:
    stub.headers = [JSON, (b"mcp-session-id", b"s-modern")]
    for method in ("prompts/list", "resources/list"):
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


class Forgetful:
    """A backend that was restarted: it knows the sessions it opened since, and no other."""

    def __init__(self, status: int, body: bytes, version: str = LEGACY) -> None:
        self._status, self._body, self._version = status, body, version

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [JSON]
        session = dict(scope["headers"]).get(b"mcp-session-id")
        status, body = self._status, self._body
        if session is None:
            opened = {"protocolVersion": self._version, "capabilities": {}, "serverInfo": {"name": "s", "version": "1"}}
            status, body = 200, json.dumps({"jsonrpc": "2.0", "id": 1, "result": opened}).encode()
            headers = [JSON, (b"mcp-session-id", b"s-new")]
        elif session == b"s-new":
            status, body = 200, b'{"jsonrpc":"2.0","id":1,"result":{"ran":true}}'
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def of(id: str) -> Session:
    return Session(id, id, "1.0.0")


def test_an_id_that_was_given_out_before_a_restart_and_again_after_it_names_two_sessions() -> None:
    sessions = Sessions()
    first = sessions.bind("ann", "s", of("1"))
    first.backend = "2"
    second = sessions.bind("ann", "s", of("1"))
    assert first.id == "1" != second.id
    assert (sessions.find("ann", "s", "1"), sessions.find("ann", "s", second.id)) == (first, second)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_sessions_are_bounded_and_a_flood_costs_its_author() -> None:
    sessions = Sessions(limit=5, per_subject=3)
    sessions.bind("ann", "s", of("a"))
    for number in range(10):
        sessions.bind("flood", "s", of(str(number)))
    assert len(sessions) == 4
    assert [sessions.find("flood", "s", str(number)) is not None for number in range(6, 10)] == [
        False,
        True,
        True,
        True,
    ]
    for subject in ("bob", "cid"):
        sessions.bind(subject, "s", of("x"))
    assert len(sessions) == 5
    assert sessions.find("ann", "s", "a")
    assert not sessions.find("flood", "s", "7")


def test_the_session_used_longest_ago_goes_first() -> None:
    sessions = Sessions(per_subject=2)
    for session in ("a", "b"):
        sessions.bind("ann", "s", of(session))
    assert sessions.find("ann", "s", "a")
    sessions.bind("ann", "s", of("c"))
    assert [sessions.find("ann", "s", session) is not None for session in "abc"] == [True, False, True]


def test_an_idle_session_is_forgotten_and_use_keeps_it() -> None:
    clock = Clock()
    sessions = Sessions(idle=10, clock=clock)
    sessions.bind("ann", "s", of("a"))
    sessions.bind("ann", "s", of("a"))
    for clock.now in (9, 18):
        assert sessions.find("ann", "s", "a")
    clock.now = 29
    assert not sessions.find("ann", "s", "a")
    assert len(sessions) == 0
    sessions.unbind("ann", "s", "a")
