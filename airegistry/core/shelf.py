"""Where assets lie in the store: typed, versioned, one document per asset and one per further version.

`assets` holds under `{namespace}/{path}` the version served by default; `versions` holds the others under
`{namespace}/{path}@{version}`. What lies there under the number of the default version is a shadow that a switch left
behind: nobody reads it, and the next switch writes over it.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import suppress

import anyio

from airegistry.core.assets import ASSET, Kind, namespace_of
from airegistry.core.documents import Document, DocumentStore, Json, Where
from airegistry.core.errors import Conflict
from airegistry.core.ports import AnyAsset

ASSETS, VERSIONS = "assets", "versions"
CACHED = 20_000


def ref(asset: AnyAsset) -> str:
    """How audit, events and search name an asset: `{kind}/{path}`."""
    return f"{asset.kind}/{asset.path}"


def key_of(kind: Kind, path: str) -> str:
    """The key of an asset in the store."""
    return f"{namespace_of(kind)}/{path}"


class Shelf:
    """Reads and writes assets; a stored document is parsed once."""

    def __init__(self, store: DocumentStore) -> None:
        self._store = store
        self._parsed: OrderedDict[tuple[str, str], tuple[Document, AnyAsset]] = OrderedDict()
        self._moving = anyio.Lock()
        """Held by whoever writes beside the default versions: a switch must not lose what is written meanwhile."""

    async def get(self, kind: Kind, path: str, version: str | None = None) -> tuple[AnyAsset, int] | None:
        """An asset and its revision; of the default version unless one is named. None when there is none.

        A revision counts from 1 up, and from -1 down for versions beside the default one: a change that was made of
        one is never written over the other.
        """
        head = await self._store.get(ASSETS, key_of(kind, path))
        while head is not None:
            asset = self._parse(head)
            if version is None or asset.version == version:
                return asset, head.version
            document = await self._store.get(VERSIONS, _key(asset, version))
            if document is not None:
                return self._parse(document), -document.version
            before, head = head, await self._store.get(ASSETS, key_of(kind, path))
            if head == before:  # else a switch may have taken it out of one place after we looked into the other
                return None
        return None

    async def create(self, asset: AnyAsset) -> None:
        """Put up a new asset, or a further version of one that is there.

        Raises:
            Conflict: the path with that version is taken, or the path belongs to another kind.
        """
        key = key_of(asset.kind, asset.path)
        try:
            await self._store.put(ASSETS, key, _dump(asset), expect=0)
        except Conflict:
            found = await self.get(asset.kind, asset.path)
            if found is not None and found[0].kind == asset.kind and found[0].version != asset.version:
                await self._create_version(asset)
                await self._check_there(asset, found[0])
                return
            raise Conflict(f"a {namespace_of(asset.kind)} named {asset.path!r} exists already") from None

    async def _create_version(self, asset: AnyAsset) -> None:
        try:
            await self._store.put(VERSIONS, _key(asset), _dump(asset), expect=0)
        except Conflict:
            raise Conflict(f"version {asset.version} of {asset.path!r} exists already") from None

    async def _check_there(self, written: AnyAsset, head: AnyAsset) -> None:
        """Take back what was written beside `head`, if its asset is gone since: it would be a version of the next asset
        of that name.

        Raises:
            Conflict: it was.
        """
        found = await self.get(head.kind, head.path)
        if found is None or found[0].created_at != head.created_at:
            await self._store.delete(VERSIONS, _key(written))
            raise Conflict(f"{ref(head)} was deleted meanwhile")

    async def replace(self, asset: AnyAsset, revision: int) -> None:
        """Write an asset over the revision it was made from.

        Raises:
            Conflict: somebody wrote it meanwhile, made another version the default, or deleted it and registered
                another.
        """
        if revision < 0:
            async with self._moving:
                await self._check_beside(asset)
                await self._store.put(VERSIONS, _key(asset), _dump(asset), expect=-revision)
            return
        head = await self.get(asset.kind, asset.path)
        if head is not None and (head[0].version, head[0].created_at) != (asset.version, asset.created_at):
            raise Conflict(f"{ref(asset)} is another one by now")  # which may count its revisions from 1 anew
        await self._store.put(ASSETS, key_of(asset.kind, asset.path), _dump(asset), expect=revision)

    async def promote(self, asset: AnyAsset, revision: int, head: AnyAsset, head_revision: int) -> None:
        """Make `asset`, a version beside the default one as of `revision`, the default in place of `head`.

        One write is the switch: readers see either version as the default and both as versions, before it and after.
        A process that ends between two of the writes leaves a shadow and nothing else.

        Raises:
            Conflict: one of the two was written meanwhile.
        """
        async with self._moving:
            found = await self._store.get(VERSIONS, _key(asset))
            if found is None or found.version != -revision:
                raise Conflict(f"version {asset.version} of {asset.path!r} changed meanwhile")
            await self._store.put(VERSIONS, _key(head), _dump(head))
            try:
                await self._store.put(ASSETS, key_of(asset.kind, asset.path), _dump(asset), expect=head_revision)
            except Conflict:
                await self._check_there(head, head)
                raise
            with suppress(Conflict):  # another process switches back already: it is no shadow any more
                await self._store.delete(VERSIONS, _key(asset), expect=-revision)

    async def delete_version(self, asset: AnyAsset) -> None:
        """Take down a version beside the default one.

        Raises:
            Conflict: it is the default version by now.
        """
        async with self._moving:
            await self._check_beside(asset)
            await self._store.delete(VERSIONS, _key(asset))

    async def delete(self, asset: AnyAsset) -> None:
        """Take an asset down, with all its versions."""
        for key in await self._beside(asset.kind, asset.path):
            await self._store.delete(VERSIONS, key)
        await self._store.delete(ASSETS, key_of(asset.kind, asset.path))
        for key in await self._beside(asset.kind, asset.path):  # what came meanwhile is nobody's now
            await self._store.delete(VERSIONS, key)

    async def versions(self, kind: Kind, path: str) -> list[str]:
        """The versions beside the default one."""
        head = await self.get(kind, path)
        found = [key.rpartition("@")[2] for key in await self._beside(kind, path)]
        return [version for version in found if head is None or version != head[0].version]

    async def _beside(self, kind: Kind, path: str) -> list[str]:
        """The keys of all that lies beside the default version, a shadow too."""
        prefix = f"{key_of(kind, path)}@"
        found = []
        async for document in self._store.find(VERSIONS, after=prefix):
            if not document.key.startswith(prefix):
                break
            found.append(document.key)
        return found

    async def _check_beside(self, asset: AnyAsset) -> None:
        found = await self.get(asset.kind, asset.path, asset.version)
        if found is None or found[1] > 0 or found[0].created_at != asset.created_at:
            raise Conflict(f"version {asset.version} of {asset.path!r} is the default by now, or another one")

    async def walk(self, where: Where | None = None, after: str | None = None) -> AsyncIterator[tuple[str, AnyAsset]]:
        """Keys and assets in order of key, default versions only."""
        async for document in self._store.find(ASSETS, where=where, after=after):
            yield document.key, self._parse(document)

    async def everything(self, where: Where | None = None) -> AsyncIterator[AnyAsset]:
        """Every version of every asset, default ones first. Shadows are among them: read it anew before you act."""
        for collection in (ASSETS, VERSIONS):
            async for document in self._store.find(collection, where=where):
                yield self._parse(document)

    async def walk_versions(self) -> AsyncIterator[AnyAsset]:
        """The versions beside the default ones, in order of key; shadows too."""
        async for document in self._store.find(VERSIONS):
            yield self._parse(document)

    def _parse(self, document: Document) -> AnyAsset:
        slot = (document.collection, document.key)
        cached = self._parsed.get(slot)
        # The version alone does not tell: a key that was deleted and created again may count from 1 anew.
        if cached is not None and (cached[0] is document or cached[0] == document):
            return cached[1]
        asset = ASSET.validate_python(document.body, by_alias=True, by_name=False)
        self._parsed[slot] = (document, asset)
        if len(self._parsed) > CACHED:
            self._parsed.popitem(last=False)
        return asset


def _key(asset: AnyAsset, version: str | None = None) -> str:
    """Where a version of an asset lies, its own unless one is named, when it is not the default."""
    return f"{key_of(asset.kind, asset.path)}@{version or asset.version}"


def _dump(asset: AnyAsset) -> Json:
    return asset.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"callable"})
