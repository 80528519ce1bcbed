import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from airegistry.embedders.minilm import MODEL, MiniLM

REFERENCE: list[tuple[str, list[float]]] = json.loads((Path(__file__).parent / "minilm.json").read_text())
"""Texts and their vectors by the model before quantisation, to three decimals."""
SHA256 = {
    "model.onnx": "2935aa0136198a9d9c567bc6fde1e645fd0626f37c628c1276192e3bdc4d45cb",
    "model.onnx.data": "07bc90373023fa9a4bd85ea8732870ec4fe1311ded2e91b6bc2afd45e542eda6",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
"""Of what scripts/build_minilm.py builds; the vocabulary is the original's."""


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    return MiniLM()


@pytest.mark.parametrize(("text", "vector"), REFERENCE)
def test_vectors_are_close_to_those_of_the_model_before_quantisation(
    minilm: MiniLM, text: str, vector: list[float]
) -> None:
    assert float(minilm.embed_query(text) @ np.array(vector, np.float32)) > 0.98


def test_the_mean_cosine_with_the_model_before_quantisation_is_above_99_percent(minilm: MiniLM) -> None:
    expected = np.array([vector for text, vector in REFERENCE if len(text) > 10], np.float32)
    found = minilm.embed([text for text, _ in REFERENCE if len(text) > 10])
    assert float((found * expected).sum(axis=1).mean()) > 0.99


def test_vectors_have_length_one(minilm: MiniLM) -> None:
    vectors = minilm.embed(["weather", "", "x" * 10_000, "a b " * 1000])
    assert vectors.shape == (4, minilm.dimensions)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_no_texts_have_no_vectors(minilm: MiniLM) -> None:
    assert minilm.embed([]).shape == (0, 384)


def test_meaning_is_nearer_than_another_matter(minilm: MiniLM) -> None:
    query = minilm.embed_query("will it rain tomorrow")
    near, far = minilm.embed(["get_forecast: the weather of the coming days", "query a PostgreSQL table"])
    assert float(query @ near) > float(query @ far) + 0.2


def test_a_vector_depends_on_its_text_alone(minilm: MiniLM) -> None:
    texts = ["weather", "a much longer text about the weather of a far country " * 5, "mail"]
    together = minilm.embed(texts)
    for text, vector in zip(texts, together, strict=True):
        assert np.array_equal(MiniLM().embed([text])[0], vector)
        assert np.array_equal(minilm.embed_query(text), vector)


def test_a_querys_vector_is_remembered_and_cannot_be_changed(minilm: MiniLM) -> None:
    vector = minilm.embed_query("weather")
    assert minilm.embed_query("weather") is vector
    with pytest.raises(ValueError, match="read-only"):
        vector[0] = 1


def test_only_the_last_queries_are_remembered() -> None:
    embedder = MiniLM(remembered=1)
    first = embedder.embed_query("weather")
    embedder.embed_query("mail")
    assert embedder.embed_query("weather") is not first


def test_threads_that_search_first_at_the_same_time_get_the_same_vectors(minilm: MiniLM) -> None:
    fresh = MiniLM()
    together = Barrier(4)

    def embed(number: int) -> bool:
        together.wait(20)
        return np.array_equal(fresh.embed([f"text {number}"]), minilm.embed([f"text {number}"]))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(embed, range(4)))


def test_the_fingerprint_names_the_model_and_its_checksum(minilm: MiniLM) -> None:
    each = [hashlib.sha256((MODEL / name).read_bytes()).digest() for name in ("model.onnx", "model.onnx.data")]
    digest = hashlib.sha256(b"".join(each)).hexdigest()
    assert minilm.fingerprint == f"all-MiniLM-L6-v2:int8:{digest[:12]}:256"


def test_other_weights_are_another_model(tmp_path: Path, minilm: MiniLM) -> None:
    for name in ("model.onnx", "vocab.txt"):
        (tmp_path / name).write_bytes((MODEL / name).read_bytes())
    (tmp_path / "model.onnx.data").write_bytes((MODEL / "model.onnx.data").read_bytes()[:-1] + b"\0\0")
    assert MiniLM(tmp_path).fingerprint != minilm.fingerprint


def test_nothing_is_loaded_before_the_first_use() -> None:
    program = """
import sys
from airegistry.embedders.open import open_embedder
embedder = open_embedder("minilm")
embedder.fingerprint
assert "onnxruntime" not in sys.modules
embedder.embed_query("weather")
assert "onnxruntime" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize("name", SHA256)
def test_the_model_is_the_one_that_the_script_builds(name: str) -> None:
    assert hashlib.sha256((MODEL / name).read_bytes()).hexdigest() == SHA256[name]


@pytest.mark.parametrize("name", ["LICENSE", "NOTICE"])
def test_the_model_carries_its_licence(name: str) -> None:
    assert "Apache License" in (MODEL / name).read_text()
