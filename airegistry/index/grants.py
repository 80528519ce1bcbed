"""What callers were granted, remembered by their key and forgotten for documents that were put since."""

from array import array
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airegistry.core.ports import Mask
from airegistry.core.ranking import Numbers
from airegistry.index.arrays import grown

_DENIED, _GRANTED = 1, 2  # 0: never asked, or changed since
_MOST_ANSWERS = 32 * 1024 * 1024
_MOST_CHANGES = 65_536


@dataclass(slots=True)
class _Answers:
    """One byte for each slot; `heard` changes were taken note of."""

    by_slot: npt.NDArray[np.uint8]
    heard: int


class Grants:
    """Answers about slots, at most so many in all, those of the callers who asked last. Not thread-safe."""

    def __init__(self, most_answers: int = _MOST_ANSWERS, most_changes: int = _MOST_CHANGES) -> None:
        self._most_answers, self._most_changes = most_answers, most_changes
        self._kept: OrderedDict[Hashable, _Answers] = OrderedDict()
        self._changes = array("i")

    def forget(self, slot: int) -> None:
        """What was said of a slot holds no more."""
        if not self._kept:
            return
        self._changes.append(slot)
        if len(self._changes) > self._most_changes:
            self._kept.clear()
            del self._changes[:]

    def granted(self, key: Hashable, size: int) -> tuple[Mask, Mask]:
        """Which of the first `size` slots were granted under a key, and of which nothing is known."""
        answers = self._answers(key, size).by_slot[:size]
        return answers == _GRANTED, answers == 0

    def note(self, key: Hashable, slots: Numbers, granted: Mask, size: int) -> None:
        """Remember answers about slots below `size`."""
        answers = self._answers(key, size).by_slot
        answers[slots] = np.where(granted, np.uint8(_GRANTED), np.uint8(_DENIED))
        while len(self._kept) > 1 and len(self._kept) * size > self._most_answers:
            self._kept.popitem(last=False)

    def _answers(self, key: Hashable, size: int) -> _Answers:
        answers = self._kept.get(key)
        if answers is None:
            answers = self._kept[key] = _Answers(np.zeros(size, np.uint8), len(self._changes))
        self._kept.move_to_end(key)
        answers.by_slot = grown(answers.by_slot, size)
        if answers.heard < len(self._changes):
            answers.by_slot[np.array(self._changes[answers.heard :], np.intc)] = 0
            answers.heard = len(self._changes)
        return answers
