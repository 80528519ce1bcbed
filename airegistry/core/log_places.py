"""The streams that logs are kept in: one for each process that shares a store, so that each is in order of time.

A place is for one process at a time, and goes to the next one when it is given back or was not renewed for a while: so
there are no more streams than there were processes at once. Two that write to one for a moment lose nothing.
"""

import re
from contextlib import suppress
from datetime import timedelta

from airegistry.core.assets import Model
from airegistry.core.audit_events import Moment
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import Conflict
from airegistry.core.ports import Clock

COLLECTION = "log_places"
RENEWED = 60.0
"""Seconds after which who writes renews its place."""
STALE = timedelta(minutes=10)
"""A place that was not renewed for so long is free; clocks may differ by some minutes."""
_STREAM = re.compile(r"app-([0-9]{1,6})")


class Place(Model):
    """Who writes to a stream, empty for nobody, and when that was said last."""

    replica: str
    renewed: Moment


def stream_of(place: int) -> str:
    """The stream of a place."""
    return f"app-{place}"


def place_of(stream: str) -> int | None:
    """The place that a stream is of; None for the streams of others."""
    found = _STREAM.fullmatch(stream)
    return None if found is None else int(found[1])


class LogPlaces:
    """The place of this process, which is called `replica`."""

    def __init__(self, store: DocumentStore, clock: Clock, replica: str) -> None:
        self._places = Repository(store, COLLECTION, Place)
        self._clock = clock
        self._replica = replica
        self._mine: int | None = None
        self._renewed = 0.0

    async def mine(self) -> int:
        """A place that is this process's own, renewed now and then.

        Raises:
            AirError: the store cannot be asked.
        """
        now = self._clock.monotonic()
        if self._mine is not None and now - self._renewed < RENEWED:
            return self._mine
        place = 0 if self._mine is None else self._mine
        while not await self._taken(place):
            place = 0 if self._mine is not None else place + 1
            self._mine = None
        self._mine, self._renewed = place, now
        return place

    async def give_back(self) -> None:
        """Let the next process have it.

        Raises:
            AirError: the store cannot be asked.
        """
        place, self._mine = self._mine, None
        found = None if place is None else await self._places.find_one(_key(place))
        if place is not None and found is not None and found[0].replica == self._replica:
            with suppress(Conflict):
                free = Place(replica="", renewed=self._clock.now())
                await self._places.save(_key(place), free, expect=found[1])

    async def _taken(self, place: int) -> bool:
        """Whether a place is this process's from here on."""
        found, now = await self._places.find_one(_key(place)), self._clock.now()
        if found is not None and found[0].replica not in ("", self._replica) and now - found[0].renewed < STALE:
            return False
        try:
            version = 0 if found is None else found[1]
            await self._places.save(_key(place), Place(replica=self._replica, renewed=now), expect=version)
        except Conflict:
            return False
        return True


def _key(place: int) -> str:
    return f"{place:06d}"
