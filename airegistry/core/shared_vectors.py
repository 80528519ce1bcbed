"""Vectors in a store that several processes share, so that each of them is made by one process.

What is kept of an asset is one document, its bundle: one command brings all vectors of an asset, and one brings those
of many assets. A bundle is replaced when the asset's texts change, so that nothing piles up, and names each vector by
what it is made of: whoever changes one tool of a server finds the others there.
"""

import logging
import secrets
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import blake2b

import numpy as np

from airegistry.core.documents import KEY, Document, DocumentStore, Json
from airegistry.core.embedding import Whole, fractions, whole
from airegistry.core.errors import AirError, Conflict
from airegistry.core.ports import Clock, Vectors

log = logging.getLogger(__name__)
COLLECTION = "vectors-"
"""Begins the name of the collection of each embedder."""
SPARE_DAYS = 7
"""Vectors of an embedder that is not in force are kept for so long: somebody may switch back."""
_DIGEST = 16
_KEPT = np.dtype("<i2")

Made = Mapping[bytes, Vectors]
"""Vectors by what they are made of, see `SearchText.unit`."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is shared of one asset. `version` is 0 while there is nothing; `maker` is who makes vectors of it just now,
    or began to."""

    version: int = 0
    made: Made = field(default_factory=dict)
    maker: str = ""


class SharedVectors:
    """The bundles of one embedder, by `kind/path`. `id` names this process among those that share them."""

    def __init__(self, store: DocumentStore, fingerprint: str, clock: Clock) -> None:
        self._store = store
        self.clock = clock
        self.id = secrets.token_hex(8)
        self._collection = f"{COLLECTION}{blake2b(fingerprint.encode(), digest_size=8).hexdigest()}"

    async def get(self, name: str) -> Bundle:
        """The bundle of an asset."""
        document = await self._store.get(self._collection, name)
        return Bundle() if document is None else _bundle(document)

    async def many(self, names: Iterable[str]) -> dict[str, Bundle]:
        """The bundles of those of some assets that have one, in one look."""
        wanted = [*names]
        if not wanted:
            return {}
        return {each.key: _bundle(each) async for each in self._store.find(self._collection, where={KEY: wanted})}

    async def claim(self, name: str, bundle: Bundle) -> bool:
        """Say that this process makes what the bundle lacks; False when another one wrote it meanwhile."""
        try:
            await self._store.put(self._collection, name, self._body(bundle.made, maker=self.id), expect=bundle.version)
        except Conflict:
            return False
        return True

    async def put(self, name: str, made: Made) -> None:
        """Share the vectors of an asset, all of them. A failure is logged: others make their own."""
        try:
            await self._store.put(self._collection, name, self._body(made))
        except AirError:
            log.exception("the vectors of %s are not shared", name)

    async def remove(self, name: str) -> None:
        """Forget an asset; nothing happens when nothing is kept of it."""
        await self._store.delete(self._collection, name)

    async def tidy(self, is_there: Callable[[str], Awaitable[bool]]) -> int:
        """Delete the bundles of assets that are gone, and of embedders that nobody used for a while; how many."""
        gone = [each.key async for each in self._store.find(self._collection) if not await is_there(each.key)]
        for name in gone:
            await self.remove(name)
        return len(gone) + await self._forget_others()

    async def _forget_others(self) -> int:
        deleted, before = 0, str(self._today() - timedelta(days=SPARE_DAYS))
        for collection in await self._store.collections():
            if not collection.startswith(COLLECTION) or collection == self._collection:
                continue
            old = [each.key async for each in self._store.find(collection) if str(each.body.get("on", "")) < before]
            for name in old:
                deleted += await self._store.delete(collection, name)
        return deleted

    def _body(self, made: Made, maker: str = "") -> Json:
        """`of` and `vectors` are in the same order, the latter as the index keeps them: whole 4096ths."""
        rows = whole(np.stack([*made.values()])) if made else np.zeros((0, 0), np.int16)
        return {
            "of": b64encode(b"".join(made)).decode(),
            "vectors": b64encode(rows.astype(_KEPT).tobytes()).decode(),
            "maker": maker,
            "on": str(self._today()),
        }

    def _today(self) -> date:
        return self.clock.now().date()


def _bundle(document: Document) -> Bundle:
    """A bundle; of one that cannot be read nothing but its version."""
    body = document.body
    try:
        digests, packed = b64decode(str(body["of"]), validate=True), b64decode(str(body["vectors"]), validate=True)
        names = [digests[start : start + _DIGEST] for start in range(0, len(digests), _DIGEST)]
        rows: Whole = np.frombuffer(packed, _KEPT).astype(np.int16).reshape(len(names), -1 if names else 0)
        return Bundle(document.version, dict(zip(names, fractions(rows), strict=True)), str(body.get("maker", "")))
    except (KeyError, ValueError) as error:
        log.warning("what is shared of %s cannot be read (%s): it will be made again", document.key, error)
        return Bundle(document.version)
