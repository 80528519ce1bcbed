"""Which document lives in which slot, and what filters know of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from airegistry.core.ports import IndexDocument, Mask
from airegistry.core.ranking import Numbers

Label = tuple[str, str]


class Directory:
    """Gives each document a slot, a small integer, and uses the slots of removed ones again. Not thread-safe."""

    def __init__(self) -> None:
        self._slots: dict[str, int] = {}
        self._ids: list[str] = []
        self._births: list[int] = []
        self._born = 0
        self._free: list[int] = []
        self._labels: list[frozenset[Label]] = []
        self._holders: dict[Label, set[int]] = {}

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def size(self) -> int:
        """One more than the highest slot ever given out."""
        return len(self._ids)

    def id(self, slot: int) -> str:
        """Whose slot it is."""
        return self._ids[slot]

    def births(self, slots: Numbers) -> Numbers:
        """When each slot's present document first came, as a number never given twice."""
        return np.array([self._births[slot] for slot in slots.tolist()], np.int64)

    def put(self, document: IndexDocument) -> int:
        """The document's slot: the one it had, or another."""
        slot = self._slots.get(document.id)
        if slot is None:
            slot = self._slots[document.id] = self._new(document.id)
        self._relabel(slot, frozenset(_labels(document)))
        return slot

    def remove(self, document_id: str) -> int | None:
        """The slot that the document left, None when it had none."""
        slot = self._slots.pop(document_id, None)
        if slot is not None:
            self._relabel(slot, frozenset())
            self._births[slot] = 0
            self._free.append(slot)
        return slot

    def select(self, kinds: frozenset[str] | None, facets: Mapping[str, Sequence[str]] | None) -> Mask:
        """The slots whose document passes, by their number."""
        chosen = set(self._slots.values())
        if kinds is not None:
            chosen &= self._with("kind", kinds)
        for name, values in (facets or {}).items():
            chosen &= self._with(name, values)
        mask = np.zeros(self.size, np.bool_)
        mask[list(chosen)] = True
        return mask

    def _with(self, name: str, values: Iterable[str]) -> set[int]:
        return set().union(*(self._holders.get((name, value), ()) for value in values))

    def _new(self, document_id: str) -> int:
        self._born += 1
        if self._free:
            slot = self._free.pop()
            self._ids[slot], self._births[slot] = document_id, self._born
        else:
            slot = len(self._ids)
            self._ids.append(document_id)
            self._births.append(self._born)
            self._labels.append(frozenset())
        return slot

    def _relabel(self, slot: int, labels: frozenset[Label]) -> None:
        for label in self._labels[slot] - labels:
            holders = self._holders[label]
            holders.discard(slot)
            if not holders:
                del self._holders[label]
        for label in labels - self._labels[slot]:
            self._holders.setdefault(label, set()).add(slot)
        self._labels[slot] = labels


def _labels(document: IndexDocument) -> Iterator[Label]:
    yield "kind", document.kind
    for name, value in document.facets.items():
        for one in (value,) if isinstance(value, str) else value:
            yield name, one
