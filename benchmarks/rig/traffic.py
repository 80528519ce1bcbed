"""The load generator: a process of its own, `python -m benchmarks.rig.traffic`, one job a line.

A job is answered with `ready` when every caller is connected and was served once; the word `go` starts it, and its
outcome is a line of JSON. Every answer is checked.
"""

import asyncio
import re
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import NamedTuple, Self

import orjson
import uvloop

from benchmarks.rig.messages import BODIES, LEGACY, Address, Body, Era, WrongAnswer, check, initialize, message_of

READ_LIMIT = 2**20
OPENINGS = 4
"""Attempts to begin a conversation."""
_LENGTH = re.compile(rb"content-length: (\d+)")
_SESSION = re.compile(rb"mcp-session-id: (\S+)", re.IGNORECASE)


@dataclass(frozen=True)
class Job:
    """Calls of one kind by so many callers at once: for some seconds, or so many if `calls` is given."""

    address: Address
    era: Era
    body: str
    callers: int
    seconds: float = 1.0
    calls: int = 0


@dataclass(frozen=True)
class Outcome:
    """What came of a job. Latencies are microseconds, `cpu` the generator's own per call."""

    calls: int
    rate: float
    p50: float
    p99: float
    cpu: float


class Answer(NamedTuple):
    """An HTTP answer; `head` as it came."""

    status: int
    head: bytes
    body: bytes

    @property
    def message(self) -> bytes:
        """The JSON-RPC response in it, be it JSON or an event stream."""
        return message_of(self.body)


async def read(reader: asyncio.StreamReader) -> Answer:
    """The next answer on a connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    low, status = head.lower(), int(head[9:12])
    if found := _LENGTH.search(low):
        length = int(found[1])
        return Answer(status, head, await reader.readexactly(length) if length else b"")
    if b"transfer-encoding: chunked" not in low:
        return Answer(status, head, b"")
    parts: list[bytes] = []
    while True:
        size = int(await reader.readline(), 16)
        part = await reader.readexactly(size + 2)
        if size == 0:
            return Answer(status, head, b"".join(parts))
        parts.append(part[:-2])


def session_of(answer: Answer) -> str:
    """The session id in the answer to `initialize`.

    Raises:
        WrongAnswer: there is none.
    """
    found = _SESSION.search(answer.head)
    if answer.status != 200 or found is None:
        raise WrongAnswer(f"initialize: {answer.status} {answer.body[:300]!r}")
    return found[1].decode()


class Conversation:
    """One keep-alive connection, and a session on it in the older era."""

    def __init__(self, address: Address, era: Era, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        self._address, self._era = address, era
        self._reader, self._writer = streams
        self._session = ""

    @classmethod
    async def begin(cls, address: Address, era: Era) -> Self:
        """Connect; begin a session if the era has them."""
        talk = cls(address, era, await asyncio.open_connection("127.0.0.1", address.port, limit=READ_LIMIT))
        if era == "legacy":
            talk._session = session_of(await talk.ask("initialize", initialize(), 0))
            await talk.ask("notifications/initialized", {}, None)
        return talk

    async def ask(self, method: str, params: dict[str, object], number: int | None) -> Answer:
        """One message and its answer; without a number it is a notification."""
        message = self._address.request(self._era, method, params, number=number, session=self._session)
        self._writer.write(message)
        return await read(self._reader)

    async def close(self) -> None:
        """End the session, if there is one, and hang up."""
        if self._session:
            headers = [f"Mcp-Session-Id: {self._session}", f"MCP-Protocol-Version: {LEGACY}"]
            self._writer.write(self._address.raw("DELETE", headers))
            await read(self._reader)
        self._writer.close()


class Caller:
    """Somebody who makes one kind of call again and again."""

    def __init__(self, talk: Conversation, body: Body) -> None:
        self.talk, self._body = talk, body
        self._params: dict[str, object] = {"name": body.tool, "arguments": body.arguments}

    async def call(self, number: int) -> float:
        """Seconds that one call took."""
        began = time.perf_counter()
        answer = await self.talk.ask("tools/call", self._params, number)
        took = time.perf_counter() - began
        check(self._body, number, answer.status, answer.body)
        return took


async def _opened(job: Job) -> Caller:
    """A caller with a conversation, not measured: of a hundred that come at once a backend may turn some away."""
    for left in reversed(range(OPENINGS)):
        with suppress(*([WrongAnswer] if left else [])):
            caller = Caller(await Conversation.begin(job.address, job.era), BODIES[job.body])
            await caller.call(1)
            return caller
        await asyncio.sleep(0.5)
    raise AssertionError("the last attempt raises")


async def _work(job: Job, callers: list[Caller]) -> Outcome:
    latencies: list[float] = []
    began, cpu = time.perf_counter(), time.process_time()
    ends = began + job.seconds
    numbers = iter(range(2, job.calls + 2)) if job.calls else None

    async def keep_calling(caller: Caller) -> None:
        number = 1
        while numbers is not None or time.perf_counter() < ends:
            drawn = number + 1 if numbers is None else next(numbers, 0)
            if not drawn:
                return
            number = drawn
            latencies.append(await caller.call(number))

    async with asyncio.TaskGroup() as group:
        for caller in callers:
            group.create_task(keep_calling(caller))
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    latencies.sort()
    count = len(latencies)
    p50, p99 = latencies[count // 2], latencies[int(count * 0.99)]
    return Outcome(count, count / took, p50 * 1e6, p99 * 1e6, cpu / count * 1e6)


async def _serve() -> None:
    lines = asyncio.StreamReader(limit=READ_LIMIT)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        given = orjson.loads(line)
        job = Job(**{**given, "address": Address(**given["address"])})
        async with asyncio.TaskGroup() as group:
            opening = [group.create_task(_opened(job)) for _ in range(job.callers)]
        callers = [task.result() for task in opening]
        print("ready", flush=True)
        await lines.readline()
        outcome = await _work(job, callers)
        print(orjson.dumps(asdict(outcome)).decode(), flush=True)
        # Ending a hundred sessions is not part of the calls, of which there may be few for each.
        for caller in callers:
            await caller.talk.close()


if __name__ == "__main__":
    uvloop.run(_serve())
