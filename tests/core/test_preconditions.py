"""A change that is made only of what its caller has read."""

import anyio
import pytest

from airegistry.core.events import Event
from airegistry.core.preconditions import Changed, check, met, only_as
from airegistry.core.principals import SYSTEM
from airegistry.core.shelf import Named
from tests.core.wiring import asset, build

pytestmark = pytest.mark.anyio
NAMED: Named = ("server", "weather", None)


def test_without_a_condition_every_revision_will_do() -> None:
    check(NAMED, 7)


def test_one_asset_is_held_and_no_other() -> None:
    with only_as(NAMED, 3):
        check(NAMED, 3)
        check(("server", "maps", None), 9)
        check(("server", "weather", "1.0.0"), -1)
        with pytest.raises(Changed, match="'weather' has changed"):
            check(NAMED, 4)
    check(NAMED, 4)


def test_what_follows_from_the_change_is_not_held() -> None:
    with only_as(NAMED, 3):
        met(("server", "maps", None))
        with pytest.raises(Changed):
            check(NAMED, 4)
        met(NAMED)
        check(NAMED, 4)


async def test_a_task_that_was_started_with_a_change_is_not_held_after_it() -> None:
    over, held = anyio.Event(), list[bool]()

    async def lives_on() -> None:
        await over.wait()
        check(NAMED, 4)
        held.append(False)

    async with anyio.create_task_group() as group:
        with only_as(NAMED, 3):
            group.start_soon(lives_on)
        over.set()
    assert held == [False]


async def test_whoever_is_told_of_a_change_reads_what_was_made_of_it() -> None:
    services = (await build()).services
    await services.catalog.register(SYSTEM, asset("server", "weather", url="https://weather.test/mcp"), fetch=False)
    read: list[list[str]] = []

    async def told(event: Event) -> None:
        read.append((await services.catalog.get(SYSTEM, "server", "weather")).tags)

    services.events.subscribe(told)
    with only_as(NAMED, 1):
        await services.catalog.update(SYSTEM, "server", "weather", {"tags": ["new"]})
    assert read == [["new"]]


async def test_a_change_that_came_in_between_is_not_written_over() -> None:
    services = (await build()).services
    await services.catalog.register(SYSTEM, asset("server", "weather", url="https://weather.test/mcp"), fetch=False)
    with only_as(NAMED, 1):
        await services.catalog.update(SYSTEM, "server", "weather", {"tags": ["first"]})
    with only_as(NAMED, 1), pytest.raises(Changed):
        await services.catalog.update(SYSTEM, "server", "weather", {"tags": ["second"]})
    with only_as(NAMED, 1), pytest.raises(Changed):
        await services.catalog.delete(SYSTEM, "server", "weather")
    assert (await services.catalog.get(SYSTEM, "server", "weather")).tags == ["first"]
