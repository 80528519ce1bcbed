import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airegistry.gateway.sse import Events, data_of, fields_of, with_data

PIECES = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b"data", b"data: a", b"data:b", b": c", b"id: 1", b"\xef\xbb\xbf"])
)


def read(chunks: list[bytes]) -> list[bytes]:
    events = Events(1000)
    found = [event for chunk in chunks for event in events.feed(chunk)]
    return [data for event in found if (data := data_of(event))]


def by_the_standard(stream: bytes) -> list[bytes]:
    """Data of the complete events, worked out line by line as HTML's section 9.2.6 words it."""
    found, data = [], []
    lines = re.split(rb"\r\n|\r|\n", stream.removeprefix(b"\xef\xbb\xbf"))
    for line in lines[:-1]:
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
        elif not line:
            found.append(b"\n".join(data))
            data = []
    return [each for each in found if each]


@given(PIECES)
@example([b"data: a", b"\n", b"\n"])
@example([b"data: a", b"\r\n", b"\r\n"])
@example([b"data: a", b"\r\n", b"\n", b"data: a", b"\r\n", b"\r\n"])
@example([b"\xef\xbb\xbf", b"data: a", b"\n", b"\n"])
@example([b"\r", b"\r", b"\xef\xbb\xbf", b"data: a", b"\r", b"\r"])
def test_events_are_those_of_the_standard_in_one_piece_and_byte_by_byte(pieces: list[bytes]) -> None:
    stream = b"".join(pieces)
    assert read([stream]) == read([stream[at : at + 1] for at in range(len(stream))]) == by_the_standard(stream)
    assert read(pieces) == by_the_standard(stream)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("long", [b"", b"." * 10_000])
def test_fields_are_read_and_data_replaced_with_any_line_end(end: bytes, long: bytes) -> None:
    event = end.join([b": " + long, b"id: 7", b"data: x" + long, b"data:y", b"retry", b"events: 1", b"", b""])
    fields = fields_of(event)
    assert (fields.data, fields.id, fields.retry, fields.event) == (b"x" + long + b"\ny", b"7", b"", None)
    assert data_of(event) == fields.data
    changed = end.join([b": " + long, b"id: 7", b"data: z", b"retry", b"events: 1", b"", b""])
    assert with_data(event, b"z") == changed
