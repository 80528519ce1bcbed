"""The records of a file, mapped and read when they are needed: what was looked at does not stay in memory."""

import mmap
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from airegistry.core.embedding import Whole
from airegistry.core.ranking import Numbers

Records = npt.NDArray[np.void]

_LOOKED: Final = 1024
"""Records after which the pages that hold them are let go: the system maps 64 KB for each, and keeps them at hand."""


class MappedRecords:
    """Records, a row each; each answer is a copy. Threads may share them: how many were looked at is a rough count."""

    def __init__(self, records: Records) -> None:
        self._map = records.base
        self._records: Records = records.view(np.ndarray)  # whose rows are made faster than those of a memmap
        self._looked = 0

    @classmethod
    def of(cls, path: Path) -> Self:
        """What `numpy.save` wrote to a file.

        Raises:
            OSError: it cannot be read.
            ValueError: it holds no array.
        """
        return cls(np.load(path, mmap_mode="r", allow_pickle=False))

    def __len__(self) -> int:
        return len(self._records)

    @property
    def width(self) -> int:
        """Numbers of a vector."""
        return int(self._records["vector"].shape[1])

    def records(self, places: Numbers) -> Records:
        """Some records."""
        found: Records = self._records[places]
        self._let_go(len(places))
        return found

    def vectors(self, places: Numbers) -> Whole:
        """Their vectors alone."""
        found: Whole = self._records["vector"][places]
        self._let_go(len(places))
        return found

    def _let_go(self, looked: int) -> None:
        self._looked += looked
        if self._looked >= _LOOKED and isinstance(self._map, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            self._looked = 0
            self._map.madvise(mmap.MADV_DONTNEED)
