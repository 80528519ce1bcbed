"""Traces as a collector gets them."""

from collections.abc import AsyncIterator
from secrets import token_hex

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.otlp import attributes
from tests.telemetry.world import OPERATOR, SPAN, TRACEPARENT, World, telling

pytestmark = pytest.mark.anyio
SERVER, CLIENT = Span.SpanKind.SPAN_KIND_SERVER, Span.SpanKind.SPAN_KIND_CLIENT
SAID = "correct-horse-battery"


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with telling(tmp_path_factory.mktemp("telemetry"), given={"embedder": "minilm"}) as world:
        yield world


async def spans_of(world: World, trace: str, *wanted: tuple[str, "Span.SpanKind.ValueType | None"]) -> list[Span]:
    """The spans of a trace by name and kind, once all of them are there."""

    def found() -> list[Span]:
        there = [span for span in world.collector.spans if span.trace_id.hex() == trace]
        first = [next((s for s in there if s.name == name and kind in {None, s.kind}), None) for name, kind in wanted]
        return [span for span in first if span is not None]

    await world.collector.until(lambda: len(found()) == len(wanted))
    return found()


GATEWAY = ("POST /{server}/mcp", SERVER), ("tools/call mirror", SERVER), ("tools/call mirror", CLIENT)


async def check_gateway(world: World) -> None:
    """A call through the gateway is one trace with its client's and its backend's."""
    trace = token_hex(16)
    shown = await world.mirrored(traceparent=f"00-{trace}-{SPAN}-01")
    request, served, sent = await spans_of(world, trace, *GATEWAY)
    assert request.parent_span_id.hex() == SPAN
    assert served.parent_span_id == request.span_id
    assert sent.parent_span_id == served.span_id
    assert shown["headers"]["traceparent"] == shown["meta"]["traceparent"] == f"00-{trace}-{sent.span_id.hex()}-01"
    assert attributes(request) == {
        "http.request.method": "POST", "url.scheme": "http", "http.route": "/{server}/mcp",
        "http.response.status_code": 200,
    }  # fmt: skip
    told = attributes(served)
    assert told["airegistry.server"] == "mirror"
    assert (told["airegistry.decision"], told["airegistry.outcome"]) == ("allow", "ok")
    assert (told["gen_ai.operation.name"], told["gen_ai.tool.name"]) == ("execute_tool", "mirror")
    assert (told["mcp.method.name"], told["mcp.protocol.version"]) == ("tools/call", "2026-07-28")
    assert attributes(sent)["server.address"] == "127.0.0.1"
    assert all(headers["authorization"] == "Bearer collector-key" for headers in world.collector.headers)


async def test_client_gateway_and_backend_are_one_trace(world: World) -> None:
    await check_gateway(world)


async def test_it_is_one_trace_by_grpc_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with telling(tmp_path_factory.mktemp("grpc"), grpc=True) as world:
        await check_gateway(world)
        await world.collector.until(lambda: "http.server.request.duration" in world.collector.figures)


async def test_a_message_belongs_to_the_trace_in_its_meta(world: World) -> None:
    trace = "5" * 32
    shown = await world.mirrored(meta={"traceparent": f"00-{trace}-{SPAN}-01", "tracestate": "vendor=1"})
    served, sent = await spans_of(world, trace, *GATEWAY[1:])
    assert served.parent_span_id.hex() == SPAN
    assert shown["meta"]["traceparent"] == f"00-{trace}-{sent.span_id.hex()}-01"
    assert shown["meta"]["tracestate"] == "vendor=1"


async def test_nothing_else_of_the_caller_goes_on(world: World) -> None:
    shown = await world.mirrored(traceparent=TRACEPARENT, baggage=f"key={SAID}", cookie=f"a={SAID}")
    assert SAID not in str(shown)


async def test_a_trace_that_its_caller_does_not_record_is_not_recorded_here(world: World) -> None:
    trace = "6" * 32
    shown = await world.mirrored(traceparent=f"00-{trace}-{SPAN}-00")
    assert shown["headers"]["traceparent"] == f"00-{trace}-{SPAN}-00", "it goes on as it came"
    await check_gateway(world)
    assert not [span for span in world.collector.spans if span.trace_id.hex() == trace]


async def test_search_vectors_and_index_are_one_trace(world: World) -> None:
    trace = "7" * 32
    arguments = {"query": f"how a call arrived {SAID}"}
    await world.call("/mcp", "search_registry", arguments, traceparent=f"00-{trace}-{SPAN}-01")
    request, tool, search, embed, index = await spans_of(
        world, trace, ("POST /mcp", SERVER), ("tools/call search_registry", SERVER), ("search", None), ("embed", None),
        ("index", None),
    )  # fmt: skip
    assert request.parent_span_id.hex() == SPAN
    assert tool.parent_span_id == request.span_id
    assert search.parent_span_id == tool.span_id
    assert embed.parent_span_id == index.parent_span_id == search.span_id
    assert attributes(search)["airegistry.results"] in range(1, 11)


async def test_a_registration_shows_its_scan_and_what_is_written(world: World) -> None:
    trace = "8" * 32
    arguments = {"path": "asked", "name": "Asked", "url": "http://127.0.0.1:9/mcp", "fetch": False}
    await world.call("/mcp", "register_service", arguments, traceparent=f"00-{trace}-{SPAN}-01")
    act, scan, put = await spans_of(world, trace, ("server:register", None), ("scan", None), ("put assets", CLIENT))
    assert {scan.trace_id, put.trace_id} == {act.trace_id}
    assert attributes(scan)["verdict"] == "pass"


async def test_a_refusal_is_told_by_its_code(world: World) -> None:
    trace = "9" * 32
    await world.call("/mcp", "get_server_details", {"path": "nowhere"}, traceparent=f"00-{trace}-{SPAN}-01")
    (span,) = await spans_of(world, trace, ("tools/call get_server_details", SERVER))
    assert attributes(span)["error.type"] == "not_found"
    assert span.status.code == span.status.STATUS_CODE_ERROR


async def test_no_span_holds_what_callers_say(world: World) -> None:
    await world.mirrored(traceparent=TRACEPARENT, cookie=SAID)
    await world.http.get(f"{world.url}/api/v1/servers/{SAID}?q={SAID}", headers={"traceparent": TRACEPARENT})
    await check_gateway(world)
    told = world.collector.text()
    assert SAID not in told
    assert OPERATOR not in told


async def test_a_token_is_minted_in_a_trace(world: World) -> None:
    trace = "a" * 32
    await world.call("/mcp", "create_token", {"name": "told"}, traceparent=f"00-{trace}-{SPAN}-01")
    await spans_of(world, trace, ("tools/call create_token", SERVER), ("token:create", None))
