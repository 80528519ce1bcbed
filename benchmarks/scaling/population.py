"""A catalog of any size, and vectors for it.

A larger catalog begins with the smaller ones. Of ten assets six are servers with five tools each, two are agents and
two are skills: three tools an asset. One ten in fifty is public, each of the others belongs to one of 49 groups.
"""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import anyio
import numpy as np
from pydantic import JsonValue

from airegistry.core.assets import Agent, AgentSkill, Server, Skill
from airegistry.core.documents import DocumentStore, Json
from airegistry.core.ports import AnyAsset, Vectors
from airegistry.core.search_texts import texts_in_index
from airegistry.core.shelf import Shelf
from airegistry.discovery import FOLDER
from airegistry.embedders.minilm import MiniLM
from airegistry.index.snapshot import load, save
from benchmarks.invented import Words, server

BLOCK, TEN, SERVERS, AGENTS, TOOLS = 100, 10, 6, 2, 5
"""A block of assets has its own seed, so that each can be made without those before it."""
CREWS = 50
CREW = "crew-3"
"""The group of the restricted caller, which sees one asset in 25."""
NOWHERE = "http://127.0.0.1:9"
AT_ONCE = 250
"""Documents that are written at once: an embedded store syncs once for all of them."""
MANY_TEXTS = 2000


def assets(first: int, last: int) -> Iterator[AnyAsset]:
    """Those of the numbers from `first` up to `last`."""
    for block in range(first // BLOCK, -(-last // BLOCK)):
        words = Words(1000 + block)
        made = [asset(words, number) for number in range(block * BLOCK, (block + 1) * BLOCK)]
        yield from made[max(first - block * BLOCK, 0) : last - block * BLOCK]


def asset(words: Words, number: int) -> AnyAsset:
    """The asset of a number: a server, an agent or a skill."""
    ten, place = divmod(number, TEN)
    governed = _governed(number, ten)
    if place < SERVERS:
        return plain_server(words, number).model_copy(update=governed)
    if place < SERVERS + AGENTS:
        return _agent(words, number, governed)
    name, description = words.text(2, "-"), words.text(15)
    content = f"---\nname: {name}\ndescription: {description}\n---\n{words.text(180)}"
    return Skill(path=f"skill-{number}", name=name, description=description, content=content, **governed)


def plain_server(words: Words, number: int, prefix: str = "server") -> Server:
    """A server with its tools at an address of its own, as anybody registers one."""
    made = server(words, number, prefix)
    plain = {"url": f"{NOWHERE}/{made.path}/mcp", "tools": made.tools[:TOOLS], "visibility": "public", "groups": []}
    return made.model_copy(update=plain)


def draft(made: Server) -> Json:
    """What `register_service` is given of a server, so that it asks nobody for its tools."""
    tools: list[JsonValue] = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in made.tools]
    return {
        "path": made.path, "name": made.name, "description": made.description, "url": made.url, "tags": [*made.tags],
        "tools": tools, "fetch": False,
    }  # fmt: skip


def _agent(words: Words, number: int, governed: dict[str, object]) -> Agent:
    name, description, url = words.text(2), words.text(20), f"{NOWHERE}/agents/{number}"
    skills = [
        AgentSkill(id=f"skill-{place}", name=words.text(2), description=words.text(12), tags=[words.text(1)])
        for place in range(2)
    ]
    card: Json = {
        "name": name, "description": description, "url": url, "version": "1.0.0", "protocolVersion": "0.3.0",
        "capabilities": {"streaming": True}, "skills": [skill.model_dump(mode="json") for skill in skills],
    }  # fmt: skip
    return Agent(
        path=f"agent-{number}", name=name, description=description, url=url, card=card, skills=skills, **governed
    )


def _governed(number: int, ten: int) -> dict[str, object]:
    crew = ten % CREWS
    audience = {"visibility": "group", "groups": [f"crew-{crew}"]} if crew else {"visibility": "public"}
    return {"owner_team": f"team-{crew}", "tags": [f"tag-{number % 200}", "common"], "created_by": "bench", **audience}


async def fill(store: DocumentStore, first: int, last: int) -> None:
    """Put assets into a store as registrations leave them, without their scan reports and their records."""
    shelf, coming = Shelf(store), assets(first, last)
    while batch := list(islice(coming, AT_ONCE)):
        async with anyio.create_task_group() as group:
            for each in batch:
                group.start_soon(shelf.create, each)


class KnownVectors:
    """The vectors of the first so many assets, as registries keep them on disk: those of the first `embedded` are the
    model's own, the others that are `known` are invented."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.known = self.embedded = 0

    def invent(self, count: int) -> None:
        """Random directions for the texts of as many assets, but for those that are known."""
        dice, cache = np.random.default_rng(2), load(self._folder, MiniLM().fingerprint)
        texts: list[str] = []
        for each in assets(self.known, count):
            texts += (text for found in texts_in_index(each) for text in found.embedded)
            if len(texts) >= MANY_TEXTS:
                cache.put(_random(dice, texts))
                texts = []
        cache.put(_random(dice, texts))
        save(self._folder, cache)
        self.known = max(count, self.known)

    def give(self, data: Path) -> None:
        """Let a registry begin with them. Files are never changed in place, so they need not be copied."""
        folder = data / FOLDER
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in self._folder.glob("vectors-*"):
            (folder / file.name).unlink(missing_ok=True)
            os.link(file, folder / file.name)

    def take(self, data: Path, count: int) -> None:
        """Take over those of a registry that has embedded as many assets."""
        if count <= self.known:
            return
        self._folder.mkdir(exist_ok=True)
        for file in (data / FOLDER).glob("vectors-*"):
            (self._folder / file.name).unlink(missing_ok=True)
            os.link(file, self._folder / file.name)
        self.known = self.embedded = count


def _random(dice: np.random.Generator, texts: list[str]) -> dict[str, Vectors]:
    found = dice.standard_normal((len(texts), MiniLM.dimensions), np.float32)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return dict(zip(texts, found, strict=True))
