import random
import subprocess
import sys
from pathlib import Path

import pytest

from airegistry.core.documents import Json
from airegistry.stores.segments import SegmentLog
from airegistry.stores.tinydb import TinyStore
from tests.support.rounds import FULL, ROUNDS

pytestmark = pytest.mark.anyio

KILLS = 25 if FULL else 5
"""In one folder; a full run has 500 in all."""


@pytest.mark.skipif(sys.platform == "win32", reason="no kill -9")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_whatever_was_acknowledged_before_kill_9_is_there(tmp_path: Path, seed: int) -> None:
    dice, told = random.Random(seed), Acknowledged(tmp_path)
    for round_ in range(KILLS):
        assert told.write(round_, kill_after=dice.randrange(1, 4000)) == -9
        await told.check()
    assert len(told.puts) > KILLS
    assert len(told.appends) > KILLS


class Acknowledged:
    """What processes that wrote to a folder gave before they ended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.puts: dict[str, tuple[int, int]] = {}
        self.appends: dict[int, tuple[int, int, int]] = {}

    def write(self, round_: int, kill_after: int | None = None) -> int:
        """Have a process write until kill -9 after so many acknowledgements, or to its own end; its exit status."""
        command = [sys.executable, "-m", "tests.stores.killed", str(self.folder), str(round_)]
        errors = None if kill_after is not None else subprocess.DEVNULL
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(kill_after or 0)]
            if kill_after is not None:
                process.kill()
            lines += process.stdout.readlines()
        for kind, name, number, n in (line.decode().split() for line in lines if line.endswith(b"\n")):
            if kind == "put":
                self.puts[name] = int(number), round_ * 10**9 + int(n)
            else:
                self.appends[int(number)] = round_, int(name), int(n)
        return process.returncode

    async def check(self) -> None:
        """Look for all of it."""
        await check_documents(self.folder, self.puts)
        await check_log(self.folder, self.appends)


async def check_documents(folder: Path, puts: dict[str, tuple[int, int]]) -> None:
    async with TinyStore.open(folder / "documents.journal") as store:
        assert store.damage == []
        found = {document.key: document async for document in store.find("servers")}
    for key, (version, moment) in puts.items():
        assert found[key].version >= version
        assert moment_of(found[key].body) >= moment


async def check_log(folder: Path, appends: dict[int, tuple[int, int, int]]) -> None:
    async with SegmentLog.open(folder / "logs") as log:
        records = [record async for record in log.read("audit")]
        assert log.damage == []
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    for seq, (round_, writer, n) in appends.items():
        assert records[seq - 1].body == {"round": round_, "writer": writer, "n": n}


def moment_of(body: Json) -> int:
    round_, n = body["round"], body["n"]
    assert isinstance(round_, int)
    assert isinstance(n, int)
    return round_ * 10**9 + n
