"""The chain of one writer of the audit trail: each record holds the hash of the one before it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import anyio
import orjson

from airegistry.core.documents import AppendLog, Json

STREAM = "audit"
"""The first writer's stream, and the start of the names of all others."""
GENESIS = "0" * 64
PAUSE = 200
"""Records read before other tasks get a turn."""


@dataclass(frozen=True, slots=True)
class Link:
    """A place in a chain: the number of a record and its hash; 0 and GENESIS before the first."""

    seq: int = 0
    hash: str = GENESIS


START = Link()


@dataclass(frozen=True, slots=True)
class Verification:
    """What a walk along a trail found: how many records hold, and the first thing wrong, if any.

    `writers` says how far the chain of each is signed, empty where nothing is.
    """

    records: int
    error: str | None = None
    writers: Sequence["Signed"] = ()


@dataclass(frozen=True, slots=True)
class Signed:
    """How far the chain of one writer goes, and how much of it a signature vouches for. `pruned` records are gone."""

    stream: str
    last: int
    signed: int
    pruned: int


@dataclass(slots=True)
class Walk:
    """A chain as far as it was walked: its last record that holds, how many hold, what is wrong with the next."""

    link: Link
    records: int = 0
    error: str | None = None


def sealed(event: Json, previous: str) -> Json:
    """An event with its place in the chain: `previous` and its own `hash`."""
    body = {**event, "previous": previous}
    return {**body, "hash": _digest(body)}


def named(stream: str, seq: int) -> str:
    """A record, as reports name it."""
    return f"record {seq}" if stream == STREAM else f"record {seq} of {stream}"


async def walk(
    log: AppendLog, stream: str, begin: Link = START, stated: Mapping[int, str] | None = None, upto: int | None = None
) -> Walk:
    """Check each link after `begin`, and no further than `upto`. `stated` are hashes by number that the chain has to
    go through."""
    found = Walk(begin)
    async for entry in log.read(stream, after=begin.seq, before=None if upto is None else upto + 1):
        if entry.seq % PAUSE == 0:
            await anyio.lowlevel.checkpoint()
        body = dict(entry.body)
        own = body.pop("hash", None)
        if entry.seq != found.link.seq + 1 or body.get("previous") != found.link.hash:
            found.error = f"{named(stream, entry.seq)} does not follow the one before it"
        elif own not in {_digest(body), _restated(body)}:
            found.error = f"{named(stream, entry.seq)} was changed after it was written"
        elif stated is not None and stated.get(entry.seq, own) != own:
            found.error = f"{named(stream, entry.seq)} is not the one that was signed: what precedes it was made anew"
        if found.error is not None:
            return found
        found.link, found.records = Link(entry.seq, str(own)), found.records + 1
    return found


async def verify(log: AppendLog) -> Verification:
    """Walk the first writer's chain from its beginning, signed or not."""
    found = await walk(log, STREAM)
    return Verification(found.records, found.error)


def _digest(body: Json) -> str:
    """Over canonical JSON: members in order, no blanks, UTF-8."""
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _restated(body: Json) -> str:
    """The same digest by the standard library, which prints an uncommon number in another way than the fast one."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
