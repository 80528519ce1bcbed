"""An embedder with the vectors it made, so that equal texts are embedded once."""

import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from threading import Lock

import numpy as np
import numpy.typing as npt

from airegistry.core.ports import Embedder, VectorCache, Vectors

log = logging.getLogger(__name__)
VECTORS = 4096
NO_VECTORS: Vectors = np.zeros((0, 0), dtype=np.float32)

Whole = npt.NDArray[np.int16]
GRID = 4096
"""Components of vectors are kept as whole 4096ths."""
_LEAST, _MOST = np.float32(-32768), np.float32(32767)


def whole(vectors: Vectors) -> Whole:
    """Vectors as they are kept: rounded to 4096ths."""
    rounded = np.rint(vectors * np.float32(GRID))
    return np.asarray(np.minimum(np.maximum(rounded, _LEAST), _MOST), np.int16)


def fractions(kept: Whole) -> Vectors:
    """The vectors that are kept so."""
    return kept.astype(np.float32) / np.float32(GRID)


class Recent:
    """A `VectorCache` of the last texts, in memory."""

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self._rows: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = Lock()

    def get(self, texts: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of those texts that are known."""
        with self._lock:
            return {text: self._rows[text] for text in texts if text in self._rows}

    def put(self, rows: Mapping[str, Vectors]) -> None:
        """Keep vectors by their texts, and forget the oldest."""
        with self._lock:
            self._rows.update(rows)
            while len(self._rows) > VECTORS:
                self._rows.popitem(last=False)


class Embedding:
    """Vectors for texts; without an embedder there are none. Its methods block."""

    def __init__(self, embedder: Embedder | None, cache: VectorCache | None = None) -> None:
        """`cache` holds vectors of this embedder; without one the last few are remembered."""
        self._embedder = embedder
        self.cache = Recent(embedder.fingerprint) if cache is None and embedder is not None else cache

    @property
    def fingerprint(self) -> str | None:
        """Names the embedder; None when there is none."""
        return None if self._embedder is None else self._embedder.fingerprint

    def rows(self, texts: Sequence[str], *, anew: bool = False) -> dict[str, Vectors]:
        """The vector of each text, `anew` even where it is known; whatever the embedder raises passes through."""
        if self._embedder is None or self.cache is None:
            return {}
        flat = list(dict.fromkeys(texts))
        rows = {} if anew else self.cache.get(flat)
        new = [text for text in flat if text not in rows]
        if new:
            made = dict(zip(new, self._embedder.embed(new), strict=True))
            self.cache.put(made)
            rows |= made | self.cache.get(new)  # as a later start finds them: a cache may round
        return rows

    def known(self, texts: Sequence[str]) -> dict[str, Vectors] | None:
        """The vector of each text, if none has to be made."""
        if self.cache is None:
            return None
        rows = self.cache.get(list(dict.fromkeys(texts)))
        return rows if all(text in rows for text in texts) else None

    def queries(self, texts: Sequence[str]) -> Vectors | None:
        """The vectors of a query and of its parts; None when there are none: then search goes by words."""
        if self._embedder is None or not texts[0].strip():
            return None
        try:
            return np.stack([self._embedder.embed_query(text) for text in texts])
        except Exception:  # whatever a model's library raises: searches go on
            log.exception("no vector for a query: lexical search only")
            return None
