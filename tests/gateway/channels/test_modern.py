"""Conversations with backends of the modern era."""

import json

import anyio
import anyio.lowlevel
import pytest
from mcp.shared.subscriptions import ResourceUpdated, ToolsListChanged
from starlette.types import Receive, Scope, Send

from airegistry.core.assets import Json, Server
from airegistry.core.errors import UpstreamFailed
from airegistry.egress.stream import StreamClient
from airegistry.gateway.channels.exchange import Channel, Client, Notice, Question
from airegistry.gateway.channels.modern import ModernChannel
from airegistry.gateway.errors import BadAnswer, CredentialRefused
from tests.gateway.channels.conftest import Backends
from tests.gateway.channels.play import ANN, Events, ask, hang_up, progress, send_json, told, tool
from tests.gateway.desk import signals
from tests.gateway.stub import JSON, SSE, Stub
from tests.gateway.world import server_at, until

pytestmark = pytest.mark.anyio


@pytest.fixture
def desk(backends: Backends, client: StreamClient) -> ModernChannel:
    channel = ModernChannel(client, backends.full, {}, ANN)
    port: Channel = channel
    assert port is channel
    return channel


@pytest.fixture
def played(stub: Stub, stubbed: Server, client: StreamClient) -> ModernChannel:
    return ModernChannel(client, stubbed, {"X-Key": "k", "Mcp-Method": "smuggled"}, ANN)


async def test_a_backend_introduces_itself_once(desk: ModernChannel) -> None:
    opening = await desk.open()
    assert (opening.version, opening.server_info["name"]) == ("2026-07-28", "desk")
    assert "tools" in opening.capabilities
    assert await desk.open() is opening


async def test_notices_come_before_the_answer_under_the_clients_token(desk: ModernChannel) -> None:
    before, answer = await told(desk, "tools/call", tool("canary", "t1", text="x"))
    assert progress(before) == [("t1", 1)]
    assert answer.result is not None
    assert answer.result["structuredContent"] == {"result": "x"}


async def test_a_backend_may_ask_in_its_answer(desk: ModernChannel) -> None:
    answer = await ask(desk, "tools/call", tool("ask_modern"))
    assert answer.result is not None
    assert answer.result["resultType"] == "input_required"


async def test_connections_are_kept_for_the_next_request(desk: ModernChannel, client: StreamClient) -> None:
    await told(desk, "tools/call", tool("canary", "t1", text="x"))
    before = client.connections
    for _ in range(3):
        await told(desk, "tools/call", tool("canary", "t1", text="x"))
    assert client.connections == before


async def test_leaving_an_exchange_cancels_it_at_the_backend(desk: ModernChannel) -> None:
    async with desk.request("tools/call", tool("hang", "t")) as exchange:
        assert isinstance(await anext(aiter(exchange)), Notice)
    with anyio.fail_after(5):
        await signals.cancelled.wait()


async def test_a_listener_hears_what_it_asked_for(desk: ModernChannel, backends: Backends) -> None:
    wanted: Json = {"toolsListChanged": True, "resourceSubscriptions": ["note://open"]}
    heard: list[Notice | Question] = []

    async def listen() -> None:
        async with desk.listen(wanted) as events:
            async for event in events:
                heard.append(event)

    async with anyio.create_task_group() as group:
        group.start_soon(listen)
        await until(lambda: len(backends.bus._listeners) == 1)
        await backends.bus.publish(ToolsListChanged())
        await backends.bus.publish(ResourceUpdated("note://open"))
        await until(lambda: len(heard) == 2)
        group.cancel_scope.cancel()
    await until(lambda: not backends.bus._listeners)
    assert [event.message["method"] for event in heard if isinstance(event, Notice)] == [
        "notifications/tools/list_changed", "notifications/resources/updated",
    ]  # fmt: skip
    assert "subscriptionId" not in json.dumps([event.message for event in heard if isinstance(event, Notice)])


async def test_listening_to_a_backend_that_has_nothing_to_tell_is_waiting(stub: Stub, played: ModernChannel) -> None:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        id = json.loads(stub.requests[-1][2])["id"]
        await send_json(send, {"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "m"}}, status=404)

    stub.answer = answer
    async with played.listen({}) as events:
        with anyio.move_on_after(0.1) as patience:
            await anext(events)
    assert patience.cancelled_caught
    assert len(stub.requests) == 1


@pytest.mark.parametrize(
    ("tail", "end"), [({"result": {}}, None), ({"error": {"code": 1}}, "refuses to be listened to"), (None, "broke")]
)
async def test_a_subscription_that_ends(stub: Stub, played: ModernChannel, tail: Json | None, end: str | None) -> None:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        events, id = Events(send), json.loads(stub.requests[-1][2])["id"]
        await events.start()
        await events.message({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged"})
        meta = {"io.modelcontextprotocol/subscriptionId": id, "own": 1}
        await events.message({"method": "notifications/tools/list_changed", "params": {"_meta": meta}})
        if tail is not None:
            await events.message({"jsonrpc": "2.0", "id": id, **tail})
        await events.end()

    stub.answer = answer
    async with played.listen({"toolsListChanged": True}) as events:
        notice = await anext(events)
        assert isinstance(notice, Notice)
        assert notice.message["params"] == {"_meta": {"own": 1}}
        if end is None:
            assert [event async for event in events] == []
        else:
            with pytest.raises(BadAnswer, match=end):
                await anext(events)


async def test_the_era_and_the_gateway_have_the_last_word(stub: Stub, played: ModernChannel) -> None:
    stub.headers, stub.body = [JSON], b'{"jsonrpc":"2.0","id":1,"result":{}}'
    own = "io.modelcontextprotocol/"
    meta: Json = {"traceparent": "00-1", f"{own}logLevel": "info", f"{own}protocolVersion": "1999-01-01"}
    await ask(played, "tools/list", {"_meta": meta, "cursor": "c"})
    _, headers, body = stub.requests[0]
    params = json.loads(body)["params"]
    assert params["cursor"] == "c"
    assert params["_meta"] == {
        "traceparent": "00-1", f"{own}logLevel": "info", f"{own}protocolVersion": "2026-07-28",
        f"{own}clientInfo": ANN.info, f"{own}clientCapabilities": ANN.capabilities,
    }  # fmt: skip
    assert (headers["x-key"], headers["mcp-method"]) == ("k", "tools/list")


async def test_headers_that_a_schema_may_not_ask_for_are_left_out(
    stub: Stub, stubbed: Server, client: StreamClient
) -> None:
    schema: Json = {"type": "object", "properties": {"a": {"type": "string", "x-mcp-header": "bad name"}}}
    server = server_at("stub", str(stubbed.url), tools=[{"name": "t", "inputSchema": schema}])
    await ask(ModernChannel(client, server, {}, Client({})), "tools/call", tool("t", a="1"))
    assert not [name for name in stub.requests[0][1] if name.startswith("mcp-param")]


async def test_notifications_of_a_client_stay_here(stub: Stub, played: ModernChannel) -> None:
    await played.notify("notifications/roots/list_changed", {})
    await played.close()
    assert stub.requests == []


async def test_a_credential_that_is_refused_can_be_told_from_other_failures(stub: Stub, played: ModernChannel) -> None:
    stub.status = 401
    with pytest.raises(CredentialRefused):
        await ask(played, "tools/list")
    stub.status = 403
    with pytest.raises(BadAnswer) as refused:
        await ask(played, "tools/list")
    assert not isinstance(refused.value, CredentialRefused)


BAD = [
    ([SSE], b'data: {"jsonrpc":"2.0","id":"q","method":"elicitation/create"}\n\n', "its era does not have"),
    ([SSE], b'data: {"jsonrpc":"2.0","id":2,"result":{}}\n\n', "without a result"),
    ([SSE], b"data: " + b"x" * (32 * 2**20) + b"\n\n", "longer than"),
    ([SSE], b"data: x\n\n", "not JSON"),
    ([(b"content-type", b"text/html")], b"<p>", "neither JSON nor"),
    ([JSON], b'{"id":1,"result":1}', "neither a result nor an error"),
]


@pytest.mark.parametrize(("headers", "body", "why"), BAD, ids=[why for *_, why in BAD])
async def test_nonsense_is_a_failure_of_the_backend(
    stub: Stub, played: ModernChannel, headers: list[tuple[bytes, bytes]], body: bytes, why: str
) -> None:
    stub.headers, stub.body = headers, body
    with pytest.raises(BadAnswer, match=why):
        await ask(played, "tools/list")


OPENINGS = [
    ({"result": {"supportedVersions": ["2031-01-01"]}}, "did not agree"),
    ({"result": {}}, "did not agree"),
    ({"error": {"code": -32601, "message": "m"}}, "does not introduce itself"),
]


@pytest.mark.parametrize(("body", "why"), OPENINGS, ids=range(len(OPENINGS)))
async def test_a_backend_that_does_not_introduce_itself(
    stub: Stub, played: ModernChannel, body: Json, why: str
) -> None:
    stub.body = json.dumps({"jsonrpc": "2.0", "id": 1, **body}).encode()
    with pytest.raises(BadAnswer, match=why):
        await played.open()


async def test_an_endless_answer_is_given_up_and_the_backend_notices(stub: Stub, played: ModernChannel) -> None:
    gone = anyio.Event()

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        events = Events(send)
        await events.start()
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(flood, events)
                await hang_up(receive)
                group.cancel_scope.cancel()
        finally:
            gone.set()

    async def flood(events: Events) -> None:
        while True:
            await events.raw(b": " + b"x" * 2**20 + b"\n\n")
            await anyio.lowlevel.checkpoint()

    stub.answer = answer
    with pytest.raises(BadAnswer, match="longer than"):
        await ask(played, "tools/list")
    with anyio.fail_after(5):
        await gone.wait()


async def test_an_address_that_may_not_be_reached_is_the_backends_failure(
    client: StreamClient, stubbed: Server
) -> None:
    server = stubbed.model_copy(update={"url": "http://169.254.169.254/mcp"})
    with pytest.raises(UpstreamFailed):
        await ask(ModernChannel(client, server, {}, ANN), "tools/list")
