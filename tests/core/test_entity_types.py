"""Administrators' own types."""

import socket

import pytest

from airegistry.core.assets import Json
from airegistry.core.errors import AccessDenied, Conflict, Invalid, NotFound
from airegistry.core.grants import Grant
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
        for keyword in ("$ref", "$dynamicRef"):
            schema: Json = {"properties": {"rows": {keyword: f"http://127.0.0.1:{port}/schema"}}}
            with pytest.raises(Invalid, match="leads outside itself"):
                await world.services.entity_types.define(SYSTEM, "model", schema)
        with pytest.raises(BlockingIOError):
            listening.accept()


async def test_a_schema_that_refers_to_itself_without_end_is_refused(world: World) -> None:
    with pytest.raises(Invalid, match="without end"):
        await world.services.entity_types.define(SYSTEM, "model", {"$ref": "#"})


async def test_a_reference_that_leads_nowhere_is_found_when_it_is_followed(world: World) -> None:
    schema: Json = {"properties": {"rows": {"$ref": "#/$defs/missing"}}}
    await world.services.entity_types.define(SYSTEM, "model", schema)
    with pytest.raises(Invalid, match="outside itself"):
        await world.services.entity_types.check("model", {"rows": 1})


def nested(levels: int) -> Json:
    schema: Json = {}
    for _ in range(levels):
        schema = {"not": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (nested(40), "deeper than 32 levels"),
        (nested(5000), "deeper than 32 levels"),
        ({"description": "x" * 70_000}, "longer than 65536"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "2020-12"),
    ],
    ids=["deep", "bottomless", "long", "another dialect"],
)
async def test_a_schema_out_of_bounds_is_refused(world: World, schema: Json, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        await world.services.entity_types.define(SYSTEM, "model", schema)


async def test_data_that_looks_like_a_reference_is_none(world: World) -> None:
    schema: Json = {"$schema": "https://json-schema.org/draft/2020-12/schema", "const": {"$ref": "https://x.test/"}}
    await world.services.entity_types.define(SYSTEM, "model", schema)
    await world.services.entity_types.check("model", {"$ref": "https://x.test/"})


FORMATS = [
    ("date-time", "2026-11-20T12:00:00.123456789Z", "2026-11-20 noon"),
    ("date", "2026-02-28", "2026-02-30"),
    ("time", "12:00:00+01:00", "25:00:00Z"),
    ("duration", "P1DT12H", "P"),
    ("email", "ann@example.org", "ann at example"),
    ("hostname", "a-b.example", "-a.example"),
    ("ipv4", "192.0.2.1", "192.0.2.256"),
    ("ipv6", "2001:db8::1", "2001:db8::1%eth0"),
    ("uri", "https://example.org/a?b#c", "/a"),
    ("uri-reference", "/a", "a b"),
    ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567e89b12d3a456426614174000"),
    ("json-pointer", "/a~1b", "a"),
    ("regex", "^a+$", "("),
]


@pytest.mark.parametrize(("format", "right", "wrong"), FORMATS)
async def test_formats_are_asserted(world: World, format: str, right: str, wrong: str) -> None:
    schema: Json = {"properties": {"it": {"format": format}}}
    await world.services.entity_types.define(SYSTEM, "model", schema)
    for fits in (right, 7):
        await world.services.entity_types.check("model", {"it": fits})
    with pytest.raises(Invalid, match=r"\$\.it"):
        await world.services.entity_types.check("model", {"it": wrong})


async def two_models(world: World) -> None:
    """A type with an entity that all see and one that only staff may see."""
    await world.services.entity_types.define(SYSTEM, "model", {"required": ["rows"]}, "Models.")
    governance: dict[str, Json] = {"small": {}, "hidden": {"groups": ["staff"]}}
    for path, fields in governance.items():
        await world.services.intake.entity(SYSTEM, "model", path, {"rows": 7}, governance=fields)


async def test_an_update_that_stored_entities_would_not_fit_is_refused_and_names_those_one_may_know_of(
    world: World,
) -> None:
    await two_models(world)
    types = world.services.entity_types
    admin = await world.holding(Grant(kinds=["registry"], actions=["policy"]))
    strict: Json = {"properties": {"rows": {"minimum": 10}}}
    for change in (types.update(admin, "model", schema=strict), types.define(admin, "model", strict)):
        with pytest.raises(Conflict, match="with this schema small, 1 more would not fit") as refusal:
            await change
        assert "hidden" not in refusal.value.message
    assert (await types.get("model")).schema_ == {"required": ["rows"]}


async def test_an_update_that_all_entities_fit_passes(world: World) -> None:
    await two_models(world)
    types = world.services.entity_types
    changed = await types.update(SYSTEM, "model", schema={"properties": {"rows": {"maximum": 10}}})
    assert changed.description == "Models."
    assert (await types.update(SYSTEM, "model", description="Small models.")).schema_ == changed.schema_
    with pytest.raises(Invalid, match=r"\$\.rows"):
        await world.services.intake.update(SYSTEM, "entity", "small", {"data": {"rows": 11}})
    with pytest.raises(NotFound):
        await types.update(SYSTEM, "dataset", description="None.")
    assert (await world.events())[0].action == "entity_type:update"


async def test_a_further_version_of_an_entity_counts_too(world: World) -> None:
    await two_models(world)
    await world.services.intake.entity(SYSTEM, "model", "small", {"rows": 99}, governance={"version": "2.0.0"})
    with pytest.raises(Conflict, match="small would not fit"):
        await world.services.entity_types.update(SYSTEM, "model", schema={"properties": {"rows": {"maximum": 10}}})


async def test_a_type_is_deleted_when_no_entity_is_of_it(world: World) -> None:
    await two_models(world)
    types = world.services.entity_types
    with pytest.raises(Conflict, match="used by hidden, small"):
        await types.delete(SYSTEM, "model")
    for path in ("small", "hidden"):
        await world.services.catalog.delete(SYSTEM, "entity", path)
    with pytest.raises(AccessDenied):
        await types.delete(ANN, "model")
    await types.delete(SYSTEM, "model")
    with pytest.raises(NotFound):
        await types.delete(SYSTEM, "model")
    assert await types.list() == []


async def test_a_type_does_not_change_under_an_entity_that_is_being_stored(world: World) -> None:
    types = world.services.entity_types
    await types.define(SYSTEM, "model", {})
    async with types.checked("model", {}):
        for change in (types.define(SYSTEM, "model", {"type": "string"}), types.delete(SYSTEM, "model")):
            with pytest.raises(Conflict, match="being stored; try again"):
                await change
        await types.define(SYSTEM, "dataset", {})
    await types.delete(SYSTEM, "model")
