"""Messages to agents in traces, as messages to servers are."""

from collections.abc import AsyncIterator
from secrets import token_hex

import pytest

from tests.support import mcp
from tests.support.asgi import serve
from tests.support.otlp import attributes
from tests.telemetry.agent import SAID, agent, register, say
from tests.telemetry.test_traces import CLIENT, SERVER, spans_of
from tests.telemetry.world import OPERATOR, SPAN, World, telling

pytestmark = pytest.mark.anyio
REQUEST, MESSAGE = ("POST /agents/{path}", SERVER), ("message/send", SERVER)


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with telling(tmp_path_factory.mktemp("telemetry")) as world, serve(agent()) as behind:
        await register(world, "planner", f"{behind}/a2a")
        await register(world, "gone", "http://127.0.0.1:9/a2a")
        yield world


async def test_client_gateway_and_agent_are_one_trace(world: World) -> None:
    trace = token_hex(16)
    answer = await say(world, "planner", traceparent=f"00-{trace}-{SPAN}-01")
    assert answer.json()["result"]["parts"][0]["text"] == SAID
    request, message, sent = await spans_of(world, trace, REQUEST, MESSAGE, ("POST", CLIENT))
    assert request.parent_span_id.hex() == SPAN
    assert (message.parent_span_id, sent.parent_span_id) == (request.span_id, message.span_id)
    assert attributes(message) == {
        "a2a.method.name": "message/send", "a2a.protocol.version": "0.3", "a2a.binding": "JSONRPC",
        "airegistry.agent": "planner", "jsonrpc.request.id": "r1", "gen_ai.operation.name": "invoke_agent",
        "airegistry.decision": "allow", "airegistry.outcome": "ok",
    }  # fmt: skip
    assert SAID not in world.collector.text()


async def test_a_refusal_and_a_failure_say_so(world: World) -> None:
    for path, decision, error in (("gone", "allow", "upstream_failed"), ("nowhere", "deny", "not_found")):
        trace = token_hex(16)
        await say(world, path, traceparent=f"00-{trace}-{SPAN}-01")
        told = attributes((await spans_of(world, trace, MESSAGE))[0])
        assert (told["airegistry.agent"], told["airegistry.decision"]) == (path, decision)
        assert error in (told["airegistry.outcome"], told.get("error.type")), told


async def test_who_is_cut_off_is_told_of_by_its_code(world: World) -> None:
    await mcp.ask(f"{world.url}/mcp", OPERATOR, "quarantine", kind="agent", id="planner", reason="a try")
    trace = token_hex(16)
    await say(world, "planner", traceparent=f"00-{trace}-{SPAN}-01")
    told = attributes((await spans_of(world, trace, MESSAGE))[0])
    assert (told["airegistry.decision"], told["error.type"]) == ("deny", "quarantined")
    await mcp.ask(f"{world.url}/mcp", OPERATOR, "lift_quarantine", kind="agent", id="planner")


async def test_a_trace_that_its_caller_does_not_record_is_not_recorded_here(world: World) -> None:
    trace = token_hex(16)
    await say(world, "planner", traceparent=f"00-{trace}-{SPAN}-00")
    await test_client_gateway_and_agent_are_one_trace(world)
    assert not [span for span in world.collector.spans if span.trace_id.hex() == trace]
