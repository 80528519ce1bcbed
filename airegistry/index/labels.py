"""Which slots bear which label: what filters choose by, without a look at any document."""

from array import array
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import chain

import numpy as np
import numpy.typing as npt

from airegistry.core.ports import Mask
from airegistry.index.arrays import Arrays, grown, packed_bytes, packed_texts, unpacked_bytes, unpacked_texts

Label = tuple[str, str]
_RARE = 64
_SHARE = 64
"""A label borne by more than 64 slots and by more than each 64th is kept as a mask: it takes less room than a list."""


@lru_cache(4096)
def _same(labels: tuple[Label, ...]) -> tuple[Label, ...]:
    """Equal labels of many slots are one object."""
    return labels


class _Bearers:
    """The slots of one label: a list of the few, or a mask where they are many."""

    __slots__ = ("count", "few", "label", "mask")

    def __init__(self, label: Label) -> None:
        self.label = label
        self.count = 0
        self.few = array("i")
        self.mask: Mask | None = None

    def add(self, slot: int, size: int) -> None:
        self.count += 1
        if self.mask is None and self.count > max(_RARE, size // _SHARE):
            self.mask = grown(np.zeros(0, np.bool_), size)
            self.mask[np.frombuffer(self.few, np.intc)] = True
            self.few = array("i")
        if self.mask is None:
            self.few.append(slot)
        else:
            self.mask = grown(self.mask, slot + 1)
            self.mask[slot] = True

    def fill(self, slots: npt.NDArray[np.intc], size: int) -> None:
        """Take all slots at once, into none."""
        self.count = len(slots)
        if self.count > max(_RARE, size // _SHARE):
            self.mask = np.zeros(size, np.bool_)
            self.mask[slots] = True
        else:
            self.few = array("i", slots.tobytes())

    def discard(self, slot: int, size: int) -> None:
        self.count -= 1
        if self.mask is None:
            self.few.remove(slot)
            return
        self.mask[slot] = False
        if self.count <= max(_RARE, size // _SHARE) // 2:
            self.few, self.mask = array("i", np.flatnonzero(self.mask).astype(np.intc).tobytes()), None

    def among(self, mask: Mask) -> int:
        """How many of its slots are in a mask."""
        if self.mask is None:
            return int(np.count_nonzero(mask[np.frombuffer(self.few, np.intc)]))
        known = self.mask[: len(mask)]
        return int(np.count_nonzero(known & mask[: len(known)]))

    def mark(self, mask: Mask) -> None:
        """Add its slots to a mask."""
        if self.mask is None:
            mask[np.frombuffer(self.few, np.intc)] = True
        else:
            known = self.mask[: len(mask)]
            mask[: len(known)] |= known


class Labels:
    """The labels of slots. Not thread-safe."""

    def __init__(self) -> None:
        self._bearers: dict[Label, _Bearers] = {}
        self._of: list[tuple[Label, ...]] = []

    def put(self, slot: int, labels: Iterable[Label]) -> None:
        """Give a slot these labels in place of those it had."""
        self._of += [()] * (slot + 1 - len(self._of))
        before, now = set(self._of[slot]), set(labels)
        if before == now:
            return
        size = len(self._of)
        for label in before - now:
            bearers = self._bearers[label]
            bearers.discard(slot, size)
            if not bearers.count:
                del self._bearers[label]
        for label in now - before:
            self._known(label).add(slot, size)
        self._of[slot] = _same(tuple(sorted(self._bearers[label].label for label in now)))

    def of(self, slot: int) -> tuple[Label, ...]:
        """The labels of a slot."""
        return self._of[slot]

    def select(self, mask: Mask, name: str, values: Iterable[str]) -> None:
        """Take out of a mask of slots those that bear none of the values under a name."""
        chosen = np.zeros(len(mask), np.bool_)
        for value in set(values):
            if bearers := self._bearers.get((name, value)):
                bearers.mark(chosen)
        mask &= chosen

    def count(self, mask: Mask, name: str) -> dict[str, int]:
        """How many slots of a mask bear each value under a name; those that none bears are left out."""
        values = ((value, bearers) for (each, value), bearers in self._bearers.items() if each == name)
        return {value: found for value, bearers in values if (found := bearers.among(mask))}

    def dump(self) -> Arrays:
        """All of it, to be restored."""
        numbers = {label: number for number, label in enumerate(self._bearers)}
        borne = [array("i", [numbers[label] for label in labels]).tobytes() for labels in self._of]
        return (
            packed_texts("labels.names", [name for name, _ in numbers])
            | packed_texts("labels.values", [value for _, value in numbers])
            | packed_bytes("labels.of", borne)
        )

    @classmethod
    def restored(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> "Labels":
        """What was dumped."""
        found = cls()
        names, values = unpacked_texts("labels.names", arrays), unpacked_texts("labels.values", arrays)
        labels = list(zip(names, values, strict=True))
        borne = [piece.cast("i").tolist() for piece in unpacked_bytes("labels.of", arrays)]
        found._of = [_same(tuple(labels[number] for number in numbers)) for numbers in borne]
        slots = np.repeat(np.arange(len(borne), dtype=np.intc), [len(numbers) for numbers in borne])
        flat = np.fromiter(chain.from_iterable(borne), np.int64, len(slots))
        by_label = slots[np.argsort(flat, kind="stable")]
        ends = np.cumsum(np.bincount(flat, minlength=len(labels))).tolist()
        for label, start, end in zip(labels, [0, *ends], ends, strict=False):
            found._known(label).fill(by_label[start:end], len(borne))
        return found

    def _known(self, label: Label) -> _Bearers:
        bearers = self._bearers.get(label)
        if bearers is None:
            bearers = self._bearers[label] = _Bearers(label)
        return bearers
