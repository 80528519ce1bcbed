"""Types change at one process while entities of them are stored at another: no entity stays that does not fit."""

from functools import partial

import anyio
import pytest
from pydantic import JsonValue

from airegistry.core.assets import Entity, Json
from airegistry.core.entity_types import Moved
from airegistry.core.errors import Conflict, NotFound
from airegistry.core.leases import COLLECTION
from airegistry.core.principals import SYSTEM
from airegistry.core.shelf import ASSETS
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import World, build
from tests.support.paused import Pause, Paused

pytestmark = pytest.mark.anyio

ANY: Json = {"type": "object"}
STRICT: Json = {"type": "object", "properties": {"rows": {"type": "integer"}}, "required": ["rows"]}


async def two() -> tuple[World, World, Paused]:
    """Two processes, the first with the type `table`; what the second does with the store can be paused."""
    store = MemoryStore()
    paused = Paused(store)
    one, other = await build(store=store, shared=True), await build(store=paused, shared=True)
    await one.services.entity_types.define(SYSTEM, "table", ANY)
    return one, other, paused


async def data(world: World, path: str = "orders") -> Json | None:
    """What an entity has, None when there is none."""
    found = await world.shelf.get("entity", path)
    if found is None:
        return None
    assert isinstance(found[0], Entity)
    return found[0].data


async def schema(world: World) -> Json:
    return (await world.services.entity_types.get("table")).schema_


async def register(world: World, outcome: list[object], **value: JsonValue) -> None:
    try:
        await world.services.intake.entity(SYSTEM, "table", "orders", value, governance={})
        outcome.append("stored")
    except (Conflict, NotFound) as error:
        outcome.append(type(error))


async def test_an_entity_that_was_judged_by_the_schema_of_before_is_taken_back() -> None:
    one, other, paused = await two()
    outcome, pause = list[object](), paused.pause("put", ASSETS)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(register, other, outcome, name="Orders"))
        await pause.reached.wait()
        await one.services.entity_types.define(SYSTEM, "table", STRICT)
        pause.over.set()
    assert (outcome, await data(one), await schema(one)) == ([Moved], None, STRICT)


async def test_an_entity_that_fits_the_new_schema_as_well_stays() -> None:
    one, other, paused = await two()
    outcome, pause = list[object](), paused.pause("put", ASSETS)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(register, other, outcome, rows=1))
        await pause.reached.wait()
        await one.services.entity_types.define(SYSTEM, "table", STRICT)
        pause.over.set()
    assert (outcome, await data(one)) == (["stored"], {"rows": 1})


async def test_an_entity_of_a_type_that_was_removed_meanwhile_is_taken_back() -> None:
    one, other, paused = await two()
    outcome, pause = list[object](), paused.pause("put", ASSETS)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(register, other, outcome)
        await pause.reached.wait()
        await one.services.entity_types.delete(SYSTEM, "table")
        pause.over.set()
    assert (outcome, await data(one)) == ([Moved], None)


async def test_a_change_of_an_entity_is_taken_back_to_what_it_was() -> None:
    one, other, paused = await two()
    await one.services.intake.entity(SYSTEM, "table", "orders", {"rows": 1}, governance={})
    pause = paused.pause("put", ASSETS)
    async with anyio.create_task_group() as tasks:

        async def update() -> None:
            with pytest.raises(Moved):
                await other.services.intake.update(SYSTEM, "entity", "orders", {"data": {"rows": "many"}})

        tasks.start_soon(update)
        await pause.reached.wait()
        await one.services.entity_types.define(SYSTEM, "table", STRICT)
        pause.over.set()
    assert (await data(one), await schema(one)) == ({"rows": 1}, STRICT)


async def _defined(world: World, pause: Pause, meanwhile: World) -> list[object]:
    """Have a type defined strictly by one process, which is paused, and an entity stored by another meanwhile."""
    outcome = list[object]()

    async def define() -> None:
        try:
            await world.services.entity_types.define(SYSTEM, "table", STRICT)
            outcome.append("defined")
        except Conflict as error:
            outcome.append(type(error))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(define)
        await pause.reached.wait()
        await meanwhile.services.intake.entity(SYSTEM, "table", "orders", {"name": "Orders"}, governance={})
        pause.over.set()
    return outcome


async def test_a_schema_that_an_entity_does_not_fit_which_came_meanwhile_is_not_kept() -> None:
    one, other, paused = await two()
    assert await _defined(other, paused.pause("put", "entity_types"), one) == [Conflict]
    assert (await schema(one), await data(one)) == (ANY, {"name": "Orders"})


async def test_a_type_is_not_removed_when_an_entity_of_it_came_meanwhile() -> None:
    one, other, paused = await two()
    pause = paused.pause("delete", "entity_types")
    async with anyio.create_task_group() as tasks:

        async def delete() -> None:
            with pytest.raises(Conflict, match="orders"):
                await other.services.entity_types.delete(SYSTEM, "table")

        tasks.start_soon(delete)
        await pause.reached.wait()
        await one.services.intake.entity(SYSTEM, "table", "orders", {}, governance={})
        pause.over.set()
    assert (await schema(one), await data(one)) == (ANY, {})


async def test_a_process_that_was_paused_until_another_took_its_turn_writes_no_type_over_the_newer_one() -> None:
    one, other, paused = await two()
    pause = paused.pause("put", "entity_types")
    async with anyio.create_task_group() as tasks:

        async def define() -> None:
            with pytest.raises(Conflict):
                await other.services.entity_types.define(SYSTEM, "table", STRICT)

        tasks.start_soon(define)
        await pause.reached.wait()
        await one.store.delete(COLLECTION, "entity_type/table")  # as if it had been silent for the whole time
        await one.services.entity_types.define(SYSTEM, "table", ANY, "newer")
        pause.over.set()
    assert (await one.services.entity_types.get("table")).description == "newer"
