"""Answers to calls whose event stream was begun before they went out, as they waited for an approval."""

from airegistry.core.errors import AirError
from airegistry.gateway.errors import BadAnswer, Reply


class LateReply(Reply):
    """The answer to a call whose stream was begun before it went out: whatever comes is an event there."""

    __slots__ = ("_parts", "_stream", "_under")

    def __init__(self, under: Reply) -> None:
        super().__init__(under.send)
        self.request_id = under.request_id
        self._under = under
        self._stream = False
        self._parts: list[bytes] = []

    async def start(self, status: int, headers: list[tuple[bytes, bytes]], *, follows: bool = False) -> None:
        """Note what follows: an event stream goes on as it is, and a message becomes one event.

        Raises:
            BadAnswer: it is compressed, which nobody asked for.
        """
        known = {name: value.partition(b";")[0].strip().lower() for name, value in headers}
        if known.get(b"content-encoding", b"identity") != b"identity":
            raise BadAnswer("the backend compressed its answer without being asked to")
        self.started = True
        self._stream = known.get(b"content-type") == b"text/event-stream"

    async def body(self, chunk: bytes, *, more: bool) -> None:
        """Send a part of it on, or keep it until all is there."""
        if self._stream:
            await self._under.body(chunk, more=more)
            return
        self._parts.append(chunk)
        if not more:
            whole = b"".join(self._parts)
            await self._under.body(framed(whole) if whole else b"", more=False)

    async def refuse(self, error: AirError, *, status: int | None = None, challenge: bytes | None = None) -> None:
        """Answer with an error, as an event; too late for a challenge."""
        await super().refuse(error, status=status)


def framed(message: bytes) -> bytes:
    """One event with a JSON-RPC message, however it was printed."""
    lines = b"\n".join(b"data: %b" % line for line in message.splitlines())
    return b"event: message\n%b\n\n" % lines
