"""What the hosts of source repositories say of them: licence, stars, last commit; asked once a day, kept in the store.

Facts are kept by repository and not with the assets that name it: their change is no change of an asset.
"""

import logging
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from random import uniform
from typing import Protocol

import anyio

from airegistry.core.assets import Model
from airegistry.core.documents import DocumentStore, Glob, Repository
from airegistry.core.errors import AirError, Conflict, RateLimited
from airegistry.core.events import Event
from airegistry.core.git_skills import Gone
from airegistry.core.ports import AnyAsset, Clock
from airegistry.core.schedule import Schedule
from airegistry.core.shelf import Shelf, ref

FIRST = 300.0
"""Seconds from a start, or from when a repository was first named, until it is first asked for."""
AGAIN_AFTER = 600.0
"""Seconds until a host that gave no answer is asked again; twice as many each time, up to the usual interval."""
COLLECTION = "repository_facts"
log = logging.getLogger(__name__)


class Facts(Model):
    """What a host says of a repository; None is what it does not know, or this host has no word for."""

    license: str | None = None
    stars: int | None = None
    forks: int | None = None
    language: str | None = None
    open_issues: int | None = None
    archived: bool | None = None
    last_release: str | None = None
    last_release_at: datetime | None = None
    last_commit_at: datetime | None = None


class KnownRepository(Model):
    """What is known of a repository: facts as of `checked_at`; of the last attempt the error, and how many failed in
    a row. `gone`: its host has none of that name, or none that everybody may see."""

    url: str
    facts: Facts | None = None
    checked_at: datetime | None = None
    tried_at: datetime | None = None
    failures: int = 0
    error: str | None = None
    gone: bool = False


class Repositories(Protocol):
    """Hosts of source repositories, asked through the guarded client."""

    def repository(self, url: str) -> str | None:
        """The host and name of the repository that a URL points into, in lower case; None when it is none."""
        ...

    async def facts(self, url: str) -> Facts:
        """What its host says of it, if it says so to everybody: whoever names a repository need not be one who may
        read it.

        Raises:
            Gone: there is none, or none that is public.
            CredentialRefused, RateLimited, UpstreamFailed, Invalid: the host does not let us in, wants to be left
                alone, does not answer, or may not be asked.
        """
        ...


class RepositoryFacts:
    """Asks for the facts of each repository that an asset names, once in so many `hours`; 0 asks for none."""

    def __init__(
        self, store: DocumentStore, shelf: Shelf, hosts: Repositories, clock: Clock, *, hours: float = 24.0,
        first: float = FIRST,
    ) -> None:  # fmt: skip
        self._known = Repository(store, COLLECTION, KnownRepository)
        self._shelf = shelf
        self._hosts = hosts
        self._clock = clock
        self._interval = hours * 3600
        self._first = first
        self._schedule = Schedule[str](clock)
        self._named: dict[str, str] = {}
        """The repository that each asset names."""
        self._users: Counter[str] = Counter()
        self._urls: dict[str, str] = {}

    async def of(self, asset: AnyAsset) -> KnownRepository | None:
        """What is known of the repository that an asset names; None when nothing is."""
        key = self._key(asset)
        found = None if key is None else await self._known.find_one(key)
        # The URL that was asked for may be that of another asset, with a path and a branch that only it names.
        return None if found is None else found[0].model_copy(update={"url": asset.repository_url})

    def names_one(self, asset: AnyAsset) -> bool:
        """Whether an asset names a repository that could be asked for."""
        return self._key(asset) is not None

    async def rebuild(self) -> None:
        """Know which repositories are named, and when each is due: its last check tells, also after a restart."""
        due: dict[str, float] = {}
        async for key, known in self._known.find():
            due[key] = self._left(known)
        async for _, asset in self._shelf.walk({"repository_url": Glob("*")}):
            self._follow(asset)
        now = self._clock.monotonic()
        for key in {*due, *self._users}:  # what nobody names any more is forgotten when it is due
            self._schedule.put(key, now + max(due.get(key, 0.0), 0.0))

    async def on_event(self, event: Event) -> None:
        """Follow which repositories assets name."""
        if self._interval <= 0:
            return
        if event.deletes:
            self._leave(ref(event.asset))
        else:
            self._follow(event.asset)

    async def run(self) -> None:
        """Ask for what is due, one after the other, until cancelled."""
        if self._interval <= 0:
            return
        await anyio.sleep(self._first)  # a start has other things to do than to read the catalog once more
        await self.rebuild()
        while True:
            key = await self._schedule.next()
            try:
                await self._look(key)
            except Exception:  # one repository must not keep the others from being asked for
                log.exception("the facts of %s could not be kept", key)
                self._put(key, AGAIN_AFTER)

    async def _look(self, key: str) -> None:
        """Ask for one repository, and keep what is said of it."""
        found = await self._known.find_one(key)
        if found is not None and (left := self._left(found[0])) > 0:  # to be named anew is no reason to be asked anew
            self._put(key, left)
            return
        url = self._urls.get(key)
        if url is None:
            if found is not None:
                await self._known.delete(key)
            return
        before, revision = found or (KnownRepository(url=url), 0)
        try:
            after = await self._asked(before.model_copy(update={"url": url}))
        except RateLimited as limit:  # nothing is written: all repositories of the host meet the same
            self._put(key, max(limit.retry_after, 60.0))
            return
        with suppress(Conflict):  # whoever asked meanwhile knows as much
            await self._known.save(key, after, expect=revision)
        self._put(key, self._left(after))

    async def _asked(self, before: KnownRepository) -> KnownRepository:
        """What is known after asking; without an answer it is what was known.

        Raises:
            RateLimited: the host wants to be left alone.
        """
        now = self._clock.now()
        try:
            facts = await self._hosts.facts(before.url)
        except RateLimited:
            raise
        except AirError as failure:
            said = {"tried_at": now, "failures": before.failures + 1, "error": failure.message[:300]}
            return before.model_copy(update={**said, "gone": isinstance(failure, Gone)})
        return KnownRepository(url=before.url, facts=facts, checked_at=now, tried_at=now)

    def _left(self, known: KnownRepository) -> float:
        """Seconds until a repository is due."""
        wait = self._interval
        if known.failures:
            wait = min(AGAIN_AFTER * 2.0 ** min(known.failures - 1, 20), self._interval)
        if known.tried_at is None:
            return 0.0
        return wait - (self._clock.now() - known.tried_at) / timedelta(seconds=1)

    def _put(self, key: str, seconds: float) -> None:
        """Have a repository be due in so many seconds, spread by a tenth."""
        wait = max(seconds, 1.0) * uniform(1.0, 1.1)  # noqa: S311  # spreads load
        self._schedule.put(key, self._clock.monotonic() + wait)

    def _follow(self, asset: AnyAsset) -> None:
        name, key = ref(asset), self._key(asset)
        if key is None or asset.repository_url is None:
            self._leave(name)
        elif self._named.get(name) != key:
            self._leave(name)
            self._named[name] = key
            self._users[key] += 1
            self._urls[key] = asset.repository_url
            if key not in self._schedule:
                self._put(key, self._first)

    def _leave(self, name: str) -> None:
        """An asset names no repository any more; what nobody names is forgotten when it is due."""
        key = self._named.pop(name, None)
        if key is None:
            return
        self._users[key] -= 1
        if self._users[key] <= 0:
            del self._users[key], self._urls[key]
            self._put(key, self._first)

    def _key(self, asset: AnyAsset) -> str | None:
        return None if asset.repository_url is None else self._hosts.repository(asset.repository_url)
