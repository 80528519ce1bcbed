"""What a process did, in lines of a file that a kill -9 does not take back: each act as it is called and as it returns.

Times are nanoseconds of the machine's monotonic clock, which all processes share.
"""

import os
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from tests.distributed.linear import NEVER, Operation

Json = dict[str, Any]


class Recorder:
    """Writes the lines of one process."""

    def __init__(self, path: Path, who: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._who = who
        self._calls = 0

    def call(self, act: str, key: str, **more: object) -> int:
        """Note that an act begins; returns its number."""
        self._calls += 1
        self._write({"call": self._calls, "act": act, "key": key, **more})
        return self._calls

    def done(self, number: int, outcome: str, **more: object) -> None:
        """Note how an act ended."""
        self._write({"return": number, "outcome": outcome, **more})

    def note(self, kind: str, **more: object) -> None:
        """Note something else."""
        self._write({"note": kind, **more})

    def _write(self, line: Json) -> None:
        os.write(self._file, orjson.dumps({"at": time.monotonic_ns(), "who": self._who, **line}) + b"\n")


def lines(paths: Iterable[Path]) -> list[Json]:
    """All lines of some files in the order of their times; what a kill cut off is left out."""
    found = [
        orjson.loads(line) for path in paths for line in path.read_bytes().splitlines(keepends=True) if b"\n" in line
    ]
    return sorted(found, key=lambda line: line["at"])


def operations(told: Iterable[Json]) -> Mapping[str, Sequence[Operation]]:
    """What was done to each document. A listing is a read of every document that was asked for."""
    returns: dict[tuple[str, int], Json] = {}
    calls: list[Json] = []
    for line in told:
        if "call" in line:
            calls.append(line)
        elif "return" in line:
            returns[line["who"], line["return"]] = line
    found: dict[str, list[Operation]] = defaultdict(list)
    for call in calls:
        ended = returns.get((call["who"], call["call"]))
        if call["act"] == "list":
            for key in call["keys"] if ended is not None and ended["outcome"] == "ok" else ():
                there = ended["found"].get(key) if ended is not None else None
                found[key].append(_operation(call, {**(ended or {}), **(there or {"value": None})}))
        elif call["act"] != "get" or (ended is not None and ended["outcome"] == "ok"):
            found[call["key"]].append(_operation(call, ended))
    return found


def _operation(call: Json, ended: Json | None) -> Operation:
    known = ended is not None and ended["outcome"] != "unknown"
    given = {**call, **(ended or {})}
    return Operation(
        called=call["at"], returned=ended["at"] if ended is not None and known else NEVER,
        act="get" if call["act"] == "list" else call["act"], outcome=given["outcome"] if known else "unknown",
        expect=call.get("expect"), value=given.get("value"), version=given.get("version"), who=call["who"],
    )  # fmt: skip
