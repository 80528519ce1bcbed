"""Administrators' own types."""

import socket

import pytest

from airegistry.core.assets import Json
from airegistry.core.errors import AccessDenied, Invalid
from airegistry.core.principals import SYSTEM
from tests.core.wiring import ANN, World

pytestmark = pytest.mark.anyio


async def test_types_are_listed_and_replaced(world: World) -> None:
    types = world.services.entity_types
    await types.define(SYSTEM, "model", {"type": "object"}, "Models.")
    await types.define(SYSTEM, "dataset", {"type": "object"})
    await types.define(SYSTEM, "model", {"type": "string"})
    assert [(found.name, found.schema_, found.description) for found in await types.list()] == [
        ("dataset", {"type": "object"}, ""), ("model", {"type": "string"}, ""),
    ]  # fmt: skip


async def test_only_administrators_define_types(world: World) -> None:
    with pytest.raises(AccessDenied):
        await world.services.entity_types.define(ANN, "model", {})
    assert [event.action for event in await world.events(decision="deny")] == ["entity_type:define"]


@pytest.mark.parametrize("name", ["", "Model", "a b", "../x", "x" * 65])
async def test_a_malformed_name_is_refused(world: World, name: str) -> None:
    with pytest.raises(Invalid):
        await world.services.entity_types.define(SYSTEM, name, {})


@pytest.mark.parametrize("schema", [{"type": "thing"}, {"pattern": "("}, {"properties": []}, {"required": "x"}])
async def test_a_schema_that_is_none_is_refused(world: World, schema: Json) -> None:
    with pytest.raises(Invalid, match="schema"):
        await world.services.entity_types.define(SYSTEM, "model", schema)


async def test_references_inside_the_schema_are_followed(world: World) -> None:
    schema: Json = {"$defs": {"rows": {"type": "integer"}}, "properties": {"rows": {"$ref": "#/$defs/rows"}}}
    await world.services.entity_types.define(SYSTEM, "model", schema)
    await world.services.entity_types.check("model", {"rows": 1})
    with pytest.raises(Invalid, match=r"\$\.rows"):
        await world.services.entity_types.check("model", {"rows": "x"})


@pytest.mark.timeout(10)
async def test_a_reference_to_a_url_is_refused_and_nobody_is_asked(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        port = listening.getsockname()[1]
        await world.services.entity_types.define(SYSTEM, "model", {"$ref": f"http://127.0.0.1:{port}/schema"})
        with pytest.raises(Invalid, match="outside itself"):
            await world.services.entity_types.check("model", {})
        with pytest.raises(BlockingIOError):
            listening.accept()


async def test_a_schema_that_refers_to_itself_without_end_is_refused(world: World) -> None:
    await world.services.entity_types.define(SYSTEM, "model", {"$ref": "#"})
    with pytest.raises(Invalid, match="without end"):
        await world.services.entity_types.check("model", {})
