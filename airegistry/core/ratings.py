"""Stars: one rating per user and asset."""

from datetime import datetime

import anyio
from pydantic import Field

from airegistry.core.assets import Kind, Model, Rating
from airegistry.core.audit import Audit
from airegistry.core.catalog import Catalog
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import Conflict, Invalid
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.core.shelf import Shelf, key_of

RETRIES = 8


class Ballot(Model):
    """The stars of an asset by subject. `born` is when it was registered: a later one of its path starts anew."""

    stars: dict[str, int] = Field(default_factory=dict)
    born: datetime | None = None

    def rating(self) -> Rating:
        """Average and count."""
        given = self.stars.values()
        return Rating(average=round(sum(given) / len(given), 2) if given else 0.0, count=len(given))


class Ratings:
    """Counts stars and shows their average on the asset."""

    def __init__(self, store: DocumentStore, catalog: Catalog, shelf: Shelf, audit: Audit) -> None:
        self._ballots = Repository(store, "ratings", Ballot)
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
            if not 1 <= stars <= 5:
                raise Invalid("stars are 1 to 5", field="stars")
            asset = await self._catalog.get(who, kind, path, to="rate")
            async with self._lock:  # raters of this process queue; those of another one are met by compare-and-set
                rating = await self._cast(asset, who.subject, stars)
                await self._show(kind, asset.path)
        return rating

    async def _cast(self, asset: AnyAsset, subject: str, stars: int) -> Rating:
        key = key_of(asset.kind, asset.path)
        for _ in range(RETRIES):
            ballot, version = await self._ballots.find_one(key) or (Ballot(), 0)
            earlier = ballot.stars if ballot.born == asset.created_at else {}
            ballot = Ballot(stars={**earlier, subject: stars}, born=asset.created_at)
            try:
                await self._ballots.save(key, ballot, expect=version)
            except Conflict:
                continue
            return ballot.rating()
        raise Conflict(f"the ratings of {key} keep changing; try again")

    async def _show(self, kind: Kind, path: str) -> None:
        for _ in range(RETRIES):
            found = await self._shelf.get(kind, path)
            if found is None:
                return
            # Read after the asset: whoever writes last has then counted every vote shown before.
            ballot = await self._ballots.get(key_of(kind, path))
            try:
                await self._shelf.replace(found[0].model_copy(update={"rating": ballot.rating()}), found[1])
            except Conflict:
                continue
            return
