import pytest
from hypothesis import given
from hypothesis import strategies as st

from airegistry.core.errors import Unsupported
from airegistry.stores.framing import FRAME_SIZE, HEADER_SIZE, Findings, frame, header, read_base, records

texts = st.lists(st.text(max_size=40).map(str.encode), min_size=1, max_size=8)


def read(data: bytes) -> tuple[list[bytes], Findings]:
    findings = Findings(end=0)
    return [payload for _, payload in records(data, 0, findings)], findings


@given(texts)
def test_records_come_back_as_they_were_written(payloads: list[bytes]) -> None:
    data = b"".join(map(frame, payloads))
    assert read(data) == (payloads, Findings(end=len(data)))


@given(texts, st.data())
def test_a_file_cut_anywhere_is_torn_and_never_damaged(payloads: list[bytes], draw: st.DataObject) -> None:
    data = b"".join(map(frame, payloads))
    cut = draw.draw(st.integers(0, len(data)))
    found, findings = read(data[:cut])
    assert found == payloads[: len(found)]
    assert (findings.damaged, findings.end + findings.torn) == (0, cut)
    assert cut < len(data) or len(found) == len(payloads)


@given(texts, st.data())
def test_one_changed_byte_costs_one_record_and_is_noticed(payloads: list[bytes], draw: st.DataObject) -> None:
    frames = list(map(frame, payloads))
    data = bytearray(b"".join(frames))
    place = draw.draw(st.integers(0, len(data) - 1))
    data[place] ^= draw.draw(st.integers(1, 255))
    sizes = [sum(map(len, frames[: n + 1])) for n in range(len(frames))]
    hit = next(n for n, end in enumerate(sizes) if place < end)
    found, findings = read(bytes(data))
    assert found == payloads[:hit] + payloads[hit + 1 :]
    assert findings.damaged == len(frames[hit])


@given(texts, st.binary(min_size=1, max_size=60))
def test_records_are_found_again_behind_bytes_of_any_kind(payloads: list[bytes], rubbish: bytes) -> None:
    data = rubbish + b"".join(map(frame, payloads))
    found, findings = read(data)
    assert found[-len(payloads) :] == payloads
    assert findings.damaged == len(rubbish)


def test_blank_bytes_at_the_end_are_torn() -> None:
    data = frame(b"one")
    assert read(data + bytes(5000))[1] == Findings(end=len(data), torn=5000)


def test_a_header_tells_its_base() -> None:
    assert read_base(header(b"doc", 7), b"doc") == 7
    assert len(header(b"doc", 7)) == HEADER_SIZE
    assert len(frame(b"")) == FRAME_SIZE


def test_a_damaged_header_has_no_base() -> None:
    whole = header(b"doc", 7)
    for place in range(HEADER_SIZE):
        changed = bytearray(whole)
        changed[place] ^= 1
        assert read_base(bytes(changed), b"doc") is None
        assert read_base(whole[:place], b"doc") is None


def test_the_file_of_another_kind_is_refused() -> None:
    with pytest.raises(Unsupported, match="b'log'"):
        read_base(header(b"log", 0), b"doc")
