"""What changes, live: the stream of `/api/v1/events`, taken up again whenever it ends."""

import random
from collections.abc import AsyncGenerator, Sequence
from urllib.parse import urlencode

from pydantic_core import from_json

from airegistry_client.connection import API, PREFIX, Connection
from airegistry_client.errors import BadAnswer, Refused, Unreachable
from airegistry_client.models.assets import Change
from airegistry_client.sse import Message, Reader
from airegistry_client.transport import Request

SILENCE = 45.0
"""Seconds without a byte after which a stream is dead: the registry says something every 15."""
COME_BACK = 3.0
"""Seconds after which to come back, until the registry says how many."""
PASSING = frozenset({429, 502, 503, 504})
"""Refusals that pass by themselves."""


async def changes(connection: Connection, assets: Sequence[str]) -> AsyncGenerator[Change, None]:
    """Every change from now on. A stream that ended is opened again, and says `reset` first then.

    Raises:
        Refused: the registry said no.
        Unreachable: as many attempts in a row as `Retries` has led to nothing.
    """
    reader, failures = Reader(), 0
    query = f"?{urlencode([('asset', asset) for asset in assets])}" if assets else ""
    while True:
        back = {"last-event-id": reader.last_id} if reader.last_id is not None else {}
        headers = {"accept": "text/event-stream", **back}
        request = Request("GET", f"{connection.url}{PREFIX}/events{query}", headers, patience=SILENCE)
        try:
            async with connection.open(request, API) as stream:
                async for piece in stream.pieces:
                    failures = 0
                    for message in reader.feed(piece):
                        yield _change(message)
        except (Unreachable, Refused) as error:
            failures += 1
            passes = isinstance(error, Unreachable) or error.status in PASSING
            if not passes or failures >= connection.retries.attempts:
                raise
        last_id, retry = reader.last_id, reader.retry or COME_BACK
        reader = Reader()  # half a message is none
        reader.last_id, reader.retry = last_id if last_id is not None else "0", retry
        # Who lost the same registry does not come back at the same moment.
        await connection.io.sleep(retry * 2 ** max(0, failures - 1) * random.uniform(0.5, 1))  # noqa: S311


def _change(message: Message) -> Change:
    try:
        return Change.model_validate({**from_json(message.data), "event": message.event})
    except (ValueError, TypeError) as error:
        raise BadAnswer(f"an event that is none: {message.data[:80]!r}") from error
