"""Requests to backends that report and ask on their event stream instead of in the answer, as the Python SDK 1.x."""

from collections.abc import AsyncIterator

import anyio
import pytest
from anyio.abc import TaskGroup
from starlette.types import Receive, Send

from airegistry.core.assets import Json, Server
from airegistry.core.errors import UpstreamFailed
from airegistry.egress.stream import StreamClient
from airegistry.gateway.channels import standing
from airegistry.gateway.channels.exchange import Answer, Client, Notice, Question
from airegistry.gateway.channels.legacy import LegacyChannel
from airegistry.gateway.channels.wire import MAX_ANSWER
from airegistry.gateway.errors import BadAnswer, CredentialRefused
from tests.gateway.channels.conftest import busy
from tests.gateway.channels.play import ANN, Apart, Events, ask, hang_up, progress, send_json, send_status, told, tool
from tests.gateway.stub import Stub
from tests.gateway.world import until

pytestmark = pytest.mark.anyio
NOT_HEARD = {"error": {"code": -32601, "message": "not supported by this client"}}


@pytest.fixture
def apart(stub: Stub) -> Apart:
    return Apart(stub)


@pytest.fixture
async def channel(
    apart: Apart, stubbed: Server, client: StreamClient, tasks: TaskGroup
) -> AsyncIterator[LegacyChannel]:
    channel = LegacyChannel(client, stubbed, {}, ANN, tasks)
    yield channel
    await channel.close()
    await until(lambda: not apart.streams)


def text(answer: Answer) -> object:
    assert answer.result is not None
    content = answer.result["content"]
    assert isinstance(content, list)
    assert isinstance(content[0], dict)
    return content[0]["text"]


async def test_progress_on_the_event_stream_reaches_the_request_it_is_about(
    channel: LegacyChannel, apart: Apart
) -> None:
    seen: dict[str, list[tuple[object, object]]] = {}

    async def one(token: str) -> None:
        before, _ = await told(channel, "tools/call", tool("report", token))
        seen[token] = progress(before)

    async with anyio.create_task_group() as group:
        for token in ("a", "b", "c"):
            group.start_soon(one, token)
    assert seen == {token: [(token, 0), (token, 1), (token, 2)] for token in ("a", "b", "c")}
    assert apart.opened == 1


async def test_a_question_on_the_event_stream_is_answered_while_the_answer_is_waited_for(
    channel: LegacyChannel, apart: Apart
) -> None:
    before, answer = await told(channel, "tools/call", tool("ask"))
    (question,) = before
    assert isinstance(question, Question)
    assert question.method == "elicitation/create"
    assert '"value": "Ann"' in str(text(answer))
    assert apart.opened == 1


async def test_a_question_is_that_of_the_one_call_that_does_not_wait_for_an_answer(
    channel: LegacyChannel, apart: Apart
) -> None:
    async with channel.request("tools/call", tool("ask")) as waiting:
        question = await anext(aiter(waiting))
        assert isinstance(question, Question)
        before, _ = await told(channel, "tools/call", tool("ask"))
        assert len(before) == 1
        await waiting.reply(question, {"result": {}})
        assert isinstance(await anext(aiter(waiting)), Answer)


async def test_a_question_that_several_calls_may_have_asked_is_refused(channel: LegacyChannel, apart: Apart) -> None:
    apart.go = anyio.Event()
    answers: list[Answer] = []

    async def one(name: str) -> None:
        answers.append((await told(channel, "tools/call", tool(name)))[1])

    async with anyio.create_task_group() as group:
        group.start_soon(one, "idle")
        group.start_soon(one, "idle")
        await until(lambda: apart.arrived == 2)
        assert await apart.question("q") == NOT_HEARD
        apart.go.set()
    assert [text(answer) for answer in answers] == ["done", "done"]


async def test_a_question_of_nobody_is_refused(channel: LegacyChannel, apart: Apart) -> None:
    """Lists cannot be asked in the course of, and what is over is not asked."""
    await told(channel, "tools/call", tool("report", "t"))
    assert await apart.question("q", "roots/list") == NOT_HEARD
    apart.go = anyio.Event()
    params: Json = {"_meta": {"progressToken": "t"}}
    async with anyio.create_task_group() as group:
        group.start_soon(ask, channel, "tools/list", params)
        await until(lambda: apart.arrived == 2)
        assert await apart.question("q", "roots/list") == NOT_HEARD
        apart.go.set()


async def test_a_question_that_outlives_its_call_is_refused(channel: LegacyChannel, apart: Apart) -> None:
    with anyio.fail_after(5):
        async with channel.request("tools/call", tool("ask")) as exchange:
            assert isinstance(await anext(aiter(exchange)), Question)
        await until(lambda: "notifications/cancelled" in apart.seen())
        await until(lambda: "reply" in apart.seen())


async def test_a_listener_that_takes_the_rest_is_asked_first(channel: LegacyChannel, apart: Apart) -> None:
    apart.go = anyio.Event()
    async with (
        channel.listen({}) as events, channel.listen({}, rest=False), channel.request("tools/call", tool("idle")),
    ):  # fmt: skip
        await until(lambda: apart.arrived == 1)
        await apart.unasked(id="q", method="roots/list")
        assert await anext(aiter(events)) == Question("q", "roots/list", {})
    await until(lambda: apart.opened == 1)


async def test_a_listener_to_changes_leaves_questions_to_the_call(channel: LegacyChannel, apart: Apart) -> None:
    async with channel.listen({"toolsListChanged": True}, rest=False):
        before, _ = await told(channel, "tools/call", tool("ask"))
    assert [type(event) for event in before] == [Question]
    assert len(apart.streams) == 1  # the call has it stay, though the listener is gone


async def test_log_messages_go_to_the_newest_call(channel: LegacyChannel, apart: Apart) -> None:
    before, _ = await told(channel, "tools/call", tool("log"))
    assert [event.message["method"] for event in before if isinstance(event, Notice)] == ["notifications/message"]
    await apart.unasked(method="notifications/message", params={})
    await apart.unasked(method="notifications/tools/list_changed")
    await apart.unasked(method="notifications/progress", params={"progressToken": 99, "progress": 1})
    await apart.unasked(method="notifications/progress", params={"progressToken": "none"})
    await apart.unasked(method="notifications/progress")
    assert (await told(channel, "tools/call", tool("report", "t")))[0] != []


async def test_a_request_that_wants_nothing_opens_no_stream(
    apart: Apart, stubbed: Server, client: StreamClient, tasks: TaskGroup
) -> None:
    silent = LegacyChannel(client, stubbed, {}, Client({}, {}), tasks)
    await ask(silent, "tools/call", tool("report"))
    await ask(silent, "tools/list")
    assert apart.opened == 0
    await silent.close()


async def test_a_backend_without_an_event_stream_is_asked_for_it_once(channel: LegacyChannel, apart: Apart) -> None:
    apart.get = lambda send, *_: send_status(send, 405)
    for _ in range(3):
        assert text(await ask(channel, "tools/call", tool("report", "t"))) == "done"
    await channel.standing.open(1)  # as a request does that could not be sent at first
    assert apart.seen().count("GET") == 1


async def test_a_stream_that_ended_is_opened_again_for_the_next_request(
    channel: LegacyChannel, apart: Apart, client: StreamClient
) -> None:
    await told(channel, "tools/call", tool("report", "t"))
    apart.ended.set()
    await until(lambda: busy(client) == 0)
    apart.ended = anyio.Event()
    assert len((await told(channel, "tools/call", tool("report", "t")))[0]) == 3
    assert apart.opened == 2


async def test_a_stream_that_ends_under_a_request_is_opened_again(
    channel: LegacyChannel, apart: Apart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "_REOPEN_SECONDS", 0.001)
    await told(channel, "tools/call", tool("report", "t"))
    apart.go = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(told, channel, "tools/call", tool("ask"))
        await until(lambda: apart.arrived == 2)
        apart.ended.set()
        await until(lambda: not apart.streams)
        apart.ended = anyio.Event()
        await until(lambda: len(apart.streams) == 1)
        apart.go.set()


async def test_a_stream_that_keeps_ending_is_given_up_for_the_session(
    channel: LegacyChannel, apart: Apart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "_REOPEN_SECONDS", 0.001)
    apart.get = lambda send, *_: send_status(send, 503)
    for _ in range(20):
        with anyio.fail_after(5):
            await ask(channel, "tools/call", tool("report", "t"))
    assert apart.seen().count("GET") <= 6


async def test_a_session_that_was_lost_gets_a_stream_of_its_own(channel: LegacyChannel, apart: Apart) -> None:
    await told(channel, "tools/call", tool("report", "t"))
    apart.restart()
    before, _ = await told(channel, "tools/call", tool("report", "t"))
    assert progress(before) == [("t", 0), ("t", 1), ("t", 2)]
    assert apart.seen().count("initialize") == 2
    await until(lambda: len(apart.streams) == 1)


async def test_a_stream_without_a_head_holds_up_the_first_request_only(
    channel: LegacyChannel, apart: Apart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "HEAD_SECONDS", 0.2)

    async def mute(send: Send, headers: dict[str, str], receive: Receive) -> None:
        await hang_up(receive)

    apart.get = mute
    began = anyio.current_time()
    for _ in range(10):
        await ask(channel, "tools/call", tool("idle", "t"))
    assert 0.2 <= anyio.current_time() - began < 1.5
    assert apart.seen().count("GET") == 1


async def test_what_nobody_reads_holds_up_the_backend(channel: LegacyChannel, apart: Apart) -> None:
    """Messages of an answer are read one ahead; those of the event stream are counted."""
    sent: list[int] = []

    async def pour(message: Json, send: Send) -> None:
        events = Events(send)
        await events.start()
        for number in range(400):
            padding = {"level": "info", "data": "x" * 2**20}
            await events.message({"jsonrpc": "2.0", "method": "notifications/message", "params": padding})
            sent.append(number)

    apart.answer = pour
    async with channel.request("tools/call", tool("idle", "t")) as exchange:
        assert isinstance(await anext(aiter(exchange)), Notice)
        with anyio.move_on_after(0.3):
            await until(lambda: len(sent) > 32)
        assert len(sent) <= 32


async def test_too_much_on_the_event_stream_is_a_failure_of_the_request(channel: LegacyChannel, apart: Apart) -> None:
    apart.go = anyio.Event()
    message: Json = {"jsonrpc": "2.0", "method": "notifications/message", "params": {}}
    async with channel.request("tools/call", tool("idle")) as exchange:
        events = aiter(exchange)
        await until(lambda: apart.arrived == 1)
        for _ in range(2):
            channel.deliver(message, MAX_ANSWER // 2 + 1)
        assert isinstance(await anext(events), Notice)
        with pytest.raises(BadAnswer, match="wait to be read"):
            await anext(events)


async def test_failures_are_raised_where_the_request_is_made(channel: LegacyChannel, apart: Apart, stub: Stub) -> None:
    async def broken(message: Json, send: Send) -> None:
        await send_json(send, [], status=500)

    apart.answer = broken
    with pytest.raises(UpstreamFailed):
        await ask(channel, "tools/call", tool("idle"))
    stub.answer, stub.status = stub.plain, 401
    with pytest.raises(CredentialRefused):
        await ask(channel, "tools/call", tool("idle"))


async def test_an_answer_that_ends_too_early_is_a_failure(channel: LegacyChannel, apart: Apart) -> None:
    async def end(message: Json, send: Send) -> None:
        events = Events(send)
        await events.start()
        await events.end()

    apart.answer = end
    with pytest.raises(BadAnswer, match="without a result"):
        await ask(channel, "tools/call", tool("idle"))


async def test_a_call_that_is_given_up_tells_the_backend(channel: LegacyChannel, apart: Apart) -> None:
    apart.go = anyio.Event()
    with anyio.move_on_after(0.1):
        await ask(channel, "tools/call", tool("idle", "t"))
    assert "notifications/cancelled" in apart.seen()
