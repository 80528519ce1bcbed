"""What a passing answer says of how a call ended, and whether it is the answer to that call at all."""

from collections.abc import Callable
from typing import Final, Protocol

import orjson

from airegistry.core.assets import Json
from airegistry.core.calls import Outcome
from airegistry.core.pleas import state_asked_for
from airegistry.gateway.attempts import OK, Result
from airegistry.gateway.channels.wire import MAX_ANSWER, parsed
from airegistry.gateway.errors import BadAnswer, RequestId
from airegistry.gateway.result_text import HEAD, HEAD_RESULT_FIRST, TAIL, TAIL_RESULT_FIRST, ResultText
from airegistry.gateway.sse import Events, data_of, fields_of, line_end

INSPECTED: Final = 64 * 1024
"""How many bytes of an answer are looked at for its outcome; a longer result counts as a success."""

ASKED: Final = 4 * 2**20
"""The same for an answer that is seen to ask for input when it is longer than that."""

_ASKS = b'"input_required"'
HANDLES: Final = (b'"taskId"', _ASKS)
"""What an answer has in it that gives its caller something to come back with."""
_TOLD = (b'"isError"', b'"error"', *HANDLES)


class Look(Protocol):
    """Looks at an answer while it passes."""

    def feed(self, chunk: bytes) -> None:
        """Take what comes next, before the client has it.

        Raises:
            BadAnswer: the client is not to have it.
        """
        ...

    def result(self) -> Result:
        """The outcome as far as it could be seen."""
        ...

    def end(self) -> Result:
        """The outcome, before the client knows that this was all.

        Raises:
            BadAnswer: it is not to be the end.
        """
        ...


class Glance:
    """Looks at JSON up to INSPECTED bytes, and at the end of an event stream. `heard` is told what passes.

    What is longer is not kept, and counts by its HTTP status alone.
    """

    __slots__ = ("_chunks", "_heard", "_limit", "_size", "_sse", "_status")

    def __init__(self, status: int, *, sse: bool, heard: Callable[[bytes], None] | None = None) -> None:
        self._status = status
        self._sse = sse
        self._heard = heard
        self._chunks: list[bytes] = []
        self._size = 0
        self._limit = INSPECTED

    def feed(self, chunk: bytes) -> None:
        """Remember a chunk, if there is room."""
        if self._heard is not None:
            self._heard(chunk)
        self._size += len(chunk)
        if self._size <= self._limit or self._asks(chunk):
            self._chunks.append(chunk)
        elif self._sse:
            # The result is the last event: what came before it can go.
            fits = len(chunk) <= INSPECTED
            self._chunks, self._size = ([chunk], len(chunk)) if fits else ([], 0)
        else:
            self._chunks.clear()
            self._limit = 0

    def _asks(self, chunk: bytes) -> bool:
        """Whether more has to be kept than is as a rule: whose the state is must be known, however much is asked."""
        if self._limit == INSPECTED and _ASKS in b"".join((*self._chunks, chunk)):
            self._limit = ASKED
        return self._size <= self._limit

    def result(self) -> Result:
        """The outcome as far as it could be seen."""
        body = b"".join(self._chunks)
        if any(told in body for told in _TOLD):
            for message in reversed(_messages(body, sse=self._sse)):
                if (seen := _outcome_of(message)) is not None:
                    return seen
        return _by_status(self._status)

    end = result


class Checked:
    """Lets through no response to another request than `id`.

    Behind a virtual server stand several backends; clients tell responses apart by their ids alone, and have others
    under way. An event is looked at before its end goes on, JSON before it ends. What begins like the response and is
    longer than INSPECTED is followed, not kept; anything else may have MAX_ANSWER bytes.
    """

    __slots__ = ("_body", "_events", "_id", "_limit", "_seen", "_tail", "_text")

    def __init__(self, status: int, *, sse: bool, id: RequestId) -> None:
        self._id = id
        self._events = Events(MAX_ANSWER) if sse else None
        self._body = bytearray()
        self._limit = INSPECTED
        self._text: ResultText | None = None
        self._tail = TAIL
        self._seen = _by_status(status)

    def feed(self, chunk: bytes) -> None:
        """Look at what ends here."""
        if self._text is not None:
            self._follow(self._text, chunk)
        elif self._events is not None:
            self._feed_events(self._events, chunk)
        else:
            self._body += chunk
            if len(self._body) > self._limit:
                self._limit = MAX_ANSWER
                if self._begins(bytes(self._body), framed=False):
                    self._body = bytearray()
                elif len(self._body) > MAX_ANSWER:
                    raise BadAnswer(f"the backend's answer is longer than {MAX_ANSWER} bytes")

    def result(self) -> Result:
        """The outcome as far as it could be seen."""
        return self._seen

    def end(self) -> Result:
        """The outcome, when all of it is to this request."""
        if self._text is not None:
            self._ended(self._text)
        if self._body:
            self._look(bytes(self._body))
        return self._seen

    def _feed_events(self, events: Events, chunk: bytes) -> None:
        for event in events.feed(chunk):
            fields = fields_of(event)
            if fields.data and fields.event in (None, b"", b"message"):
                self._look(fields.data)
            self._limit = INSPECTED
        if events.begun > self._limit:
            self._limit = MAX_ANSWER
            begun = events.taken()
            if not self._begins(begun, framed=True):
                events.feed(begun)

    def _begins(self, begun: bytes, *, framed: bool) -> bool:
        """Whether what has begun is followed from now on, as it is the response or nothing; what asks is read."""
        if _ASKS in begun:
            return False
        for head, tail in ((HEAD, TAIL), (HEAD_RESULT_FIRST, TAIL_RESULT_FIRST)):
            begins = head.match(begun)
            if begins is None or (begins["framed"] is not None) != framed:
                continue
            if tail is TAIL and begins["id"] != orjson.dumps(self._id):
                continue
            self._text, self._tail = ResultText(), tail
            self._follow(self._text, begun[begins.end() :])
            return True
        return False

    def _follow(self, text: ResultText, chunk: bytes) -> None:
        end = None if self._events is None else line_end(chunk)
        text.feed(chunk if end is None else chunk[:end])
        if end is not None and self._events is not None:
            self._ended(text)
            self._text, self._limit = None, INSPECTED
            self._feed_events(self._events, b":" + chunk[end:])  # what is left of the event says nothing any more

    def _ended(self, text: ResultText) -> None:
        ends = None if text.rest is None else self._tail.fullmatch(text.rest)
        if ends is None or (self._tail is not TAIL and ends["id"] != orjson.dumps(self._id)):
            raise BadAnswer("the backend answered what it was not asked")
        self._seen = Result("tool_error") if text.failed else self._seen

    def _look(self, data: bytes | memoryview) -> None:
        message = parsed(data)
        answers = "result" in message or "error" in message
        if "method" in message and not answers:
            return
        id_ = message.get("id")
        if "method" in message or not (_same(id_, self._id) or (id_ is None and "error" in message)):
            raise BadAnswer("the backend answered what it was not asked")
        self._seen = _outcome_in(message) or self._seen


def _same(id: object, other: RequestId) -> bool:
    """Whether two ids are one: 1, 1.0 and true are not."""
    return type(id) is type(other) and id == other


def _by_status(status: int) -> Result:
    return OK if status < 400 else Result("error", f"HTTP {status}")


def _messages(body: bytes, *, sse: bool) -> list[bytes]:
    if not sse:
        return [body]
    events = Events(len(body))
    return [data_of(event) for event in (*events.feed(body), events.rest())]


def _outcome_of(message: bytes) -> Result | None:
    """The outcome that a JSON-RPC response states; None when the message is something else."""
    try:
        value = orjson.loads(message)
    except orjson.JSONDecodeError:
        return None
    return _outcome_in(value) if isinstance(value, dict) else None


def _outcome_in(message: Json) -> Result | None:
    error, result = message.get("error"), message.get("result")
    if isinstance(error, dict):
        return Result("error", f"JSON-RPC {error.get('code')}")
    if isinstance(result, dict):
        task = result.get("task")
        id_ = task.get("taskId") if isinstance(task, dict) else result.get("taskId")
        outcome: Outcome = "tool_error" if result.get("isError") is True else "ok"
        return Result(outcome, task=id_ if isinstance(id_, str) else None, state=state_asked_for(result))
    return None
