"""Where things stand, by their hashes: 12 to 24 bytes for each, a third and less of what a dictionary takes."""

from array import array
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_EMPTY = -1
_SMALLEST = 16
_BITS = 0xFFFFFFFF

Numbers = npt.NDArray[np.int64]


class Places:
    """Slots, small integers, by the hashes of what stands in them; whoever asks compares what stands there.

    A table with open addressing and linear probing, never more than two thirds full. Not thread-safe.
    """

    def __init__(self) -> None:
        self._fill(np.zeros(0, np.uint32), np.zeros(0, np.int32), _SMALLEST)

    def __len__(self) -> int:
        return self._count

    @classmethod
    def filled(cls, hashes: Numbers, slots: Numbers) -> "Places":
        """Many slots at once, each with its hash."""
        found, size = cls(), 1 << (3 * len(slots) // 2).bit_length()
        found._fill((hashes & _BITS).astype(np.uint32), slots.astype(np.int32), max(_SMALLEST, size))
        return found

    def listed(self) -> tuple[Numbers, Numbers]:
        """All of it: hashes as `filled` takes them, and slots."""
        hashes, slots = self._arrays()
        taken = slots != _EMPTY
        return hashes[taken].astype(np.int64), slots[taken].astype(np.int64)

    def of(self, hashed: int) -> tuple[int, ...]:
        """The slots of things that may have a hash, which is any integer."""
        slots, hashes, kept = self._slots, self._hashes, hashed & _BITS
        mask, found = len(slots) - 1, tuple[int, ...]()
        at = kept & mask
        while (slot := slots[at]) != _EMPTY:
            if hashes[at] == kept:
                found = (*found, slot)
            at = (at + 1) & mask
        return found

    def named(self, name: str, names: Sequence[str]) -> int | None:
        """The slot of a name, by its `hash`; `names` are those of all slots."""
        slots, hashes, kept = self._slots, self._hashes, hash(name) & _BITS
        mask = len(slots) - 1
        at = kept & mask
        while (slot := slots[at]) != _EMPTY:
            if hashes[at] == kept and names[slot] == name:
                return slot
            at = (at + 1) & mask
        return None

    def add(self, hashed: int, slot: int) -> None:
        """Note what came into a slot."""
        if 3 * (self._count + 1) > 2 * len(self._slots):
            hashes, slots = self._arrays()
            taken = slots != _EMPTY
            self._fill(hashes[taken], slots[taken], 2 * len(slots))
        self._count += 1
        self._put(hashed & _BITS, slot)

    def discard(self, hashed: int, slot: int) -> None:
        """Note what left a slot; nothing happens where it was not noted."""
        mask, kept = len(self._slots) - 1, hashed & _BITS
        hole = kept & mask
        while self._slots[hole] != slot or self._hashes[hole] != kept:
            if self._slots[hole] == _EMPTY:
                return
            hole = (hole + 1) & mask
        self._count -= 1
        at = hole
        while self._slots[at := (at + 1) & mask] != _EMPTY:
            # What stands further on than where it belongs moves up, if the hole lies in between.
            if (at - self._hashes[at]) & mask >= (at - hole) & mask:
                self._slots[hole], self._hashes[hole] = self._slots[at], self._hashes[at]
                hole = at
        self._slots[hole] = _EMPTY

    def _put(self, kept: int, slot: int) -> None:
        mask = len(self._slots) - 1
        at = kept & mask
        while self._slots[at] != _EMPTY:
            at = (at + 1) & mask
        self._slots[at], self._hashes[at] = slot, kept

    def _fill(self, hashes: npt.NDArray[np.uint32], slots: npt.NDArray[np.int32], size: int) -> None:
        """Take these in place of all that there were, into a table of a size that is a power of two."""
        self._count = len(slots)
        self._slots, self._hashes = array("i", [_EMPTY]) * size, array("I", [0]) * size
        homes = hashes & np.uint32(size - 1)
        order = np.argsort(homes, kind="stable")
        # In the order of where they belong each stands there, or just behind the one before it.
        spread = np.arange(len(order))
        at = np.maximum.accumulate(homes[order].astype(np.int64) - spread) + spread
        inside = int(np.searchsorted(at, size))
        kept, filled = self._arrays()
        kept[at[:inside]], filled[at[:inside]] = hashes[order[:inside]], slots[order[:inside]]
        for place in order[inside:].tolist():  # they begin again at the start
            self._put(int(hashes[place]), int(slots[place]))

    def _arrays(self) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int32]]:
        return np.frombuffer(self._hashes, np.uint32), np.frombuffer(self._slots, np.int32)
