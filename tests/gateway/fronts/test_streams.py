"""Streams that outlive their readers: what is kept, what waits, and for whom."""

import anyio
import pytest
from starlette.types import Message

from airegistry.gateway.errors import Reply
from airegistry.gateway.fronts.streams import EventStream

pytestmark = pytest.mark.anyio


class Reader(Reply):
    """A client that reads at once."""

    __slots__ = ("got",)

    def __init__(self) -> None:
        self.got: list[bytes] = []

        async def send(message: Message) -> None:
            self.got.append(message["body"])

        super().__init__(send)


def data(events: list[bytes]) -> list[bytes]:
    return [event.split(b"data: ")[1].strip() for event in events if b"data: " in event]


async def test_what_nobody_reads_waits_and_then_the_writer_does() -> None:
    stream = EventStream("s", events=3)
    for number in range(3):
        await stream.put(b"%d" % number)
    with anyio.move_on_after(0.05) as patience:
        await stream.put(b"3")
    assert patience.cancelled_caught
    reader = Reader()
    async with anyio.create_task_group() as group:
        group.start_soon(stream.put, b"4")
        stream.attach(reader)
        group.start_soon(stream.read, reader)
        await anyio.wait_all_tasks_blocked()
        stream.finish()
    assert data(reader.got) == [b"0", b"1", b"2", b"3", b"4"]


async def test_only_the_last_events_are_kept_for_replay() -> None:
    stream, first, second = EventStream("s", events=2), Reader(), Reader()
    stream.attach(first)
    for number in range(5):
        await stream.put(b"%d" % number)
    stream.finish()
    stream.attach(second, 0)
    await stream.read(second)
    assert data(second.got) == [b"3", b"4"]
    stream.attach(second, 99)
    await stream.read(second)
    assert data(second.got) == [b"3", b"4"]


async def test_large_events_are_not_kept_once_they_are_read() -> None:
    stream, first, second = EventStream("s", size=100), Reader(), Reader()
    stream.attach(first)
    await stream.put(b"x" * 1000)
    await stream.put(b"y")
    stream.finish()
    stream.attach(second, 0)
    await stream.read(second)
    assert data(second.got) == [b"y"]


async def test_a_writer_that_waits_for_a_reader_stops_when_the_stream_is_over() -> None:
    stream = EventStream("s", events=0)
    async with anyio.create_task_group() as group:
        group.start_soon(stream.put, b"0")
        await anyio.wait_all_tasks_blocked()
        stream.finish()
