"""The documents of a corpus as assets, unchecked: a corpus may hold what a registry would refuse."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from airegistry.core.assets import Agent, AgentSkill, Json, Server, Skill, Tool
from airegistry.core.ports import AnyAsset
from airegistry.core.shelf import ref
from airegistry.evaluation.corpus import Document, Part

TOOLS = 200
"""Tools of one server at most; further ones go to another server of the same name."""

Batch = dict[str, Document]
"""Tools of one server, by name."""
Host = tuple[str, tuple[str, ...]]
"""Name and tags of a server."""


@dataclass(frozen=True, slots=True)
class Drafts:
    """Assets to import, and the documents they hold: by `kind/path`, and tools by `tool/path/name`."""

    assets: Sequence[AnyAsset]
    documents: Mapping[str, Document]


def drafts_of(documents: Sequence[Document]) -> Drafts:
    """The assets of a corpus, names and texts as they are.

    A tool belongs to the server of the corpus that has the name, if one alone has it and the tool has no tags of its
    own; else to a server that is made for the tools of that name and those tags.
    """
    servers = [document for document in documents if document.type == "server"]
    known = Counter(server.name for server in servers)
    hosts = {server.name: server for server in servers if known[server.name] == 1}
    batches = _batches(documents, hosts)
    assets: list[AnyAsset] = []
    found: dict[str, Document] = {}
    for document in documents:
        if document.type != "tool":
            tools = _first(batches, document) if hosts.get(document.name) is document else {}
            asset = _asset(document, f"d{len(assets)}", tools)
            assets.append(asset)
            found |= {ref(asset): document, **_tool_ids(asset, tools)}
    for (name, tags), rest in batches.items():
        for batch in rest:
            carrier = _server(name, tags, f"d{len(assets)}", [_tool(tool) for tool in batch.values()])
            assets.append(carrier)
            found |= _tool_ids(carrier, batch)
    return Drafts(assets, found)


def _batches(documents: Iterable[Document], hosts: Mapping[str, Document]) -> dict[Host, list[Batch]]:
    """The tools of the corpus by server, cut where a name comes again or there are too many."""
    batches: dict[Host, list[Batch]] = {}
    for tool in (document for document in documents if document.type == "tool"):
        tags, host = tuple(tool.tags), hosts.get(tool.server)
        if host is not None and not tags:
            tags = tuple(host.tags)
        open_ = batches.setdefault((tool.server, tags), [])
        batch = next((each for each in open_ if tool.name not in each and len(each) < TOOLS), None)
        if batch is None:
            open_.append(batch := {})
        batch[tool.name] = tool
    return batches


def _first(batches: Mapping[Host, list[Batch]], server: Document) -> Batch:
    """The tools that go to a server of the corpus itself."""
    waiting = batches.get((server.name, tuple(server.tags)))
    return waiting.pop(0) if waiting else {}


def _tool_ids(server: AnyAsset, tools: Batch) -> dict[str, Document]:
    return {f"tool/{server.path}/{name}": tool for name, tool in tools.items()}


def _asset(document: Document, path: str, tools: Batch) -> AnyAsset:
    if document.type == "server":
        parts = [_tool(tools.get(part.name, part)) for part in document.tools]
        named = {part.name for part in document.tools}
        parts += (_tool(tool) for name, tool in tools.items() if name not in named)
        return _server(document.name, document.tags, path, parts, document.description, document.body)
    name, description, tags = document.name, document.description, document.tags
    if document.type == "skill":
        return Skill.model_construct(path=path, name=name, description=description, tags=tags, content=document.body)
    card: Json = {"instructions": document.body} if document.body else {}
    skills = [_agent_skill(part) for part in document.tools]
    return Agent.model_construct(path=path, name=name, description=description, tags=tags, card=card, skills=skills)


def _server(
    name: str, tags: Sequence[str], path: str, tools: list[Tool], description: str = "", instructions: str = ""
) -> Server:
    return Server.model_construct(
        path=path, name=name, description=description, tags=list(tags), url=f"https://{path}.invalid/mcp", tools=tools,
        instructions=instructions or None,
    )  # fmt: skip


def _tool(part: Part) -> Tool:
    schema: Json = part.input_schema or {"type": "object"}
    return Tool.model_construct(name=part.name, description=part.description, input_schema=schema)


def _agent_skill(part: Part) -> AgentSkill:
    return AgentSkill.model_construct(id=part.name, name=part.name, description=part.description)
