"""The chain of the audit trail: each record holds the hash of the one before it, and anybody can walk along."""

import hashlib
import json
from dataclasses import dataclass

import anyio
import orjson

from airegistry.core.documents import AppendLog, Json

STREAM = "audit"
GENESIS = "0" * 64
PAUSE = 200
"""Records read before other tasks get a turn."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a walk along the chain found: how many records hold, and the first thing wrong, if any."""

    records: int
    error: str | None = None


def sealed(event: Json, previous: str) -> Json:
    """An event with its place in the chain: `previous` and its own `hash`."""
    body = {**event, "previous": previous}
    return {**body, "hash": _digest(body)}


def _digest(body: Json) -> str:
    """Over canonical JSON: members in order, no blanks, UTF-8."""
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _restated(body: Json) -> str:
    """The same digest by the standard library, which prints an uncommon number in another way than the fast one."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


async def verify(log: AppendLog) -> Verification:
    """Walk a trail from its beginning and check each link."""
    previous, count = GENESIS, 0
    async for entry in log.read(STREAM):
        if entry.seq % PAUSE == 0:
            await anyio.lowlevel.checkpoint()
        body = dict(entry.body)
        stated = body.pop("hash", None)
        if body.get("previous") != previous:
            return Verification(count, f"record {entry.seq} does not follow the one before it")
        if stated not in {_digest(body), _restated(body)}:
            return Verification(count, f"record {entry.seq} was changed after it was written")
        previous, count = str(stated), count + 1
    return Verification(count)
