"""Care of the index: what of it lacks vectors, making them again, and another embedder without a gap."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Literal

import anyio

from airegistry.core.access import Access
from airegistry.core.assets import Model
from airegistry.core.audit import Audit
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import AirError, Conflict, NotFound, UpstreamFailed
from airegistry.core.indexing import Indexing, Progress
from airegistry.core.ports import Clock
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.search import Search

log = logging.getLogger(__name__)
SHOWN = 100
"""Assets without their vectors that are named."""
COLLECTION = "index"
_CHOICE, _REINDEX = "embedder", "reindex"

Act = Literal["reindex", "switch"]
State = Literal["running", "done", "failed"]


class Choice(Model):
    """An embedder that was switched to; it holds as long as settings name the one it stands in place of."""

    name: str
    instead_of: str


class Reindexed(Model):
    """The last time that texts and vectors were to be made again: of an asset as `kind/path`, or of all."""

    of: str


@dataclass(slots=True)
class Job:
    """Something that is done to the index: `of` is an asset as `kind/path`, an embedder, or empty for all."""

    act: Act
    of: str
    who: Principal
    started: datetime
    state: State = "running"
    progress: Progress = field(default_factory=Progress)
    error: str = ""
    ended: anyio.Event = field(default_factory=anyio.Event)


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """How the index is. `missing` and `stale` count assets; `names` are at most 100 of them that the caller may see.

    `fingerprint` is None where search goes by words alone.
    """

    embedder: str
    fingerprint: str | None
    ready: bool
    assets: int
    documents: int
    missing: int
    stale: int
    names: Sequence[str]
    job: Job | None


class IndexCare:
    """Looks after the index that `Search` answers from. One thing at a time, in the background: see `run`.

    Where several processes work on the store (`shared`) each has an index of its own, and does with it what is done at
    one: see `follow`.
    """

    def __init__(
        self,
        search: Search,
        build: Callable[[str], Indexing],
        store: DocumentStore,
        access: Access,
        audit: Audit,
        clock: Clock,
        *,
        configured: str,
        embedder: str,
        shared: bool = False,
    ) -> None:
        """`build` makes an empty indexing with the embedder of a name, and raises `Invalid` where there is none.

        `configured` is the embedder that settings name, `embedder` the one in force.
        """
        self._search = search
        self._build = build
        self._choices = Repository(store, COLLECTION, Choice)
        self._reindexed = Repository(store, COLLECTION, Reindexed)
        self._shared = shared
        self._access = access
        self._audit = audit
        self._clock = clock
        self._configured = configured
        self._embedder = embedder
        self._job: Job | None = None
        self._next: tuple[Job, Indexing | None] | None = None
        self._owed: dict[str, None] = {}
        """The documents of what other processes did and this one has not."""
        self._wanted = anyio.Event()

    def status(self, who: Principal) -> IndexStatus:
        """How the index is, for administrators of policy."""
        self._access.require(who, "policy")
        indexing = self._search.indexing
        missing, stale = indexing.lacking(), indexing.stale()
        assets, documents = indexing.counts()
        return IndexStatus(
            self._embedder, indexing.embedding.fingerprint, indexing.warm.is_set(), assets, documents,
            len(missing), len(stale), self._seen(who, indexing, [*missing, *stale]), self._job,
        )  # fmt: skip

    async def reindex(self, who: Principal, name: str | None = None) -> Job:
        """Make the texts and vectors of one asset, `kind/path`, or of all of them again.

        Raises:
            AccessDenied: the caller does not administer policy.
            NotFound: there is no such asset.
            Conflict: something is done to the index already.
        """
        async with self._audit.attempt(who, "index:reindex", name or "registry/") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            if name is not None and not self._seen(who, self._search.indexing, [name]):
                raise NotFound(f"no asset {name!r} in the index; name it as `kind/path`")
            job = self._begin(Job("reindex", name or "", who, self._clock.now()))
            if self._shared:
                await self._reindexed.save(_REINDEX, Reindexed(of=job.of))
            return job

    async def switch(self, who: Principal, embedder: str) -> Job:
        """Give everything vectors of another embedder, and search with it when all of them are there.

        Until then, and if that fails, searches go on with the one in force.

        Raises:
            AccessDenied: the caller does not administer policy.
            Invalid: there is no such embedder.
            Conflict: something is done to the index already.
        """
        async with self._audit.attempt(who, "index:switch", "registry/") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            attempt.target = embedder
            self._check_idle()
            fresh = await anyio.to_thread.run_sync(self._build, embedder)
            return self._begin(Job("switch", embedder, who, self._clock.now()), fresh)

    async def run(self) -> None:
        """Do what is asked for, until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted = anyio.Event()
            wanted, self._next = self._next, None
            while wanted is not None or self._owed:
                if wanted is not None:
                    await self._do(*wanted)
                wanted = await self._followed(self._owed.popitem()[0]) if self._owed else None

    async def follow(self, keys: Iterable[str] = (_CHOICE,)) -> None:
        """Do what another process did to its index, as these documents say; after what is done here just now."""
        self._owed.update(dict.fromkeys(keys))
        self._wanted.set()

    async def _followed(self, key: str) -> tuple[Job, Indexing | None] | None:
        """What is to be done for one of them; None when it is done, or cannot be."""
        fresh = None
        if key == _REINDEX:
            found = await self._reindexed.find_one(key)
            name = "" if found is None else found[0].of
            if found is None or (name and name not in self._search.indexing.assets):
                return None
        else:
            choice = await self._choices.find_one(_CHOICE)
            fits = choice is not None and choice[0].instead_of == self._configured
            name = choice[0].name if choice is not None and fits else self._embedder
            if name == self._embedder:
                return None
            try:
                fresh = await anyio.to_thread.run_sync(self._build, name)
            except AirError as error:
                log.error("other replicas switched to the embedder %r, this one cannot: %s", name, error.message)
                return None
        self._job = Job("reindex" if fresh is None else "switch", name, SYSTEM, self._clock.now())
        return self._job, fresh

    def _begin(self, job: Job, fresh: Indexing | None = None) -> Job:
        self._check_idle()
        self._job, self._next = job, (job, fresh)
        self._wanted.set()
        return job

    def _check_idle(self) -> None:
        if self._job is not None and self._job.state == "running":
            raise Conflict(f"{self._job.act} {self._job.of}".rstrip() + " is still running; see `index_status`")

    async def _do(self, job: Job, fresh: Indexing | None) -> None:
        """Do one job; it fails alone, and what was in force stays so."""
        try:
            if fresh is None:
                await self._make_anew(job)
            else:
                await self._change_over(job, fresh)
            job.state = "done"
        except Exception as error:  # whatever a model's library or the disk raises: the next job can be better
            log.exception("%s of the index failed", job.act)
            job.state, job.error = "failed", error.message if isinstance(error, AirError) else type(error).__name__
        finally:
            self._search.beside = None
            if job.state == "running":
                job.state, job.error = "failed", "the registry was stopped"
            outcome = "ok" if job.state == "done" else "failed"
            reason = job.error or f"{job.progress.done} of {job.progress.total} assets"
            self._audit.note(self._audit.event(
                job.who, f"index:{job.act}:end", None, None, decision="allow", outcome=outcome, reason=reason,
                target=job.of,
            ))  # fmt: skip
            job.ended.set()

    async def _make_anew(self, job: Job) -> None:
        indexing = self._search.indexing
        names = [job.of] if job.of else sorted(indexing.assets)
        await indexing.make_anew(names, job.progress)
        if lacking := {*indexing.lacking()}.intersection(names):
            raise UpstreamFailed(f"no vectors for {len(lacking)} of {len(names)} assets; the log says why")

    async def _change_over(self, job: Job, fresh: Indexing) -> None:
        self._search.beside = fresh
        await fresh.check()
        await fresh.fill(job.progress)
        if lacking := fresh.lacking():
            raise UpstreamFailed(f"{job.of} gave no vectors for {len(lacking)} of {job.progress.total} assets")
        await self._choices.save(_CHOICE, Choice(name=job.of, instead_of=self._configured))
        self._search.indexing, self._embedder = fresh, job.of

    def _seen(self, who: Principal, indexing: Indexing, names: Sequence[str]) -> list[str]:
        """Those of some assets that a caller may know of, at most 100."""
        held = ((name, indexing.assets.sketches.get(name)) for name in names)
        seen = (name for name, asset in held if asset is not None and self._search.shows(who, asset))
        return list(islice(seen, SHOWN))


async def embedder_in_force(store: DocumentStore, configured: str) -> str:
    """The embedder to start with: the one switched to, unless settings name another than at that time."""
    found = await Repository(store, "index", Choice).find_one(_CHOICE)
    return found[0].name if found is not None and found[0].instead_of == configured else configured
