"""Streams of events: bytes in pieces of any size, streams that end, calls that tell how they go."""

from collections.abc import Callable, Iterator

import httpx2
import pytest
from airegistry_client import Registry, Retries
from airegistry_client.errors import (
    AccessDenied,
    BadAnswer,
    InputRequired,
    NotFound,
    Refused,
    RegistryError,
    Unreachable,
    UpstreamFailed,
)
from airegistry_client.models.assets import Progress, Question, ToolResult
from airegistry_client.sse import Message, Reader

TEXT = (
    "\ufeff: a comment\r\nretry: 20\r\n\r\n"
    'id: 1\nevent: asset\ndata: {"kind": "server",\ndata: "path": "wetter-ä"}\n\n'
    "event: catalog\rdata:{}\r\rid: 2\n\ndata\n\nevent: left\ndata: open"
)
SAID = [Message("asset", '{"kind": "server",\n"path": "wetter-ä"}'), Message("catalog", "{}"), Message("message", "")]
QUICK = Retries(attempts=3, first=0.001)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_however_a_stream_is_cut_it_says_the_same(size: int) -> None:
    reader, raw = Reader(), TEXT.encode()
    found = [message for at in range(0, len(raw), size) for message in reader.feed(raw[at : at + size])]
    assert found == SAID
    assert (reader.last_id, reader.retry) == ("2", 0.02)


def event(name: str, number: int, data: str = "{}") -> bytes:
    return f"retry: 1\n\nid: {number}\nevent: {name}\ndata: {data}\n\n".encode()


def listening(answer: Callable[[httpx2.Request, int], httpx2.Response]) -> tuple[Registry, list[httpx2.Request]]:
    """A client of somebody who answers each request as its number says, and what was asked."""
    asked = list[httpx2.Request]()

    def answered(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return answer(request, len(asked))

    http = httpx2.Client(transport=httpx2.MockTransport(answered))
    return Registry("http://registry", "t", http=http, retries=QUICK), asked


class Breaking(httpx2.SyncByteStream):
    """Some bytes, and then the connection is gone."""

    def __init__(self, text: bytes) -> None:
        self.text = text

    def __iter__(self) -> Iterator[bytes]:
        yield self.text
        raise httpx2.ReadError("gone")


def test_a_stream_that_ends_is_taken_up_where_it_was() -> None:
    def answer(request: httpx2.Request, number: int) -> httpx2.Response:
        if number == 1:
            return httpx2.Response(200, stream=Breaking(event("catalog", 7) + b"id: 8\nevent: ha"))
        if number == 2:
            return httpx2.Response(503)
        return httpx2.Response(200, content=event("reset", 0))

    registry, asked = listening(answer)
    changes = registry.events(["server/weather", "agent/planner"])
    assert [next(changes).event, next(changes).event] == ["catalog", "reset"]
    assert asked[0].url.query == b"asset=server%2Fweather&asset=agent%2Fplanner"
    assert ["last-event-id" in request.headers for request in asked] == [False, True, True]
    assert asked[2].headers["last-event-id"] in {"7", "8"}


def test_a_stream_is_given_up_after_as_many_failures_as_any_request() -> None:
    def answer(request: httpx2.Request, number: int) -> httpx2.Response:
        if number == 1:
            return httpx2.Response(200, content=event("catalog", 1))
        raise httpx2.ConnectError("nobody")

    registry, asked = listening(answer)
    changes = registry.events()
    assert next(changes).event == "catalog"
    with pytest.raises(Unreachable):
        next(changes)
    assert len(asked) == 1 + QUICK.attempts


def test_a_refused_stream_is_no_stream() -> None:
    registry, asked = listening(lambda request, number: httpx2.Response(403, json={"code": "access_denied"}))
    with pytest.raises(AccessDenied):
        next(registry.events())
    assert len(asked) == 1


def test_an_answer_of_mcp_is_read_as_json_and_as_a_stream() -> None:
    result = '{"content": [{"type": "text", "text": "sun"}], "structuredContent": {"sun": 1}, "resultType": "complete"}'

    def answer(request: httpx2.Request, number: int) -> httpx2.Response:
        asked = httpx2.Response(200, content=request.content).json()
        assert request.headers["mcp-name"] == "=?base64?d2V0dGVyLcOk?="
        assert asked["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] == "2026-07-28"
        said = f'{{"jsonrpc": "2.0", "id": {asked["id"]}, "result": {result}}}'
        if number == 1:
            return httpx2.Response(200, text=said, headers={"content-type": "application/json"})
        progress = '{"jsonrpc": "2.0", "method": "notifications/progress", "params": {}}'
        text = f"event: message\ndata: {progress}\n\nevent: message\ndata: {said}\n\n"
        return httpx2.Response(200, text=text, headers={"content-type": "text/event-stream"})

    registry, _ = listening(answer)
    for _ in range(2):
        found = registry.mcp.call("weather", "wetter-ä")
        assert (found.text, found.structured_content, found.is_error) == ("sun", {"sun": 1}, False)


def test_a_tool_that_asks_is_answered_by_calling_it_again() -> None:
    def answer(request: httpx2.Request, number: int) -> httpx2.Response:
        asked = httpx2.Response(200, content=request.content).json()
        result: dict[str, object] = {"content": [], "resultType": "complete"}
        if "inputResponses" not in asked["params"]:
            result = {"resultType": "input_required", "inputRequests": {"city": {"method": "x"}}, "requestState": "s"}
        else:
            assert asked["params"]["requestState"] == "s"
        return httpx2.Response(200, json={"jsonrpc": "2.0", "id": asked["id"], "result": result})

    registry, _ = listening(answer)
    with pytest.raises(InputRequired) as asking:
        registry.mcp.call("weather", "look")
    assert [*asking.value.requests] == ["city"]
    answers = {"city": {"action": "accept", "content": {"city": "Oslo"}}}
    assert registry.mcp.call("weather", "look", answers=answers, state=asking.value.state).content == ()


def test_a_refusal_of_the_gateway_has_its_code() -> None:
    error = {"code": -32003, "message": "nothing there", "data": {"code": "not_found"}}
    body = {"jsonrpc": "2.0", "id": None, "error": error}
    registry, _ = listening(lambda request, number: httpx2.Response(404, json=body))
    with pytest.raises(NotFound, match="nothing there"):
        registry.mcp.tools("weather")


def told(*events: tuple[str, str]) -> httpx2.Response:
    """What a call tells."""
    text = ": alive\n\n" + "".join(f"event: {name}\ndata: {data}\n\n" for name, data in events)
    return httpx2.Response(200, text=text, headers={"content-type": "text/event-stream"})


def test_a_watched_call_tells_how_far_it_is_what_it_asks_and_its_result() -> None:
    def answer(request: httpx2.Request, number: int) -> httpx2.Response:
        if request.url.path.endswith("/answers"):
            return httpx2.Response(200, json={"ok": True})
        question = '{"call": "c1", "question": 1, "message": "who?", "requestedSchema": {"type": "object"}}'
        result = '{"content": [{"type": "text", "text": "sun"}], "isError": false}'
        progress = '{"progress": 1, "total": 2}'
        return told(("progress", progress), ("later", "{}"), ("elicitation", question), ("result", result))

    registry, asked = listening(answer)
    seen = list[Progress | Question | ToolResult]()
    for said in registry.tools.watch("weather", "look", {"city": "Oslo"}):
        seen.append(said)
        if isinstance(said, Question):
            registry.tools.answer(said.call, said.question, "accept", content={"name": "Ada"})
    assert [type(each) for each in seen] == [Progress, Question, ToolResult]
    assert (seen[0], seen[1]) == (
        Progress(progress=1, total=2),
        Question(call="c1", question=1, message="who?", requested_schema={"type": "object"}),
    )
    assert [request.url.path for request in asked] == [
        "/api/v1/tools/weather/look/calls", "/api/v1/calls/c1/answers",
    ]  # fmt: skip
    assert [request.read() for request in asked] == [
        b'{"arguments":{"city":"Oslo"}}', b'{"question":1,"action":"accept","content":{"name":"Ada"}}',
    ]  # fmt: skip
    assert not any("idempotency-key" in request.headers for request in asked)


PROBLEM = '{"status": 502, "code": "upstream_failed", "detail": "it is down"}'


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (told(("progress", '{"progress": 1}'), ("error", PROBLEM)), UpstreamFailed),
        (told(("progress", '{"progress": 1}')), Unreachable),
        (told(("result", '{"content": 7}')), BadAnswer),
        (httpx2.Response(403, json={"code": "access_denied"}), AccessDenied),
        (httpx2.Response(503), Refused),
    ],
)
def test_a_watched_call_that_fails_is_an_error_of_its_code_and_is_not_made_again(
    answer: httpx2.Response, kind: type[RegistryError]
) -> None:
    registry, asked = listening(lambda request, number: answer)
    with pytest.raises(kind):
        list(registry.tools.watch("weather", "look"))
    assert len(asked) == 1


def test_an_answer_that_may_have_been_taken_is_not_given_again() -> None:
    def answer(request: httpx2.Request, number: int) -> httpx2.Response:
        raise httpx2.ReadError("gone")

    registry, asked = listening(answer)
    with pytest.raises(Unreachable):
        registry.tools.answer("c1", 1, "decline")
    assert len(asked) == 1
