"""Conversations with backends of the older era over streamable HTTP."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
import pytest
from anyio.abc import SocketAttribute, TaskGroup
from starlette.types import Receive, Scope, Send

from airegistry.core.assets import Json, Server
from airegistry.core.errors import UpstreamFailed
from airegistry.egress.stream import StreamClient
from airegistry.gateway.channels import conversation
from airegistry.gateway.channels.exchange import Channel, Notice, Question
from airegistry.gateway.channels.legacy import LegacyChannel
from airegistry.gateway.errors import BadAnswer, CredentialRefused
from tests.gateway.channels.conftest import Backends
from tests.gateway.channels.play import (
    ANN,
    INITIALIZED,
    Events,
    Old,
    ask,
    hang_up,
    progress,
    send_json,
    send_status,
    sent,
    told,
    tool,
)
from tests.gateway.desk import signals
from tests.gateway.stub import Stub
from tests.gateway.world import server_at, until

pytestmark = pytest.mark.anyio
OK: Json = {"ok": True}


@pytest.fixture
async def desk(backends: Backends, client: StreamClient, tasks: TaskGroup) -> AsyncIterator[LegacyChannel]:
    channel = LegacyChannel(client, backends.older, {}, ANN, tasks)
    port: Channel = channel
    assert port is channel
    yield channel
    await channel.close()


@pytest.fixture
async def played(stub: Stub, stubbed: Server, client: StreamClient, tasks: TaskGroup) -> AsyncIterator[LegacyChannel]:
    channel = LegacyChannel(client, stubbed, {"X-Key": "k"}, ANN, tasks)
    yield channel
    await channel.close()


@pytest.fixture
def old(stub: Stub) -> Old:
    return Old(stub)


async def test_the_real_client_is_introduced_once_however_many_requests_begin(
    played: LegacyChannel, old: Old, stub: Stub
) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(ask, played, "tools/list")
    opening = await played.open()
    assert (opening.version, opening.instructions, opening.server_info["name"]) == ("2025-06-18", "Be kind.", "s")
    assert sent(stub, "initialize") == [
        {"protocolVersion": "2025-11-25", "capabilities": ANN.capabilities, "clientInfo": ANN.info}
    ]
    assert old.seen()[:2] == ["initialize", "notifications/initialized"]
    _, headers, _ = stub.requests[-1]
    assert (headers["mcp-session-id"], headers["mcp-protocol-version"], headers["x-key"]) == ("s1", "2025-06-18", "k")
    assert "mcp-protocol-version" not in stub.requests[0][1]


async def test_a_question_of_the_backend_is_answered_in_between(desk: LegacyChannel) -> None:
    before, answer = await told(desk, "tools/call", tool("ask"))
    assert [event.method for event in before if isinstance(event, Question)] == ["elicitation/create"]
    assert answer.result is not None
    assert answer.result["structuredContent"] == {"result": "accept:Ann"}


async def test_requests_with_the_same_token_get_their_own_progress(desk: LegacyChannel) -> None:
    seen: dict[str, object] = {}

    async def one(text: str) -> None:
        before, _ = await told(desk, "tools/call", tool("canary", "same", text=text))
        assert progress(before) == [("same", 1)]
        (notice,) = before
        assert isinstance(notice, Notice)
        seen[text] = notice.message["params"]

    async with anyio.create_task_group() as group:
        for text in "abcdef":
            group.start_soon(one, text)
    assert all(isinstance(params, dict) and params["message"] == text for text, params in seen.items())


async def test_leaving_an_exchange_tells_the_backend(desk: LegacyChannel) -> None:
    async with desk.request("tools/call", tool("hang", "t")) as exchange:
        assert isinstance(await anext(aiter(exchange)), Notice)
    with anyio.fail_after(5):
        await signals.cancelled.wait()


async def test_a_cancelled_request_tells_the_backend(played: LegacyChannel, old: Old, stub: Stub) -> None:
    async def hang(message: Json, send: Send) -> None:
        await anyio.sleep_forever()

    old.answer = hang
    with anyio.move_on_after(0.1):
        await ask(played, "tools/call", tool("t"))
    (cancelled,) = sent(stub, "notifications/cancelled")
    request = next(json.loads(body) for _, _, body in stub.requests if b'"tools/call"' in body)
    assert cancelled == {"requestId": request["id"]}


async def test_what_was_set_in_a_lost_session_is_set_in_the_next(played: LegacyChannel, old: Old, stub: Stub) -> None:
    await ask(played, "logging/setLevel", {"level": "debug"})
    for uri in ("note://a", "note://b"):
        await ask(played, "resources/subscribe", {"uri": uri})
    await ask(played, "resources/unsubscribe", {"uri": "note://b"})
    old.restart()
    stub.requests.clear()
    assert (await ask(played, "tools/list")).result == OK
    opening = ["initialize", "notifications/initialized"]
    assert old.seen() == ["tools/list", *opening, "logging/setLevel", "resources/subscribe", "tools/list"]
    assert sent(stub, "resources/subscribe") == [{"uri": "note://a"}]


LOST: list[Callable[[Send], Awaitable[None]]] = [
    lambda send: send_status(send, 404),
    lambda send: send_json(send, {"id": "server-error", "error": {"code": -32600, "message": "gone"}}, status=404),
    lambda send: send_json(send, {"id": None, "error": {"code": -32000, "message": "No valid session"}}, status=400),
    lambda send: send_status(send, 400, b"Server not initialized"),
]


@pytest.mark.parametrize("lost", LOST, ids=range(len(LOST)))
async def test_a_session_is_lost_in_several_words(
    played: LegacyChannel, old: Old, lost: Callable[[Send], Awaitable[None]]
) -> None:
    old.lost = lost
    await ask(played, "tools/list")
    old.restart()
    assert (await ask(played, "tools/list")).result == OK
    assert old.seen().count("initialize") == 2


async def test_a_refusal_of_the_request_itself_is_its_answer(played: LegacyChannel, old: Old) -> None:
    async def refuse(message: Json, send: Send) -> None:
        error = {"code": -32602, "message": "no such session of yours"}
        await send_json(send, {"jsonrpc": "2.0", "id": message["id"], "error": error}, status=400)

    old.answer = refuse
    assert (await ask(played, "tools/list")).error == {"code": -32602, "message": "no such session of yours"}
    assert old.seen().count("initialize") == 1


async def test_a_backend_that_loses_its_session_at_once_is_given_up(played: LegacyChannel, old: Old) -> None:
    old.answer = lambda message, send: send_status(send, 404)
    with pytest.raises(BadAnswer, match="loses its sessions"):
        await ask(played, "tools/list")
    assert old.seen().count("tools/list") == 2


async def test_a_backend_that_restarts_is_waited_for(client: StreamClient, tasks: TaskGroup) -> None:
    answers = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n%s\r\n%s"

    async def serve(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            received = b""
            while not received.endswith(b"}"):
                received += await stream.receive()
            message = json.loads(received.partition(b"\r\n\r\n")[2])
            known = session in received.lower()
            method, result = message["method"], INITIALIZED if message["method"] == "initialize" else OK
            body = json.dumps({"jsonrpc": "2.0", "id": message.get("id"), "result": result}).encode()
            status = b"200 OK" if known or method == "initialize" else b"404 No"
            await stream.send(answers % (status, len(body), session + b"\r\n", body))

    async def live(port: int) -> None:
        async with await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=port) as listener:
            ports.append(listener.extra(SocketAttribute.local_port))
            await listener.serve(serve)

    session, ports = b"mcp-session-id: s1", list[int]()
    async with anyio.create_task_group() as group:
        group.start_soon(live, 0)
        await until(lambda: bool(ports))
        channel = LegacyChannel(client, server_at("phoenix", f"http://127.0.0.1:{ports[0]}/mcp"), {}, ANN, tasks)
        assert (await ask(channel, "tools/list")).result == OK
        group.cancel_scope.cancel()
    session = b"mcp-session-id: s2"
    async with anyio.create_task_group() as group:
        group.start_soon(answer_after, channel, group)
        await anyio.sleep(0.05)  # the first attempt is refused
        group.start_soon(live, ports[0])


async def answer_after(channel: Channel, group: TaskGroup) -> None:
    assert (await ask(channel, "tools/list")).result == OK
    group.cancel_scope.cancel()


async def test_a_backend_that_was_never_there_is_not_waited_for(client: StreamClient) -> None:
    channel = LegacyChannel(client, server_at("gone", "http://127.0.0.1:1/mcp"), {}, ANN)
    with anyio.fail_after(0.5), pytest.raises(UpstreamFailed):
        await ask(channel, "tools/list")


async def test_a_stream_that_ends_too_early_is_resumed_where_the_backend_can(
    played: LegacyChannel, old: Old, stub: Stub
) -> None:
    asked: list[Json] = []

    async def begin(message: Json, send: Send) -> None:
        asked.append(message)
        events = Events(send)
        await events.start()
        await events.raw(b"id: 7\nretry: 10\ndata:\n\n")
        await events.end()

    async def resume(send: Send, headers: dict[str, str], receive: Receive) -> None:
        events = Events(send)
        await events.start()
        if len([verb for verb, *_ in stub.requests if verb == "GET"]) > 1:
            await events.message({"jsonrpc": "2.0", "id": asked[0]["id"], "result": OK}, id="9")
        else:
            await events.message({"jsonrpc": "2.0", "method": "notifications/message", "params": {}}, id="8")
        await events.end()

    old.answer, old.get = begin, resume
    before, answer = await told(played, "tools/list")
    assert (len(before), answer.result) == (1, OK)
    assert [headers["last-event-id"] for verb, headers, _ in stub.requests if verb == "GET"] == ["7", "8"]


async def test_a_stream_that_cannot_be_resumed_is_a_failure(played: LegacyChannel, old: Old, stub: Stub) -> None:
    async def begin(message: Json, send: Send) -> None:
        events = Events(send)
        await events.start()
        await events.raw(b"id: 7\nretry: 1\ndata:\n\n")
        await events.end()

    async def nothing(send: Send, headers: dict[str, str], receive: Receive) -> None:
        await Events(send).start()
        await Events(send).end()

    old.answer, old.get = begin, nothing
    with pytest.raises(BadAnswer, match="without a result"):
        await ask(played, "tools/list")
    assert [verb for verb, *_ in stub.requests].count("GET") == 3


async def test_notifications_reach_a_backend_that_has_a_session(played: LegacyChannel, old: Old, stub: Stub) -> None:
    await played.notify("notifications/roots/list_changed", {})
    assert stub.requests == []
    await played.open()
    await played.notify("notifications/roots/list_changed", {})
    await played.notify("notifications/cancelled", {"requestId": "the client's"})
    assert old.seen() == ["initialize", "notifications/initialized", "notifications/roots/list_changed"]


async def test_the_session_is_ended_with_the_channel(played: LegacyChannel, old: Old, stub: Stub) -> None:
    await played.open()
    await played.close()
    await played.close()
    assert [headers["mcp-session-id"] for verb, headers, _ in stub.requests if verb == "DELETE"] == ["s1"]


async def test_a_handshake_that_is_cancelled_leaves_no_session_behind(
    played: LegacyChannel, old: Old, stub: Stub
) -> None:
    async def hang(message: Json, send: Send) -> None:
        await anyio.sleep_forever()

    await ask(played, "logging/setLevel", {"level": "debug"})
    old.restart()
    old.answer = hang
    with anyio.move_on_after(0.1):
        await ask(played, "tools/list")
    assert [headers["mcp-session-id"] for verb, headers, _ in stub.requests if verb == "DELETE"] == ["s102"]


async def test_a_credential_that_is_refused_is_not_a_lost_session(played: LegacyChannel, stub: Stub) -> None:
    stub.status = 401
    with pytest.raises(CredentialRefused):
        await ask(played, "tools/list")
    assert len(stub.requests) == 1


async def test_a_session_id_that_is_no_header_is_refused(played: LegacyChannel, stub: Stub) -> None:
    stub.headers = [(b"content-type", b"application/json"), (b"mcp-session-id", b"a b")]
    with pytest.raises(BadAnswer, match="visible ASCII"):
        await played.open()


@pytest.mark.parametrize("id", [None, [], 1.5])
async def test_a_question_without_an_id_is_nonsense(played: LegacyChannel, old: Old, id: object) -> None:
    async def answer(message: Json, send: Send) -> None:
        events = Events(send)
        await events.start()
        asked: dict[str, object] = {"jsonrpc": "2.0", "id": id, "method": "roots/list"}
        await events.message(asked)
        await events.end()

    old.answer = answer
    with pytest.raises(BadAnswer, match="without an id"):
        await ask(played, "tools/list")


async def test_progress_of_nobody_is_left_out(played: LegacyChannel, old: Old) -> None:
    async def answer(message: Json, send: Send) -> None:
        events = Events(send)
        await events.start()
        for token in ("t", 99, None, True):
            params: dict[str, object] = {"progressToken": token}
            await events.message({"method": "notifications/progress", "params": params})
        await events.message({"jsonrpc": "2.0", "id": message["id"], "result": OK})
        await events.end()

    old.answer = answer
    assert (await told(played, "tools/list"))[0] == []


async def test_a_handshake_has_its_time(played: LegacyChannel, stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(scope: Scope, receive: Receive, send: Send) -> None:
        await hang_up(receive)

    stub.answer = hang
    monkeypatch.setattr(conversation, "HANDSHAKE_SECONDS", 0.05)
    with pytest.raises(UpstreamFailed, match=r"no handshake within 0\.05 s"):
        await ask(played, "tools/list")


async def test_a_session_that_is_lost_while_it_begins_is_given_up(played: LegacyChannel, old: Old) -> None:
    await ask(played, "logging/setLevel", {"level": "debug"})
    old.restart()
    old.answer = lambda message, send: send_status(send, 404)
    with pytest.raises(BadAnswer, match="loses its sessions"):
        await ask(played, "tools/list")


async def test_words_to_a_backend_that_is_gone_are_lost_quietly(played: LegacyChannel, old: Old, stub: Stub) -> None:
    await played.open()
    stub.status = 403
    stub.answer = stub.plain
    await played.notify("notifications/roots/list_changed", {})
    with pytest.raises(BadAnswer, match="answered 403"):
        await ask(played, "tools/list")
    await played.close()
