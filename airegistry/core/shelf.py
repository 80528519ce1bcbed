"""Where assets lie in the store: typed, versioned, one document per asset and one per further version.

`assets` holds under `{namespace}/{path}` the version served by default; `versions` holds the others under
`{namespace}/{path}@{version}`.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator

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

    async def get(self, kind: Kind, path: str, version: str | None = None) -> tuple[AnyAsset, int] | None:
        """An asset and its revision; of the default version unless one is named. None when there is none."""
        document = await self._store.get(ASSETS, key_of(kind, path))
        if document is None:
            return None
        asset = self._parse(document)
        if version is not None and asset.version != version:
            document = await self._store.get(VERSIONS, f"{key_of(kind, path)}@{version}")
            if document is None:
                return None
            asset = self._parse(document)
        return asset, document.version

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
                await self._create_version(key, asset)
                return
            raise Conflict(f"a {namespace_of(asset.kind)} named {asset.path!r} exists already") from None

    async def _create_version(self, key: str, asset: AnyAsset) -> None:
        try:
            await self._store.put(VERSIONS, f"{key}@{asset.version}", _dump(asset), expect=0)
        except Conflict:
            raise Conflict(f"version {asset.version} of {asset.path!r} exists already") from None

    async def replace(self, asset: AnyAsset, revision: int) -> None:
        """Write an asset over the revision it was made from.

        Raises:
            Conflict: somebody wrote it meanwhile, or deleted it and registered another.
        """
        key, version = key_of(asset.kind, asset.path), asset.version
        head = await self.get(asset.kind, asset.path)
        if head is not None and head[0].version == version and head[0].created_at != asset.created_at:
            raise Conflict(f"{ref(asset)} is another one by now")  # which may count its revisions from 1 anew
        if head is not None and head[0].version != version:
            await self._store.put(VERSIONS, f"{key}@{version}", _dump(asset), expect=revision)
        else:
            await self._store.put(ASSETS, key, _dump(asset), expect=revision)

    async def delete(self, asset: AnyAsset) -> None:
        """Take an asset down, with all its versions."""
        key = key_of(asset.kind, asset.path)
        for version in await self.versions(asset.kind, asset.path):
            await self._store.delete(VERSIONS, f"{key}@{version}")
        await self._store.delete(ASSETS, key)

    async def versions(self, kind: Kind, path: str) -> list[str]:
        """The versions beside the default one."""
        prefix = f"{key_of(kind, path)}@"
        found = []
        async for document in self._store.find(VERSIONS, after=prefix):
            if not document.key.startswith(prefix):
                break
            found.append(document.key.removeprefix(prefix))
        return found

    async def walk(self, where: Where | None = None, after: str | None = None) -> AsyncIterator[tuple[str, AnyAsset]]:
        """Keys and assets in order of key, default versions only."""
        async for document in self._store.find(ASSETS, where=where, after=after):
            yield document.key, self._parse(document)

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


def _dump(asset: AnyAsset) -> Json:
    return asset.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"callable"})
