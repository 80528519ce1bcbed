"""A registry in memory that takes whatever it is given: the second composition root beside `app.py`, for evaluations.

Catalog, admission, scans, search and index are the product's own and work as they do in a registry. Two of them are
handed what evaluations need: admission that keeps its verdicts instead of acting on them, and a shelf that gives back
what was put there as it was, whatever the rules for names say.
"""

import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from airegistry.clock import SystemClock
from airegistry.core.access import Access
from airegistry.core.admission import Admission, Admitted, OnDuplicate
from airegistry.core.assets import Kind, now
from airegistry.core.audit import Audit
from airegistry.core.catalog import Catalog
from airegistry.core.credential_tokens import TokenCache
from airegistry.core.credentials import CredentialStore
from airegistry.core.documents import Where
from airegistry.core.errors import AirError, Conflict, Internal, Invalid, ScanFailed
from airegistry.core.events import Events
from airegistry.core.known_names import KnownNames
from airegistry.core.pins import Pins
from airegistry.core.ports import AnyAsset, Embedder, Vectors
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.scans import ScanReport, Scans
from airegistry.core.search import Search
from airegistry.core.shelf import Shelf, key_of, ref
from airegistry.core.telemetry import OFF
from airegistry.core.visibility import Visibility
from airegistry.egress.backends import McpBackends
from airegistry.egress.guard import Guard
from airegistry.index.memory import MemoryIndex
from airegistry.scanners.open import open_scanners
from airegistry.stores.cipher import open_cipher
from airegistry.stores.memory import MemoryLog, MemoryStore

Progress = Callable[[str, int, int], None]
"""Told what is being done, and how many of how many are."""
ENVIRONMENT = "dev"


@dataclass(slots=True)
class Said:
    """What a registry would have said: verdicts of scans, how many duplicates, which assets it refused and why."""

    verdicts: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    refused: dict[str, str] = field(default_factory=dict)


class Remembering:
    """An `Embedder` that embeds each text once, keeps the vectors, and remembers what went wrong.

    Search goes on by words where an embedder fails; an evaluation must not.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._kept: dict[str, Vectors] = {}
        self._lock = threading.Lock()
        self.failure: Exception | None = None

    @property
    def fingerprint(self) -> str:
        """That of the embedder itself."""
        return self._embedder.fingerprint

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self._embedder.dimensions

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One unit vector per text."""
        with self._lock:
            new = [text for text in dict.fromkeys(texts) if text not in self._kept]
            if new:
                self._kept.update(zip(new, self._tried(lambda: self._embedder.embed(new)), strict=True))
            return np.stack([self._kept[text] for text in texts])

    def embed_query(self, text: str) -> Vectors:
        """The unit vector of a query."""
        return self._tried(lambda: self._embedder.embed_query(text))

    def _tried(self, work: Callable[[], Vectors]) -> Vectors:
        try:
            return work()
        except Exception as error:
            self.failure = error
            raise


class Unjudging(Admission):
    """Lets every asset in as it is, and keeps what admission would have done; a scan without an answer blocks."""

    def __init__(self, scans: Scans, search: Search, access: Access, said: Said) -> None:
        super().__init__(scans, search, access)
        self._said = said

    async def review(
        self, who: Principal, asset: AnyAsset, *, approved: AnyAsset | None = None,
        on_duplicate: OnDuplicate | None = None, act: str = "register",
    ) -> Admitted:  # fmt: skip
        try:
            admitted = await super().review(who, asset, approved=approved, on_duplicate=on_duplicate, act=act)
        except ScanFailed:
            report = ScanReport(asset=ref(asset), version=asset.version, scanned_at=now(), scanners=[], verdict="block")
            admitted = Admitted(asset, report, [])
        self._said.verdicts[admitted.report.verdict] += 1
        self._said.duplicates += bool(admitted.duplicates)
        return Admitted(asset, admitted.report, admitted.duplicates)


class VerbatimShelf(Shelf):
    """Assets in a dictionary: what a store gives back is checked against the rules for names."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self._assets: dict[str, AnyAsset] = {}

    async def get(self, kind: Kind, path: str, version: str | None = None) -> tuple[AnyAsset, int] | None:
        asset = self._assets.get(key_of(kind, path))
        return None if asset is None or version not in {None, asset.version} else (asset, 1)

    async def create(self, asset: AnyAsset) -> None:
        key = key_of(asset.kind, asset.path)
        if key in self._assets:
            raise Conflict(f"{ref(asset)} exists already")
        self._assets[key] = asset

    async def walk(self, where: Where | None = None, after: str | None = None) -> AsyncIterator[tuple[str, AnyAsset]]:
        for key in sorted(self._assets):
            if key > (after or ""):
                yield key, self._assets[key]


class TrialRegistry:
    """Takes assets in without fetching anything, and searches them."""

    def __init__(self, embedder: Remembering | None) -> None:
        store, access, clock, events = MemoryStore(), Access(), SystemClock(), Events()
        shelf, visibility, audit = VerbatimShelf(), Visibility(access, ENVIRONMENT), Audit(MemoryLog(), access, clock)
        self.said, self.index = Said(), MemoryIndex()
        self.search = Search(self.index, embedder, access, visibility, shelf)
        self.scans = scans = Scans(store, open_scanners(), KnownNames(), access, clock)
        admission = Unjudging(scans, self.search, access, self.said)
        credentials = CredentialStore(
            store, open_cipher(None), shelf, access, visibility, audit, clock, {}, TokenCache(clock)
        )
        backends = McpBackends(Guard())
        self._embedder = embedder
        self._catalog = Catalog(
            shelf, access, visibility, admission, scans, audit, events, backends, clock, credentials,
            Pins(store, scans, clock, OFF),
        )  # fmt: skip
        events.subscribe(self.search.on_event)
        events.subscribe(admission.on_event)

    async def take(self, assets: Sequence[AnyAsset], progress: Progress) -> None:
        """Register assets, with their vectors where there is an embedder.

        Raises:
            AirError: the embedder failed.
        """
        await self.search.embed_all()
        for number, asset in enumerate(assets, 1):
            try:
                await self._catalog.register(SYSTEM, asset, fetch=False)
            except (Invalid, ValueError) as refusal:
                self.said.refused[ref(asset)] = str(refusal)
            self.check()
            progress("imported", number, len(assets))

    def check(self) -> None:
        """Fail where search went on without a vector.

        Raises:
            AirError: the embedder failed.
        """
        failure = None if self._embedder is None else self._embedder.failure
        if isinstance(failure, AirError):
            raise failure
        if failure is not None:
            raise Internal(f"the embedder failed: {failure}") from failure
