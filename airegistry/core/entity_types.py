"""Administrators' own types: a JSON Schema 2020-12 each, and entities that fit it."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager

import anyio
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from pydantic import JsonValue
from pydantic import ValidationError as ShapeError
from referencing import Registry
from referencing.exceptions import Unresolvable

from airegistry.core.access import Access
from airegistry.core.assets import Entity, EntityType, Json
from airegistry.core.audit import Audit
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import Conflict, Invalid, NotFound
from airegistry.core.formats import FORMATS
from airegistry.core.leases import Leading
from airegistry.core.linear_patterns import LinearValidator, check_pattern
from airegistry.core.principals import Principal
from airegistry.core.shelf import Shelf
from airegistry.core.validation import invalid

MAX_SCHEMA = 65_536
"""Characters of a schema as JSON."""
MAX_DEPTH = 32
NAMED = 10
"""Entities that a refusal names."""
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCES = frozenset({"$ref", "$dynamicRef"})
_DATA = frozenset({"const", "enum", "default", "examples"})
_NOTHING_ELSE: Registry[bool | Mapping[str, object]] = Registry()
"""What a `$ref` may lead to outside its schema. Left to itself, jsonschema fetches any URL."""


class Moved(Conflict):
    """An entity was stored while its type changed, and does not fit it any more: it is to be taken back."""


class EntityTypes:
    """Keeps types and checks entities against them. `$ref` reaches no further than the schema itself.

    Within this process no type changes while an entity of it is being stored. What other processes do, where they work
    on the store (`shared`), is looked at afterwards: whoever changes a type looks at its entities once more, whoever
    stored an entity at its type. Of the two one comes second and sees what the other did; a process that is paused
    meanwhile, too, when it goes on.
    """

    def __init__(
        self, store: DocumentStore, access: Access, audit: Audit, shelf: Shelf, leading: Leading, *,
        shared: bool = False,
    ) -> None:  # fmt: skip
        self._leading = leading
        self._shared = shared
        self._types = Repository(store, "entity_types", EntityType)
        self._access = access
        self._audit = audit
        self._shelf = shelf
        self._changing = anyio.Lock()
        self._in_use: Counter[str] = Counter()
        """Registrations and updates under way, by type: none is judged by one schema and stored under another."""

    async def define(self, who: Principal, name: str, schema: Json, description: str = "") -> EntityType:
        """Create a type, or replace one by a schema that every stored entity of it fits.

        Raises:
            AccessDenied: the caller is no administrator.
            Invalid: the name is not of the form a-z0-9_-, or the schema is no JSON Schema 2020-12 of its own.
            Conflict: stored entities would not fit; the message names them.
        """
        async with self._audit.attempt(who, "entity_type:define", f"entity_type/{name}") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            return await self._put(who, _entity_type(name, schema, description))

    async def update(
        self, who: Principal, name: str, *, schema: Json | None = None, description: str | None = None
    ) -> EntityType:
        """Change what is given of a type.

        Raises:
            NotFound: there is no such type.
            AccessDenied, Invalid, Conflict: see `define`.
        """
        async with self._audit.attempt(who, "entity_type:update", f"entity_type/{name}") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            known = await self.get(name)
            wanted = known.schema_ if schema is None else schema
            told = known.description if description is None else description
            return await self._put(who, _entity_type(name, wanted, told))

    async def delete(self, who: Principal, name: str) -> None:
        """Remove a type that no entity is of.

        Raises:
            AccessDenied: the caller is no administrator.
            NotFound: there is no such type.
            Conflict: there are entities of it; the message names them.
        """
        async with self._audit.attempt(who, "entity_type:delete", f"entity_type/{name}") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            await self.get(name)
            async with self._alone(name):
                found = await self._types.find_one(name)
                if used := await self._entities(name):
                    raise Conflict(f"type {name!r} is used by {self._named(who, used)}")
                await self._types.delete(name, expect=None if found is None else found[1])
                if self._shared and found is not None and (used := await self._entities(name)):
                    await self._types.create(name, found[0])
                    raise Conflict(f"type {name!r} is used by {self._named(who, used)}")

    async def list(self) -> list[EntityType]:
        """All types, in order of name."""
        return [entity_type async for _, entity_type in self._types.find()]

    async def get(self, name: str) -> EntityType:
        """A type by its name.

        Raises:
            NotFound: there is no such type.
        """
        found = await self._types.find_one(name)
        if found is None:
            raise NotFound(f"no entity type named {name!r}")
        return found[0]

    async def check(self, name: str, data: Json) -> None:
        """Refuse data that does not fit its type.

        Raises:
            NotFound: there is no such type.
            Invalid: the data does not fit; the message names where.
        """
        await anyio.to_thread.run_sync(_check, await self.get(name), data)

    @asynccontextmanager
    async def checked(self, name: str, data: Json) -> AsyncIterator[None]:
        """Around storing an entity: its data fits the type, which stays as it is meanwhile.

        Raises:
            NotFound, Invalid: see `check`.
            Moved: another process changed the type meanwhile, and the data does not fit it any more.
        """
        async with self._changing:
            self._in_use[name] += 1
        try:
            judged = await self._types.find_one(name) if self._shared else None
            await self.check(name, data)
            yield
            if self._shared and await self._types.find_one(name) != judged:
                await self._check_again(name, data)
        finally:
            self._in_use[name] -= 1
            if not self._in_use[name]:
                del self._in_use[name]

    async def _check_again(self, name: str, data: Json) -> None:
        try:
            await self.check(name, data)
        except (Invalid, NotFound) as error:
            raise Moved(f"type {name!r} changed while an entity of it was being stored: {error.message}") from None

    @asynccontextmanager
    async def _alone(self, name: str) -> AsyncIterator[None]:
        """While no entity of a type is being stored here, and no other process changes the type.

        Raises:
            Conflict: one is.
        """
        async with self._leading.turn(f"entity_type/{name}"), self._changing:
            if self._in_use[name]:
                raise Conflict(f"an entity of type {name!r} is being stored; try again")
            yield

    async def _put(self, who: Principal, entity_type: EntityType) -> EntityType:
        await anyio.to_thread.run_sync(_check_schema, entity_type)
        async with self._alone(entity_type.name):
            name = entity_type.name
            before, version = await self._types.find_one(name) or (None, 0)
            await self._check_fit(who, entity_type)
            # Over what was read before entities were: a process that was paused since, and lost its turn, writes none.
            version = await self._types.save(name, entity_type, expect=version)
            if self._shared and before is not None:
                try:
                    await self._check_fit(who, entity_type)
                except Conflict:
                    await self._types.save(name, before, expect=version)
                    raise
        return entity_type

    async def _check_fit(self, who: Principal, entity_type: EntityType) -> None:
        """Refuse a type that stored entities do not fit."""
        entities = await self._entities(entity_type.name)
        if wrong := await anyio.to_thread.run_sync(_misfits, entity_type, entities):
            raise Conflict(f"with this schema {self._named(who, wrong)} would not fit type {entity_type.name!r}")

    async def _entities(self, name: str) -> Sequence[Entity]:
        found = self._shelf.everything({"kind": "entity", "type": name})
        return [entity async for entity in found if isinstance(entity, Entity)]

    def _named(self, who: Principal, entities: Sequence[Entity]) -> str:
        """Those that the caller may know of by name, the others by number."""
        paths = sorted({entity.path for entity in entities if self._access.sees(who, entity)})[:NAMED]
        more = len({entity.path for entity in entities}) - len(paths)
        return ", ".join([*paths, *([f"{more} more" if paths else f"{more} entities"] if more else [])])


def _check_schema(entity_type: EntityType) -> None:
    """Refuse what is no schema, is too large, or refers to itself without end."""
    schema = entity_type.schema_
    if len(json.dumps(schema)) > MAX_SCHEMA:
        raise Invalid(f"schema: longer than {MAX_SCHEMA} characters", field="schema")
    try:
        Draft202012Validator.check_schema(schema)
        _check(entity_type, {})
    except SchemaError as error:
        raise Invalid(f"schema: {error.message[:300]}", field="schema") from None
    except Invalid as error:
        if error.field == "schema":
            raise


def _members(schema: JsonValue, depth: int) -> Iterator[tuple[str, JsonValue]]:
    """The members of a schema and of those in it, but of what is data in it."""
    if depth > MAX_DEPTH:
        raise Invalid(f"schema: deeper than {MAX_DEPTH} levels", field="schema")
    if isinstance(schema, list):
        for each in schema:
            yield from _members(each, depth + 1)
    elif isinstance(schema, dict):
        yield from schema.items()
        for member, value in schema.items():
            yield from _members(value, depth + 1) if member not in _DATA else ()


def _check(entity_type: EntityType, data: Json) -> None:
    name = entity_type.name
    schema = {member: value for member, value in entity_type.schema_.items() if member != "$schema"}
    try:
        LinearValidator(schema, registry=_NOTHING_ELSE, format_checker=FORMATS).validate(data)
    except ValidationError as error:
        raise Invalid(f"{error.json_path}: {error.message[:300]}", field="data") from None
    except Unresolvable as error:
        raise Invalid(f"type {name!r} refers to a schema outside itself: {error}", field="schema") from None
    except RecursionError:
        raise Invalid(f"the schema of type {name!r} refers to itself without end", field="schema") from None


def _refuse_other_readings(schema: Json) -> None:
    """Refuse what would have jsonschema read patterns in its own way, which can take for ever: wherever it stands, as a
    `$ref` may lead to any part of a schema."""
    parts: list[JsonValue] = [*schema.values()]
    known = set(schema)
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            if isinstance(part.get("$schema"), str):
                raise Invalid("schema: $schema stands at its top alone", field="schema")
            known |= part.keys()
        parts.extend(part.values() if isinstance(part, dict) else part if isinstance(part, list) else ())
    if {"unevaluatedProperties", "patternProperties"} <= known:
        raise Invalid("schema: unevaluatedProperties and patternProperties do not go together here", field="schema")


def _misfits(entity_type: EntityType, entities: Sequence[Entity]) -> Sequence[Entity]:
    return [entity for entity in entities if not _fits(entity_type, entity.data)]


def _fits(entity_type: EntityType, data: Json) -> bool:
    try:
        _check(entity_type, data)
    except Invalid:
        return False
    return True


def _entity_type(name: str, schema: Json, description: str) -> EntityType:
    for member, value in _members(schema, 1):
        if member in _REFERENCES and isinstance(value, str) and not value.startswith("#"):
            raise Invalid(f"schema: {member} {value[:200]!r} leads outside itself", field="schema")
        if member == "$schema" and value != DIALECT:
            raise Invalid(f"schema: $schema is {DIALECT}, or left out", field="schema")
        if member == "pattern" and isinstance(value, str):
            check_pattern(value)
        if member == "patternProperties" and isinstance(value, dict):
            for pattern in value:
                check_pattern(pattern)
    _refuse_other_readings(schema)
    try:
        return EntityType.model_validate({"name": name, "schema": schema, "description": description})
    except ShapeError as error:
        raise invalid(error) from None
