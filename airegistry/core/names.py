"""Names that are nearly what was typed, whoever they belong to: the asker filters them."""

from array import array
from collections.abc import Iterable, Sequence
from threading import Lock

import numpy as np
import numpy.typing as npt

from airegistry.core.places import Places

SHORTEST, LONGEST = 4, 64
"""Letters of a name for which there are near ones."""

LONG = 8
"""From so many letters on two edits are near, below it one is."""


_SEPARATORS = dict.fromkeys(map(ord, "_-./ "))
"""What most names hold beside letters and digits."""
Edits = npt.NDArray[np.int8]


def plain(name: str) -> str:
    """A name as it is compared: `List-Invoices` and `list_invoices` are one."""
    folded = name.casefold().translate(_SEPARATORS)
    return folded if folded.isalnum() else "".join(filter(str.isalnum, folded))


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


_Holders = str | tuple[str, str] | dict[str, str]
"""Who has a name, and how it is spelled: a holder alone where that is its last part, as of tools; most are."""


class Names:
    """Names by their holders, as they are spelled. Safe from several threads.

    Each distinct name has a slot, a length, and a signature, the set of its letters in 64 bits. An edit changes the
    length by one and two of the letters at most, so one pass over numbers leaves few names to measure.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._named = Places()
        """Slots by their names."""
        self._held = Places()
        """Slots by their holders."""
        self._holders: list[_Holders] = []
        self._signatures = array("Q")
        self._lengths = array("b")
        self._free: list[int] = []

    def put(self, holder: str, names: Iterable[str]) -> None:
        """What a holder is called, in place of what it was called before."""
        spelled = {key: name for name in names if name and SHORTEST <= len(key := plain(name)) <= LONGEST}
        with self._lock:
            self._drop(holder)
            for key, name in spelled.items():
                slot = self._slot(key)
                self._spell(slot, holder, name)
                self._held.add(hash(holder), slot)

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
            longer = np.frombuffer(self._lengths, np.int8) - np.int8(len(key))
            slots = np.flatnonzero((changed <= 2 * most) & (np.abs(longer) <= most)).tolist()
            found = [
                (distance, name, holder)
                for slot, distance in zip(slots, self._distances(key, slots, most), strict=True)
                if distance <= most
                for holder, name in _spelled(self._holders[slot]).items()
            ]
        return sorted(found)

    def _distances(self, key: str, slots: Sequence[int], most: int) -> list[int]:
        found: list[int] = distances(key, [_key(self._holders[slot]) for slot in slots], most).tolist()
        return found

    def _slot(self, key: str) -> int:
        """The slot of a name: the one it has, or another."""
        for slot in self._named.of(hash(key)):
            if _key(self._holders[slot]) == key:
                return slot
        if self._free:
            slot = self._free.pop()
            self._signatures[slot], self._lengths[slot] = _signature(key), len(key)
        else:
            slot = len(self._holders)
            self._holders.append({})
            self._signatures.append(_signature(key))
            self._lengths.append(len(key))
        self._named.add(hash(key), slot)
        return slot

    def _spell(self, slot: int, holder: str, name: str) -> None:
        holders = self._holders[slot]
        if isinstance(holders, dict) and holders:
            holders[holder] = name
        elif holders:
            self._holders[slot] = {**_spelled(holders), holder: name}
        else:
            self._holders[slot] = holder if holder.rpartition("/")[2] == name else (holder, name)

    def _drop(self, holder: str) -> None:
        """Take a holder from all slots that it is in."""
        hashed = hash(holder)
        for slot in self._held.of(hashed):
            if holder not in _spelled(self._holders[slot]):
                continue
            holders = _spelled(self._holders[slot])
            key = plain(holders.pop(holder))
            self._holders[slot] = holders
            self._held.discard(hashed, slot)
            if not holders:
                self._named.discard(hash(key), slot)
                self._signatures[slot], self._lengths[slot] = 0, 0  # so short that it is near to nothing
                self._free.append(slot)


def _spelled(holders: _Holders) -> dict[str, str]:
    """Holders with the name as each spells it."""
    if isinstance(holders, str):
        return {holders: holders.rpartition("/")[2]}
    return dict([holders]) if isinstance(holders, tuple) else holders


def _key(holders: _Holders) -> str:
    """The name that they have, as it is compared."""
    return plain(next(iter(_spelled(holders).values())))


def _signature(key: str) -> int:
    signature = 0
    for char in key:
        signature |= 1 << (ord(char) % 64)
    return signature
