import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from airegistry.core.errors import Invalid
from airegistry.embedders.minilm import MiniLM
from airegistry.embedders.open import open_embedder

FAKE = """
import numpy as np

class SentenceTransformer:
    loaded = 0

    def __init__(self, name, device):
        type(self).loaded += 1

    def encode(self, texts, normalize_embeddings, show_progress_bar):
        assert normalize_embeddings
        return np.array([[len(text), 0.0] for text in texts], np.float64)
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for sentence-transformers, whose torch is too large for a test."""
    (tmp_path / "sentence_transformers.py").write_text(FAKE)
    about = tmp_path / "sentence_transformers-9.9.9.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: sentence-transformers\nVersion: 9.9.9\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sentence_transformers", raising=False)


def test_minilm_is_opened_by_name() -> None:
    assert isinstance(open_embedder("minilm"), MiniLM)


def test_none_means_no_embedder() -> None:
    assert open_embedder("none") is None


@pytest.mark.parametrize("name", ["", "word2vec", "minilm:large", "none:x", "sentence-transformers", "MiniLM"])
def test_an_unknown_name_is_invalid(name: str) -> None:
    with pytest.raises(Invalid, match=f"no embedder named '{name}'"):
        open_embedder(name)


@pytest.mark.skipif(find_spec("sentence_transformers") is not None, reason="the extra is installed")
def test_a_missing_library_names_its_extra() -> None:
    with pytest.raises(Invalid, match=r"airegistry\[sentence-transformers\]"):
        open_embedder("sentence-transformers:all-mpnet-base-v2")


@pytest.mark.usefixtures("library")
def test_a_model_of_sentence_transformers_loads_at_first_use_and_once() -> None:
    embedder = open_embedder("sentence-transformers:org/model:v2")
    assert embedder is not None
    assert "sentence_transformers" not in sys.modules
    assert embedder.fingerprint == "sentence-transformers:org/model:v2:9.9.9"
    assert embedder.dimensions == 2
    vectors = embedder.embed(["abc", "a"])
    assert vectors.tolist() == [[3, 0], [1, 0]]
    assert vectors.dtype == np.float32
    assert embedder.embed([]).shape == (0, 2)
    assert sys.modules["sentence_transformers"].SentenceTransformer.loaded == 1


@pytest.mark.usefixtures("library")
def test_a_query_is_embedded_once_and_cannot_be_changed() -> None:
    embedder = open_embedder("sentence-transformers:model")
    assert embedder is not None
    vector = embedder.embed_query("abc")
    assert vector.tolist() == [3, 0]
    assert embedder.embed_query("abc") is vector
    with pytest.raises(ValueError, match="read-only"):
        vector[0] = 1
