import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from airegistry.core.documents import Json
from airegistry.stores.segments import SegmentLog
from airegistry.stores.tinydb import TinyStore

pytestmark = pytest.mark.anyio

ROUNDS = int(os.environ.get("AIREGISTRY_TEST_ROUNDS", "5"))


def run_and_kill(folder: Path, round_: int, after_lines: int) -> list[list[str]]:
    """Kill -9 the writing process after so many acknowledgements; all it gave, before and meanwhile."""
    command = [sys.executable, "-m", "tests.stores.killed", str(folder), str(round_)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(after_lines)]
        process.kill()
        lines += process.stdout.readlines()
    assert process.returncode == -9
    return [line.decode().split() for line in lines if line.endswith(b"\n")]


@pytest.mark.skipif(sys.platform == "win32", reason="no kill -9")
@pytest.mark.timeout(600)
async def test_whatever_was_acknowledged_before_kill_9_is_there(tmp_path: Path) -> None:
    dice = random.Random(2)
    puts: dict[str, tuple[int, int]] = {}
    appends: dict[int, tuple[int, int, int]] = {}
    for round_ in range(ROUNDS):
        for kind, name, number, n in run_and_kill(tmp_path, round_, dice.randrange(1, 4000)):
            if kind == "put":
                puts[name] = int(number), round_ * 10**9 + int(n)
            else:
                appends[int(number)] = round_, int(name), int(n)
        await check_documents(tmp_path, puts)
        await check_log(tmp_path, appends)
    assert len(puts) > ROUNDS
    assert len(appends) > ROUNDS


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
