"""What search reads of an asset: its words by field, the texts its vectors are made of, and its facets."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import islice
from sys import intern

import numpy as np
from pydantic import JsonValue

from airegistry.core.assets import Agent, Entity, Server, Skill, Tool, VirtualServer, usable_tools
from airegistry.core.ports import AnyAsset, IndexDocument, Vectors
from airegistry.core.sight import BARE
from airegistry.core.sketches import part_field

SHARES = (0.5, 0.3, 0.2)
"""What a whole text, its description alone and its name alone count in a vector."""

TOOLS_NAMED = 30
"""Tools of a server that its head text names."""

TOOL_PARTS = 40
"""Tools of a server that have a part vector."""

CHUNKS = 3
CHUNK = 700
"""Part texts of a body: so many, of so many characters."""

_CARD_KNOWN = frozenset(("name", "description", "skills"))
"""Members of an agent card that the agent's own fields carry."""

_FRONTMATTER = re.compile(r"\A---\r?\n.*?\r?\n---\r?\n?", re.DOTALL)
_SEPARATORS = re.compile(r"[-_/.\s]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

NONE_MADE: Mapping[bytes, Vectors] = {}

_OWN = frozenset(("kind", "path", "server"))

Views = tuple[str, str]
_Part = tuple[str, Views | None]


@dataclass(frozen=True, slots=True)
class SearchText:
    """One searchable thing without its vectors: `fields` for BM25F, `head` and `parts` to be embedded.

    `views` hold, for those of the head and the parts that are made of more than one thing, the description alone and
    the name alone.
    """

    id: str
    kind: str
    fields: Mapping[str, str]
    head: str
    parts: Sequence[str] = ()
    facets: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    views: Mapping[str, Views] = field(default_factory=dict)

    @property
    def dense(self) -> list[str]:
        """The texts that have a vector, in the order in which the index wants these."""
        return [self.head, *self.parts]

    @property
    def embedded(self) -> list[str]:
        """The texts to embed, each once."""
        return self.lacking(NONE_MADE)

    def unit(self, text: str) -> bytes:
        """Names what the vector of one of `dense` is made of: equal for equal ones, by one embedder."""
        said = repr((SHARES, text, self.views.get(text)))
        return blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).digest()

    def lacking(self, made: Mapping[bytes, Vectors]) -> list[str]:
        """The texts to embed for the vectors that are not made yet, each once; `made` has vectors by their `unit`."""
        wanted = [text for text in self.dense if self.unit(text) not in made] if made else self.dense
        return list(dict.fromkeys([*wanted, *(each for text in wanted for each in self.views.get(text, ()))]))

    def vectors(self, rows: Mapping[str, Vectors], made: Mapping[bytes, Vectors] = NONE_MADE) -> Vectors:
        """A unit vector for each of `dense`: the one that is `made`, or one that is mixed of those of its views; `rows`
        has the vectors of the texts that are `lacking`."""
        found = [made.get(self.unit(text)) if made else None for text in self.dense]
        return np.stack(
            [
                _mixed([rows[each] for each in (text, *self.views.get(text, ()))]) if vector is None else vector
                for text, vector in zip(self.dense, found, strict=True)
            ]
        )

    def content(self, embedder: str) -> bytes:
        """Equal for equal texts whose vectors are made alike, by one embedder."""
        said = (embedder, SHARES, sorted(self.fields.items()), self.dense, sorted(self.views.items()))
        return blake2b(repr(said).encode("utf-8", "surrogatepass"), digest_size=16).digest()

    def indexed(self, vectors: Vectors, content: bytes = b"") -> IndexDocument:
        """The document of the index, with the vectors of `dense` or with none; see `IndexDocument` for `content`."""
        return IndexDocument(self.id, self.kind, self.fields, vectors, self.facets, content)

    @property
    def filters(self) -> Mapping[str, str | Sequence[str]]:
        """The facets that answers are narrowed by: not those that are each document's own."""
        return {name: value for name, value in self.facets.items() if name not in _OWN}


def texts_of(asset: AnyAsset) -> list[SearchText]:
    """The asset itself, and each tool of a server under `tool/{server path}/{tool name}`.

    A server's parts are its tools' head texts, so embedding equal texts once serves both.
    """
    match asset:
        case Server():
            tools = [_said(asset, tool) for tool in usable_tools(asset)]
            return [_server(asset, tools), *(_tool(asset, said) for said in tools)]
        case Agent():
            return [_agent(asset)]
        case Skill():
            return [_skill(asset)]
        case VirtualServer():
            return [_virtual_server(asset)]
    return [_entity(asset)]


@dataclass(frozen=True, slots=True)
class _Said:
    """A tool with what is read of it twice: for itself and for its server."""

    tool: Tool
    parameters: Mapping[str, str]
    head: str
    views: Views


def texts_in_index(asset: AnyAsset) -> list[SearchText]:
    """What is indexed of an asset. Of a server with tools also a document without a word of them, for callers who
    may not see them all: hidden tools must not move the server in their ranking. So for agents and their skills."""
    texts = texts_of(asset)
    if part := part_field(asset):
        bare = texts_of(asset.model_copy(update={part: []}))[0]
        texts.append(replace(bare, id=f"{asset.kind}/{asset.path}{BARE}"))
    return texts


def _said(server: Server, tool: Tool) -> _Said:
    parameters = _parameters(tool)
    names = ", ".join(parameters)
    head = f"{server.title or server.name} - {_spaced(tool.name)}: {tool.description}" + (
        f" Parameters: {names}" if names else ""
    )
    return _Said(tool, parameters, *_seen(head, tool.name, tool.description))


def _server(server: Server, tools: Sequence[_Said]) -> SearchText:
    body = [server.instructions or ""]
    body += (f"{p.name} {p.description}" for p in server.prompts)
    body += (f"{r.name} {r.description}" for r in (*server.resources, *server.resource_templates))
    fields = {
        "tools": " ".join(said.tool.name for said in tools),
        "parameters": " ".join(name for said in tools for name in said.parameters),
        "schema": " ".join(said.tool.description for said in tools),
        "body": "\n".join(body),
    }
    parts = [(said.head, said.views) for said in tools[:TOOL_PARTS]]
    return _asset(server, fields, [said.tool.name for said in tools], parts)


def _tool(server: Server, said: _Said) -> SearchText:
    tool = said.tool
    fields = {
        "name": tool.name,
        "title": tool.title or "",
        "server": f"{server.name} {server.title or ''}",
        "description": tool.description,
        "tags": " ".join(server.tags),
        "parameters": " ".join(said.parameters),
        "schema": " ".join(said.parameters.values()),
    }
    facets = {**_facets(server), "kind": "tool", "server": server.path}
    id_ = f"tool/{server.path}/{tool.name}"
    return SearchText(id_, "tool", fields, said.head, (), facets, {said.head: said.views})


def _agent(agent: Agent) -> SearchText:
    body = "\n".join(text for key, value in agent.card.items() if key not in _CARD_KNOWN for text in _prose(value))
    fields = {
        "tags": " ".join([*agent.tags, *(tag for skill in agent.skills for tag in skill.tags)]),
        "tools": " ".join(skill.name for skill in agent.skills),
        "schema": " ".join(text for skill in agent.skills for text in (skill.description, *skill.examples)),
        "body": body,
    }
    skills = [_part(agent, skill.name, skill.description) for skill in agent.skills[:TOOL_PARTS]]
    return _asset(agent, fields, (), skills + _chunks(body))


def _skill(skill: Skill) -> SearchText:
    body = _FRONTMATTER.sub("", skill.content, count=1)
    return _asset(skill, {"body": body}, (), _chunks(body))


def _virtual_server(server: VirtualServer) -> SearchText:
    names = [tool.shown_as for tool in server.tools]
    said = {tool.shown_as: tool.summary if tool.description is None else tool.description for tool in server.tools}
    fields = {"tools": " ".join(names), "schema": " ".join(said.values())}
    parts = [_part(server, name, said[name]) for name in names[:TOOL_PARTS]]
    return _asset(server, fields, names, parts)


def _entity(entity: Entity) -> SearchText:
    body = "\n".join(_strings(entity.data))
    return _asset(entity, {"body": body, "tags": " ".join([*entity.tags, entity.type])}, (), _chunks(body))


def _asset(asset: AnyAsset, fields: Mapping[str, str], tools: Sequence[str], parts: Sequence[_Part]) -> SearchText:
    words = {
        "name": asset.name,
        "title": asset.title or "",
        "description": asset.description,
        "tags": " ".join(asset.tags),
    }
    head = f"{asset.title or asset.name}: {asset.description}"
    if tools:
        head += f" Tools: {', '.join(tools[:TOOLS_NAMED])}"
    parts = [*parts, _seen(head, asset.name, asset.description)]
    texts, views = [text for text, _ in parts[:-1]], {text: seen for text, seen in parts if seen}
    id_ = intern(f"{asset.kind}/{asset.path}")
    return SearchText(id_, asset.kind, words | dict(fields), head, texts, _facets(asset), views)


def _part(asset: AnyAsset, name: str, description: str) -> _Part:
    return _seen(f"{asset.name} - {_spaced(name)}: {description}", name, description)


def _seen(text: str, name: str, description: str) -> tuple[str, Views]:
    """A text with its views; where there is no description, or no word in the name, the text stands in."""
    return text, (description.strip() or text, _spaced(name) or text)


def _facets(asset: AnyAsset) -> dict[str, str | Sequence[str]]:
    facets: dict[str, str | Sequence[str]] = {
        "kind": asset.kind,
        "path": asset.path,
        "tags": tuple(asset.tags),
        "enabled": str(asset.enabled).lower(),
        "stage": asset.stage,
        "source": asset.provenance.source,
        "health": asset.health,
    }
    if asset.owner_team:
        facets["owner"] = asset.owner_team
    if asset.environment:
        facets["environment"] = asset.environment
    if asset.risk_level:
        facets["risk"] = asset.risk_level
    if isinstance(asset, Entity):
        facets["type"] = asset.type
    return facets


def _parameters(tool: Tool) -> dict[str, str]:
    """A tool's parameters and their descriptions; the schema is other people's and may be anything."""
    properties = tool.input_schema.get("properties")
    if not isinstance(properties, dict):
        return {}
    described = {n: s.get("description") if isinstance(s, dict) else None for n, s in properties.items()}
    return {name: text if isinstance(text, str) else "" for name, text in described.items()}


def _mixed(vectors: Sequence[Vectors]) -> Vectors:
    """One unit vector of those of a whole text, its description and its name, or of a text alone."""
    if len(vectors) == 1:
        return vectors[0]
    mixed: Vectors = np.asarray(SHARES, np.float32) @ np.stack(vectors)
    length = np.linalg.norm(mixed)
    return mixed / length if length else mixed


def _spaced(name: str) -> str:
    """An identifier as words."""
    return " ".join(_SEPARATORS.split(name)).strip().lower()


def _chunks(body: str) -> list[_Part]:
    """The first pieces of a body."""
    body = body.strip()
    return [(body[start : start + CHUNK], None) for start in islice(range(0, len(body), CHUNK), CHUNKS)]


def _prose(value: JsonValue) -> Iterable[str]:
    """Strings of several words; URLs, versions and media types say nothing."""
    return (text for text in _strings(value) if " " in text.strip())


def _strings(value: JsonValue) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for member in value.values():
                yield from _strings(member)
        case list():
            for member in value:
                yield from _strings(member)
