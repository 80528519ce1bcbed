"""Types of the company's own: define them, see them, change them, remove them."""

from typing import Annotated

from pydantic import Field

from airegistry.core.assets import EntityType, Json
from airegistry.core.entity_types import EntityTypes
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import Done, Shape

TypeName = Annotated[str, Field(description="The type's name: lower-case letters, digits, dash, underscore.")]
JsonSchema = Annotated[
    Json,
    Field(
        description="JSON Schema 2020-12, of at most 64 KB. Its $refs lead nowhere but into itself; its patterns have "
        "no look-around and no back references."
    ),
]


class EntityTypeShape(Shape):
    """A type of the company's own."""

    name: str
    description: str
    schema_: Json = Field(alias="schema")


class EntityTypeList(Shape):
    """All types, in order of name."""

    types: list[EntityTypeShape]


class EntityTypeTools:
    """Tools for types; everybody sees them, administrators change them."""

    def __init__(self, types: EntityTypes) -> None:
        self._types = types

    @tool("Define an entity type", destructive=True, idempotent=True, needs="policy")
    async def define_entity_type(self, name: TypeName, schema: JsonSchema, description: str = "") -> EntityTypeShape:
        """Create a type of the company's own by JSON Schema, or replace one. `format` is checked, too.

        `conflict` names the entities that would not fit the new schema; change those first. For administrators.
        """
        return _shape(await self._types.define(current_principal(), name, schema, description))

    @tool("Change an entity type", destructive=True, idempotent=True, needs="policy")
    async def update_entity_type(
        self, name: TypeName, schema: JsonSchema | None = None, description: str | None = None
    ) -> EntityTypeShape:
        """Change the schema or the description of a type; what is left out stays. Every stored entity of it has to fit:
        `conflict` names those that would not. For administrators."""
        return _shape(await self._types.update(current_principal(), name, schema=schema, description=description))

    @tool("List entity types", read_only=True)
    async def list_entity_types(self) -> EntityTypeList:
        """The company's own types of entities with their schemas, as `register_entity` takes them."""
        return EntityTypeList(types=[_shape(each) for each in await self._types.list()])

    @tool("Show an entity type", read_only=True)
    async def get_entity_type(self, name: TypeName) -> EntityTypeShape:
        """The schema of a type: what `register_entity` and `update_asset` want of the data of its entities."""
        return _shape(await self._types.get(name))

    @tool(
        "Remove an entity type",
        destructive=True,
        idempotent=True,
        needs="policy",
        confirm="Remove entity type '{name}'?",
    )
    async def delete_entity_type(self, name: TypeName) -> Done:
        """Remove a type that no entity is of; `conflict` names the entities that are. For administrators."""
        await self._types.delete(current_principal(), name)
        return Done()


def _shape(entity_type: EntityType) -> EntityTypeShape:
    return EntityTypeShape.model_validate(entity_type.model_dump(by_alias=True))
