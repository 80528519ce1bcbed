"""Any model of sentence-transformers, by name or folder. Needs the extra `sentence-transformers`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING, cast

import numpy as np

from airegistry.core.errors import Invalid
from airegistry.core.ports import Vectors

if TYPE_CHECKING:
    import sentence_transformers

_LIBRARY = "sentence_transformers"


class SentenceTransformers:
    """An `Embedder` over a model of sentence-transformers, loaded at first use."""

    def __init__(self, model: str, *, remembered: int = 1024) -> None:
        """Remember the model's name.

        Raises:
            Invalid: the library is not installed.
        """
        if find_spec(_LIBRARY) is None:
            raise Invalid(
                f"embedder 'sentence-transformers:{model}': pip install 'airegistry[sentence-transformers]'",
                field="embedder",
            )
        self._name = model
        self._lock = Lock()
        self._loaded: sentence_transformers.SentenceTransformer | None = None
        self._remembered = lru_cache(remembered)(self._query)

    @property
    def fingerprint(self) -> str:
        """The model's name and the library's version: a hub's model has no checksum before it is fetched."""
        return f"sentence-transformers:{self._name}:{version('sentence-transformers')}"

    @cached_property
    def dimensions(self) -> int:
        """Length of a vector; loads the model."""
        return int(self._encode([" "]).shape[1])

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One unit vector per text."""
        return self._encode(texts) if texts else np.empty((0, self.dimensions), np.float32)

    def embed_query(self, text: str) -> Vectors:
        """The unit vector of a query, read-only."""
        return self._remembered(text)

    def _query(self, text: str) -> Vectors:
        vector: Vectors = self._encode([text])[0]
        vector.flags.writeable = False
        return vector

    def _encode(self, texts: Sequence[str]) -> Vectors:
        import sentence_transformers  # an optional driver, and seconds to import

        with self._lock:  # torch models are not promised to be thread-safe
            if self._loaded is None:
                self._loaded = sentence_transformers.SentenceTransformer(self._name, device="cpu")
            vectors = self._loaded.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return cast(Vectors, np.asarray(vectors, np.float32))
