"""Which document lives in which slot, since when, and what filters know of it."""

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from airegistry.core.places import Places
from airegistry.core.ports import Mask
from airegistry.core.ranking import Numbers
from airegistry.index.arrays import Arrays, grown, packed_texts, unpacked_texts
from airegistry.index.bonds import Bonds
from airegistry.index.labels import Label, Labels

Facets = Mapping[str, str | Sequence[str]]
_HALVES = 2
"""Numbers that a content is kept as."""


class Directory:
    """Gives each document a slot, a small integer, and uses the slots of removed ones again. Not thread-safe.

    Each put is a moment, a number never given twice: a slot's document came at one and was last put at another. Puts of
    what was not there before the start, and removals, are changes.
    A restored document is dormant, in its slot and unseen, until it is put again: what is gone meanwhile stays unseen.
    """

    def __init__(self) -> None:
        self._places = Places()
        self._ids: list[str] = []
        self._contents = np.zeros((0, _HALVES), np.uint64)
        self._free: list[int] = []
        self._present = np.zeros(0, np.bool_)
        self._came = np.zeros(0, np.int64)
        self._put = np.zeros(0, np.int64)
        self._labels = Labels()
        self._bonds = Bonds()
        self._count = 0
        self.moment = self.changes = 0

    def __len__(self) -> int:
        return self._count

    @property
    def size(self) -> int:
        """One more than the highest slot ever given out."""
        return len(self._ids)

    @property
    def came(self) -> Numbers:
        """When each slot's document came."""
        return self._came[: self.size]

    @property
    def last_put(self) -> Numbers:
        """When each slot's document was last put."""
        return self._put[: self.size]

    def id(self, slot: int) -> str:
        """Whose slot it is."""
        return self._ids[slot]

    def slot(self, document_id: str) -> int | None:
        """The slot of a document, None when there is no such document."""
        return self._places.named(document_id, self._ids)

    def content(self, document_id: str) -> bytes:
        """The digest that a document was put with, nothing when there is no such document."""
        slot = self.slot(document_id)
        return b"" if slot is None else self._contents[slot].tobytes()

    def dormant(self) -> list[str]:
        """The documents that nobody has put since they were restored."""
        return [name for name, present in zip(self._ids, self._present.tolist(), strict=False) if name and not present]

    def put(self, document_id: str, kind: str, facets: Facets, content: bytes) -> int:
        """The document's slot: the one it had, or another. `content` is a digest of it, 16 bytes."""
        kept = np.frombuffer(content, np.uint64)
        self.moment, self.changes = self.moment + 1, self.changes + 1
        slot = self.slot(document_id)
        if slot is None:
            slot = self._new(document_id)
        if not self._present[slot]:
            self._present[slot], self._came[slot] = True, self.moment
            self._count += 1
        self._put[slot], self._contents[slot] = self.moment, kept
        self._bonds.loosen(slot)
        self._labels.put(slot, [("kind", kind), *_labels(facets)])
        return slot

    def label(self, document_id: str, facets: Facets) -> None:
        """Give a document other facets; nothing happens when there is none."""
        slot = self.slot(document_id)
        if slot is not None and self._present[slot]:
            kinds = [label for label in self._labels.of(slot) if label[0] == "kind"]
            self._labels.put(slot, [*kinds, *_labels(facets)])
            self._bonds.loosen(slot)

    def bind(self, ids: Sequence[str], content: bytes) -> None:
        """Have documents, that of an asset first, be all that is made of a content."""
        slots = [slot for each in ids if (slot := self.slot(each)) is not None]
        if slots and len(slots) == len(ids):
            self._bonds.bind(slots, content)

    def put_again(self, document_id: str, content: bytes) -> list[int]:
        """Put again the dormant documents that were bound to a content, by the first of them; their slots."""
        slot = self.slot(document_id)
        if slot is None or self._present[slot]:
            return []
        slots = self._bonds.of(slot, content)
        if self._present[slots].any():
            return []
        self.moment += 1
        self._present[slots] = True
        self._came[slots] = self._put[slots] = self.moment
        self._count += len(slots)
        found: list[int] = slots.tolist()
        return found

    def forget_bonds(self) -> None:
        """Nothing that is bound is dormant any more."""
        self._bonds.settle()

    def remove(self, document_id: str) -> int | None:
        """The slot that the document left, None when it had none."""
        slot = self.slot(document_id)
        if slot is not None:
            self.moment, self.changes = self.moment + 1, self.changes + 1
            self._places.discard(hash(document_id), slot)
            self._labels.put(slot, ())
            self._count -= bool(self._present[slot])
            self._present[slot] = False
            self._bonds.leave(slot)
            self._ids[slot], self._contents[slot] = "", 0
            self._free.append(slot)
        return slot

    def select(self, kinds: frozenset[str] | None, facets: Mapping[str, Sequence[str]] | None) -> Mask:
        """The slots whose document passes, by their number."""
        mask = self._present[: self.size].copy()
        if kinds is not None:
            self._labels.select(mask, "kind", kinds)
        for name, values in (facets or {}).items():
            self._labels.select(mask, name, values)
        return mask

    def tally(
        self, mask: Mask, named: Mapping[str, Collection[str]], facets: Mapping[str, Sequence[str]]
    ) -> tuple[Mask, dict[str, dict[str, int]]]:
        """The slots of a mask whose document passes, and of each facet `named` how many bear each value, of those that
        pass all facets but those it is named with."""
        passing: dict[frozenset[str], Mask] = {}

        def but(aside: Collection[str]) -> Mask:
            left = frozenset(aside).intersection(facets)
            if left not in passing:
                passing[left] = mask.copy()
                for name, values in facets.items():
                    if name not in left:
                        self._labels.select(passing[left], name, values)
            return passing[left]

        counts = {name: self._labels.count(but(aside), name) for name, aside in named.items()}
        return but(()), counts

    def dump(self) -> Arrays:
        """All of it but the moments, which are of one process, to be restored."""
        contents = {"contents": self._contents[: self.size].copy()}
        return packed_texts("ids", self._ids) | contents | self._labels.dump() | self._bonds.dump(self.size)

    @classmethod
    def restored(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> "Directory":
        """What was dumped, all of it dormant."""
        found = cls()
        found._ids = unpacked_texts("ids", arrays)
        found._contents = arrays["contents"].astype(np.uint64, copy=False).reshape(len(found._ids), _HALVES)
        hashes = np.fromiter(map(hash, found._ids), np.int64, len(found._ids))
        taken = np.fromiter(map(bool, found._ids), np.bool_, len(found._ids))
        found._places = Places.filled(hashes[taken], np.flatnonzero(taken))
        found._free = np.flatnonzero(~taken).tolist()
        found._labels, found._bonds = Labels.restored(arrays), Bonds.restored(arrays)
        found._present = np.zeros(found.size, np.bool_)
        found._came, found._put = np.zeros(found.size, np.int64), np.zeros(found.size, np.int64)
        return found

    def _new(self, document_id: str) -> int:
        if self._free:
            slot = self._free.pop()
            self._ids[slot] = document_id
        else:
            slot = len(self._ids)
            self._ids.append(document_id)
            self._present, self._contents = grown(self._present, self.size), grown(self._contents, self.size)
            self._came, self._put = grown(self._came, self.size), grown(self._put, self.size)
        self._places.add(hash(document_id), slot)
        return slot


def _labels(facets: Facets) -> Iterator[Label]:
    for name, value in facets.items():
        for one in (value,) if isinstance(value, str) else value:
            yield name, one
