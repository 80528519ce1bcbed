"""Fine-tunes all-MiniLM-L6-v2 for the texts and queries of a registry.

    pip install torch==2.13.0 transformers==5.23.0 safetensors==0.8.0 numpy==2.4.6 onnx==1.23.2 onnxruntime==1.31.1
    python -m scripts.train_embedder [WHEEL] --out tuned.safetensors
    python -m scripts.build_minilm [WHEEL] --weights tuned.safetensors --out FOLDER

It reads benchmarks/search/training/*.jsonl, written for it, and nothing else. WHEEL is as in build_minilm.py. The run
takes some seven minutes on one core (the CPU build of torch will do). Its order is fixed by `SEED` and it uses one
thread, so the same versions on the same kind of processor give the same weights. What it gains, and why the package
carries the original, is in docs/search.md.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from airegistry.core.assets import Agent, AgentSkill, Server, Skill, Tool
from airegistry.core.ports import Vectors
from airegistry.core.search_texts import SearchText, texts_of
from airegistry.embedders.minilm import MODEL
from airegistry.embedders.wordpiece import WordPiece

if TYPE_CHECKING:
    import torch
    from transformers import BertModel

    Tensors = dict[str, torch.Tensor]

TRAINING = Path(__file__).parents[1] / "benchmarks" / "search" / "training"
EPOCHS = 1
BATCH = 48
"""Pairs of a step."""
NEIGHBOURS = 3
"""Assets near a random one that come into the same batch: what a query must not be mistaken for."""
RATE = 4e-5
WARM_UP = 20
"""Steps until the learning rate is reached; from there it falls to nothing."""
SCALE = 20.0
"""1 / temperature."""
TOO_NEAR = 0.8
"""Cosine of two documents by the original model, from which neither is a wrong answer to the other's query."""
CHUNK_SHARE = 0.2
"""How often a piece of a body stands for the head."""
SEED = 5
QUERY_LENGTH, TEXT_LENGTH = 64, 128
"""Tokens that are read in training; the model in use reads 256 of anything."""
ROWS = 16
"""Texts of similar length that run together."""


class Written(BaseModel):
    """One line of the training data: an asset, and what somebody would ask who needs it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["tool", "server", "agent", "skill"]
    name: str
    description: str
    queries: list[str]
    server: str = ""
    parameters: list[str] = []
    tools: list[str] = []
    skills: list[str] = []
    body: str = ""

    def text(self) -> SearchText:
        """What search would embed of the asset."""
        match self.kind:
            case "tool":
                schema = {"type": "object", "properties": {name: {} for name in self.parameters}}
                tool = Tool(name=self.name, description=self.description, inputSchema=schema)
                return texts_of(Server(path="a", name=self.server, tools=[tool]))[1]
            case "server":
                tools = [Tool(name=name) for name in self.tools]
                return texts_of(Server(path="a", name=self.name, description=self.description, tools=tools))[0]
            case "agent":
                parts = [skill.partition(":") for skill in self.skills]
                skills = [AgentSkill(id=name, name=name, description=said.strip()) for name, _, said in parts]
                return texts_of(Agent(path="a", name=self.name, description=self.description, skills=skills))[0]
        return texts_of(Skill(path="a", name=self.name, description=self.description, content=self.body))[0]


@dataclass(frozen=True, slots=True)
class Example:
    """An asset as training uses it: its head, the pieces of its body, its queries, and whose tool it is."""

    head: str
    chunks: Sequence[str]
    queries: Sequence[str]
    server: str


def examples(folder: Path = TRAINING) -> list[Example]:
    """The assets of all files, in the order of their names."""
    lines = (line for file in sorted(folder.glob("*.jsonl")) for line in file.read_text("utf-8").splitlines())
    return [_example(Written.model_validate_json(line)) for line in lines]


def _example(written: Written) -> Example:
    text = written.text()
    chunks = text.parts if written.kind == "skill" else ()
    return Example(text.head, chunks, written.queries, written.server)


class Encoder:
    """The model in torch: texts to unit vectors, with gradients."""

    def __init__(self, weights: Tensors) -> None:
        from transformers import BertConfig, BertModel  # installed where the model is trained only

        config = BertConfig(
            vocab_size=30_522, hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536
        )
        self.model: BertModel = BertModel(config, add_pooling_layer=False)
        missing, _ = self.model.load_state_dict(weights, strict=False)
        assert not missing, missing
        # The table of words stays: a few thousand queries know a small part of it, and the rest would not follow.
        self.model.embeddings.requires_grad_(False)
        self._tokens = {n: WordPiece(MODEL / "vocab.txt", longest=n) for n in (QUERY_LENGTH, TEXT_LENGTH)}

    def __call__(self, texts: Sequence[str], longest: int) -> torch.Tensor:
        """One row per text; texts of like length run together, so that little is padded."""
        import torch

        ids = [self._tokens[longest].encode(text) for text in texts]
        order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
        blocks = [self._run([ids[row] for row in order[at : at + ROWS]]) for at in range(0, len(ids), ROWS)]
        places = torch.tensor(order).argsort()
        return torch.cat(blocks)[places]

    def _run(self, ids: Sequence[Sequence[int]]) -> torch.Tensor:
        import torch

        width = max(map(len, ids))
        rows = torch.tensor([[*row, *[0] * (width - len(row))] for row in ids])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in ids])
        hidden = self.model(input_ids=rows, attention_mask=mask).last_hidden_state
        column = mask.unsqueeze(-1).float()
        return torch.nn.functional.normalize((hidden * column).sum(1) / column.sum(1), dim=-1)


def batches(near: Vectors, rng: random.Random) -> Iterator[list[int]]:
    """Every example at most once, `BATCH` at a time: random ones, each with the nearest that are left.

    `near` holds the cosine of each two examples, shape (examples, examples).
    """
    left = set(range(len(near)))
    order = list(left)
    rng.shuffle(order)
    batch: list[int] = []
    for first in order:
        if first not in left:
            continue
        others: list[int] = np.argsort(-near[first]).tolist()
        group = [first, *[one for one in others if one in left and one != first][:NEIGHBOURS]]
        left.difference_update(group)
        batch += group
        if len(batch) >= BATCH:
            yield batch[:BATCH]
            batch = batch[BATCH:]


def pairs(found: Sequence[Example], near: Vectors, rng: random.Random) -> Iterator[list[tuple[int, str, str]]]:
    """Batches without an end, each of (example, query, text). Five rounds use every query once."""
    orders = [rng.sample(example.queries, len(example.queries)) for example in found]
    turn = 0
    while True:
        for batch in batches(near, rng):
            rows = [(one, found[one], orders[one][turn % len(orders[one])]) for one in batch]
            yield [
                (one, query, rng.choice(it.chunks) if it.chunks and rng.random() < CHUNK_SHARE else it.head)
                for one, it, query in rows
            ]
        turn += 1


def too_near(found: Sequence[Example], near: Vectors) -> npt.NDArray[np.bool_]:
    """Which two examples may answer each other's queries. Tools of one server never do: they were written apart."""
    servers = np.array([example.server or str(number) for number, example in enumerate(found)])
    apart: npt.NDArray[np.bool_] = (near > TOO_NEAR) & (servers[:, None] != servers[None, :])
    return apart


def loss_of(queries: torch.Tensor, texts: torch.Tensor, alike: torch.Tensor) -> torch.Tensor:
    """Each query has to find its text among those of the batch, and each text its query; `alike` ones do not count."""
    import torch

    scores = (queries @ texts.T * SCALE).masked_fill(alike, -1e9)
    right = torch.arange(len(scores))
    forth, back = (torch.nn.functional.cross_entropy(way, right) for way in (scores, scores.T))
    return (forth + back) / 2


def train(encoder: Encoder, found: Sequence[Example], steps: int, *, rate: float = RATE) -> Iterator[float]:
    """Train in place; yields the loss of each step."""
    import torch

    encoder.model.eval()  # no dropout: there is one short pass, and little to overfit
    with torch.no_grad():
        heads = encoder([example.head for example in found], TEXT_LENGTH)
    near: Vectors = (heads @ heads.T).numpy()
    alike = torch.from_numpy(too_near(found, near))
    trained = [weight for weight in encoder.model.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=rate, weight_decay=0.01)
    source = pairs(found, near, random.Random(SEED))  # noqa: S311  # an order of examples
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * min((step + 1) / WARM_UP, 1 - step / steps)
        numbers, queries, texts = zip(*next(source), strict=True)
        mask = alike[list(numbers)][:, list(numbers)]
        loss = loss_of(encoder(queries, QUERY_LENGTH), encoder(texts, TEXT_LENGTH), mask)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        yield float(loss.detach())


def main() -> None:
    """Train and write the weights."""
    import torch
    from safetensors.torch import load, save_file

    from scripts.build_minilm import download, read  # needs onnx, which `examples` does not

    parser = argparse.ArgumentParser(description="Fine-tune the embedding model that the registry carries.")
    parser.add_argument("wheel", nargs="?", type=Path, help="as in build_minilm.py; downloaded when left out")
    parser.add_argument("--out", type=Path, required=True, help="the safetensors file to write")
    args = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        base = load(read(args.wheel or download(Path(folder)), "model.safetensors"))
    encoder, found = Encoder(base), examples()
    steps = EPOCHS * sum(len(example.queries) for example in found) // BATCH
    for step, loss in enumerate(train(encoder, found, steps)):
        if step % 20 == 0:
            sys.stdout.write(f"step {step} of {steps}: loss {loss:.3f}\n")
            sys.stdout.flush()
    save_file({name: weight.contiguous() for name, weight in encoder.model.state_dict().items()}, args.out)


if __name__ == "__main__":
    main()
