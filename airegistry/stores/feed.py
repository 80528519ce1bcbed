"""The change feed of a store: a window of recent changes that any number of watchers read at their own pace.

The window is bounded in number and bytes, whatever the watchers do: writers never wait for one. A watcher
that falls out of the window is told so (`ChangesLost`) and reads the collections anew.
"""

from collections.abc import AsyncIterator

import anyio

from airegistry.core.documents import Change, ChangesLost

MAX_CHANGES = 10_000
MAX_BYTES = 64 << 20


class Feed:
    """Changes after `revision`, numbered without gaps."""

    def __init__(self, revision: int = 0, *, max_changes: int = MAX_CHANGES, max_bytes: int = MAX_BYTES) -> None:
        self.revision = revision
        self._max_changes = max_changes
        self._max_bytes = max_bytes
        self._window: dict[int, tuple[Change, int]] = {}
        self._bytes = 0
        self._oldest = revision + 1
        self._news: anyio.Event | None = None
        self._closed = False

    def publish(self, change: Change, size: int) -> None:
        """Add the next change; `size` is that of its body, in bytes."""
        if change.revision != self.revision + 1:
            # Only the replay of a journal that lost records gets here: a window has no holes.
            self.forget()
            self._oldest = change.revision
        self.revision = change.revision
        self._window[change.revision] = change, size
        self._bytes += size
        while len(self._window) > self._max_changes or (self._bytes > self._max_bytes and len(self._window) > 1):
            self._bytes -= self._window.pop(self._oldest)[1]
            self._oldest += 1

    def forget(self) -> None:
        """Empty the window: there were changes that nobody can tell of any more."""
        self._window.clear()
        self._bytes = 0
        self._oldest = self.revision + 1

    def wake(self) -> None:
        """Let watchers see what was published."""
        if self._news is not None:
            self._news.set()
            self._news = None

    def close(self) -> None:
        """End every watcher that has seen all there is."""
        self._closed = True
        self.wake()

    async def watch(self, since: int | None) -> AsyncIterator[Change]:
        """Changes after a revision, or from now on; ends when the store closes.

        Raises:
            ChangesLost: the next one is no longer (or, for a revision of another store, never was) known.
        """
        seen = self.revision if since is None else since
        if seen > self.revision:
            raise ChangesLost(f"the store is at revision {self.revision}, there is no revision {seen}")
        while True:
            while seen < self.revision:
                if seen + 1 < self._oldest:
                    raise ChangesLost(
                        f"changes {seen + 1} to {self._oldest - 1} are no longer kept: "
                        "read the collections and watch from now on"
                    )
                seen += 1
                yield self._window[seen][0]
            if self._closed:
                return
            if self._news is None:
                self._news = anyio.Event()
            await self._news.wait()
