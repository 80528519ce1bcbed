"""Administrators' own types: a JSON Schema 2020-12 each, and entities that fit it."""

from collections.abc import Mapping

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from pydantic import ValidationError as ShapeError
from referencing import Registry
from referencing.exceptions import Unresolvable

from airegistry.core.access import Access
from airegistry.core.assets import EntityType, Json
from airegistry.core.audit import Audit
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import Invalid, NotFound
from airegistry.core.principals import Principal
from airegistry.core.validation import invalid

_NOTHING_ELSE: Registry[bool | Mapping[str, object]] = Registry()
"""What a `$ref` may lead to outside its schema. Left to itself, jsonschema fetches any URL."""


class EntityTypes:
    """Keeps types and checks entities against them. `$ref` reaches no further than the schema itself."""

    def __init__(self, store: DocumentStore, access: Access, audit: Audit) -> None:
        self._types = Repository(store, "entity_types", EntityType)
        self._access = access
        self._audit = audit

    async def define(self, who: Principal, name: str, schema: Json, description: str = "") -> EntityType:
        """Create or replace a type.

        Raises:
            AccessDenied: the caller is no administrator.
            Invalid: the name is not of the form a-z0-9_-, or the schema is no JSON Schema 2020-12.
        """
        async with self._audit.attempt(who, "entity_type:define", f"entity_type/{name}") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            entity_type = _entity_type(name, schema, description)
            try:
                Draft202012Validator.check_schema(entity_type.schema_)
            except SchemaError as error:
                raise Invalid(f"schema: {error.message[:300]}", field="schema") from None
            await self._types.save(entity_type.name, entity_type)
        return entity_type

    async def list(self) -> list[EntityType]:
        """All types, in order of name."""
        return [entity_type async for _, entity_type in self._types.find()]

    async def check(self, name: str, data: Json) -> None:
        """Refuse data that does not fit its type.

        Raises:
            NotFound: there is no such type.
            Invalid: the data does not fit; the message names where.
        """
        found = await self._types.find_one(name)
        if found is None:
            raise NotFound(f"no entity type named {name!r}")
        try:
            Draft202012Validator(found[0].schema_, registry=_NOTHING_ELSE).validate(data)
        except ValidationError as error:
            raise Invalid(f"{error.json_path}: {error.message[:300]}", field="data") from None
        except Unresolvable as error:
            raise Invalid(f"type {name!r} refers to a schema outside itself: {error}", field="schema") from None
        except RecursionError:
            raise Invalid(f"the schema of type {name!r} refers to itself without end", field="schema") from None


def _entity_type(name: str, schema: Json, description: str) -> EntityType:
    try:
        return EntityType.model_validate({"name": name, "schema": schema, "description": description})
    except ShapeError as error:
        raise invalid(error) from None
