"""Events of older-era streams, kept so that a client that lost its stream reads on from `Last-Event-ID`.

They live in this process, as the sessions do. (FastMCP's own store would import 400 modules for the same.)
"""

import re
from collections import OrderedDict, deque
from itertools import count

from mcp.server.streamable_http import EventCallback, EventId, EventMessage, EventStore, StreamId
from mcp_types import JSONRPCMessage

STREAMS, EVENTS = 2_000, 100
_ID = re.compile(r"[0-9]{1,18}")


class MemoryEventStore(EventStore):
    """The last 100 events of each of the last 2,000 streams."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._streams: OrderedDict[StreamId, deque[tuple[int, JSONRPCMessage | None]]] = OrderedDict()
        self._stream_of: OrderedDict[int, StreamId] = OrderedDict()

    async def store_event(self, stream_id: StreamId, message: JSONRPCMessage | None) -> EventId:
        """Keep an event and name it; None marks the place where a stream begins."""
        number = next(self._numbers)
        events = self._streams.setdefault(stream_id, deque(maxlen=EVENTS))
        self._streams.move_to_end(stream_id)
        if len(events) == EVENTS:
            self._stream_of.pop(events[0][0], None)
        events.append((number, message))
        self._stream_of[number] = stream_id
        if len(self._streams) > STREAMS:
            _, forgotten = self._streams.popitem(last=False)
            for old, _ in forgotten:
                self._stream_of.pop(old, None)
        return str(number)

    async def replay_events_after(self, last_event_id: EventId, send_callback: EventCallback) -> StreamId | None:
        """Send what came after an event on its stream; None when the event is not known any more."""
        last = int(last_event_id) if _ID.fullmatch(last_event_id) else 0
        stream = self._stream_of.get(last)
        if stream is None:
            return None
        for number, message in list(self._streams[stream]):
            if number > last and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream
