"""Where sources and their states lie: known in this process, followed when another one writes them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import anyio

from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import Conflict, NotFound
from airegistry.core.ports import Cipher
from airegistry.core.source_records import SourceRecord, SourceState

SOURCES, STATES = "sources", "source_states"
Amend = Callable[[SourceRecord], Mapping[str, object]]
Advance = Callable[[SourceState], Mapping[str, object]]


class SourceStore:
    """The sources of the registry, and how each stands. Whoever waits for one is woken by any change of it."""

    def __init__(self, store: DocumentStore, cipher: Cipher) -> None:
        self._kept = Repository(store, SOURCES, SourceRecord)
        self._kept_states = Repository(store, STATES, SourceState)
        self._cipher = cipher
        self._records: dict[str, SourceRecord] = {}
        self._states: dict[str, SourceState] = {}
        self._changed: dict[str, anyio.Event] = {}
        self._listeners: list[Callable[[str], None]] = []

    def subscribe(self, listener: Callable[[str], None]) -> None:
        """Have a listener told the name of each source that changes from now on."""
        self._listeners.append(listener)

    def records(self) -> list[SourceRecord]:
        """All sources, in order of name."""
        return [self._records[name] for name in sorted(self._records)]

    def find(self, name: str) -> SourceRecord | None:
        """A source by its name."""
        return self._records.get(name)

    def record(self, name: str) -> SourceRecord:
        """A source by its name.

        Raises:
            NotFound: there is none.
        """
        found = self._records.get(name)
        if found is None:
            raise NotFound(f"no source named {name[:64]!r}")
        return found

    def state(self, record: SourceRecord) -> SourceState:
        """How a source stands."""
        return self._of(record, self._states.get(record.name))

    def changed(self, name: str) -> anyio.Event:
        """Set at the next change of a source."""
        return self._changed.setdefault(name, anyio.Event())

    async def reload(self) -> None:
        """Know everything that is stored."""
        records = [name async for name, _ in self._kept.find()]
        await self.follow([*{*records, *self._records}])
        await self.follow_states([*{*records, *self._states}])

    async def follow(self, names: Sequence[str]) -> None:
        """Take over what another process wrote of some sources."""
        for name in names:
            found = await self._kept.find_one(name)
            if found is None:
                self._records.pop(name, None)
            else:
                self._records[name] = found[0]
            self._tell(name)

    async def follow_states(self, names: Sequence[str]) -> None:
        """Take over what another process wrote of the states of some."""
        for name in names:
            found = await self._kept_states.find_one(name)
            if found is None:
                self._states.pop(name, None)
            else:
                self._states[name] = found[0]
            self._tell(name)

    async def create(self, record: SourceRecord) -> None:
        """Keep a new source.

        Raises:
            Conflict: the name is taken.
        """
        try:
            await self._kept.create(record.name, record)
        except Conflict:
            raise Conflict(f"a source named {record.name!r} exists already") from None
        self._records[record.name] = record
        self._tell(record.name)

    async def change(self, name: str, amend: Amend) -> SourceRecord:
        """Write fields of a source over what is stored; its secrets are sealed anew, as the key may be another by now.

        Raises:
            NotFound: there is none.
        """
        while True:
            found = await self._kept.find_one(name)
            if found is None:
                raise NotFound(f"no source named {name[:64]!r}")
            made = found[0].model_copy(update=dict(amend(found[0])))
            if made.sealed:
                made = made.model_copy(update={"sealed": self._cipher.encrypt(self._cipher.decrypt(made.sealed))})
            with suppress(Conflict):  # another process wrote it meanwhile
                await self._kept.save(name, made, expect=found[1])
                self._records[name] = made
                self._tell(name)
                return made

    async def advance(self, record: SourceRecord, advance: Advance) -> SourceState:
        """Write fields of the state of a source over what is stored.

        Raises:
            NotFound: the source is gone.
        """
        while True:
            found = await self._kept_states.find_one(record.name)
            state = self._of(record, None if found is None else found[0])
            made = state.model_copy(update=dict(advance(state)))
            with suppress(Conflict):  # another process wrote it meanwhile
                revision = await self._kept_states.save(record.name, made, expect=0 if found is None else found[1])
                if (kept := self._records.get(record.name)) is None or kept.created_at != record.created_at:
                    await self._kept_states.delete(record.name, expect=revision)
                    raise NotFound(f"no source named {record.name!r}")
                self._states[record.name] = made
                self._tell(record.name)
                return made

    async def remove(self, name: str) -> None:
        """Forget a source and its state."""
        await self._kept_states.delete(name)
        await self._kept.delete(name)
        self._records.pop(name, None)
        self._states.pop(name, None)
        self._tell(name)

    def _of(self, record: SourceRecord, state: SourceState | None) -> SourceState:
        """The state, unless it is of one that had the name before."""
        return state if state is not None and state.since == record.created_at else SourceState(since=record.created_at)

    def _tell(self, name: str) -> None:
        if (event := self._changed.pop(name, None)) is not None:
            event.set()
        for listener in self._listeners:
            listener(name)
