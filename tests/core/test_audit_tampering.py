"""Whoever gets at the records finds no way to change, remove, reorder or cut them that is not seen."""

import random
from collections.abc import Callable
from datetime import timedelta

import pytest

from airegistry.core.audit_chain import GENESIS, STREAM, sealed
from airegistry.core.audit_keys import KEYS
from airegistry.core.audit_writers import CHECKPOINTS, HEADS, key_of
from airegistry.core.documents import Json
from airegistry.core.errors import Internal
from airegistry.core.principals import SYSTEM
from airegistry.stores.signatures import Ed25519
from tests.core.signed import Place, writes

pytestmark = pytest.mark.anyio

WRITERS = 3
EACH = 12
Tamper = Callable[[random.Random, list[Json]], list[Json]]


async def filled() -> tuple[Place, list[str]]:
    """A store that three processes wrote to in turn and signed, and the names of their streams."""
    place = Place()
    audits = [await place.process(shared=True) for _ in range(WRITERS)]
    for number in range(EACH):
        for writer, audit in enumerate(audits):
            await writes(audit, place.clock, [f"act:{writer}:{number}"])
    for audit in audits:
        await audit.sign()
    streams = [head.stream for head in await place.writers.heads()]
    return place, streams


def flipped(dice: random.Random, records: list[Json]) -> list[Json]:
    at = dice.randrange(len(records))
    name = dice.choice(["subject", "action", "time", "outcome", "previous", "hash"])
    text = str(records[at][name])
    place = dice.randrange(len(text))
    forged = chr(ord(text[place]) ^ 1)
    return [*records[:at], {**records[at], name: text[:place] + forged + text[place + 1 :]}, *records[at + 1 :]]


def removed(dice: random.Random, records: list[Json]) -> list[Json]:
    at = dice.randrange(len(records))
    return records[:at] + records[at + 1 :]


def reordered(dice: random.Random, records: list[Json]) -> list[Json]:
    one, other = dice.sample(range(len(records)), 2)
    records[one], records[other] = records[other], records[one]
    return records


def repeated(dice: random.Random, records: list[Json]) -> list[Json]:
    at = dice.randrange(len(records))
    return [*records[: at + 1], *records[at:]]


def cut(dice: random.Random, records: list[Json]) -> list[Json]:
    return records[: dice.randrange(len(records))]


def beheaded(dice: random.Random, records: list[Json]) -> list[Json]:
    return records[dice.randrange(1, len(records)) :]


def chained_anew(dice: random.Random, records: list[Json]) -> list[Json]:
    """All hashes are right: but this is not what was signed."""
    at, previous, made = dice.randrange(len(records)), GENESIS, list[Json]()
    for number, record in enumerate(records):
        event = {name: value for name, value in record.items() if name not in {"previous", "hash"}}
        made.append(sealed({**event, "subject": "nobody"} if number >= at else event, previous))
        previous = str(made[-1]["hash"])
    return made


@pytest.mark.parametrize("tamper", [flipped, removed, reordered, repeated, cut, beheaded, chained_anew])
@pytest.mark.parametrize("seed", range(20))
async def test_whatever_is_done_to_the_records_of_a_stream_is_found_and_named(tamper: Tamper, seed: int) -> None:
    dice = random.Random(f"{seed} {tamper.__name__}")
    place, streams = await filled()
    assert await place.verify() == await place.verify()
    assert ((await place.verify()).records, (await place.verify()).error) == (WRITERS * EACH, None)
    stream = dice.choice(streams)
    place.log.forged[stream] = tamper(dice, await place.records(stream))
    found = await place.verify()
    assert stream in (found.error or "")
    assert found.records <= WRITERS * EACH


@pytest.mark.parametrize("number", range(WRITERS))
async def test_a_writer_that_is_removed_with_all_it_wrote_is_missed(number: int) -> None:
    place, streams = await filled()
    place.log.forged[streams[number]] = []
    await place.store.delete(HEADS, key_of(number + 1))
    assert f"writer {number + 1} of the trail is missing" in str((await place.verify()).error)


async def test_a_stream_that_was_added_is_found() -> None:
    place, streams = await filled()
    place.log.forged["audit-foreign"] = await place.records(streams[0])
    assert "audit-foreign is of no writer" in str((await place.verify()).error)


@pytest.mark.parametrize("field", ["seq", "hash", "time", "known", "closed", "stream", "signature"])
async def test_a_changed_head_is_found(field: str) -> None:
    place, _ = await filled()
    found = await place.store.get(HEADS, key_of(2))
    assert found is not None
    value = found.body[field]
    forged = not value if isinstance(value, bool) else value - 1 if isinstance(value, int) else f"{value}x"
    await place.store.put(HEADS, key_of(2), {**found.body, field: forged})
    assert "was changed, or signed by somebody else" in str((await place.verify()).error)


async def test_an_earlier_head_put_back_over_a_cut_stream_is_found_by_the_heads_that_were_kept_elsewhere() -> None:
    place = Place()
    audit = await place.process()
    await writes(audit, place.clock, ["a", "b"])
    await audit.sign()
    old = await place.store.get(HEADS, key_of(1))
    await writes(audit, place.clock, ["c", "d"])
    _, kept = await place.care(audit).heads(SYSTEM)
    assert (await place.verify(kept)).error is None
    assert old is not None
    await place.store.put(HEADS, key_of(1), old.body)
    place.log.forged[STREAM] = (await place.records(STREAM))[:2]
    assert (await place.verify()).error is None  # within the store nothing tells
    assert "its end was cut off" in str((await place.verify(kept)).error)


async def test_another_key_in_the_place_of_the_registrys_own_does_not_open() -> None:
    place, _ = await filled()
    document = await place.store.get(KEYS, "signing")
    assert document is not None
    forged = Ed25519().public(Ed25519().make())
    await place.store.put(KEYS, "signing", {**document.body, "public": forged})
    with pytest.raises(Internal, match="not that of its sealed private key"):
        await place.verify()


async def test_a_stream_that_was_cut_is_left_as_evidence_by_the_process_that_starts_on_it() -> None:
    place = Place()
    audit = await place.process()
    await writes(audit, place.clock, ["a", "b", "c"])
    await audit.close()
    place.log._streams[STREAM] = place.log._streams[STREAM][:2]
    later = await place.process()
    await writes(later, place.clock, ["d"])
    await later.close()
    assert "record 3 was signed" in str((await place.verify()).error)


async def test_whoever_changes_a_checkpoint_is_found() -> None:
    place = Place()
    audit = await place.process()
    await writes(audit, place.clock, ["a", "b", "c"])
    place.clock.pass_(7200)
    await place.care(audit).prune(SYSTEM, place.clock.now() - timedelta(hours=1))
    document = await place.store.get(CHECKPOINTS, key_of(1))
    assert document is not None
    await place.store.put(CHECKPOINTS, key_of(1), {**document.body, "pruned": 1})
    assert "pruning of audit was changed" in str((await place.verify()).error)
    await place.store.delete(CHECKPOINTS, key_of(1))
    assert "does not follow" in str((await place.verify()).error)
