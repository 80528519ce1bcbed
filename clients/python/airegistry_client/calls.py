"""A call that tells how it goes: how far it is, what its backend asks the caller meanwhile, and last its result."""

from collections.abc import AsyncGenerator, Mapping

from pydantic import BaseModel, JsonValue, RootModel, ValidationError
from pydantic_core import to_json

from airegistry_client.connection import API, PREFIX, Connection, Json, given
from airegistry_client.errors import BadAnswer, Unreachable, refusal
from airegistry_client.models.assets import Progress, Question, ToolResult
from airegistry_client.sse import Reader
from airegistry_client.transport import Request

SILENCE = 30.0
"""Seconds without a byte after which a call is lost: the registry says something every 10."""


class _Problem(RootModel[dict[str, JsonValue]]):
    """Problem details."""


_KINDS: Mapping[str, type[BaseModel]] = {
    "progress": Progress, "elicitation": Question, "result": ToolResult, "error": _Problem,
}  # fmt: skip


async def told(
    connection: Connection, path: str, arguments: Json | None
) -> AsyncGenerator[Progress | Question | ToolResult, None]:
    """What a call tells, its result last; an event that this version does not know is passed over.

    Raises:
        Refused: the registry said no, or the call failed.
        Unreachable: the stream ended before the call did, which may go on or not.
        BadAnswer: an event is none.
    """
    headers = {"accept": "text/event-stream", "content-type": "application/json"}
    body = to_json(given({"arguments": arguments}))
    reader = Reader()
    request = Request("POST", f"{connection.url}{PREFIX}{path}", headers, body, patience=SILENCE)
    async with connection.open(request, API) as stream:
        async for piece in stream.pieces:
            for message in reader.feed(piece):
                said = _read(message.event, message.data)
                if isinstance(said, _Problem):
                    status = said.root.get("status")
                    raise refusal(status if isinstance(status, int) else stream.status, said.root)
                if isinstance(said, Progress | Question | ToolResult):
                    yield said
                if isinstance(said, ToolResult):
                    return
    raise Unreachable("the stream of the call ended before the call did")


def _read(event: str, data: str) -> BaseModel | None:
    kind = _KINDS.get(event)
    try:
        return None if kind is None else kind.model_validate_json(data)
    except ValidationError as error:
        raise BadAnswer(f"an event {event!r} that is none: {data[:80]!r}") from error
