"""The default embedder: all-MiniLM-L6-v2 as int8 ONNX, carried as package data, run offline on one thread."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, cast

import numpy as np

from airegistry.core.ports import Vectors
from airegistry.embedders.wordpiece import WordPiece

if TYPE_CHECKING:
    import onnxruntime

MODEL = Path(__file__).parent / "model"
FILES = ("model.onnx", "model.onnx.data")
"""The graph, and the weights, which are mapped: only what is used of them takes memory."""
LONGEST = 256
"""Tokens of a text that count; the model was trained on no more."""


class _Loaded:
    """Tokeniser and session, ready to run."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime  # its 25 MB are paid by the first search, not by `airegistry version`

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # callers bring their own threads
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # the arena never gives back what the longest text took
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        self.tokeniser = WordPiece(folder / "vocab.txt", longest=LONGEST)
        self.session: onnxruntime.InferenceSession = onnxruntime.InferenceSession(
            folder / FILES[0], options, providers=["CPUExecutionProvider"]
        )


class MiniLM:
    """An `Embedder` that loads its model at first use.

    Texts run one by one: the model is quantised with ranges taken from each run, so a text's vector would
    otherwise depend on its neighbours in a batch (cosine down to .965), and no batch is faster on one thread.
    """

    dimensions = 384

    def __init__(self, folder: Path = MODEL, *, remembered: int = 1024) -> None:
        """`folder` holds FILES and vocab.txt; the vectors of the last `remembered` queries are kept."""
        self._folder = folder
        self._lock = Lock()
        self._model: _Loaded | None = None
        self._remembered = lru_cache(remembered)(self._run)

    @cached_property
    def fingerprint(self) -> str:
        """The model's name, the start of a checksum over those of its files, and how much of a text it reads."""
        digest = hashlib.sha256()
        for name in FILES:
            with (self._folder / name).open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return f"all-MiniLM-L6-v2:int8:{digest.hexdigest()[:12]}:{LONGEST}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One unit vector per text: float32, shape (len(texts), 384)."""
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        encode = self._load().tokeniser.encode
        for row, text in enumerate(texts):
            vectors[row] = self._run(tuple(encode(text)))
        return vectors

    def embed_query(self, text: str) -> Vectors:
        """The unit vector of a query, read-only, shape (384,)."""
        return self._remembered(tuple(self._load().tokeniser.encode(text)))

    def _load(self) -> _Loaded:
        with self._lock:
            if self._model is None:
                self._model = _Loaded(self._folder)
            return self._model

    def _run(self, ids: tuple[int, ...]) -> Vectors:
        row = np.array([ids], np.int64)
        inputs = {"input_ids": row, "attention_mask": np.ones_like(row)}
        vector: Vectors = cast(Vectors, self._load().session.run(["embedding"], inputs)[0])[0]
        vector.flags.writeable = False  # queries share it
        return vector
