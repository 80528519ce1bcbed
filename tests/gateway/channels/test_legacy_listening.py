"""Listening to backends of the older era over streamable HTTP."""

from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
import pytest
from anyio.abc import TaskGroup
from starlette.types import Receive, Send

from airegistry.core.assets import Json, Server
from airegistry.core.errors import UpstreamFailed
from airegistry.egress.stream import StreamClient
from airegistry.gateway.channels import standing
from airegistry.gateway.channels.exchange import Notice, Question
from airegistry.gateway.channels.legacy import LegacyChannel
from airegistry.gateway.errors import BadAnswer
from tests.gateway.channels.play import (
    ANN,
    Events,
    Old,
    hang_up,
    send_json,
    send_status,
    sent,
)
from tests.gateway.stub import Stub
from tests.gateway.world import until

pytestmark = pytest.mark.anyio
OK: Json = {"ok": True}


@pytest.fixture
async def played(stub: Stub, stubbed: Server, client: StreamClient, tasks: TaskGroup) -> AsyncIterator[LegacyChannel]:
    channel = LegacyChannel(client, stubbed, {"X-Key": "k"}, ANN, tasks)
    yield channel
    await channel.close()


@pytest.fixture
def old(stub: Stub) -> Old:
    return Old(stub)


async def test_several_listeners_share_one_stream_and_hear_what_each_asked_for(
    played: LegacyChannel, old: Old, stub: Stub
) -> None:
    streams: list[Events] = []

    async def get(send: Send, headers: dict[str, str], receive: Receive) -> None:
        events = Events(send)
        await events.start()
        streams.append(events)
        await hang_up(receive)
        streams.remove(events)

    old.get = get
    lists, notes = list[object](), list[object]()
    tools_only: Json = {"toolsListChanged": True}
    one_note: Json = {"resourceSubscriptions": ["note://a"]}

    async def listen(wanted: Json, heard: list[object]) -> None:
        async with played.listen(wanted) as happened:
            async for event in happened:
                heard.append(event.message["method"] if isinstance(event, Notice) else event)

    async with anyio.create_task_group() as group:
        group.start_soon(listen, tools_only, lists)
        await until(lambda: len(streams) == 1)
        group.start_soon(listen, one_note, notes)
        group.start_soon(listen, one_note, list[object]())
        await until(lambda: len(played.listeners) == 3 and sent(stub, "resources/subscribe") != [])
        updated: Json = {"method": "notifications/resources/updated", "params": {"uri": "note://a/part"}}
        for message in (
            {"method": "notifications/tools/list_changed"}, {"method": "notifications/prompts/list_changed"}, updated,
            {"method": "notifications/message", "params": {}}, {"id": "q", "method": "roots/list"},
            {"id": "p", "method": "ping"}, {"id": 1, "result": {}},
        ):  # fmt: skip
            await streams[0].message({"jsonrpc": "2.0", **message})
        await until(lambda: (len(lists), len(notes)) == (3, 1) and "reply" in old.seen())
        group.cancel_scope.cancel()
    assert lists == ["notifications/tools/list_changed", "notifications/message", Question("q", "roots/list", {})]
    assert notes == ["notifications/resources/updated"]
    assert sent(stub, "resources/subscribe") == sent(stub, "resources/unsubscribe") == [{"uri": "note://a"}]
    await until(lambda: not streams)


async def test_a_stream_that_ends_is_opened_again_where_it_ended(played: LegacyChannel, old: Old, stub: Stub) -> None:
    seen: list[str | None] = []

    async def get(send: Send, headers: dict[str, str], receive: Receive) -> None:
        seen.append(headers.get("last-event-id"))
        if len(seen) == 2:
            old.restart()
        events = Events(send)
        await events.start()
        await events.message({"jsonrpc": "2.0", "method": "notifications/message"}, id=f"e{len(seen)}")
        await events.end()

    old.get = get
    async with played.listen({"resourceSubscriptions": ["note://a"]}) as happened:
        for _ in range(3):
            assert isinstance(await anext(happened), Notice)
    # After the second the session was lost, and with it the place in the stream.
    assert seen == [None, "e1", None]
    assert sent(stub, "resources/subscribe") == [{"uri": "note://a"}] * 2


async def test_a_backend_without_a_stream_is_waited_at(played: LegacyChannel, old: Old) -> None:
    async with played.listen({}) as happened:
        with anyio.move_on_after(0.1) as patience:
            await anext(happened)
    assert patience.cancelled_caught
    assert old.seen().count("GET") == 1


async def test_a_resource_that_cannot_be_watched_is_a_failure(played: LegacyChannel, old: Old) -> None:
    async def refuse(message: Json, send: Send) -> None:
        error: Json = {"code": -32601, "message": "m"}
        await send_json(send, {"jsonrpc": "2.0", "id": message["id"], "error": error})

    old.answer = refuse
    with pytest.raises(BadAnswer, match="refuses to watch"):
        async with played.listen({"resourceSubscriptions": ["note://a"]}):
            pass


BAD_STREAMS: list[tuple[Callable[[Send], Awaitable[None]], str]] = [
    (lambda send: send_status(send, 200), "neither JSON nor"),
    (lambda send: send_status(send, 403), "answered 403"),
]


@pytest.mark.parametrize(("get", "why"), BAD_STREAMS, ids=[why for _, why in BAD_STREAMS])
async def test_a_stream_that_is_none_ends_the_listening(
    played: LegacyChannel, old: Old, get: Callable[[Send], Awaitable[None]], why: str
) -> None:
    old.get = lambda send, *_: get(send)
    with anyio.fail_after(5):
        async with played.listen({}) as happened:
            with pytest.raises(UpstreamFailed, match=why):
                await anext(happened)


async def test_a_stream_that_keeps_ending_is_given_up(
    played: LegacyChannel, old: Old, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "_REOPEN_SECONDS", 0.001)
    old.get = lambda send, *_: send_status(send, 503)
    async with played.listen({}) as happened:
        with anyio.fail_after(5), pytest.raises(UpstreamFailed, match="cannot be kept open"):
            await anext(happened)
    assert old.seen().count("GET") == 6


async def test_a_session_lost_under_a_listener_is_opened_anew(
    played: LegacyChannel, old: Old, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "_REOPEN_SECONDS", 0.001)
    await played.open()
    old.restart()
    async with played.listen({}):
        await until(lambda: old.seen().count("GET") == 2)
    assert len(sent(stub, "initialize")) == 2


async def test_closing_ends_what_listeners_hear(played: LegacyChannel, old: Old) -> None:
    async with played.listen({}) as happened:
        await played.close()
        with pytest.raises(UpstreamFailed, match="was ended"):
            await anext(happened)


async def test_a_channel_without_tasks_cannot_listen(client: StreamClient, stubbed: Server, old: Old) -> None:
    channel = LegacyChannel(client, stubbed, {}, ANN)
    with pytest.raises(RuntimeError):
        async with channel.listen({}):
            pass
    await channel.close()


async def test_a_fault_in_one_stream_is_that_streams_alone(
    played: LegacyChannel, old: Old, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> None:
        raise KeyError

    monkeypatch.setattr(played, "follow", broken)
    async with played.listen({}) as happened:
        with pytest.raises(UpstreamFailed, match="internal error"):
            await anext(happened)


async def test_a_question_while_a_resource_is_subscribed_to_is_refused(
    played: LegacyChannel, old: Old, stub: Stub
) -> None:
    async def answer(message: Json, send: Send) -> None:
        events = Events(send)
        await events.start()
        await events.message({"jsonrpc": "2.0", "id": "q", "method": "roots/list"})
        await events.message({"jsonrpc": "2.0", "method": "notifications/message"})
        await events.message({"jsonrpc": "2.0", "id": message["id"], "result": OK})
        await events.end()

    old.answer = answer
    async with played.listen({"resourceSubscriptions": ["note://a"]}):
        await until(lambda: any(b'"id":"q","error"' in body for _, _, body in stub.requests))
