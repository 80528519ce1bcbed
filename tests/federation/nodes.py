"""Registries that are peers of one another: real processes, edited and synced step by step."""

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2

from tests.support.mcp import ask
from tests.support.registry import Registry, serving

Json = dict[str, Any]
LISTS = {
    "server": ("list_services", "services"),
    "agent": ("list_agents", "agents"),
    "skill": ("list_skills", "skills"),
    "virtual_server": ("list_virtual_servers", "virtual_servers"),
    "entity": ("list_entities", "entities"),
}
BOOK = {"type": "object", "properties": {"title": {"type": "string"}}}
A_DAY = 86_400.0
Ref = tuple[str, str]


@dataclass
class Node:
    """One registry. `sources` are the names of its peers, each read when the test says so."""

    name: str
    registry: Registry

    async def ask(self, tool: str, /, **arguments: object) -> Json:
        """One call of a registry tool as the operator."""
        return await ask(self.registry.mcp, self.registry.token, tool, **arguments)

    @property
    def id(self) -> str:
        """The id that its peers know it by."""
        headers = {"authorization": f"Bearer {self.registry.token}"}
        url = f"{self.registry.url}/api/v1/federation/changes"
        answer = httpx2.get(url, params={"kinds": "agent"}, headers=headers, timeout=30, trust_env=False)
        found: str = answer.json()["registry"]
        return found

    async def take_from(self, other: "Node", *, secrets: Json | None = None, **options: object) -> Json:
        """Add another one as a source, by its name; the first pass over it, which is through when this returns."""
        await self.ask(
            "add_source", name=other.name, kind="peer", url=other.registry.url, options=options, interval=A_DAY,
            secrets=secrets or {"token": other.registry.token},
        )  # fmt: skip
        with anyio.fail_after(60):
            while not (runs := (await self.ask("get_source", name=other.name))["runs"]):  # noqa: ASYNC110  # it tells nobody
                await anyio.sleep(0.05)
        first: Json = runs[-1]
        assert first["outcome"] == "ok", first
        return first

    async def sync(self, other: "Node") -> Json:
        """A pass over another one, to its end."""
        synced = await self.ask("sync_source", name=other.name)
        assert not synced["running"], synced
        run: Json = synced["run"]
        assert run["outcome"] == "ok", run
        return run

    async def found(self, kinds: Sequence[str] = (*LISTS,)) -> dict[Ref, Json]:
        """All its assets that are in service, but for the skills that every registry comes with."""
        assets: dict[Ref, Json] = {}
        for kind in kinds:
            tool, member = LISTS[kind]
            page = await self.ask(tool, limit=1000)
            assets |= {(kind, each["path"]): each for each in page[member] if "airegistry" not in each["tags"]}
        return {ref: each for ref, each in assets.items() if each["stage"] != "retired"}

    async def put(self, kind: str, path: str, said: str, **fields: object) -> None:
        """Register an asset by value that says something."""
        match kind:
            case "server":
                tools = [{"name": "tell", "description": f"Tells {said}.", "inputSchema": {"type": "object"}}]
                about: Json = {"url": "http://127.0.0.1:9/mcp", "fetch": False, "tools": tools}
                await self.ask("register_service", name=path, path=path, description=said, **about, **fields)
            case "agent":
                await self.ask("register_agent", path=path, card=card(path, said), **fields)
            case "skill":
                await self.ask("register_skill", path=path, content=skill(path, said), **fields)
            case "entity":
                await self.ask("register_entity", type="book", path=path, data={"description": said}, **fields)

    async def change(self, kind: str, path: str, said: str) -> None:
        """Have an asset say something else."""
        changes: Json = {"description": said}
        if kind == "entity":
            changes["data"] = {"description": said}
        if kind == "agent":
            changes = {"card": card(path, said)}
        if kind == "skill":
            changes = {"content": skill(path, said)}
        await self.ask("update_asset", kind=kind, path=path, changes=changes)

    async def clear(self) -> None:
        """Remove its sources, what came from them, and what was registered here."""
        for source in (await self.ask("list_sources"))["sources"]:
            assert (await self.ask("remove_source", name=source["name"]))["ok"]
        for kind, (tool, member) in LISTS.items():
            for each in (await self.ask(tool, limit=1000))[member]:
                if "airegistry" not in each["tags"]:
                    await self.delete(kind, each["path"])

    async def delete(self, kind: str, path: str) -> None:
        """Take an asset down."""
        await self.ask("delete_asset", kind=kind, path=path)


def card(path: str, said: str) -> Json:
    """An agent card."""
    return {
        "name": path, "description": said, "version": "1.0", "url": "http://127.0.0.1:9/a2a", "capabilities": {},
        "protocolVersion": "0.3.0", "defaultInputModes": ["text"], "defaultOutputModes": ["text"],
        "skills": [{"id": "tell", "name": "Tell", "description": "Tells.", "tags": []}],
    }  # fmt: skip


def skill(path: str, said: str) -> str:
    """A SKILL.md."""
    return f"---\nname: {path}\ndescription: {said}\n---\nSay it.\n"


class Edits:
    """Random edits of what a node registered itself, and what that is by now: what it says, by kind and path."""

    def __init__(self, node: Node, rng: random.Random) -> None:
        self.node = node
        self.truth: dict[Ref, str] = {}
        self._rng = rng
        self._number = 0

    async def edit(self) -> None:
        """Put up, change or take down one asset."""
        changeable = sorted(ref for ref in self.truth if ref[0] in {"server", "entity"})  # others wait for approvals
        act = self._rng.choice(("put", "put", "delete", *(["change"] if changeable else []))) if self.truth else "put"
        self._number += 1
        said = f"word {self._number} of {self.node.name}"
        if act == "put":
            kind = self._rng.choice(("server", "agent", "skill", "entity"))
            path = f"{self.node.name}-{kind}-{self._number}"
            await self.node.put(kind, path, said)
            self.truth[kind, path] = said
            return
        kind, path = self._rng.choice(changeable if act == "change" else sorted(self.truth))
        if act == "change":
            await self.node.change(kind, path, said)
            self.truth[kind, path] = said
        else:
            await self.node.delete(kind, path)
            del self.truth[kind, path]


def said_by(assets: Mapping[Ref, Json]) -> dict[Ref, str]:
    """What each of some assets says."""
    return {ref: each["description"] for ref, each in assets.items()}


@contextmanager
def nodes(folder: Path, *names: str) -> Iterator[list[Node]]:
    """Started registries, stopped at the end."""
    with ExitStack() as stack:
        made = []
        for name in names:
            (folder / name).mkdir(parents=True)
            made.append(Node(name, stack.enter_context(serving(folder / name))))
        yield made
