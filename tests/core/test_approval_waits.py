"""Requests for approval where several processes work on one store: one decides, another waits, one is killed."""

from functools import partial

import anyio
import pytest

from airegistry.core.approval_requests import LOST
from airegistry.core.approvals import Approvals
from airegistry.core.assets import Json, Server
from airegistry.core.documents import Document
from airegistry.core.errors import ApprovalRequired, Conflict
from airegistry.core.pleas import Unapproved
from airegistry.core.principals import SYSTEM
from airegistry.core.telemetry import NoTelemetry
from airegistry.stores.memory import MemoryStore
from tests.core.test_approvals import ROBOT, Told, approver, asked, matter, plea, risky
from tests.core.wiring import World, build

pytestmark = pytest.mark.anyio


def replica(world: World, seconds: float = 5.0) -> Approvals:
    """The approvals of another process on the same store."""
    services = world.services
    return Approvals(
        world.store, world.shelf, services.access, services.audit, world.clock, NoTelemetry(), timeout=seconds
    )


async def call(approvals: Approvals, server: Server, said: Told) -> None:
    await approvals.obtain(Unapproved(matter(server)), said)


async def open_request(approvals: Approvals) -> str:
    with anyio.fail_after(5):
        while not (found := (await approvals.list(SYSTEM))[0]):  # noqa: ASYNC110  # a store has no event for it
            await anyio.sleep(0.01)
    return found[0].id


async def kill_while_waiting(world: World) -> str:
    """Have a call wait in a process that is killed; its request."""
    dead, server = replica(world), await risky(world)
    async with anyio.create_task_group() as group:
        group.start_soon(call, dead, server, plea(what=1))
        id = await open_request(dead)
        stored = await world.store.get("approvals", id)
        group.cancel_scope.cancel()
    assert stored is not None
    # What a process does when it ends in order is undone: this one did not.
    await world.store.put("approvals", id, stored.body)
    return id


async def test_a_call_goes_on_within_a_second_of_a_decision_in_another_process() -> None:
    world = await build()
    here, there, server, bob = replica(world), replica(world), await risky(world), await approver(world)
    said = plea(what=1)
    async with anyio.create_task_group() as group:
        group.start_soon(call, here, server, said)
        id = await open_request(there)
        with anyio.fail_after(1):
            await there.decide(bob, id, "approve")
            while said.ticket is None:  # noqa: ASYNC110  # as above
                await anyio.sleep(0.01)
    assert (await here.use(matter(server), said)).startswith("approved by user:bob")
    with pytest.raises(ApprovalRequired):
        await there.use(matter(server), said)


async def test_what_waits_in_a_process_that_shows_life_is_left_alone() -> None:
    world = await build()
    here, there, server, bob = replica(world), replica(world), await risky(world), await approver(world)
    said = plea(what=1)
    async with anyio.create_task_group() as group:
        group.start_soon(call, here, server, said)
        id = await open_request(there)
        for _ in range(5):
            await there.sweep()
            world.clock.pass_(10)
            await here.sweep()
        assert (await there.decide(bob, id, "approve")).status == "approved"


async def test_what_waited_in_a_process_without_life_is_withdrawn_and_cannot_be_approved() -> None:
    world = await build()
    there, bob = replica(world), await approver(world)
    id = await kill_while_waiting(world)
    await there.sweep()
    assert [each.id for each in (await there.list(SYSTEM))[0]] == [id]
    world.clock.pass_(15)
    await there.sweep()
    assert (await there.list(SYSTEM))[0] == []
    ((over,), _) = await there.list(bob, status="withdrawn")
    assert (over.id, over.reason, over.decided_by) == (id, LOST, "")
    with pytest.raises(Conflict, match="withdrawn"):
        await there.decide(bob, id, "approve")
    (event, _) = await world.events(action="approval:withdraw")
    assert (event.subject, event.reason) == ("system", f"{id} of token:robot: {LOST}")
    world.clock.pass_(15)
    await there.sweep()
    assert [document.key async for document in world.store.find("approval_waits")] == []


async def test_where_a_process_is_alone_what_waited_before_its_start_is_withdrawn_at_once() -> None:
    world = await build()
    id = await kill_while_waiting(world)
    services = world.services
    alone = Approvals(world.store, world.shelf, services.access, services.audit, world.clock, NoTelemetry(), alone=True)
    assert (await alone.list(SYSTEM))[0] == []
    async with anyio.create_task_group() as group:
        group.start_soon(alone.run)
        with anyio.fail_after(5):
            while len(await world.events(action="approval:withdraw")) < 2:  # noqa: ASYNC110  # the trail has no event
                await anyio.sleep(0.01)
        group.cancel_scope.cancel()
    assert [each.id for each in (await alone.list(SYSTEM, status="withdrawn"))[0]] == [id]


async def test_calls_in_the_same_words_wait_for_requests_of_their_own_in_whatever_process() -> None:
    world = await build()
    here, there, server, bob = replica(world), replica(world), await risky(world), await approver(world)
    left = await asked(world, server, what=1)
    async with anyio.create_task_group() as group:
        for approvals in (here, there):
            group.start_soon(call, approvals, server, plea(what=1))
        with anyio.fail_after(5):
            while len(found := (await there.list(SYSTEM))[0]) < 2:  # noqa: ASYNC110  # as above
                await anyio.sleep(0.01)
        assert left in {each.id for each in found}
        for each in found:
            await here.decide(bob, each.id, "approve")


async def test_a_decision_counts_though_a_call_joins_or_leaves_its_request_at_that_moment() -> None:
    world = await build()
    here, there, server, bob = replica(world), replica(world, 0.001), await risky(world), await approver(world)
    for number in range(30):
        with pytest.raises(ApprovalRequired):
            await call(there, server, plea(what=number))
        id = await open_request(there)
        async with anyio.create_task_group() as group:
            group.start_soon(partial(_try, there, server, number))
            group.start_soon(here.decide, bob, id, "approve")
        assert (await there.list(SYSTEM))[0] == []


async def _try(approvals: Approvals, server: Server, number: int) -> None:
    """Call again in the same words; it may be too late for that, or too early."""
    try:
        await call(approvals, server, plea(ROBOT, what=number))
    except ApprovalRequired:
        return


class Contended(MemoryStore):
    """Has another process write a request for approval just before the next write to it, by `meanwhile`."""

    meanwhile: Json | None = None

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        if collection == "approvals" and expect and self.meanwhile is not None:
            changes, self.meanwhile = self.meanwhile, None
            found = await self.get(collection, key)
            assert found is not None
            await super().put(collection, key, {**found.body, **changes})
        return await super().put(collection, key, body, expect=expect)


async def test_a_step_is_taken_though_something_else_of_the_request_was_written_meanwhile() -> None:
    store = Contended()
    world = await build(store=store)
    server, bob = await risky(world), await approver(world)
    store.meanwhile = {"client": "another"}
    id = await asked(world, server)
    stored = await world.store.get("approvals", id)
    assert stored is not None
    assert (stored.body["waiter"], stored.body["client"]) == ("", "another")
    store.meanwhile = {"waiter": "elsewhere"}
    decided = await replica(world).decide(bob, id, "approve")
    assert (decided.status, decided.waiter) == ("approved", "elsewhere")


async def test_what_is_used_at_the_last_moment_has_not_expired() -> None:
    store = Contended()
    world = await build(store=store)
    id = await asked(world, await risky(world))
    world.clock.pass_(700)
    store.meanwhile = {"status": "used"}
    await world.services.approvals.sweep()
    assert await world.events(action="approval:expire") == []
    assert [each.id for each in (await world.services.approvals.list(SYSTEM, status="used"))[0]] == [id]


async def test_a_decision_of_another_process_is_seen_as_soon_as_the_feed_tells_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("airegistry.core.approvals.LOOK", 60.0)
    world = await build()
    here, there, server, bob = replica(world), replica(world), await risky(world), await approver(world)
    said = plea(what=1)
    async with anyio.create_task_group() as group:
        group.start_soon(call, here, server, said)
        id = await open_request(there)
        await here.woken([id, "another"])  # something else of it was written: it waits on
        await anyio.wait_all_tasks_blocked()
        assert said.ticket is None
        await there.decide(bob, id, "approve")
        await here.woken()
        with anyio.fail_after(1):
            while said.ticket is None:  # noqa: ASYNC110  # as above
                await anyio.sleep(0.01)


async def approved(world: World, approvals: Approvals, server: Server) -> Told:
    """A call that was approved and goes out in a process."""
    await approvals.decide(await approver(world), await asked(world, server), "approve")
    said = plea()
    await approvals.obtain(Unapproved(matter(server)), said)
    assert said.ticket is not None
    await approvals.use(matter(server), said)
    return said


def going_on(state: str) -> Told:
    return Told(lambda: {"name": "wipe", "arguments": {}, "requestState": state}, lambda: ROBOT)


async def test_an_approved_call_goes_on_once_in_whatever_process_it_comes_to() -> None:
    world = await build()
    here, there, server = replica(world), replica(world), await risky(world)
    said = await approved(world, here, server)
    assert said.ticket is not None
    async with anyio.create_task_group() as group:
        group.start_soon(here.run)
        here.goes_on(said.ticket, "s")
        here.goes_on(said.ticket, "s")  # asked for twice, it goes on once still
        with anyio.fail_after(5):
            while not [each async for each in world.store.find("approval_states")]:  # noqa: ASYNC110  # as above
                await anyio.sleep(0.01)
        group.cancel_scope.cancel()
    again, late = going_on("s"), going_on("s")
    for each, process in ((again, there), (late, here)):
        await process.obtain(Unapproved(matter(server)), each)
    assert await there.use(matter(server), again) == "goes on with an approved call"
    for process in (here, there):
        with pytest.raises(ApprovalRequired):
            await process.use(matter(server), late)


async def test_an_approved_call_that_comes_back_at_once_goes_on_and_leaves_nothing() -> None:
    world = await build()
    here, server = replica(world), await risky(world)
    said = await approved(world, here, server)
    assert said.ticket is not None
    here.goes_on(said.ticket, "s")
    again = going_on("s")
    await here.obtain(Unapproved(matter(server)), again)
    assert await here.use(matter(server), again) == "goes on with an approved call"
    async with anyio.create_task_group() as group:
        group.start_soon(here.run)
        await anyio.wait_all_tasks_blocked()
        assert [each async for each in world.store.find("approval_states")] == []
        group.cancel_scope.cancel()


async def test_what_no_call_came_back_with_is_forgotten_when_its_time_is_over() -> None:
    world = await build()
    here, server = replica(world), await risky(world)
    said = await approved(world, here, server)
    assert said.ticket is not None
    here.goes_on(said.ticket, "s")
    async with anyio.create_task_group() as group:
        group.start_soon(here.run)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    late = going_on("s")
    await here.obtain(Unapproved(matter(server)), late)
    world.clock.pass_(601)
    with pytest.raises(ApprovalRequired):
        await here.use(matter(server), late)
    here.goes_on(said.ticket, "t")
    world.clock.pass_(601)
    await here.sweep()
    assert [each async for each in world.store.find("approval_states")] == []
