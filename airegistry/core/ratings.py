"""Stars: one rating per user and asset, in buckets of raters, so that a vote writes little however many there are."""

import hashlib
from collections.abc import AsyncIterator
from datetime import datetime

import anyio
from pydantic import ConfigDict, Field

from airegistry.core.assets import Kind, Model, Rating
from airegistry.core.audit import Audit
from airegistry.core.catalog import Catalog
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import Conflict, Invalid
from airegistry.core.events import Event
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.core.shelf import Shelf, key_of

RETRIES = 8
STARS = range(1, 6)
BUCKETS = 256
"""Documents that the raters of an asset are spread over: 100,000 raters are 400 in each, or 16 KB."""
COLLECTION = "ratings"


class Tally(Model):
    """How many of some raters of an asset gave 1 to 5 stars.

    `born` is when the asset was registered: a later one of its path starts anew.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    counts: list[int] = Field(default_factory=lambda: [0] * len(STARS))
    born: datetime | None = None


class Bucket(Tally):
    """The same with the stars of each rater, by the hash of its subject."""

    stars: dict[str, int] = Field(default_factory=dict)

    def after(self, rater: str, stars: int) -> "Bucket":
        """With a rater's stars in place of those before; 0 takes them back."""
        left = {name: given for name, given in self.stars.items() if name != rater}
        counts = [*self.counts]
        if before := self.stars.get(rater):
            counts[before - 1] -= 1
        if not stars:
            return self.model_copy(update={"stars": left, "counts": counts})
        counts[stars - 1] += 1
        return self.model_copy(update={"stars": {**left, rater: stars}, "counts": counts})


class Ratings:
    """Counts stars and shows their average and distribution on the asset."""

    def __init__(self, store: DocumentStore, catalog: Catalog, shelf: Shelf, audit: Audit) -> None:
        self._store = store
        self._buckets = Repository(store, COLLECTION, Bucket)
        self._catalog = catalog
        self._shelf = shelf
        self._audit = audit
        self._lock = anyio.Lock()

    async def rate(self, who: Principal, kind: Kind, path: str, stars: int) -> Rating:
        """Give an asset 1 to 5 stars, in place of the caller's earlier rating.

        Raises:
            Invalid: not 1 to 5.
            NotFound: no asset the caller may know of.
            AccessDenied: a scope of the caller denies it.
        """
        async with self._audit.attempt(who, f"{kind}:rate", f"{kind}/{path}"):
            if stars not in STARS:
                raise Invalid("stars are 1 to 5", field="stars")
            return await self._given(who, kind, path, stars)

    async def withdraw(self, who: Principal, kind: Kind, path: str) -> Rating:
        """Take the caller's rating back, if there is one.

        Raises:
            NotFound, AccessDenied: see `rate`.
        """
        async with self._audit.attempt(who, f"{kind}:rate", f"{kind}/{path}") as attempt:
            attempt.reason = "taken back"
            return await self._given(who, kind, path, 0)

    async def own(self, who: Principal, asset: AnyAsset) -> int:
        """The stars that the caller gave an asset; 0 when it gave none."""
        if not asset.rating.count:
            return 0
        found = await self._buckets.find_one(_key(asset, rater := _rater(who.subject)))
        return 0 if found is None or found[0].born != asset.created_at else found[0].stars.get(rater, 0)

    async def _given(self, who: Principal, kind: Kind, path: str, stars: int) -> Rating:
        asset = await self._catalog.get(who, kind, path, to="rate")
        async with self._lock:  # raters of this process queue; those of another one are met by compare-and-set
            await self._cast(asset, _rater(who.subject), stars)
            return await self._show(asset)

    async def forget(self, subject: str) -> None:
        """Take back every rating of a subject that is no more."""
        rater = _rater(subject)
        assets = [asset async for _, asset in self._shelf.walk() if asset.rating.count]
        for asset in assets:
            async with self._lock:
                found = await self._buckets.find_one(_key(asset, rater))
                if found is not None and rater in found[0].stars:
                    await self._cast(asset, rater, 0)
                    await self._show(asset)

    async def on_event(self, event: Event) -> None:
        """Remove the ratings of an asset that is gone."""
        if event.deletes and not event.elsewhere:
            prefix = f"{key_of(event.asset.kind, event.asset.path)}#"
            async with self._lock:
                keys = [key async for key, _, _ in self._all(prefix)]
                for key in keys:
                    await self._buckets.delete(key)

    async def _cast(self, asset: AnyAsset, rater: str, stars: int) -> None:
        key = _key(asset, rater)
        for _ in range(RETRIES):
            bucket, version = await self._buckets.find_one(key) or (Bucket(), 0)
            if bucket.born != asset.created_at:
                bucket = Bucket(born=asset.created_at)
            try:
                await self._buckets.save(key, bucket.after(rater, stars), expect=version)
            except Conflict:
                continue
            return
        raise Conflict(f"the ratings of {asset.kind} {asset.path!r} keep changing; try again")

    async def _show(self, asset: AnyAsset) -> Rating:
        """Write the rating of an asset on it. It is counted anew after each reading of the asset: whoever writes last
        has then counted every vote shown before."""
        for _ in range(RETRIES):
            found = await self._shelf.get(asset.kind, asset.path)
            rating = await self._counted(asset)
            if found is None:
                break
            try:
                await self._shelf.replace(found[0].model_copy(update={"rating": rating}), found[1])
            except Conflict:
                continue
            break
        return rating

    async def _counted(self, asset: AnyAsset) -> Rating:
        total = [0] * len(STARS)
        async for _, counts, of in self._all(f"{key_of(asset.kind, asset.path)}#"):
            if of == asset.created_at:
                total = [each + more for each, more in zip(total, counts, strict=True)]
        count = sum(total)
        stars = sum(given * number for given, number in zip(STARS, total, strict=True))
        return Rating(
            average=round(stars / count, 2) if count else 0.0, count=count,
            distribution={str(given): number for given, number in zip(STARS, total, strict=True)},
        )  # fmt: skip

    async def _all(self, prefix: str) -> AsyncIterator[tuple[str, list[int], datetime | None]]:
        """Key, counts and birth of an asset's buckets, without their raters."""
        async for document in self._store.find(COLLECTION, after=prefix):
            if not document.key.startswith(prefix):
                break
            tally = Tally.model_validate(document.body)
            yield document.key, tally.counts, tally.born


def _rater(subject: str) -> str:
    return hashlib.sha256(subject.encode()).hexdigest()[:32]


def _key(asset: AnyAsset, rater: str) -> str:
    return f"{key_of(asset.kind, asset.path)}#{int(rater[:8], 16) % BUCKETS:02x}"
