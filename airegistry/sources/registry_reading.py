"""How a pass goes through a registry: its whole list, or all versions of some names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.core.registry_entries import Entry, Wanted, entry_of, offers_of, unnamed
from airegistry.core.sources import Offer, OfferPage
from airegistry.sources.registry_api import RegistryApi

OVERLAP = timedelta(minutes=10)
"""What a mark lies back: a change may become visible later than the time it bears."""
NAMES = 20
"""Names of which the versions are read for one page."""
MAX_ENTRIES_OF_NAME = 2_000
MAX_PAGES = 10_000
SCATTERED = "the registry does not list the versions of a server together: only the first ones are taken"


class Clocks:
    """The mark of the next pass: the newest change that was seen, yet not later than the beginning, less the overlap.

    Both are by the registry's own clocks. Its newest change alone would pass over what changed behind the reader's back
    while the list was read; its beginning alone would trust that the registry's servers and database agree on the time.
    """

    def __init__(self) -> None:
        self._began: datetime | None = None
        self._newest: datetime | None = None

    def began(self, at: datetime | None) -> None:
        """The pass began at this time."""
        self._began = at

    def saw(self, updated: datetime | None) -> None:
        """An entry was last changed at this time."""
        if updated is not None and (self._newest is None or updated > self._newest):
            self._newest = updated

    def mark(self, before: str | None = None) -> str | None:
        """The mark, where the registry tells enough for one; else the one from before."""
        if self._began is None or self._newest is None:
            return before
        return (min(self._began, self._newest) - OVERLAP).isoformat().replace("+00:00", "Z")


class Whole:
    """A pass over the whole list. The entries of the last name of a page wait for the next page."""

    def __init__(self, api: RegistryApi, wanted: Wanted, search: str | None) -> None:
        self._api = api
        self._wanted = wanted
        self._search = search
        self._open: list[Entry] = []
        self._closed: set[str] = set()
        self._cursors: set[str] = set()
        self._clocks = Clocks()

    async def page(self, after: str | None) -> OfferPage:
        """See `core.sources.Source`; `after` is a cursor of the registry."""
        latest = "latest" if self._wanted.latest_only else None
        listed = await self._api.servers(after, search=self._search, version=latest)
        if after is None:
            self._clocks.began(listed.at)
        _once(listed.cursor, self._cursors)
        offers: list[Offer] = []
        for value in listed.entries:
            entry = _entry(value, self._wanted, offers)
            if entry is None:
                continue
            self._clocks.saw(entry.updated)
            if self._open and self._open[0].name != entry.name:
                offers += self._close()
            if len(self._open) < MAX_ENTRIES_OF_NAME:
                self._open.append(entry)
        if listed.cursor is None and self._open:
            offers += self._close()
        return OfferPage(offers, after=listed.cursor, mark=None if listed.cursor else self._clocks.mark())

    def _close(self) -> Sequence[Offer]:
        """The offers of the name whose entries have been read. One that comes again is not what it was said to be."""
        entries, self._open = self._open, []
        name = entries[0].name
        if name in self._closed:
            return [Offer(id=f"{name}@{entry.version}", refused=SCATTERED) for entry in entries]
        self._closed.add(name)
        return list(offers_of(name, entries, self._wanted, self._api.url))


class Named:
    """A pass over all versions of some names: those that were asked for, or those that changed."""

    def __init__(
        self, api: RegistryApi, wanted: Wanted, names: Sequence[str], *, whole: bool, mark: str | None = None
    ) -> None:
        self._api = api
        self._wanted = wanted
        self._names = names
        self._whole = whole
        self._mark = mark

    async def page(self, after: str | None) -> OfferPage:
        """See `core.sources.Source`; `after` is how many names have been read."""
        start = int(after or "0")
        end = start + NAMES
        offers = [offer for name in self._names[start:end] for offer in await _asked(self._api, self._wanted, name)]
        if end < len(self._names):
            return OfferPage(offers, after=str(end), whole=self._whole)
        return OfferPage(offers, mark=self._mark, whole=self._whole)


@dataclass(frozen=True, slots=True)
class Changed:
    """The wanted names that changed since a mark, in their order, and the mark of the next pass."""

    names: Sequence[str]
    mark: str | None


async def changes(api: RegistryApi, search: str | None, since: str, wanted: Wanted, many: int) -> Changed | None:
    """What changed since a mark; None when more than `many` names did.

    Raises:
        CredentialRefused, RateLimited, UpstreamFailed: see `core.sources.Source.page`.
    """
    clocks = Clocks()
    names: dict[str, None] = {}
    cursors: set[str] = set()
    cursor: str | None = None
    while True:
        listed = await api.servers(cursor, search=search, updated_since=since)
        if cursor is None:
            clocks.began(listed.at)
        for value in listed.entries:
            if (entry := _entry(value, wanted, [])) is not None:
                clocks.saw(entry.updated)
                names[entry.name] = None
        if len(names) > many:
            return None
        if listed.cursor is None:
            return Changed(list(names), clocks.mark(before=since))
        _once(listed.cursor, cursors)
        cursor = listed.cursor


async def _asked(api: RegistryApi, wanted: Wanted, name: str) -> Sequence[Offer]:
    """The offers of a server, of which all versions are asked for. One that does not exist is gone."""
    offers: list[Offer] = []
    entries: list[Entry] = []
    for value in await api.versions(name):
        entry = _entry(value, wanted, offers)
        if entry is not None and entry.name == name:
            entries.append(entry)
    return [*offers_of(name, entries, wanted, api.url), *offers]


def _entry(value: JsonValue, wanted: Wanted, offers: list[Offer]) -> Entry | None:
    """An entry that is wanted. What is none at all is offered as refused."""
    try:
        entry = entry_of(value)
    except Invalid as error:
        offers.append(unnamed(value, error))
        return None
    return entry if wanted.takes(entry.name) else None


def _once(cursor: str | None, seen: set[str]) -> None:
    """Remember a cursor.

    Raises:
        UpstreamFailed: it has been there before, or there are too many: the list would never end.
    """
    if cursor is None:
        return
    if cursor in seen or len(seen) >= MAX_PAGES:
        raise UpstreamFailed(f"the registry's list does not end: page {len(seen) + 2} is one that was there")
    seen.add(cursor)
