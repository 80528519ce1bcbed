"""The whole trail checked: every writer there, every chain whole, every signed head reached."""

from collections.abc import Mapping, Sequence

from airegistry.core.audit_chain import START, Link, Signed, Verification, verify, walk
from airegistry.core.audit_writers import CHECKPOINTS, HEADS, Checkpoint, Head, Writers, is_trail
from airegistry.core.documents import AppendLog, Json


class _Broken(Exception):
    """The first thing wrong."""


async def verify_trail(log: AppendLog, writers: Writers | None, known: Sequence[Json] = ()) -> Verification:
    """Walk every writer's chain. A trail of before streams had writers is walked as it is: nothing of it is signed.

    `known` are heads that were kept elsewhere: the trail has to hold what they vouch for, or to have pruned it.
    """
    if writers is None:
        return await verify(log)
    records, signed = 0, list[Signed]()
    try:
        heads = await _heads(writers)
        if not heads and not writers.public and not known:
            return await verify(log)
        checkpoints = await _checkpoints(writers)
        known_heads = [_known(writers, body, heads) for body in known]
        for head in heads:
            kept = [each for each in known_heads if each.stream == head.stream]
            done = await _stream(log, head, checkpoints.get(head.stream), [head, *kept])
            signed.append(done)
            records += done.last - done.pruned
        for stream in await log.streams():
            if is_trail(stream) and all(head.stream != stream for head in heads):
                raise _Broken(f"{stream} is of no writer that is known")
    except _Broken as broken:
        records += broken.args[1] if len(broken.args) > 1 else 0
        return Verification(records, str(broken.args[0]), signed)
    return Verification(records, None, signed)


async def _heads(writers: Writers) -> list[Head]:
    heads = []
    async for told in writers.told(HEADS):
        if not told.genuine:
            raise _Broken(f"what was signed of {told.body.get('stream')} was changed, or signed by somebody else")
        heads.append(Head.model_validate(told.body))
    there = {head.number for head in heads}
    for number in range(1, max((head.known for head in heads), default=0) + 1):
        if number not in there:
            raise _Broken(f"writer {number} of the trail is missing, with all that it wrote")
    if len(there) != len(heads):
        raise _Broken("a writer of the trail is there twice")
    return heads


async def _checkpoints(writers: Writers) -> Mapping[str, Checkpoint]:
    async for told in writers.told(CHECKPOINTS):
        if not told.genuine:
            raise _Broken(f"what was signed of the pruning of {told.body.get('stream')} was changed")
    return await writers.checkpoints()


def _known(writers: Writers, body: Json, heads: Sequence[Head]) -> Head:
    if not writers.genuine(HEADS, body):
        raise _Broken(f"the head of {body.get('stream')} that was kept elsewhere is not signed with the trail's key")
    known = Head.model_validate(body)
    if all(head.stream != known.stream for head in heads):
        raise _Broken(f"writer {known.number} of the trail is missing, with all that it wrote")
    return known


async def _stream(log: AppendLog, head: Head, checkpoint: Checkpoint | None, heads: Sequence[Head]) -> Signed:
    """How far the chain of one writer holds, which has to reach all of its heads."""
    begin = START if checkpoint is None else Link(checkpoint.seq, checkpoint.hash)
    stated: dict[int, str] = {}
    for each in _in_order(heads):
        if stated.setdefault(each.seq, each.hash) != each.hash:
            raise _Broken(f"two heads of {head.stream} tell two hashes of record {each.seq}")
    found = await walk(log, head.stream, begin, stated)
    if found.error is not None:
        raise _Broken(found.error, found.records)
    for each in _in_order(heads):
        if found.link.seq < each.seq:
            raise _Broken(
                f"{head.stream} ends at record {found.link.seq}, but record {each.seq} was signed "
                f"at {each.time.isoformat()}: its end was cut off", found.records,
            )  # fmt: skip
        if each.seq == begin.seq and each.hash != begin.hash:
            raise _Broken(f"record {each.seq} of {head.stream}, pruned since, is not the one that was signed")
    return Signed(head.stream, found.link.seq, head.seq, begin.seq)


def _in_order(heads: Sequence[Head]) -> list[Head]:
    return sorted(heads, key=lambda head: head.seq)
