"""Patterns in administrators' schemas: none takes long, whatever the text, and none is read in another way."""

import time
from contextlib import suppress
from typing import Any

import pytest

from airegistry.core.assets import Json
from airegistry.core.entity_types import DIALECT
from airegistry.core.errors import Invalid
from airegistry.core.linear_patterns import finds
from airegistry.core.principals import SYSTEM
from tests.core.wiring import World

pytestmark = pytest.mark.anyio
SLOW = ["^(a+)+$", "^(a|a)*$", "(.*a){20}$", "^(a?){60}a{60}$", "^([a-zA-Z]+)*$", "a*a*a*a*a*b", r"^(\w+\s?)*$"]
"""Each takes for ever, or far too long, in an engine that goes back."""


@pytest.mark.parametrize("pattern", SLOW)
@pytest.mark.parametrize("where", ["value", "name", "additional"])
async def test_no_pattern_takes_long(world: World, pattern: str, where: str) -> None:
    text = "a" * 50_000 + "!"
    schema: Json = {"properties": {"id": {"pattern": pattern}}}
    data: Json = {"id": text}
    if where != "value":
        schema, data = {"patternProperties": {pattern: {"type": "integer"}}}, {text: 1}
    if where == "additional":
        schema["additionalProperties"] = False
    types = world.services.entity_types
    await types.define(SYSTEM, "machine", schema)
    started = time.monotonic()
    with suppress(Invalid):
        await types.check("machine", data)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(("pattern", "why"), [
    (r"(?=a)b", "look-around"), (r"(?<!a)b", "look-around"), (r"(a)\1", "backreferences"), ("(", "unclosed"),
    ("a" * 1001, "longer than 1000"), ("((a{1000}){1000}){1000}", "limit"),
])  # fmt: skip
@pytest.mark.parametrize("member", ["pattern", "patternProperties"])
async def test_what_only_going_back_can_read_is_refused_when_it_is_defined(
    world: World, pattern: str, why: str, member: str
) -> None:
    value: Any = pattern if member == "pattern" else {pattern: {}}
    with pytest.raises(Invalid, match=r"^schema:") as refused:
        await world.services.entity_types.define(SYSTEM, "machine", {"properties": {"id": {member: value}}})
    if pattern != "(":  # that jsonschema itself may find first
        assert why in refused.value.message


async def test_no_detour_leads_to_another_reading(world: World) -> None:
    evil: Json = {"$schema": DIALECT, "pattern": "^(a+)+$"}
    for schema in (
        {"properties": {"default": evil}}, {"$ref": "#/default", "default": evil}, {"$defs": {"x": [evil]}},
        {"unevaluatedProperties": False, "allOf": [{"patternProperties": {"^(a+)+$": {}}}]},
    ):  # fmt: skip
        with pytest.raises(Invalid, match="schema"):
            await world.services.entity_types.define(SYSTEM, "machine", schema)  # type: ignore[arg-type]  # as JSON


async def test_patterns_mean_what_they_say(world: World) -> None:
    types = world.services.entity_types
    await types.define(SYSTEM, "machine", {
        "$schema": DIALECT,
        "properties": {"id": {"pattern": r"^[a-z]+-\d{2,4}$"}, "host": {"pattern": r"^(?:[a-z0-9-]+\.)*[a-z]+$"}},
        "patternProperties": {"^x-": {"type": "integer"}}, "additionalProperties": False,
    })  # fmt: skip
    await types.check("machine", {"id": "rack-17", "host": "a.b.example", "x-units": 3})
    for wrong in ({"id": "rack-1"}, {"id": "rack-17\n"}, {"x-units": "3"}, {"units": 3}, {"host": "a..b"}):
        with pytest.raises(Invalid):
            await types.check("machine", wrong)  # type: ignore[arg-type]  # as JSON
    await types.define(SYSTEM, "open", {"additionalProperties": {"type": "string"}, "properties": {"n": {}}})
    await types.check("open", {"n": 1, "word": "w"})
    await types.define(
        SYSTEM, "inner", {"properties": {"n": {"patternProperties": {"^x": {}}, "additionalProperties": False}}}
    )
    await types.check("inner", {"n": 1})  # keywords for objects say nothing of what is none
    with pytest.raises(Invalid):
        await types.check("open", {"word": 1})


def test_a_pattern_is_looked_for_anywhere_and_a_text_that_is_no_unicode_has_none() -> None:
    assert finds("b", "abc")
    assert not finds("b", "\ud800b")
