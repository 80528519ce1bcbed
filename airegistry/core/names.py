"""Names that are nearly what was typed, whoever they belong to: the asker filters them."""

from array import array
from collections.abc import Iterable, Sequence
from threading import Lock

import numpy as np
import numpy.typing as npt

SHORTEST, LONGEST = 4, 64
"""Letters of a name for which there are near ones."""

LONG = 8
"""From so many letters on two edits are near, below it one is."""


Edits = npt.NDArray[np.int8]


def plain(name: str) -> str:
    """A name as it is compared: `List-Invoices` and `list_invoices` are one."""
    return "".join(char for char in name.casefold() if char.isalnum())


def most_edits(name: str) -> int:
    """How many edits away from a plain name a near one may be."""
    if not SHORTEST <= len(name) <= LONGEST:
        return 0
    return 2 if len(name) >= LONG else 1


def edits(one: str, other: str, most: int) -> int:
    """How many letters to add, drop, change or swap with their neighbour make one name the other; `most` + 1 when
    it takes more."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, char in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, there in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (char != there))
            if i > 1 and j > 1 and char == other[j - 2] and one[i - 2] == there:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)


def distances(name: str, others: Sequence[str], most: int) -> Edits:
    """`edits` between one name and each of many of at most 64 letters, all at once; what is more counts as `most` + 1.

    Of the table that `edits` fills only the diagonals up to `most` beside the middle one matter. Each is an array with
    a member for each name.
    """
    letters, code = _letters(others), [ord(char) for char in name]
    far = np.full(len(others), most + 1, np.int8)
    earlier: list[Edits] = []
    before: list[Edits] = []
    row = [far if j < 0 else np.full_like(far, j) for j in range(-most, most + 1)]
    for i in range(1, len(code) + 1):
        before, earlier, row = row, before, []
        for beside in range(2 * most + 1):
            j = i + beside - most
            if not 0 < j <= LONGEST:
                row.append(np.full_like(far, i) if j == 0 else far)
                continue
            cost = before[beside] + (letters[j - 1] != code[i - 1])
            if beside < 2 * most:
                cost = np.minimum(cost, before[beside + 1] + 1)
            if beside:
                cost = np.minimum(cost, row[beside - 1] + 1)
            if i > 1 and j > 1:
                swapped = (letters[j - 2] == code[i - 1]) & (letters[j - 1] == code[i - 2])
                cost = np.where(swapped, np.minimum(cost, earlier[beside] + 1), cost)
            row.append(cost)
    found = far.copy()
    lengths = np.array([len(other) for other in others], np.int64)
    for beside, cost in enumerate(row):
        ending = lengths == len(code) + beside - most
        found[ending] = np.minimum(cost[ending], most + 1)
    return found


def _letters(names: Sequence[str]) -> npt.NDArray[np.uint32]:
    """The code points of names, one name a column, with zeros at its end."""
    return np.array(names, f"<U{LONGEST}").view(np.uint32).reshape(len(names), LONGEST).T.copy()


class Names:
    """Names by their holders, as they are spelled. Safe from several threads.

    Each distinct name has a signature, the set of its letters in 64 bits: an edit changes two of them at most, so one
    pass over numbers leaves few names to measure.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._spelled: dict[str, dict[str, str]] = {}
        self._held: dict[str, list[str]] = {}
        self._slots: dict[str, int] = {}
        self._keys: list[str] = []
        self._signatures = array("Q")
        self._free: list[int] = []

    def put(self, holder: str, names: Iterable[str]) -> None:
        """What a holder is called, in place of what it was called before."""
        spelled = {key: name for name in names if SHORTEST <= len(key := plain(name)) <= LONGEST}
        with self._lock:
            self._drop(holder)
            self._held[holder] = list(spelled)
            for key, name in spelled.items():
                self._spelled.setdefault(key, {})[holder] = name
                if key not in self._slots:
                    self._add(key)

    def remove(self, holder: str) -> None:
        """Forget a holder."""
        with self._lock:
            self._drop(holder)

    def near(self, typed: str) -> list[tuple[int, str, str]]:
        """Holders of names near a typed one: edits, the name as it is spelled, the holder; the nearest first."""
        key = plain(typed)
        most = most_edits(key)
        if not most:
            return []
        with self._lock:
            changed = np.bitwise_count(np.frombuffer(self._signatures, np.uint64) ^ np.uint64(_signature(key)))
            candidates = [self._keys[slot] for slot in np.flatnonzero(changed <= 2 * most).tolist()]
            found = [
                (distance, name, holder)
                for candidate, distance in zip(candidates, distances(key, candidates, most).tolist(), strict=True)
                if distance <= most
                for holder, name in self._spelled.get(candidate, {}).items()
            ]
        return sorted(found)

    def _add(self, key: str) -> None:
        if self._free:
            slot = self._free.pop()
            self._keys[slot], self._signatures[slot] = key, _signature(key)
        else:
            slot = len(self._keys)
            self._keys.append(key)
            self._signatures.append(_signature(key))
        self._slots[key] = slot

    def _drop(self, holder: str) -> None:
        for key in self._held.pop(holder, ()):
            holders = self._spelled[key]
            del holders[holder]
            if not holders:
                del self._spelled[key]
                self._free.append(self._slots.pop(key))


def _signature(key: str) -> int:
    signature = 0
    for char in key:
        signature |= 1 << (ord(char) % 64)
    return signature
