"""Which slots together hold all that was made of one asset, and of which state of it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from airegistry.core.ranking import Numbers
from airegistry.index.arrays import Arrays, grown

_NOBODY = -1
_NONE: Numbers = np.zeros(0, np.int64)


class _Groups(NamedTuple):
    """All slots in order of those they are bound to, and where those of each leader begin."""

    slots: Numbers
    starts: Numbers


class Bonds:
    """Slots by the first of those they are bound with, and the content that these were made of. Not thread-safe."""

    def __init__(self) -> None:
        self._leaders = np.zeros(0, np.int32)
        self._contents = np.zeros((0, 2), np.uint64)
        self._groups: _Groups | None = None
        """As they were restored."""

    def bind(self, slots: Sequence[int], content: bytes) -> None:
        """Bind slots to the first of them, and that to a digest of 16 bytes."""
        size = max(slots) + 1
        self._leaders, self._contents = grown(self._leaders, size, _NOBODY), grown(self._contents, size)
        self._leaders[list(slots)] = slots[0]
        self._contents[slots[0]] = np.frombuffer(content, np.uint64)

    def loosen(self, slot: int) -> None:
        """What a slot is bound with is no more what it was made of."""
        if slot < len(self._leaders) and self._leaders[slot] != _NOBODY:
            self._contents[self._leaders[slot]] = 0

    def leave(self, slot: int) -> None:
        """A slot is emptied."""
        self.loosen(slot)
        if slot < len(self._leaders):
            self._leaders[slot] = _NOBODY

    def of(self, leader: int, content: bytes) -> Numbers:
        """The slots that were bound to one and a content when this was restored; none when that holds no more."""
        groups = self._groups
        if groups is None or leader >= len(groups.starts) - 1 or self._contents[leader].tobytes() != content:
            return _NONE
        return groups.slots[groups.starts[leader] : groups.starts[leader + 1]]

    def settle(self) -> None:
        """Nobody asks any more."""
        self._groups = None

    def dump(self, size: int) -> Arrays:
        """All of it, of so many slots, to be restored."""
        leaders, contents = grown(self._leaders, size, _NOBODY), grown(self._contents, size)
        return {"bonds": leaders[:size].copy(), "bonds.contents": contents[:size].copy()}

    @classmethod
    def restored(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> "Bonds":
        """What was dumped."""
        found = cls()
        found._leaders, found._contents = arrays["bonds"].astype(np.int32), arrays["bonds.contents"].astype(np.uint64)
        slots = np.argsort(found._leaders, kind="stable")
        starts = np.searchsorted(found._leaders[slots], np.arange(len(slots) + 1))
        found._groups = _Groups(slots, starts)
        return found
