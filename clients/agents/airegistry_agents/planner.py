"""What an agent does next: the part of a model, behind one interface, and a form of it that needs no model."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, JsonValue

Json = Mapping[str, JsonValue]


class Found(BaseModel):
    """A tool that the registry found for the goal; `endpoint` is where its server is reached through the gateway."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    server: str
    tool: str
    endpoint: str
    match: str = "weak"


class SearchAnswer(BaseModel):
    """What `search_registry` answers."""

    results: tuple[Found, ...]


class Offered(BaseModel):
    """A tool of the server that the agent is connected to."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    name: str
    input_schema: Json = Field(default={}, alias="inputSchema")


@dataclass(frozen=True, slots=True)
class Seen:
    """What an agent knows so far: what the search found, what the server offers, what the tool answered."""

    goal: str
    found: Sequence[Found] | None = None
    offered: Sequence[Offered] | None = None
    answered: str | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """Look for tools."""

    query: str


@dataclass(frozen=True, slots=True)
class Connect:
    """Go to the server of a tool that was found."""

    found: Found


@dataclass(frozen=True, slots=True)
class Call:
    """Call a tool of that server."""

    tool: str
    arguments: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Answer:
    """Say this, and be done."""

    text: str


Act = Search | Connect | Call | Answer


class Planner(Protocol):
    """Decides what an agent does next."""

    def next(self, seen: Seen) -> Act: ...


@dataclass(frozen=True, slots=True)
class ScriptedPlanner:
    """Takes the best match, and fills its arguments with the facts of those names. It names no tool by itself."""

    facts: Json = field(default_factory=dict)

    def next(self, seen: Seen) -> Act:
        """Search, connect, call, answer; or say why it goes no further."""
        if seen.found is None:
            return Search(seen.goal)
        if not seen.found:
            return Answer("there is no tool for that, or none that I may see")
        best = seen.found[0]
        if seen.offered is None:
            return Connect(best)
        if seen.answered is not None:
            return Answer(seen.answered)
        chosen = next((tool for tool in seen.offered if tool.name == best.tool), None)
        if chosen is None:
            return Answer(f"{best.server} does not offer me {best.tool}")
        arguments = {name: self.facts[name] for name in _members(chosen, "properties") if name in self.facts}
        if missing := [name for name in _members(chosen, "required") if name not in arguments]:
            return Answer(f"{chosen.name} wants to be told: {', '.join(missing)}")
        return Call(chosen.name, arguments)


def _members(tool: Offered, part: str) -> Sequence[str]:
    found = tool.input_schema.get(part)
    return [str(name) for name in found] if isinstance(found, Mapping | list) else []


def facts_of(arguments: Sequence[str]) -> dict[str, JsonValue]:
    """The facts of a command line, `name=value`; a value is JSON where it reads as such.

    Raises:
        ValueError: one of them is none.
    """
    facts: dict[str, JsonValue] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals:
            raise ValueError(f"a fact is name=value, not {argument!r}")
        try:
            facts[name] = json.loads(value)
        except ValueError:
            facts[name] = value
    return facts


def check_endpoint(url: str, endpoint: str) -> str:
    """An endpoint that is at the registry: the token goes nowhere else, whoever asks for it.

    Raises:
        ValueError: it is elsewhere.
    """
    if not endpoint.startswith(f"{url.rstrip('/')}/"):
        raise ValueError(f"{endpoint} is not at the registry")
    return endpoint
