"""kill -9 in the middle of many acts: no event of one that was acknowledged is lost, none is out of order."""

import random
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import anyio
import orjson
import pytest
from anyio.streams.text import TextReceiveStream
from cryptography.fernet import Fernet
from starlette.types import Receive, Scope, Send

from tests.support.asgi import serve
from tests.support.rounds import FULL

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(400)]

ASSETS, ACTS, KILLS = (40, 250, 12) if FULL else (20, 30, 3)


class Subscriber:
    """Notes what it is sent; now and then it answers 500, or breaks off."""

    def __init__(self, dice: random.Random) -> None:
        self.seen: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
        """By asset: id, sequence and number of what it took, in the order in which it came."""
        self._dice = dice

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        status = 500 if self._dice.random() < 0.02 else 204
        if status == 204 and body:
            message = orjson.loads(body)
            about = message["data"]["asset"]
            self.seen[about["path"]].append((message["id"], message["sequence"], int(about["description"])))
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def run(folder: Path, url: str, key: str, kill_after: int | None) -> tuple[dict[str, int], bool]:
    """One life of the process: by asset the last act that it acknowledged, and whether it came to its end."""
    command = [sys.executable, "-m", "tests.egress.telling", str(folder), url, key, str(ASSETS), str(ACTS)]
    acknowledged: dict[str, int] = {}
    async with await anyio.open_process(command, stdout=subprocess.PIPE, stderr=None) as process:
        assert process.stdout is not None
        rest, lines = "", 0
        async for text in TextReceiveStream(process.stdout):
            *whole, rest = (rest + text).split("\n")
            for line in whole:
                if line == "done":
                    return acknowledged, True
                path, number = line.split()
                acknowledged[path] = int(number)
                lines += 1
            if kill_after is not None and lines >= kill_after:
                process.kill()
                kill_after = None  # what it said before is read to its end
    return acknowledged, False


@pytest.mark.skipif(sys.platform == "win32", reason="no kill -9")
async def test_no_event_is_lost_and_none_is_out_of_order_whenever_the_process_is_killed(tmp_path: Path) -> None:
    dice, key = random.Random(7), Fernet.generate_key().decode()
    subscriber, acknowledged = Subscriber(dice), dict[str, int]()
    async with serve(subscriber) as base:
        for _ in range(KILLS):
            said, ended = await run(tmp_path, f"{base}/hook", key, dice.randrange(1, ASSETS * ACTS // KILLS))
            acknowledged |= said
            if ended:
                break
        said, ended = await run(tmp_path, f"{base}/hook", key, None)
        assert ended
        acknowledged |= said
    assert set(acknowledged.values()) <= {ACTS}
    assert len(subscriber.seen) == ASSETS
    for path, seen in subscriber.seen.items():
        first = list({id_: (sequence, number) for id_, sequence, number in reversed(seen)}.items())[::-1]
        assert [number for _, (_, number) in first] == list(range(1, ACTS + 1)), path
        assert [sequence for _, (sequence, _) in first] == list(range(1, ACTS + 1)), path
