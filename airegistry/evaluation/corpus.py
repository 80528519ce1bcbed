"""Retrieval test sets: documents, and queries with graded relevant documents, one JSON object a line."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from airegistry.core.assets import Json
from airegistry.core.errors import Invalid

Kind = Literal["server", "tool", "agent", "skill"]
Grade = Annotated[float, Field(le=30, allow_inf_nan=False)]


class Line(BaseModel):
    """One object of a file: members unknown here are other people's, and null says what leaving out says."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def _absent_is_empty(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {name: member for name, member in value.items() if member is not None}


class Part(Line):
    """A tool of a server, or a skill of an agent. Parameters come as JSON Schema, or as `params` in any usual form."""

    name: str = ""
    description: str = ""
    schema_: Json = Field(default_factory=dict, validation_alias=AliasChoices("schema", "inputSchema"))
    params: JsonValue = None

    @property
    def input_schema(self) -> Json:
        """The parameters as JSON Schema."""
        if "properties" in self.schema_:
            return self.schema_
        properties = _properties(self.params or self.schema_.get("params"))
        return {**self.schema_, "type": "object", "properties": properties} if properties else self.schema_


class Document(Part):
    """One document of a corpus; `server` is the name of a tool's server."""

    id: str
    type: Kind
    server: str = ""
    tags: list[str] = Field(default_factory=list)
    tools: list[Part] = Field(default_factory=list)
    body: str = ""


class Query(Line):
    """One query, and the documents that answer it with their grades; those of grade 0 or less do not."""

    qid: str
    query: str
    relevant: dict[str, Grade] = Field(default_factory=dict)

    @property
    def grades(self) -> Mapping[str, float]:
        """The relevant documents, graded above 0."""
        return {document: grade for document, grade in self.relevant.items() if grade > 0}


def read_corpus(path: Path) -> list[Document]:
    """The documents of a corpus file.

    Raises:
        Invalid: it cannot be read, holds none, or a line is none; the message names file and line.
    """
    return distinct(path, Document, lambda document: document.id)


def read_queries(path: Path) -> list[Query]:
    """The queries of a file.

    Raises:
        Invalid: see `read_corpus`.
    """
    return distinct(path, Query, lambda query: query.qid)


M = TypeVar("M", bound=Line)


def distinct(path: Path, model: type[M], name_of: Callable[[M], str]) -> list[M]:
    """All lines of a file, no two of one name.

    Raises:
        Invalid: see `read_corpus`.
    """
    found: dict[str, M] = {}
    for number, line in _lines(path, model):
        name = name_of(line)
        if name in found:
            raise Invalid(f"{path}:{number}: {name[:80]!r} stands on an earlier line already")
        found[name] = line
    if not found:
        raise Invalid(f"{path}: the file is empty")
    return list(found.values())


def _lines(path: Path, model: type[M]) -> Iterator[tuple[int, M]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"cannot read `{path}`: {error}") from None
    for number, line in enumerate(text.split("\n"), 1):  # `splitlines` would cut at line separators inside a text
        if line.strip():
            try:
                yield number, model.model_validate_json(line)
            except ValidationError as error:
                raise Invalid(f"{path}:{number}: {_first(error)}") from None


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]


def _properties(params: JsonValue) -> Json:
    """Properties of a schema from parameters keyed by name, listed by name, or listed as objects that have one."""
    match params:
        case dict():
            named = list(params.items())
        case list():
            named = [
                (str(each.get("name", "")), each) if isinstance(each, dict) else (str(each), {}) for each in params
            ]
        case _:
            return {}
    return {name: _property(said) for name, said in named if name}


def _property(said: JsonValue) -> Json:
    if isinstance(said, dict):
        return said
    return {"description": said} if isinstance(said, str) else {}
