"""What a client that lost its stream gets of it anew."""

from collections.abc import Sequence

import pytest
from mcp.server.streamable_http import EventMessage
from mcp_types import JSONRPCNotification

from airegistry.tools.event_store import EVENTS, STREAMS, MemoryEventStore

pytestmark = pytest.mark.anyio


async def stored(store: MemoryEventStore, stream: str, names: Sequence[str]) -> list[str]:
    """Store a notification of each name on a stream; the ids they got."""
    return [
        await store.store_event(stream, JSONRPCNotification(jsonrpc="2.0", method=f"notifications/{name}"))
        for name in names
    ]


async def replayed(store: MemoryEventStore, after: str) -> tuple[str | None, list[str], list[str | None]]:
    """The stream an event is on, the names of what came after it there, and the ids they are sent under."""
    sent: list[EventMessage] = []

    async def send(event: EventMessage) -> None:
        sent.append(event)

    stream = await store.replay_events_after(after, send)
    messages = [event.message for event in sent]
    names = [each.method.partition("/")[2] for each in messages if isinstance(each, JSONRPCNotification)]
    assert len(names) == len(sent)
    return stream, names, [event.event_id for event in sent]


async def test_what_came_after_an_event_is_sent_again_in_order_and_under_its_ids() -> None:
    store = MemoryEventStore()
    ids = await stored(store, "calls", ["a", "b", "c"])
    assert len(set(ids)) == 3
    assert await replayed(store, ids[0]) == ("calls", ["b", "c"], ids[1:])
    assert await replayed(store, ids[0]) == ("calls", ["b", "c"], ids[1:]), "a second time too"
    assert await replayed(store, ids[2]) == ("calls", [], [])


async def test_the_mark_where_a_stream_begins_is_read_on_from_and_is_no_event() -> None:
    store = MemoryEventStore()
    first = await store.store_event("calls", None)
    ids = await stored(store, "calls", ["a"])
    second = await store.store_event("calls", None)
    ids += await stored(store, "calls", ["b"])
    assert await replayed(store, first) == ("calls", ["a", "b"], ids)
    assert await replayed(store, second) == ("calls", ["b"], ids[1:])


async def test_events_of_another_stream_are_never_sent() -> None:
    store = MemoryEventStore()
    mine: list[str] = []
    for number in range(3):
        mine += await stored(store, "mine", [f"mine-{number}"])
        await stored(store, "another", [f"another-{number}"])
    assert await replayed(store, mine[0]) == ("mine", ["mine-1", "mine-2"], mine[1:])


@pytest.mark.parametrize("unknown", ["", "0", "99", "-1", "1.0", " 1", "x", "²", "1" * 5000])
async def test_after_an_event_that_is_not_known_nothing_is_sent(unknown: str) -> None:
    store = MemoryEventStore()
    await stored(store, "calls", ["a", "b"])
    assert await replayed(store, unknown) == (None, [], [])


async def test_a_stream_keeps_its_last_100_events() -> None:
    store = MemoryEventStore()
    ids = await stored(store, "calls", [str(number) for number in range(EVENTS + 5)])
    quiet = await stored(store, "quiet", ["a", "b"])
    assert EVENTS == 100
    assert await replayed(store, ids[4]) == (None, [], []), "what came after it is not all known any more"
    stream, names, _ = await replayed(store, ids[5])
    assert (stream, names) == ("calls", [str(number) for number in range(6, EVENTS + 5)])
    assert await replayed(store, quiet[0]) == ("quiet", ["b"], quiet[1:])


async def test_the_2000_streams_that_were_written_to_last_are_kept() -> None:
    store = MemoryEventStore()
    ids = {stream: (await stored(store, stream, ["a", "b"]))[0] for stream in map(str, range(STREAMS))}
    assert STREAMS == 2_000
    await stored(store, "0", ["c"])
    await stored(store, "one more", ["a"])
    assert (await replayed(store, ids["1"]))[0] is None
    assert (await replayed(store, ids["0"]))[1] == ["b", "c"]
    assert (await replayed(store, ids["2"]))[1] == ["b"]


async def test_no_more_is_remembered_than_events_that_are_kept() -> None:
    store = MemoryEventStore()
    for number in range(STREAMS + 50):
        await stored(store, str(number), ["a", "b"])
    await stored(store, "long", ["x"] * (3 * EVENTS))
    assert len(store._streams) == STREAMS
    assert len(store._stream_of) == sum(len(events) for events in store._streams.values())
