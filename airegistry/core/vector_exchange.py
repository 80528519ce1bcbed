"""Where vectors come from that another process of a shared store makes: they are waited for, and made here when they
do not come.

Whoever makes vectors that nobody else has says so in their bundle, without changing it further until they are there.
Nobody's wall clock is asked whether that one still lives: whoever waits has itself to see the bundle stay the same.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import islice

import anyio

from airegistry.core.shared_vectors import Bundle, SharedVectors

BATCH = 200
"""Assets whose bundles are asked for at once."""
PAUSE = 0.25
"""Seconds between two looks."""
PATIENCE = 2.0
"""Seconds that whoever wrote an asset has to share its vectors, or to say that they are being made."""
EXPIRY = 30.0
"""Seconds without a sign after which whoever makes vectors counts as gone: an embedder far away takes its time."""


class Exchange:
    """Gets vectors for assets that are held without.

    `take` holds those with vectors of which the bundles have all, `lacks` says which assets are held without, and
    `make` makes those of one and shares them.
    """

    def __init__(
        self,
        shared: SharedVectors,
        take: Callable[[Mapping[str, Bundle]], Awaitable[None]],
        lacks: Callable[[str], bool],
        make: Callable[[str], Awaitable[None]],
    ) -> None:
        self._shared = shared
        self._take = take
        self._lacks = lacks
        self._make = make
        self._awaited: dict[str, float] = {}
        """By asset, the monotonic second from which on its vectors are made here."""
        self._seen: dict[str, tuple[int, float]] = {}
        """Of bundles that others work on: the version, and since when it is that."""

    def await_(self, name: str) -> None:
        """Wait for the vectors of an asset, `kind/path`, that another process wrote."""
        self._awaited[name] = self._now() + PATIENCE

    async def make(self, name: str) -> None:
        """Make the vectors of an asset that this process wrote; if another one is at it already, wait for them."""
        for left in await self._attend([name], frozenset({name})):
            self.await_(left)

    async def run(self) -> None:
        """Get what is waited for, until cancelled."""
        while True:
            await self.look()
            await anyio.sleep(PAUSE)

    async def look(self) -> None:
        """Look once for some of what is waited for.

        Raises:
            AirError: the store is lost; what was looked for is waited for still.
        """
        names, now = [*islice(self._awaited, BATCH)], self._now()
        overdue = frozenset(name for name in names if self._awaited[name] <= now)
        due = {name: self._awaited.pop(name) for name in names}
        left: Sequence[str] = names  # all of them, where the store is lost
        try:
            left = await self._attend(names, overdue)
        finally:
            for name in left:
                self._awaited.setdefault(name, due[name])  # behind the others

    async def settle(self, names: Sequence[str]) -> None:
        """Get the vectors of assets that were there before this process; returns when they are here, or cannot be."""
        left = [*names]
        while left:
            batches = [left[start : start + BATCH] for start in range(0, len(left), BATCH)]
            left = [name for batch in batches for name in await self._attend(batch, frozenset(batch))]
            if left:
                await anyio.sleep(PAUSE)

    async def _attend(self, names: Sequence[str], overdue: frozenset[str]) -> list[str]:
        """Take what is there, and make what is overdue and nobody else is at; the assets to look for again."""
        bundles = await self._shared.many(names)
        await self._take(bundles)
        again = []
        for name in names:
            if not self._lacks(name):
                self._seen.pop(name, None)
            elif name in overdue and await self._claimed(name, bundles.get(name, Bundle())):
                self._seen.pop(name, None)
                await self._make(name)
            else:
                again.append(name)
        return again

    async def _claimed(self, name: str, bundle: Bundle) -> bool:
        """Whether it is for this process to make what a bundle lacks."""
        if bundle.maker not in ("", self._shared.id):
            version, since = self._seen.get(name, (0, 0.0))
            if version != bundle.version:
                self._seen[name] = bundle.version, self._now()
                return False
            if self._now() - since < EXPIRY:
                return False
        return await self._shared.claim(name, bundle)

    def _now(self) -> float:
        return self._shared.clock.monotonic()
