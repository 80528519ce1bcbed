"""Where assets lie in the store: typed, versioned, one document per asset and one per further version.

`assets` holds under `{namespace}/{path}` the version served by default; `versions` holds the others under
`{namespace}/{path}@{version}`. What lies there under the number of the default version is a shadow that a switch left
behind: nobody reads it, and the next switch writes over it.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeAlias

import anyio

from airegistry.core.assets import ASSET, Kind, namespace_of
from airegistry.core.documents import KEY, Document, DocumentStore, Glob, Json, Where
from airegistry.core.errors import Conflict
from airegistry.core.newer import Newer
from airegistry.core.ports import AnyAsset
from airegistry.core.said import Said, body_of
from airegistry.core.sketches import Sketch

ASSETS, VERSIONS = "assets", "versions"
CACHED = 2_000
Named: TypeAlias = tuple[Kind, str, str | None]
"""Kind and path of an asset, and a version of it unless it is the default one."""


def ref(asset: AnyAsset) -> str:
    """How audit, events and search name an asset: `{kind}/{path}`."""
    return f"{asset.kind}/{asset.path}"


def key_of(kind: Kind, path: str) -> str:
    """The key of an asset in the store."""
    return f"{namespace_of(kind)}/{path}"


class Shelf:
    """Reads and writes assets; a stored document is parsed once.

    With `shared` other processes write assets too. Then who changes or deletes a version beside the default one writes
    the default one again, as it is: a switch is made over the revision of it that was read first, so that one which
    began before finds that out, however long its process was paused in between.
    """

    def __init__(self, store: DocumentStore, *, shared: bool = False, near: DocumentStore | None = None) -> None:
        self._store = store
        self._shared = shared
        self._parsed: OrderedDict[tuple[str, str], tuple[Document, AnyAsset]] = OrderedDict()
        self._newer = Newer()
        self.held: Callable[[], Mapping[str, Sketch]] | None = None
        """The sketches of what there is, from whoever follows all of it; without them the store is read."""
        self._moving = anyio.Lock()
        """Held by whoever writes beside the default versions: a switch must not lose what is written meanwhile."""
        self.near = self if near is None else _read_at(near, self._parsed, self._newer)
        """The same, for those who only read and may be as far behind as `near` is: calls."""

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

    async def many(self, named: Sequence[Named]) -> dict[Named, tuple[AnyAsset, int]]:
        """What `get` answers of each, for those that there are, with two questions to the store for all of them."""
        heads = await self._of(ASSETS, [key_of(kind, path) for kind, path, _ in named])
        beside = {
            (kind, path, version): _key(head[0], version)
            for kind, path, version in named
            if version and (head := heads.get(key_of(kind, path))) is not None and head[0].version != version
        }
        versions = await self._of(VERSIONS, [*beside.values()])
        found: dict[Named, tuple[AnyAsset, int]] = {}
        for name in named:
            if name not in beside:
                one = heads.get(key_of(name[0], name[1]))
            elif (version := versions.get(beside[name])) is not None:
                one = version[0], -version[1]
            else:
                one = await self.get(*name)  # a switch may have taken it from one place to the other
            if one is not None:
                found[name] = one
        return found

    async def _of(self, collection: str, keys: Sequence[str]) -> dict[str, tuple[AnyAsset, int]]:
        if not keys:
            return {}
        found = self._store.find(collection, where={KEY: keys})
        return {document.key: (self._parse(document), document.version) async for document in found}

    async def at(self, collection: str, key: str) -> AnyAsset | None:
        """What lies under a key of `assets` or `versions`."""
        document = await self._store.get(collection, key)
        return None if document is None else self._parse(document)

    async def create(self, asset: AnyAsset) -> None:
        """Put up a new asset, or a further version of one that is there.

        Raises:
            Conflict: the path with that version is taken, or the path belongs to another kind.
        """
        key = key_of(asset.kind, asset.path)
        try:
            await self._store.put(ASSETS, key, body_of(asset), expect=0)
        except Conflict:
            found = await self.get(asset.kind, asset.path)
            if found is not None and found[0].kind == asset.kind and found[0].version != asset.version:
                await self._create_version(asset)
                await self._check_there(asset, found[0])
                return
            raise Conflict(f"a {namespace_of(asset.kind)} named {asset.path!r} exists already") from None

    async def begin(self, asset: AnyAsset) -> None:
        """Put up a new asset at a path that has none.

        Raises:
            Conflict: it has one.
        """
        try:
            await self._store.put(ASSETS, key_of(asset.kind, asset.path), body_of(asset), expect=0)
        except Conflict:
            raise Conflict(f"a {namespace_of(asset.kind)} named {asset.path!r} exists already") from None

    async def _write(
        self,
        collection: str,
        key: str,
        asset: AnyAsset,
        *,
        expect: int | None = None,
        read: tuple[str, str] | None = None,
    ) -> Document:
        """Write an asset that was `read` from a place, by default the one that it is written to."""
        body = self._newer.written("/".join(read or (collection, key)), body_of(asset))
        return await self._store.put(collection, key, body, expect=expect)

    async def _create_version(self, asset: AnyAsset) -> None:
        try:
            await self._store.put(VERSIONS, _key(asset), body_of(asset), expect=0)
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
                written = await self._write(VERSIONS, _key(asset), asset, expect=-revision)
                await self._end_switches(asset, written.version)
            return
        head = await self.get(asset.kind, asset.path)
        if head is not None and (head[0].version, head[0].created_at) != (asset.version, asset.created_at):
            raise Conflict(f"{ref(asset)} is another one by now")  # which may count its revisions from 1 anew
        await self._write(ASSETS, key_of(asset.kind, asset.path), asset, expect=revision)

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
            aside = await self._put_aside(head, head_revision)
            try:
                key = key_of(asset.kind, asset.path)
                await self._write(ASSETS, key, asset, expect=head_revision, read=(VERSIONS, _key(asset)))
            except Conflict:
                await self._take_back(head, aside)
                raise
            with suppress(Conflict):  # another process switches back already: it is no shadow any more
                await self._store.delete(VERSIONS, _key(asset), expect=-revision)

    async def _put_aside(self, head: AnyAsset, revision: int) -> int:
        """Write the default version, as of a revision, beside itself for when it is the default no more; the version
        of the document.

        Raises:
            Conflict: somebody else wrote it there, or it is the default no more: what lies there is no shadow by now.
        """
        read = ASSETS, key_of(head.kind, head.path)
        if not self._shared:
            return (await self._write(VERSIONS, _key(head), head, read=read)).version
        shadow = await self._store.get(VERSIONS, _key(head))
        now = await self._store.get(ASSETS, key_of(head.kind, head.path))
        if now is None or now.version != revision:  # looked at after the shadow: what was read there is one
            raise Conflict(f"{ref(head)} was written meanwhile")
        expect = 0 if shadow is None else shadow.version
        return (await self._write(VERSIONS, _key(head), head, expect=expect, read=read)).version

    async def _take_back(self, head: AnyAsset, aside: int) -> None:
        """Take back what was put aside for a switch that was not made, unless it is the shadow of the default still: it
        would be a version of the next asset of that name, or one that was deleted."""
        now = await self.at(ASSETS, key_of(head.kind, head.path))
        if now is None or (now.version, now.created_at) != (head.version, head.created_at):
            with suppress(Conflict):  # another switch put it there: it is a version
                await self._store.delete(VERSIONS, _key(head), expect=aside)

    async def _end_switches(self, beside: AnyAsset, written: int | None) -> None:
        """Have switches that began before fail, which would make another state of `beside` the default than the one
        just `written` in this version of its document, or deleted.

        Raises:
            Conflict: it is, or was, the default by now, and was written, or deleted, where nobody reads it.
        """
        while self._shared:
            head = await self._store.get(ASSETS, key_of(beside.kind, beside.path))
            if head is None:
                return
            found = await self._store.get(VERSIONS, _key(beside))
            as_written = (None if found is None else found.version) == written
            if not as_written or self._parse(head).version == beside.version:
                raise Conflict(f"version {beside.version} of {beside.path!r} is the default by now, or was")
            with suppress(Conflict):  # written meanwhile: by such a switch, perhaps
                await self._store.put(ASSETS, head.key, head.body, expect=head.version)
                return

    async def delete_version(self, asset: AnyAsset) -> None:
        """Take down a version beside the default one.

        Raises:
            Conflict: it is the default version by now.
        """
        async with self._moving:
            await self._check_beside(asset)
            await self._store.delete(VERSIONS, _key(asset))
            await self._end_switches(asset, None)

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
        form = Glob(f"{key_of(kind, path)}@*")
        return [document.key async for document in self._store.find(VERSIONS, where={KEY: form})]

    async def _check_beside(self, asset: AnyAsset) -> None:
        found = await self.get(asset.kind, asset.path, asset.version)
        if found is None or found[1] > 0 or found[0].created_at != asset.created_at:
            raise Conflict(f"version {asset.version} of {asset.path!r} is the default by now, or another one")

    async def walk(self, where: Where | None = None, after: str | None = None) -> AsyncIterator[tuple[str, AnyAsset]]:
        """Keys and assets in order of key, default versions only."""
        async for document in self._store.find(ASSETS, where=where, after=after):
            yield document.key, self._parse(document, keep=False)

    async def sketches(self) -> AsyncIterator[Sketch]:
        """Those of everything that is there, in any order."""
        if self.held is not None:
            for number, sketch in enumerate([*self.held().values()]):
                if number % 1000 == 0:
                    await anyio.lowlevel.checkpoint()
                yield sketch
        else:
            async for _, asset in self.walk():
                yield Sketch.of(asset)

    async def said(self) -> AsyncIterator[tuple[AnyAsset, Said]]:
        """What `walk` goes through, and what each says as it is stored, which costs less than to have it say so."""
        async for document in self._store.find(ASSETS):
            asset = self._parse(document, keep=False)
            yield asset, Said.stored(self._newer.known(f"{ASSETS}/{document.key}", document.body))

    async def some(self, where: Where, any_of: Sequence[Where], after: str, limit: int) -> list[tuple[str, AnyAsset]]:
        """At most so many keys and assets of those that `walk` goes through; see `DocumentStore.find`."""
        found = self._store.find(ASSETS, where=where, any_of=any_of, after=after, limit=limit)
        return [(document.key, self._parse(document)) async for document in found]

    async def everything(self, where: Where | None = None) -> AsyncIterator[AnyAsset]:
        """Every version of every asset, default ones first. Shadows are among them: read it anew before you act."""
        for collection in (ASSETS, VERSIONS):
            async for document in self._store.find(collection, where=where):
                yield self._parse(document)

    async def of_source(self, source: str) -> tuple[list[Json], list[Json]]:
        """What is stored of the assets of a source, unparsed: of default versions, and of others with shadows."""
        where = {"provenance.source": source}
        heads, beside = [
            [document.body async for document in self._store.find(collection, where=where)]
            for collection in (ASSETS, VERSIONS)
        ]
        return heads, beside

    async def walk_versions(self) -> AsyncIterator[AnyAsset]:
        """The versions beside the default ones, in order of key; shadows too."""
        async for document in self._store.find(VERSIONS):
            yield self._parse(document)

    async def some_versions(self, after: str, limit: int) -> list[tuple[str, AnyAsset]]:
        """At most so many keys and versions of those that `walk_versions` goes through, those after a key."""
        found = self._store.find(VERSIONS, after=after, limit=limit)
        return [(document.key, self._parse(document)) async for document in found]

    async def stored(
        self, collection: str, *, where: Where | None = None, any_of: Sequence[Where] = (), after: str, limit: int
    ) -> list[Document]:
        """At most so many documents of `assets` or `versions`, as they are stored; see `DocumentStore.find`."""
        found = self._store.find(collection, where=where, any_of=any_of, after=after, limit=limit)
        return [document async for document in found]

    def body(self, asset: AnyAsset) -> Json:
        """An asset as it is stored, to be read only: one that was read just now is not dumped again."""
        place = ASSETS, key_of(asset.kind, asset.path)
        document, known = self._parsed.get(place, (None, None))
        if document is None or known is not asset:
            return body_of(asset)
        return self._newer.known("/".join(place), document.body)

    def parsed(self, document: Document) -> AnyAsset:
        """The asset that a document holds."""
        return self._parse(document)

    def _parse(self, document: Document, *, keep: bool = True) -> AnyAsset:
        """The asset of a document. What a walk through all comes by is kept where there is room, but in no other's
        place."""
        slot = (document.collection, document.key)
        cached = self._parsed.get(slot)
        # The version alone does not tell: a key that was deleted and created again may count from 1 anew.
        if cached is not None and cached[0] is document:
            return cached[1]
        if cached is not None and cached[0] == document:
            self._parsed[slot] = (document, cached[1])  # whoever reads it again is quick
            return cached[1]
        asset = self._newer.read("/".join(slot), document.body, _load)
        if not keep and len(self._parsed) >= CACHED:
            return asset
        self._parsed[slot] = (document, asset)
        if len(self._parsed) > CACHED:
            self._parsed.popitem(last=False)
        return asset


def _read_at(
    store: DocumentStore, parsed: OrderedDict[tuple[str, str], tuple[Document, AnyAsset]], newer: Newer
) -> Shelf:
    shelf = Shelf(store)
    shelf._parsed, shelf._newer = parsed, newer
    return shelf


def _key(asset: AnyAsset, version: str | None = None) -> str:
    """Where a version of an asset lies, its own unless one is named, when it is not the default."""
    return f"{key_of(asset.kind, asset.path)}@{version or asset.version}"


def _load(body: Json) -> AnyAsset:
    return ASSET.validate_python(body, by_alias=True, by_name=False)
