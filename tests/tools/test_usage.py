"""`get_usage`."""

import pytest

from airegistry.core.principals import SYSTEM
from tests.support.mcp import Json, call, refused
from tests.tools.wiring import World

pytestmark = pytest.mark.anyio


async def ask(world: World, subject: str, **arguments: object) -> Json:
    """What the tool answers one caller."""
    async with world.client(subject) as client:
        return await call(client, "get_usage", **arguments)


async def used(world: World, path: str, times: int) -> None:
    """Calls of a server's tool that went well."""
    world.core.server(path, ("forecast", "archive"))
    await world.services.catalog.refresh(SYSTEM, path)
    for _ in range(times):
        entered = await world.services.invocation.enter(SYSTEM, path, "tools/call", "forecast")
        world.services.invocation.leave(entered, "ok")


async def test_one_asset_is_told_by_tool_caller_and_day(registry: World) -> None:
    await used(registry, "weather", 3)
    answer = await ask(registry, "operator", path="/weather", days=1)
    assert [(row["of"], row["name"], row["calls"]) for row in answer["rows"]] == [
        ("asset", "server/weather", 3), ("tool", "forecast", 3), ("caller", SYSTEM.subject, 3),
        ("period", "2026-11-20", 3),
    ]  # fmt: skip
    assert answer["rows"][0]["p50_ms"] == 5
    assert len(answer["rows"][0]["histogram"]) == len(answer["buckets_ms"]) + 1
    assert "caller" not in {row["of"] for row in (await ask(registry, "ann", path="weather"))["rows"]}


async def test_what_one_may_not_see_is_not_found_and_in_no_view(registry: World) -> None:
    await used(registry, "vault", 3)
    with refused("not_found"):
        await ask(registry, "ann", path="vault")
    assert (await ask(registry, "ann"))["rows"] == []
    assert [row["name"] for row in (await ask(registry, "bob"))["rows"]] == ["server/vault"]
    assert "server/vault" not in {row["name"] for row in (await ask(registry, "ann", view="unused"))["rows"]}


async def test_by_the_hour_there_is_one_asset_at_a_time(registry: World) -> None:
    with refused("invalid"):
        await ask(registry, "operator", hourly=True)
    with refused("invalid"):
        await ask(registry, "operator", path="folding", kind="skill")


async def test_all_assets_together_are_told_by_day_and_hour_as_far_as_one_sees_them(registry: World) -> None:
    await used(registry, "weather", 3)
    await used(registry, "vault", 2)
    for subject, calls in (("bob", 5), ("ann", 3)):
        rows = (await ask(registry, subject, view="periods", days=1))["rows"]
        assert [(row["of"], row["name"], row["calls"]) for row in rows] == [("period", "2026-11-20", calls)]
        hourly = (await ask(registry, subject, view="periods", days=1, hourly=True))["rows"]
        assert [(row["name"][:10], row["calls"]) for row in hourly] == [("2026-11-20", calls)]


async def test_the_slowest_and_those_with_errors_come_first(registry: World) -> None:
    await used(registry, "weather", 2)
    await used(registry, "vault", 1)
    entered = await registry.services.invocation.enter(SYSTEM, "weather", "tools/call", "forecast")
    registry.services.invocation.leave(entered, "tool_error")
    failing = (await ask(registry, "operator", view="errors"))["rows"]
    assert [(row["name"], row["errors"]) for row in failing] == [("server/weather", 1)]
    slow = (await ask(registry, "operator", view="slow"))["rows"]
    assert {row["name"] for row in slow} == {"server/weather", "server/vault"}
