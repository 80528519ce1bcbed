"""Carries everything of a source into a store: looks first, writes then, and can be stopped and begun again anywhere.

What is there already, as it is in the source, is passed over: an import that broke off goes on when it is begun again,
and one of a file notes besides which chunks are done. Documents begin at version 1, or where the store counts on: a
version orders the writes of one store and means nothing in another. Records keep their numbers, which their hash chain
needs: what was pruned of a stream is stood in for by empty records, and those are pruned at the end.
"""

import dataclasses
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import anyio
from pydantic import JsonValue

from airegistry.core.documents import AppendLog, Document, DocumentStore, Json
from airegistry.core.errors import AirError, Conflict
from airegistry.data.archive import Archive, Manifest, named
from airegistry.data.beside import Beside
from airegistry.data.items import CHECKPOINTS, Item, Record, Source
from airegistry.data.sealed import Opens, all_open

Existing = Literal["refuse", "keep", "replace"]
AT_ONCE = 250
"""Documents that are written at once: an embedded store syncs once for all of them."""
PADDING = 1000
NAMED = 5
EMPTY: Json = {}


@dataclass(frozen=True, slots=True)
class Target:
    """Where everything goes, and whether its key opens what is sealed."""

    documents: DocumentStore
    log: AppendLog
    opens: Opens


@dataclass(frozen=True, slots=True)
class Choices:
    """What is done about documents that are there and differ, and about secrets that the target's key does not open.

    Without `sealed` documents with such secrets are left out; else they are a reason to refuse.
    """

    existing: Existing = "refuse"
    sealed: bool = True


@dataclass(slots=True)
class Summary:
    """What a transfer did: documents and records by what became of them, those of chunks that an earlier run did aside.

    `unopened` names some of the documents that were left out because of their secrets. `streams_kept` are those of the
    target that differ from the source's and stay as they are.
    """

    chunks_done_before: int = 0
    documents_written: int = 0
    documents_present: int = 0
    documents_kept: int = 0
    documents_replaced: int = 0
    documents_left_out: int = 0
    unopened: list[str] = field(default_factory=list)
    records_written: int = 0
    records_present: int = 0
    records_stood_in: int = 0
    streams_kept: list[str] = field(default_factory=list)

    def leave_out(self, item: Document) -> None:
        """Count a document whose secrets are not opened."""
        self.documents_left_out += 1
        if len(self.unopened) < NAMED:
            self.unopened.append(f"{item.collection}/{item.key}")

    @property
    def items(self) -> int:
        """How many documents and records were dealt with."""
        documents = self.documents_written + self.documents_present + self.documents_kept + self.documents_replaced
        return documents + self.documents_left_out + self.records_written + self.records_present


class Stopped(AirError):
    """Something could not be written; the code is that of the reason."""

    def __init__(self, reason: AirError, summary: Summary) -> None:
        written = summary.documents_written + summary.documents_replaced
        super().__init__(
            f"{reason.message}. {written} documents and {summary.records_written} records were written before; "
            "the same command again goes on from there"
        )
        self.code = reason.code


Tell = Callable[[str, int], None]
"""Hears what is being done (`verified`, `compared`, `written`) and to how many items it was."""


def _silent(what: str, items: int) -> None:
    pass


async def transfer(source: Source, target: Target, choices: Choices, *, tell: Tell = _silent) -> Summary:
    """Carry everything over. Whatever speaks against it is found before anything is written.

    Raises:
        Conflict: the target holds something else in a place of the source's, or its key does not open the secrets.
        Invalid, Unsupported: a file is not as it was written; at the first reading, so that nothing is written.
        Stopped: something could not be written; the same again goes on from there.
    """
    manifest, found = await _looked(source, target, choices, tell)
    done = found.chunks_done_before
    writing = _Writing(target, choices, Summary(done, streams_kept=found.streams_kept), manifest)
    try:
        await writing.run(_after(source, done), lambda items: tell("written", items))
    except AirError as error:
        raise Stopped(error, writing.summary) from error
    return writing.summary


async def look(source: Source, target: Target, choices: Choices, *, tell: Tell = _silent) -> Summary:
    """What `transfer` would do, and nothing of it.

    Raises:
        Conflict, Invalid, Unsupported: as `transfer`.
    """
    return (await _looked(source, target, choices, tell))[1]


async def _looked(source: Source, target: Target, choices: Choices, tell: Tell) -> tuple[Manifest, Summary]:
    """What a file says of itself, and what is to be done."""
    manifest = Manifest()
    if isinstance(source, Archive):
        _, manifest = await source.verify(lambda items: tell("verified", items))
    done = await _done(target, choices, manifest)
    looking = _Look(target, choices)
    await looking.at(_after(source, done), lambda items: tell("compared", items))
    return manifest, looking.summary(done)


def _after(source: Source, done: int) -> AsyncIterator[Sequence[Item]]:
    return source.chunks(after=done) if isinstance(source, Archive) else source.chunks()


async def _done(target: Target, choices: Choices, manifest: Manifest) -> int:
    """The last chunk of the file that is known to be in the target."""
    found = await target.documents.get(CHECKPOINTS, manifest.sha256) if manifest.sha256 else None
    chunk = 0 if found is None else found.body.get("chunk")
    return chunk if found is not None and found.body == _checkpoint(choices, chunk) and isinstance(chunk, int) else 0


def _checkpoint(choices: Choices, chunk: JsonValue) -> Json:
    return {"chunk": chunk, "existing": choices.existing, "sealed": choices.sealed}


@dataclass(slots=True)
class _Stream:
    """What is to be done in a stream whose last record is `last`."""

    last: int
    written: int = 0
    present: int = 0
    stood_in: int = 0

    def take(self, seq: int) -> None:
        """Count a record by its number."""
        if seq <= self.last:
            self.present += 1
            return
        self.stood_in += seq - 1 - self.last
        self.written += 1
        self.last = seq


class _Look:
    """The first reading: compares, and writes nothing."""

    def __init__(self, target: Target, choices: Choices) -> None:
        self._beside = Beside(target.documents, target.log)
        self._target = target
        self._choices = choices
        self._unopened: list[str] = []
        self._found = Summary()
        self._streams: dict[str, _Stream] = {}
        self.streams_kept: list[str] = []

    def summary(self, done: int) -> Summary:
        """What is to be done, after so many chunks."""
        told = [stream for name, stream in self._streams.items() if name not in self.streams_kept]
        return dataclasses.replace(
            self._found, chunks_done_before=done, streams_kept=self.streams_kept,
            records_written=sum(each.written for each in told), records_present=sum(each.present for each in told),
            records_stood_in=sum(each.stood_in for each in told),
        )  # fmt: skip

    async def at(self, chunks: AsyncIterator[Sequence[Item]], tell: Callable[[int], None]) -> None:
        """Look at every item.

        Raises:
            Conflict: it cannot be carried over.
        """
        items = 0
        async for chunk in chunks:
            for item in chunk:
                if isinstance(item, Document):
                    await self._document(item)
                else:
                    await self._record(item)
            items += len(chunk)
            tell(items)
        if self._unopened:
            raise Conflict(
                f"the key of the target does not open the secrets in {len(self._unopened)} documents, among them "
                f"{', '.join(self._unopened[:NAMED])}. Nothing was written. Put the secret.key that they were sealed "
                "with into the target's data folder first, or its content into AIREGISTRY_SECRET_KEY for a database"
            )

    async def _document(self, item: Document) -> None:
        if not all_open(item.body, self._target.opens):
            if self._choices.sealed:
                self._unopened.append(f"{item.collection}/{item.key}")
            self._found.leave_out(item)
            return
        found = await self._beside.document(item.collection, item.key)
        if found is None:
            self._found.documents_written += 1
        elif found.body == item.body:
            self._found.documents_present += 1
        elif self._choices.existing == "replace":
            self._found.documents_replaced += 1
        elif self._choices.existing == "keep":
            self._found.documents_kept += 1
        else:
            raise Conflict(
                f"{named(item)} is in the target already and differs. Nothing was written: "
                "carry it into an empty store, or say whether to keep or to replace what is there"
            )

    async def _record(self, item: Record) -> None:
        if item.stream in self.streams_kept:
            return
        if item.stream not in self._streams:
            last = await self._target.log.last(item.stream)
            self._streams[item.stream] = _Stream(0 if last is None else last.seq)
        self._streams[item.stream].take(item.seq)
        found = await self._beside.record(item.stream, item.seq)
        if found is None or found.body == item.body:
            return
        if self._choices.existing == "refuse":
            raise Conflict(
                f"{named(item)} is in the target already and differs: the target has a history of its own. "
                "Nothing was written: carry it into an empty store, or say to keep what is there"
            )
        self.streams_kept.append(item.stream)


class _Writing:
    """The second reading: writes what is not there."""

    def __init__(self, target: Target, choices: Choices, summary: Summary, manifest: Manifest) -> None:
        self._target = target
        self._choices = choices
        self._manifest = manifest
        self._first = {stream: span.first for stream, span in manifest.records.items()}
        self._last: dict[str, int] = {}
        self.summary = summary

    async def run(self, chunks: AsyncIterator[Sequence[Item]], tell: Callable[[int], None]) -> None:
        """Write everything; what is not written when it ends early is by the next run."""
        number = 0
        async for chunk in chunks:
            number += 1
            await self._documents([item for item in chunk if isinstance(item, Document)])
            await self._records([item for item in chunk if isinstance(item, Record)])
            if number > self.summary.chunks_done_before:
                await self._note(number)
            tell(self.summary.items)
        for stream, first in self._first.items():
            if first > 1 and stream not in self.summary.streams_kept:
                await self._target.log.prune(stream, first)
        if self._manifest.sha256:
            await self._target.documents.delete(CHECKPOINTS, self._manifest.sha256)

    async def _note(self, chunk: int) -> None:
        if self._manifest.sha256:
            await self._target.documents.put(CHECKPOINTS, self._manifest.sha256, _checkpoint(self._choices, chunk))

    async def _documents(self, items: Sequence[Document]) -> None:
        for start in range(0, len(items), AT_ONCE):
            failed: list[AirError] = []
            async with anyio.create_task_group() as group:
                for item in items[start : start + AT_ONCE]:
                    group.start_soon(self._carry, item, failed)
            if failed:
                raise failed[0]

    async def _carry(self, item: Document, failed: list[AirError]) -> None:
        """Write one document; what fails is told, and leaves the others to end."""
        try:
            await self._document(item)
        except AirError as error:
            failed.append(error)

    async def _document(self, item: Document) -> None:
        summary, documents = self.summary, self._target.documents
        if not all_open(item.body, self._target.opens):
            summary.leave_out(item)
            return
        try:
            await documents.put(item.collection, item.key, item.body, expect=0)
        except Conflict:
            found = await documents.get(item.collection, item.key)
        else:
            summary.documents_written += 1
            return
        if found is not None and found.body == item.body:
            summary.documents_present += 1
        elif self._choices.existing == "replace":
            await documents.put(item.collection, item.key, item.body)
            summary.documents_replaced += 1
        elif self._choices.existing == "keep":
            summary.documents_kept += 1
        else:
            raise Conflict(f"{named(item)} came into the target meanwhile, and differs")

    async def _records(self, items: Sequence[Record]) -> None:
        """Append the records of each stream that are not there, in runs without gaps."""
        run: list[Record] = []
        for item in items:
            if run and (item.stream != run[0].stream or item.seq != run[-1].seq + 1):
                await self._append(run)
                run = []
            run.append(item)
        if run:
            await self._append(run)

    async def _append(self, run: Sequence[Record]) -> None:
        stream = run[0].stream
        self._first.setdefault(stream, run[0].seq)
        if stream in self.summary.streams_kept:
            return
        if stream not in self._last:
            last = await self._target.log.last(stream)
            self._last[stream] = 0 if last is None else last.seq
        new = [record for record in run if record.seq > self._last[stream]]
        self.summary.records_present += len(run) - len(new)
        if new:
            await self._stand_in(stream, new[0].seq - 1)
            await self._add(stream, [record.body for record in new], new[-1].seq)
            self.summary.records_written += len(new)

    async def _stand_in(self, stream: str, last: int) -> None:
        """Fill a stream with empty records up to a number."""
        while self._last[stream] < last:
            count = min(PADDING, last - self._last[stream])
            await self._add(stream, [EMPTY] * count, self._last[stream] + count)
            self.summary.records_stood_in += count

    async def _add(self, stream: str, bodies: Sequence[Json], last: int) -> None:
        written = await self._target.log.append(stream, bodies)
        if written != last:
            raise Conflict(f"stream {stream!r} is at {written} and not at {last}: somebody else writes to the target")
        self._last[stream] = last
