"""A catalog of any size, invented: words as rare as words are, and vectors of random directions."""

import random
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from airegistry.core.assets import Agent, Server, Skill, Tool
from airegistry.core.ports import AnyAsset, Vectors
from airegistry.embedders.minilm import MODEL, MiniLM

TOOLS = 6
DOZEN = TOOLS + 4
"""What one round of assets has that can be found: a server, its tools, an agent, two skills."""
OWNERS, TAGS, STAGES, HEALTHS = 50, 200, ("approved_dev", "monitored"), ("healthy", "unhealthy", "unknown")


@cache
def _vocabulary() -> tuple[Sequence[str], npt.NDArray[np.float64]]:
    """The words, and the share of each and all before it."""
    lines = (MODEL / "vocab.txt").read_text("utf-8").split()
    words = [word for word in lines if len(word) > 3 and word.isascii() and word.isalpha()]
    random.Random(0).shuffle(words)
    shares = 1 / np.arange(1, len(words) + 1)
    return words, np.cumsum(shares / shares.sum())


class Words:
    """Texts of some 20,000 English words thrown together, of which the n-th is used as often as 1/n."""

    def __init__(self, seed: int) -> None:
        self._words, self._shares = _vocabulary()
        self._random = np.random.default_rng(seed)

    def text(self, length: int, joined: str = " ") -> str:
        """A text of so many words."""
        places = np.searchsorted(self._shares, self._random.random(length)).tolist()
        return joined.join(self._words[min(place, len(self._words) - 1)] for place in places)


def catalog(count: int) -> Iterator[AnyAsset]:
    """Assets of which `count` things can be found, or a few more: servers, tools, agents, skills."""
    words = Words(1)
    for number in range(-(-count // DOZEN)):
        yield server(words, number)
        yield Agent(path=f"agent-{number}", name=words.text(2), description=words.text(20), **_common(number))
        for skill in range(2):
            yield Skill(
                path=f"skill-{number}-{skill}", name=words.text(2, "-"), description=words.text(15),
                content=words.text(180), **_common(number),
            )  # fmt: skip


def server(words: Words, number: int, prefix: str = "server") -> Server:
    """A server with its tools; one in ten is for a group."""
    schema = {"type": "object", "properties": {words.text(1): {"type": "string", "description": words.text(5)}}}
    tools = [
        Tool(name=f"{words.text(2, '_')}_{place}", description=words.text(14), input_schema=schema)
        for place in range(TOOLS)
    ]
    return Server(
        path=f"{prefix}-{number}", name=words.text(2, "-"), description=words.text(20), url="https://x.test/mcp",
        tools=tools, **_common(number),
    )  # fmt: skip


def _common(number: int) -> dict[str, object]:
    hidden = {"visibility": "group", "groups": ["staff"]} if number % 10 == 0 else {}
    return {
        "owner_team": f"team-{number % OWNERS}", "tags": [f"tag-{number % TAGS}", "common"], "environment": "dev",
        "stage": STAGES[number % 2], "health": HEALTHS[number % 3], **hidden,
    }  # fmt: skip


class Invented:
    """An `Embedder` that invents the vectors of documents and really embeds queries."""

    fingerprint = "invented"
    dimensions = 384

    def __init__(self) -> None:
        self._random = np.random.default_rng(2)
        self._model = MiniLM()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Random directions."""
        found = self._random.standard_normal((len(texts), self.dimensions), dtype=np.float32)
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)

    def embed_query(self, text: str) -> Vectors:
        """What the model in the package makes of it."""
        return self._model.embed_query(text)
