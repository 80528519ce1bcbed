"""Conversations with backends over HTTP+SSE (2024-11-05)."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
import pytest
from anyio.abc import TaskGroup
from starlette.types import Receive, Scope, Send

from airegistry.core.assets import Json, Server
from airegistry.core.errors import UpstreamFailed
from airegistry.egress.stream import StreamClient
from airegistry.gateway.channels.exchange import Channel, Notice, Question
from airegistry.gateway.channels.legacy_sse import LegacySseChannel
from airegistry.gateway.errors import BadAnswer, CredentialRefused
from tests.gateway.channels.conftest import Backends, busy
from tests.gateway.channels.play import ANN, INITIALIZED, Events, ask, hang_up, progress, send_status, sent, told, tool
from tests.gateway.desk import signals
from tests.gateway.stub import Stub
from tests.gateway.world import until

pytestmark = pytest.mark.anyio
OK: Json = {"ok": True}


@pytest.fixture
async def desk(backends: Backends, client: StreamClient, tasks: TaskGroup) -> AsyncIterator[LegacySseChannel]:
    channel = LegacySseChannel(client, backends.sse, {}, ANN, tasks)
    port: Channel = channel
    assert port is channel
    yield channel
    await channel.close()


class OldSse:
    """A backend that keeps one stream; `answer` reacts to requests."""

    def __init__(self, stub: Stub) -> None:
        self.stub = stub
        self.endpoint = "/messages?s=1"
        self.status = 202
        self.refusal = b""
        self.streams: list[Events] = []
        self.ended = anyio.Event()
        self.answer: Callable[[Json], Awaitable[None]] = self.fine
        stub.answer = self

    @property
    def stream(self) -> Events:
        return self.streams[-1]

    async def fine(self, message: Json) -> None:
        await self.stream.message({"jsonrpc": "2.0", "id": message["id"], "result": OK})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        verb, _, body = self.stub.requests[-1]
        if verb == "GET":
            events = Events(send)
            await events.start()
            await events.message(self.endpoint, kind="endpoint")
            self.streams.append(events)
            self.ended = anyio.Event()
            async with anyio.create_task_group() as group:
                group.start_soon(self.until_ended, group.cancel_scope)
                await hang_up(receive)
                group.cancel_scope.cancel()
            self.streams.remove(events)
            return
        message: Json = json.loads(body)
        opening = message.get("method") == "initialize"
        await send_status(send, 202 if opening or "id" not in message else self.status, self.refusal)
        if opening:
            await self.stream.message({"jsonrpc": "2.0", "id": message["id"], "result": INITIALIZED})
        elif "method" in message and "id" in message and self.status < 300:
            await self.answer(message)

    async def until_ended(self, scope: anyio.CancelScope) -> None:
        await self.ended.wait()
        await self.stream.end()
        scope.cancel()


@pytest.fixture
def old(stub: Stub) -> OldSse:
    return OldSse(stub)


@pytest.fixture
async def played(
    stub: Stub, stubbed: Server, client: StreamClient, tasks: TaskGroup
) -> AsyncIterator[LegacySseChannel]:
    server = stubbed.model_copy(update={"transport": "sse"})
    channel = LegacySseChannel(client, server, {"x-key": "k"}, ANN, tasks)
    yield channel
    await channel.close()


async def test_everything_comes_on_one_stream(desk: LegacySseChannel) -> None:
    opening = await desk.open()
    assert opening.server_info["name"] == "desk"
    seen: dict[str, object] = {}

    async def one(text: str) -> None:
        before, answer = await told(desk, "tools/call", tool("canary", "same", text=text))
        assert progress(before) == [("same", 1)]
        assert answer.result is not None
        seen[text] = answer.result["structuredContent"]

    async with anyio.create_task_group() as group:
        for text in "abcdef":
            group.start_soon(one, text)
    assert seen == {text: {"result": text} for text in "abcdef"}


async def test_a_question_goes_to_the_exchange_under_way(desk: LegacySseChannel) -> None:
    before, answer = await told(desk, "tools/call", tool("ask"))
    assert [event.method for event in before if isinstance(event, Question)] == ["elicitation/create"]
    assert answer.result is not None
    assert answer.result["structuredContent"] == {"result": "accept:Ann"}


async def test_leaving_an_exchange_tells_the_backend(desk: LegacySseChannel) -> None:
    async with desk.request("tools/call", tool("hang", "t")) as exchange:
        assert isinstance(await anext(aiter(exchange)), Notice)
    with anyio.fail_after(5):
        await signals.cancelled.wait()


ELSEWHERE = ["http://127.0.0.1:1/m", "https://127.0.0.1/m", "//evil.test/m", "http://[", "http://127.0.0.1:x/"]


@pytest.mark.parametrize("endpoint", ELSEWHERE)
async def test_an_endpoint_elsewhere_gets_nothing(
    played: LegacySseChannel, old: OldSse, stub: Stub, endpoint: str
) -> None:
    old.endpoint = endpoint
    with pytest.raises(BadAnswer, match="endpoint is"):
        await played.open()
    assert [verb for verb, *_ in stub.requests] == ["GET"]


async def test_the_endpoint_may_be_named_in_full(played: LegacySseChannel, old: OldSse, stubbed: Server) -> None:
    old.endpoint = f"{str(stubbed.url).removesuffix('/mcp')}/elsewhere"
    assert (await ask(played, "tools/list")).result == OK


async def test_a_stream_that_is_lost_fails_what_is_under_way_and_is_opened_anew(
    played: LegacySseChannel, old: OldSse, stub: Stub
) -> None:
    async def end(message: Json) -> None:
        old.ended.set()

    await ask(played, "logging/setLevel", {"level": "debug"})
    old.answer = end
    failures = []

    async def fail() -> None:
        with pytest.raises(UpstreamFailed, match="ended its event stream"):
            await ask(played, "tools/list")
        failures.append(1)

    async with anyio.create_task_group() as group:
        group.start_soon(fail)
        group.start_soon(fail)
    assert len(failures) == 2
    old.answer = old.fine
    assert (await ask(played, "tools/list")).result == OK
    assert sent(stub, "logging/setLevel") == [{"level": "debug"}] * 2


@pytest.mark.parametrize(("status", "refusal"), [(404, b""), (400, b"unknown session")])
async def test_a_session_that_is_lost_is_opened_anew_once(
    played: LegacySseChannel, old: OldSse, stub: Stub, status: int, refusal: bytes
) -> None:
    await played.open()
    old.status, old.refusal = status, refusal
    with pytest.raises(BadAnswer, match="loses its sessions"):
        await ask(played, "tools/list")
    assert len(sent(stub, "initialize")) == 2


async def test_a_request_that_is_refused_is_a_failure(played: LegacySseChannel, old: OldSse, stub: Stub) -> None:
    old.status = 500
    with pytest.raises(BadAnswer, match="answered 500"):
        await ask(played, "tools/list")
    old.status = 401
    with pytest.raises(CredentialRefused):
        await ask(played, "tools/list")
    assert sent(stub, "notifications/cancelled") == []


async def test_what_belongs_to_no_request_is_for_the_listeners(
    played: LegacySseChannel, old: OldSse, stub: Stub
) -> None:
    async with played.listen({"toolsListChanged": True, "resourceSubscriptions": ["note://a"]}) as happened:
        for message in (
            {"id": 99, "result": {}}, {"method": "notifications/progress", "params": {"progressToken": 99}},
            {"id": "p", "method": "ping"}, {"id": "q", "method": "roots/list"},
            {"method": "notifications/message", "params": {}}, {"method": "notifications/tools/list_changed"},
            {"method": "notifications/resources/updated", "params": {"uri": "note://a"}},
        ):  # fmt: skip
            await old.stream.message({"jsonrpc": "2.0", **message})
        heard = [await anext(happened) for _ in range(4)]
        await until(lambda: b'"id":"p"' in stub.requests[-1][2])
        old.ended.set()
        await until(lambda: len(sent(stub, "initialize")) == 2 and bool(old.streams))
        await old.stream.message({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
        assert isinstance(await anext(happened), Notice)
        await until(lambda: len(sent(stub, "resources/subscribe")) == 2)
    assert heard[0] == Question("q", "roots/list", {})
    assert [event.message["method"] for event in heard if isinstance(event, Notice)] == [
        "notifications/message", "notifications/tools/list_changed", "notifications/resources/updated",
    ]  # fmt: skip
    assert sent(stub, "resources/subscribe") == [{"uri": "note://a"}] * 2


async def test_a_question_that_nobody_hears_is_refused(played: LegacySseChannel, old: OldSse, stub: Stub) -> None:
    await played.open()
    await old.stream.message({"jsonrpc": "2.0", "id": "q", "method": "roots/list"})
    await until(lambda: b'"id":"q"' in stub.requests[-1][2])
    assert json.loads(stub.requests[-1][2])["error"]["code"] == -32601


async def test_an_error_without_an_id_is_the_answer_where_only_one_can_be_meant(
    played: LegacySseChannel, old: OldSse
) -> None:
    async def answer(message: Json) -> None:
        await old.stream.message({"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "m"}})

    old.answer = answer
    assert (await ask(played, "tools/list")).error == {"code": -32600, "message": "m"}


NONE: list[tuple[int, list[tuple[bytes, bytes]], bytes, str]] = [
    (200, [(b"content-type", b"application/json")], b"{}", "neither JSON nor"),
    (404, [], b"", "neither JSON nor"),
    (200, [(b"content-type", b"text/event-stream")], b": nothing\n\n", "without an endpoint"),
    (200, [(b"content-type", b"text/event-stream")], b"x" * (33 * 2**20), "an event of more than"),
    (302, [(b"location", b"/elsewhere")], b"", "answered 302"),
    (401, [], b"", "answered 401"),
]


@pytest.mark.parametrize(("status", "headers", "body", "why"), NONE, ids=range(len(NONE)))
async def test_a_stream_that_is_none_is_a_failure(
    played: LegacySseChannel, stub: Stub, status: int, headers: list[tuple[bytes, bytes]], body: bytes, why: str
) -> None:
    stub.status, stub.headers, stub.body = status, headers, body
    with pytest.raises(BadAnswer, match=why):
        await played.open()


async def test_nonsense_on_the_stream_is_its_end(played: LegacySseChannel, old: OldSse) -> None:
    async def answer(message: Json) -> None:
        await old.stream.raw(b"data: [\n\n")

    old.answer = answer
    with pytest.raises(UpstreamFailed, match="not JSON"):
        await ask(played, "tools/list")


async def test_closing_ends_stream_task_and_what_is_under_way(
    played: LegacySseChannel, old: OldSse, client: StreamClient, tasks: TaskGroup
) -> None:
    async def close(message: Json) -> None:
        await played.close()

    old.answer = close
    with pytest.raises(UpstreamFailed, match="closed"):
        await ask(played, "tools/list")
    await until(lambda: busy(client) == 0 and not old.streams)
