"""Which of very many vectors are likely nearest to a query: an option, by faiss of the extra `ann`."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import numpy as np
import numpy.typing as npt

from airegistry.core.ports import Mask, Vectors
from airegistry.core.ranking import Numbers

_WIDEST = 5.0
"""Components are told apart up to so many times their usual size."""
_BATCH = 4096


def available() -> bool:
    """Whether the extra `ann` is installed."""
    return find_spec("faiss") is not None


class Likely:
    """Vectors as bytes, by row, in a flat list: each is looked at, none is trained on.

    So what is found among some rows does not depend on the others, as it would in a graph or in clusters.
    """

    def __init__(self, dimensions: int) -> None:
        self._faiss: ModuleType = import_module("faiss")
        self._scale = np.float32(127 * max(1.0, np.sqrt(dimensions) / _WIDEST))
        quantizer, metric = self._faiss.ScalarQuantizer.QT_8bit_direct_signed, self._faiss.METRIC_INNER_PRODUCT
        self._index = self._faiss.IndexScalarQuantizer(dimensions, quantizer, metric)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def put(self, rows: Sequence[int], vectors: Vectors) -> None:
        """Hold vectors in these rows, of which those beyond the last are in order and without a gap."""
        coded = np.clip(np.rint(vectors * self._scale), -128, 127)
        fresh = [place for place, row in enumerate(rows) if row >= len(self)]
        known = [place for place, row in enumerate(rows) if row < len(self)]
        if known:
            codes = self._codes()
            codes[[rows[place] for place in known]] = (coded[known] + 128).astype(np.uint8)
        for start in range(0, len(fresh), _BATCH):
            self._index.add(coded[fresh[start : start + _BATCH]])

    def near(self, query: Vectors, among: Mask | None, count: int) -> Numbers:
        """The rows most likely nearest, at most so many, of all or of those that are marked."""
        chosen = None
        if among is not None:
            bits = np.packbits(among, bitorder="little")
            chosen = self._faiss.SearchParameters(sel=self._faiss.IDSelectorBitmap(bits))
        _, found = self._index.search(query[None] * self._scale, min(count, len(self)), params=chosen)
        rows = np.asarray(found[0], np.int64)
        return rows[rows >= 0]

    def _codes(self) -> npt.NDArray[np.uint8]:
        codes = self._index.codes
        flat: npt.NDArray[np.uint8] = self._faiss.rev_swig_ptr(codes.data(), codes.size())
        return flat.reshape(len(self), -1)
