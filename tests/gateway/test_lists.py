"""The filter of lists: whatever the framing, the same items remain and everything else stays."""

import json
from itertools import pairwise
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airegistry.core.errors import UpstreamFailed
from airegistry.gateway.lists import JsonFilter, Member, SseFilter
from airegistry.gateway.sse import Events, data_of

Doc = dict[str, Any]
names = st.text(st.characters(codec="utf-8"), max_size=6)
scalars = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | names
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3))
cuttings = st.lists(st.integers(0, 10_000), max_size=6) | st.just(list(range(3000)))
endings = st.sampled_from(["\n", "\r\n", "\r"])
MEMBERS = {"tools": "name", "prompts": "name", "resources": "uri", "resourceTemplates": "uriTemplate"}


@st.composite
def answers(draw: st.DrawFn) -> Doc:
    member = draw(st.sampled_from(sorted(MEMBERS)))
    items = [
        {**draw(st.dictionaries(names, values, max_size=2)), MEMBERS[member]: draw(names)}
        for _ in range(draw(st.integers(0, 5)))
    ]
    result: Doc = {member: items, **draw(st.dictionaries(names, values, max_size=2))}
    if draw(st.booleans()):
        result |= {"nextCursor": draw(names), "cacheScope": draw(st.sampled_from(["public", "private"])), "ttlMs": 5}
    return {"jsonrpc": "2.0", "id": draw(st.integers(0, 9)), "result": result}


@st.composite
def streams(draw: st.DrawFn, answer: Doc) -> bytes:
    """The answer as an event stream: notifications before it, any line endings, data over several lines, comments."""
    lines: list[str] = []
    notices = [{"method": "notifications/message", "params": draw(values)} for _ in range(draw(st.integers(0, 3)))]
    for number, message in enumerate([*notices, answer]):
        if draw(st.booleans()):
            lines += [f": comment {number}", ""]
        if draw(st.booleans()):
            lines += [f"id: {number}", "data", ""]
        printed = json.dumps(message, indent=draw(st.sampled_from([None, 1])), ensure_ascii=draw(st.booleans()))
        colon = draw(st.sampled_from(["data: ", "data:"]))
        lines += [
            f"id: {number}.1",
            *(f"{colon}{line}" for line in printed.split("\n")),
            "retry: 7",
            "event: message",
            "",
        ]
    bom = draw(st.sampled_from(["", "\ufeff"]))
    text = bom
    for line in lines:
        # After CR an LF would end the same line once more, not an empty one.
        text += line + draw(endings if line or not text.endswith("\r") else st.just("\r"))
    return text.encode()


def keep(member: Member, name: str) -> bool:
    return len(name) % 2 == 0


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


def messages_of(stream: bytes) -> list[Any]:
    """The messages as an independent client (httpx2's EventSource) reads them."""
    request = httpx2.Request("GET", "http://backend/")
    response = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=stream, request=request)
    return [json.loads(event.data) for event in httpx2.EventSource(response) if event.data]


@given(st.data(), answers(), cuttings)
def test_filtering_json_and_event_streams_agree(data: st.DataObject, answer: Doc, cuts: list[int]) -> None:
    plain = JsonFilter(keep)
    for piece in in_pieces(json.dumps(answer).encode(), cuts):
        assert plain.feed(piece) == b""
    expected = json.loads(plain.finish())

    stream = data.draw(streams(answer))
    framed = SseFilter(keep)
    out = b"".join(framed.feed(piece) for piece in in_pieces(stream, cuts)) + framed.finish()
    before, after = messages_of(stream.removeprefix(b"\xef\xbb\xbf")), messages_of(out)
    assert after == [*before[:-1], expected]
    (member,) = (name for name in MEMBERS if name in answer["result"])
    kept = [item for item in answer["result"][member] if len(item[MEMBERS[member]]) % 2 == 0]
    scope = {"cacheScope": "private"} if "cacheScope" in answer["result"] else {}
    assert expected == {**answer, "result": {**answer["result"], member: kept, **scope}}


@given(st.data(), answers(), cuttings)
def test_events_are_the_same_however_the_stream_is_cut(data: st.DataObject, answer: Doc, cuts: list[int]) -> None:
    stream = data.draw(streams(answer))
    whole, cut = Events(2**20), Events(2**20)
    once = [data_of(event) for event in (*whole.feed(stream), whole.rest())]
    pieces = [data_of(event) for piece in in_pieces(stream, cuts) for event in cut.feed(piece)]
    assert [data for data in (*pieces, data_of(cut.rest())) if data] == [data for data in once if data]


def test_an_event_without_its_blank_line_is_filtered_as_well() -> None:
    framed = SseFilter(keep)
    assert framed.feed(b'data: {"result":{"tools":[{"name":"odd"},{"name":"even"}]}}') == b""
    assert framed.finish() == b'data: {"result":{"tools":[{"name":"even"}]}}'


@pytest.mark.parametrize("cut", range(8))
def test_a_byte_order_mark_hides_no_event(cut: int) -> None:
    stream = b'\xef\xbb\xbfdata: {"result":{"tools":[{"name":"odd"},{"name":"even"}]}}\n\n'
    framed = SseFilter(keep)
    assert framed.feed(stream[:cut]) + framed.feed(stream[cut:]) == b'data: {"result":{"tools":[{"name":"even"}]}}\n\n'


def test_an_event_that_never_ends_is_given_up() -> None:
    with pytest.raises(UpstreamFailed, match="more than 100 bytes"):
        SseFilter(keep, limit=100).feed(b"data: " + b"x" * 100)


def test_what_is_no_list_passes() -> None:
    plain = JsonFilter(keep)
    plain.feed(b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}')
    assert plain.finish() == b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}'
    plain = JsonFilter(keep)
    plain.feed(b'"text"')
    assert plain.finish() == b'"text"'


def test_instructions_that_are_not_kept_are_left_out() -> None:
    def approved(member: Member, text: str) -> bool:
        return member == "instructions" and text == "Be kind."

    for text, shown in (("Be kind.", {"instructions": "Be kind."}), ("Be unkind.", {})):
        plain = JsonFilter(approved)
        plain.feed(json.dumps({"result": {"instructions": text, "serverInfo": {}}}).encode())
        assert json.loads(plain.finish())["result"] == {**shown, "serverInfo": {}}
