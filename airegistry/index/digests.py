"""Where digests stand in a list: twenty bytes for each, where a dictionary takes two hundred."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from airegistry.core.ranking import Numbers

SIZE = 16
"""Bytes of a digest."""
Halves = npt.NDArray[np.uint64]
"""Digests as two numbers each, shape (n, 2)."""


def halves(digests: bytes) -> Halves:
    """Digests that stand one after the other."""
    return np.frombuffer(digests, np.uint64).reshape(-1, 2)


class Digests:
    """The places of some digests in the list of them."""

    def __init__(self, listed: Halves) -> None:
        self._order = np.argsort(listed[:, 0], kind="stable").astype(np.int32)
        self._first, self._second = listed[self._order, 0], listed[self._order, 1]

    def __len__(self) -> int:
        return len(self._order)

    def places(self, digests: Sequence[bytes]) -> Numbers:
        """The place of each digest, -1 where it is not in the list."""
        asked = halves(b"".join(digests))
        found = np.full(len(asked), -1, np.int64)
        if not len(self):
            return found
        at = np.searchsorted(self._first, asked[:, 0])
        open_ = np.arange(len(asked))
        while len(open_ := open_[at[open_] < len(self)]):
            open_ = open_[self._first[at[open_]] == asked[open_, 0]]
            same = self._second[at[open_]] == asked[open_, 1]
            found[open_[same]] = self._order[at[open_[same]]]
            open_ = open_[~same]
            at[open_] += 1  # another one that begins alike
        return found
