"""Long answers are followed to their end without being kept, and to nothing but it."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airegistry.gateway.attempts import Result
from airegistry.gateway.channels.wire import MAX_ANSWER
from airegistry.gateway.errors import BadAnswer
from airegistry.gateway.glance import Checked
from airegistry.gateway.result_text import ResultText

LONG = "x" * 300_000
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='"\\{}[],: a\u00e9\n'),
    lambda children: st.lists(children) | st.dictionaries(st.text(alphabet='"\\{}[]k'), children),
)
RESTS = st.sampled_from([b"}", b" }\n", b',"id":7,"z":{}}', b',"id":"\\"{"}', b"]", b"}}"])


@given(st.dictionaries(st.text(), VALUES), RESTS, st.integers(1, 9), st.booleans())
@example({"a": "\\"}, b"}", 1, False)
def test_an_object_ends_where_it_ends_however_it_is_cut(value: object, rest: bytes, size: int, ascii: bool) -> None:
    whole = json.dumps(value, ensure_ascii=ascii).encode() + rest
    text = ResultText()
    for start in range(0, len(whole), size):
        text.feed(whole[start : start + size])
    assert text.rest == rest


@pytest.mark.parametrize(
    ("said", "failed"),
    [
        ({"isError": True, "content": [LONG]}, True),
        ({"content": [LONG], "isError": True}, True),
        ({"content": [LONG], "isError": False}, False),
        ({"content": [LONG], "structuredContent": {"isError": True}}, False),
        ({"content": [LONG, '"isError":true}']}, False),
    ],
)
def test_that_a_tool_failed_is_seen_at_either_end(said: object, failed: bool) -> None:
    text = ResultText()
    for piece in cut(json.dumps(said).encode() + b"}", 1000):
        text.feed(piece)
    assert (text.failed, text.rest) == (failed, b"}")


@pytest.mark.parametrize("id", [7, "seven"])
@pytest.mark.parametrize("sse", [True, False])
@pytest.mark.parametrize(
    "form", ['{{"jsonrpc":"2.0","id":{id},"result":{result}}}', '{{"result":{result},"jsonrpc":"2.0","id":{id}}}']
)
def test_what_is_followed_is_not_kept_whichever_of_the_sdks_prints_it(id: str | int, sse: bool, form: str) -> None:
    result = json.dumps({"content": [LONG]})
    said = form.format(id=json.dumps(id), result=result).encode()
    looked = look(said, id, sse=sse)
    assert (looked.end(), looked._events.begun if looked._events else len(looked._body)) == (Result("ok"), 0)
    with pytest.raises(BadAnswer):
        look(form.format(id=99, result=result).encode(), id, sse=sse).end()


@pytest.mark.parametrize("sse", [True, False])
def test_after_a_long_answer_the_next_one_is_looked_at_again(sse: bool) -> None:
    if sse:
        long, other = (b'data: {"jsonrpc":"2.0","id":%d,"result":%b}\n\n' % (id, said) for id, said in AFTER)
    else:
        long, other = (b'{"jsonrpc":"2.0","id":%d,"result":%b}' % (id, said) for id, said in AFTER)
    with pytest.raises(BadAnswer):
        fed(Checked(200, sse=sse, id=7), [*cut(long, 90_000), other]).end()


@pytest.mark.parametrize("sse", [True, False])
def test_the_state_of_a_long_question_is_known(sse: bool) -> None:
    result = {"resultType": "input_required", "inputRequests": {"q": {"method": LONG}}, "requestState": "s"}
    assert look(b'{"jsonrpc":"2.0","id":7,"result":%b}' % json.dumps(result).encode(), 7, sse=sse).end().state == "s"


@pytest.mark.parametrize("sse", [True, False])
def test_what_is_neither_followed_nor_short_has_an_end(sse: bool) -> None:
    begins = b'{"id":7,"jsonrpc":"2.0","result":{"a":"'
    pieces = [b"data: " + begins if sse else begins, *[b"x" * 2**20] * (MAX_ANSWER // 2**20)]
    with pytest.raises(BadAnswer):
        fed(Checked(200, sse=sse, id=7), pieces)


AFTER = [(7, json.dumps({"content": [LONG]}).encode()), (99, b"{}")]


def look(said: bytes, id: str | int, *, sse: bool) -> Checked:
    framed = b"event: message\r\ndata: %b\r\n\r\n" % said if sse else said
    return fed(Checked(200, sse=sse, id=id), cut(framed, 70_000))


def fed(checked: Checked, pieces: list[bytes]) -> Checked:
    for piece in pieces:
        checked.feed(piece)
    return checked


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]
