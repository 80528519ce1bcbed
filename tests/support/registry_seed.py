"""What a registry of MCP servers holds: a catalogue made up from a seed, or the file AIREGISTRY_REGISTRY_SEED names.

Nothing of others is kept here: names, words and URLs are made up, all hosts under `.example`, which does not exist.
"""

import json
import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Json = dict[str, Any]
SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
WORDS = (
    "invoice parcel weather calendar ledger ticket inventory payroll recipe atlas sensor archive telemetry contract "
    "harbour library museum orchard railway satellite theatre vineyard workshop observatory pharmacy aquarium"
).split()
VERBS = "searches creates lists updates exports summarises compares translates validates schedules".split()
NAMESPACES = ("io.github.{}", "com.example.{}", "ai.example.{}", "io.example.team-{}", "org.example.{}")
PACKAGES = (("npm", "npx"), ("pypi", "uvx"), ("oci", "docker"), ("nuget", "dnx"))


def catalogue() -> Sequence[Json]:
    """The stored catalogue where one is named, else 1,000 servers made up, some in several versions."""
    named = os.environ.get("AIREGISTRY_REGISTRY_SEED")
    return read(Path(named)) if named else invented(1_000, seed=8)


def read(file: Path) -> Sequence[Json]:
    """The documents of a seed file: a list of `server.json`, with or without what a registry says of them around it.

    Those without a name are left out: no registry takes them.
    """
    documents = [value.get("server", value) for value in json.loads(file.read_text(encoding="utf-8"))]
    return [
        {"version": document.get("version_detail", {}).get("version"), **document}
        for document in documents
        if document["name"]
    ]


def invented(servers: int, seed: int, *, remote: float = 0.5, versions: float = 0.3) -> Sequence[Json]:
    """Documents of so many servers, the same for the same seed; some are remote, some have more than one version."""
    dice = random.Random(seed)
    return [
        document
        for number in range(servers)
        for document in _versions(dice, number, dice.random() < remote, dice.random() < versions)
    ]


def _versions(dice: random.Random, number: int, remote: bool, several: bool) -> Sequence[Json]:
    word, other = dice.choice(WORDS), dice.choice(WORDS)
    name = f"{dice.choice(NAMESPACES).format(word)}/{other}-{number}"
    documents = []
    for minor in range(dice.randint(2, 5) if several else 1):
        version = f"1.{minor}.{dice.randint(0, 9)}"
        document: Json = {
            "$schema": SCHEMA,
            "name": name,
            "description": f"{dice.choice(VERBS).capitalize()} {word} records of the {other}, no. {number}.",
            "version": version,
        }
        if dice.random() < 0.5:
            document["title"] = f"{word.capitalize()} {other} {number}"
        if dice.random() < 0.7:
            document["repository"] = {"url": f"https://git.example/{word}/{other}-{number}", "source": "gitlab"}
        if remote:
            document["remotes"] = [_remote(dice, word, number)]
        if not remote or dice.random() < 0.3:
            document["packages"] = [_package(dice, f"{word}-{other}-{number}", version)]
        documents.append(document)
    return documents


def _remote(dice: random.Random, word: str, number: int) -> Json:
    kind, end = dice.choice((("streamable-http", "mcp"), ("streamable-http", "mcp"), ("sse", "sse")))
    remote: Json = {"type": kind, "url": f"https://{word}-{number}.mcp.example/{end}"}
    if dice.random() < 0.3:
        remote["headers"] = [{"name": "X-Api-Key", "description": "Key of the account.", "isSecret": True}]
    return remote


def _package(dice: random.Random, name: str, version: str) -> Json:
    kind, runner = dice.choice(PACKAGES)
    package: Json = {
        "registryType": kind,
        "identifier": f"registry.example/{name}:{version}" if kind == "oci" else name,
        "runtimeHint": runner,
        "transport": {"type": "stdio"},
    }
    if kind != "oci":
        package["version"] = version
    if dice.random() < 0.5:
        package["environmentVariables"] = [
            {"name": "API_KEY", "description": "Key of the account.", "isRequired": True, "isSecret": True}
        ]
    if dice.random() < 0.3:
        package["packageArguments"] = [{"type": "named", "name": "--region", "default": "eu"}]
    return package
