"""What cannot be undone is asked first, where the client can ask, in both eras."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastmcp.client.elicitation import ElicitResult
from mcp.shared.exceptions import MCPError

from airegistry.core.errors import NotFound
from airegistry.core.principals import SYSTEM
from tests.support.mcp import Json, call, refused
from tests.tools.wiring import MODERN, World

pytestmark = pytest.mark.anyio
ERAS = pytest.mark.parametrize("era", [MODERN, "legacy"])
Person = Callable[..., Awaitable[ElicitResult[Any]]]
REMOVE: Json = {"kind": "server", "path": "weather"}


def person(action: str, asked: list[str]) -> Person:
    """Somebody who always answers the same, and remembers what was asked."""

    async def answer(message: str, kind: Any, params: Any, context: Any) -> ElicitResult[Any]:
        asked.append(message)
        return ElicitResult(action=action, content={} if action == "accept" else None)

    return answer


async def ask(world: World, who: Person | None, era: str, tool: str, /, **arguments: object) -> Json:
    """What a tool answers the operator, whose client asks `who`."""
    client = world.client("operator", era)
    if who is not None:
        client.set_elicitation_callback(who)
    async with client:
        return await call(client, tool, **arguments)


async def there(world: World) -> bool:
    try:
        await world.services.catalog.get(SYSTEM, "server", "weather")
    except NotFound:
        return False
    return True


@ERAS
async def test_an_asset_is_deleted_when_the_person_says_yes(registry: World, era: str) -> None:
    asked: list[str] = []
    answer = await ask(registry, person("accept", asked), era, "delete_asset", **REMOVE)
    assert answer.items() >= {**REMOVE, "deleted": True}.items()
    assert asked == ["Delete server 'weather' with all its versions? This cannot be undone."]
    assert not await there(registry)


@ERAS
async def test_a_dry_run_asks_nobody(registry: World, era: str) -> None:
    asked: list[str] = []
    decline = person("decline", asked)
    looked = await ask(registry, decline, era, "delete_asset", **REMOVE, dry_run=True)
    assert (looked["deleted"], looked["versions"]) == (False, ["1.0.0"])
    before = "2020-01-01T00:00:00Z"  # the world has a clock of its own
    assert await ask(registry, decline, era, "prune_audit", before=before, dry_run=True) == {
        "records": 0, "streams": 0, "dry_run": True,
    }  # fmt: skip
    with refused("not_found"):
        await ask(registry, decline, era, "delete_version", path="weather", version="2.0.0", dry_run=True)
    assert asked == []
    assert await there(registry)


@ERAS
@pytest.mark.parametrize(("action", "said"), [("decline", "said no"), ("cancel", "did not answer")])
async def test_whoever_does_not_say_yes_leaves_everything_as_it_was(
    registry: World, era: str, action: str, said: str
) -> None:
    before = await registry.services.catalog.get(SYSTEM, "server", "weather")
    with refused("approval_required") as failure:
        await ask(registry, person(action, []), era, "delete_asset", **REMOVE)
    assert said in failure.value.content["message"]
    assert await registry.services.catalog.get(SYSTEM, "server", "weather") == before


@ERAS
async def test_a_client_that_cannot_ask_is_served_without(registry: World, era: str) -> None:
    await ask(registry, None, era, "delete_asset", **REMOVE)
    assert not await there(registry)


async def test_a_client_whose_question_fails_has_not_said_yes(registry: World) -> None:
    async def broken(message: str, kind: Any, params: Any, context: Any) -> ElicitResult[Any]:
        raise MCPError(code=-32603, message="the window is closed")

    with refused("approval_required"):
        await ask(registry, broken, "legacy", "delete_asset", **REMOVE)
    assert await there(registry)


@ERAS
async def test_only_the_last_step_of_the_lifecycle_is_asked_for(registry: World, era: str) -> None:
    asked: list[str] = []
    step = {**REMOVE, "reason": "replaced"}
    await ask(registry, person("decline", asked), era, "set_lifecycle_stage", stage="deprecated", **step)
    assert asked == []
    with refused("approval_required"):
        await ask(registry, person("decline", asked), era, "set_lifecycle_stage", stage="retired", **step)
    assert asked == ["Retire server 'weather'? It is neither listed nor called any more."]
    assert (await registry.services.catalog.get(SYSTEM, "server", "weather")).stage == "deprecated"


QUESTIONS: list[tuple[str, Json, str]] = [
    (
        "delete_asset",
        {**REMOVE, "version": "2.0.0"},
        "Delete server 'weather' in version 2.0.0? This cannot be undone.",
    ),
    ("delete_version", {"path": "weather", "version": "1"}, "Delete version 1 of server 'weather'? "),
    ("revoke_token", {"id": "t1"}, "Revoke token 't1'? "),
    ("delete_scope", {"name": "forecasts"}, "Remove scope 'forecasts'? "),
    ("delete_group", {"name": "staff"}, "Remove group 'staff'? "),
    ("delete_limit", {"name": "nights"}, "Remove limit 'nights'?"),
    ("delete_entity_type", {"name": "dataset"}, "Remove entity type 'dataset'?"),
]


@pytest.mark.parametrize(("tool", "arguments", "question"), QUESTIONS, ids=lambda value: str(value)[:20])
async def test_the_question_names_what_goes(registry: World, tool: str, arguments: Json, question: str) -> None:
    asked: list[str] = []
    with refused("approval_required"):
        await ask(registry, person("decline", asked), MODERN, tool, **arguments)
    assert len(asked) == 1
    assert asked[0].startswith(question)


async def test_what_a_model_writes_into_a_question_is_short_and_printable(registry: World) -> None:
    asked: list[str] = []
    with refused("approval_required"):
        await ask(registry, person("decline", asked), MODERN, "delete_scope", name="x\n\u202e" + "y" * 120)
    assert asked[0].startswith(r"Remove scope 'x\n\u202eyyy")
    assert asked[0].isascii()


async def test_every_tool_that_removes_something_asks_first(registry: World) -> None:
    """So that a new one is not forgotten: the others are destructive in that they replace what is there."""
    async with registry.client("operator") as client:
        tools = {tool.name: tool for tool in await client.list_tools()}
    removing = {name for name in tools if name.startswith(("delete_", "revoke_"))}
    assert all(tools[name].annotations.destructive_hint for name in removing)
    for name in sorted(removing):
        arguments = {member: "server" if member == "kind" else "x1" for member in tools[name].input_schema["required"]}
        asked: list[str] = []
        with refused("approval_required"):
            await ask(registry, person("decline", asked), MODERN, name, **arguments)
        assert len(asked) == 1, name
