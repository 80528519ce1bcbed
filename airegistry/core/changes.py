"""Who is told that something changed for them, and of nothing else.

A watcher hears that the catalog changed when what it may see of it did, of an asset when what it may read of that did,
and of its entitlement when its own rights did. Every event is decided for each watcher with the rights it has at that
moment, so that of what is hidden not even the time of a change shows.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

import anyio

from airegistry.core.access import Access
from airegistry.core.errors import RateLimited, Unauthenticated
from airegistry.core.events import Event
from airegistry.core.lean_assets import LeanAssets
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.core.said import Said
from airegistry.core.shelf import Shelf, ref
from airegistry.core.sketches import Sketch
from airegistry.core.visibility import Visibility

CATALOG, ENTITLEMENT, APPROVALS, ASSETS = "catalog", "entitlement", "approvals", "*"
"""What a watcher may want to hear of, beside single assets by their `kind/path`; `ASSETS` are all of them."""
EVERY = 1.0
"""Seconds between two looks whether rights have changed; an event is never decided with old ones."""
MAX_WATCHERS = 100
"""Watchers of one subject."""
Again = Callable[[], Principal | None]
Part = Callable[[Principal, AnyAsset], AnyAsset]
_Known = tuple[AnyAsset, Sketch]


class Watcher:
    """Collects what to tell one client until it is taken: each thing once, so that a slow reader holds no more.

    `again` says who it is now, and None when it is nobody any more. `wake` is called when there is something to take.
    """

    __slots__ = ("_pending", "_wake", "again", "readable", "viewer", "wanted")

    def __init__(self, again: Again, wanted: Collection[str], wake: Callable[[], object]) -> None:
        self.again = again
        self.wanted = set(wanted)
        self.readable: set[str] = set()
        self.viewer: _Viewer | None = None
        self._wake = wake
        self._pending: dict[str, None] = {}

    def tell(self, change: str) -> None:
        """Remember a change, if it is wanted."""
        if self.wants(change) and change not in self._pending:
            self._pending[change] = None
            self._wake()

    def wants(self, change: str) -> bool:
        """Whether it is told of this."""
        return change in self.wanted or (ASSETS in self.wanted and "/" in change)

    def take(self) -> list[str]:
        """What to tell, in order; it is forgotten here."""
        taken, self._pending = list(self._pending), {}
        return taken


class _Viewer:
    """A caller with its watchers. `sees` digests what it may see of the catalog."""

    __slots__ = ("grants", "sees", "watchers", "who")

    def __init__(self, who: Principal, grants: object, sees: int) -> None:
        self.who = who
        self.grants = grants
        self.sees = sees
        self.watchers: set[Watcher] = set()


class Changes:
    """Follows the catalog and the policy for whoever watches.

    `part` narrows an asset to what a caller may read of it; `stamp` differs when anybody's rights may have changed.
    """

    def __init__(
        self,
        shelf: Shelf,
        access: Access,
        visibility: Visibility,
        part: Part,
        stamp: Callable[[], object] | None = None,
        known: LeanAssets | None = None,
    ) -> None:
        """`known` is everything in the store, where somebody has read it already."""
        self._shelf = shelf
        self._access = access
        self._visibility = visibility
        self._part = part
        self._stamp = stamp or (lambda: access.revision)
        self._stamped = self._stamp()
        self._known = known
        self._assets = LeanAssets()
        self._viewers: dict[Principal, _Viewer] = {}
        self._muted: set[Watcher] = set()
        self._held = Counter[str]()

    def __len__(self) -> int:
        """How many watch."""
        return self._held.total()

    def known(self, name: str) -> AnyAsset | None:
        """An asset by its `kind/path`, as it was known last."""
        return self._assets.get(name)

    def names(self) -> list[str]:
        """All that is known, by `kind/path`."""
        return [*self._assets]

    async def rebuild(self) -> None:
        """Know everything in the store."""
        self._assets = LeanAssets() if self._known is None else self._known.copy()
        if self._known is None:
            async for _, asset in self._shelf.walk():
                self._assets.put(ref(asset), asset)

    async def on_event(self, event: Event) -> None:
        """Follow what happens to assets: what the store holds in the end counts, as for searches."""
        kind, path = event.asset.kind, event.asset.path
        while True:
            head = await self._shelf.get(kind, path)
            self._take(f"{kind}/{path}", head[0] if head is not None and head[0].kind == kind else None)
            if await self._shelf.get(kind, path) == head:
                return

    def asked(self, subject: str, assets: Collection[str]) -> None:
        """A call of this subject waits for approval, or does so no more: tell it, and who may decide on all of these
        assets, by `kind/path`."""
        self.reconsider()
        for viewer in self._viewers.values():
            if viewer.who.subject == subject or self._may_decide(viewer.who, assets):
                for watcher in viewer.watchers:
                    _tell(watcher, APPROVALS)

    async def run(self) -> None:
        """Tell watchers of changes of their rights, until cancelled."""
        while True:
            await anyio.sleep(EVERY)
            self.reconsider()

    @contextmanager
    def watching(self, watcher: Watcher) -> Iterator[Watcher]:
        """Have a watcher told of what changes from now on.

        Raises:
            Unauthenticated: it is nobody.
            RateLimited: its subject has too many.
        """
        self.reconsider()
        who = watcher.again()
        if who is None:
            raise Unauthenticated("no credentials")
        subject = who.subject
        if self._held[subject] >= MAX_WATCHERS:
            raise RateLimited(f"{subject} has {MAX_WATCHERS} open subscriptions", retry_after=EVERY)
        self._held[subject] += 1
        self._seat(watcher, self._viewer(who))
        for name in watcher.wanted & self._assets.keys():
            self._note_readable(watcher, who, name)
        try:
            yield watcher
        finally:
            self._held[subject] -= 1
            if not self._held[subject]:
                del self._held[subject]
            self._seat(watcher, None)
            self._muted.discard(watcher)

    def want(self, watcher: Watcher, name: str) -> None:
        """Have a watcher told of one thing more."""
        watcher.wanted.add(name)
        if watcher.viewer is not None:
            self._note_readable(watcher, watcher.viewer.who, name)

    def reconsider(self) -> None:
        """Look who every watcher is now and what it may do, if that may have changed."""
        stamp = self._stamp()
        if stamp == self._stamped:
            return
        self._stamped = stamp
        before, self._viewers = self._viewers, {}
        muted, self._muted = self._muted, set()
        for watcher in [*muted, *(watcher for viewer in before.values() for watcher in viewer.watchers)]:
            was, who = watcher.viewer, watcher.again()
            now = None if who is None else self._viewer(who, before.get(who))
            self._seat(watcher, now)
            if now is not None and (was is None or (was.who, was.grants) != (now.who, now.grants)):
                self._tell_of_rights(watcher, now, sees_other=was is None or was.sees != now.sees)

    def _seat(self, watcher: Watcher, viewer: "_Viewer | None") -> None:
        """Put a watcher where it belongs, and nowhere else; who is nobody hears nothing."""
        if watcher.viewer is not None:
            watcher.viewer.watchers.discard(watcher)
            if not watcher.viewer.watchers and self._viewers.get(watcher.viewer.who) is watcher.viewer:
                del self._viewers[watcher.viewer.who]
        self._muted.discard(watcher)
        watcher.viewer = viewer
        (self._muted if viewer is None else viewer.watchers).add(watcher)

    def _tell_of_rights(self, watcher: Watcher, now: "_Viewer", *, sees_other: bool) -> None:
        watcher.tell(ENTITLEMENT)
        if sees_other:
            watcher.tell(CATALOG)
        for name in watcher.wanted & self._assets.keys():
            could = name in watcher.readable
            can = self._note_readable(watcher, now.who, name)
            if could != can or (can and self._assets.sketches[name].kind in ("server", "virtual_server")):
                watcher.tell(name)

    def _note_readable(self, watcher: Watcher, who: Principal, name: str) -> bool:
        known = self._assets.sketches.get(name)
        readable = known is not None and self._may_read(who, known)
        (watcher.readable.add if readable else watcher.readable.discard)(name)
        return readable

    def _viewer(self, who: Principal, before: _Viewer | None = None) -> _Viewer:
        found = self._viewers.get(who)
        if found is None:
            grants = self._access.grants_of(who)
            same = before is not None and before.grants == grants
            sees = before.sees if before is not None and same else self._sees(who)
            found = self._viewers[who] = _Viewer(who, grants, sees)
        return found

    def _sees(self, who: Principal) -> int:
        sees = 0
        for asset in self._assets.sketches.values():
            if self._visibility.shows(who, asset):
                sees ^= asset.listed
        return sees

    def _take(self, name: str, asset: AnyAsset | None) -> None:
        """Take note of the state of an asset in the store, and tell those for whom it is another one."""
        known = self._assets.get(name)
        if asset == known:
            return
        before = None if known is None else (known, self._assets.sketches[name])
        self.reconsider()
        after = None
        if asset is None:
            self._assets.remove(name)
        else:
            self._assets.put(name, asset, Said.stored(self._shelf.body(asset)), stored=True)
            after = asset, self._assets.sketches[name]
        for viewer in self._viewers.values():
            was, is_ = self._shows(viewer.who, before), self._shows(viewer.who, after)
            viewer.sees ^= was ^ is_
            concerned = [watcher for watcher in viewer.watchers if watcher.wants(name)]
            if concerned and self._read(viewer.who, before) != self._read(viewer.who, after):
                for watcher in concerned:
                    _tell(watcher, name)
                    if name in watcher.wanted:
                        self._note_readable(watcher, viewer.who, name)
            if was != is_:
                for watcher in viewer.watchers:
                    _tell(watcher, CATALOG)

    def _shows(self, who: Principal, known: _Known | None) -> int:
        """The digest of an asset for whoever may see it, 0 for others."""
        return known[1].listed if known is not None and self._visibility.shows(who, known[1]) else 0

    def _read(self, who: Principal, known: _Known | None) -> AnyAsset | None:
        """What a caller may read of an asset."""
        return self._part(who, known[0]) if known is not None and self._may_read(who, known[0]) else None

    def _may_decide(self, who: Principal, assets: Collection[str]) -> bool:
        known = [self._assets.sketches.get(name) for name in assets]
        return all(each is not None and self._access.allows(who, "approve", each) for each in known)

    def _may_read(self, who: Principal, asset: AnyAsset | Sketch) -> bool:
        return self._visibility.shows(who, asset) and self._access.allows(who, "read", asset)


def _tell(watcher: Watcher, change: str) -> None:
    """Tell a watcher, unless its token has ended meanwhile: by time alone, of which nobody hears."""
    if watcher.again() is not None:
        watcher.tell(change)
