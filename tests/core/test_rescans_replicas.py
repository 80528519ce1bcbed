"""One process scans everything again for all: what it was paused in undoes nothing, and all know how far it is."""

from datetime import timedelta

import anyio
import pytest

from airegistry.core.documents import DocumentStore
from airegistry.core.errors import Conflict
from airegistry.core.leases import Lease
from airegistry.core.principals import SYSTEM
from airegistry.core.rescans import Rescans, Sweep
from airegistry.stores.memory import MemoryStore
from tests.core.test_rescans import Fickle, put
from tests.core.wiring import World, build
from tests.support.paused import Paused

pytestmark = pytest.mark.anyio


async def process(store: DocumentStore) -> tuple[World, Fickle]:
    scanner = Fickle()
    return await build(scanners=[scanner], store=store, shared=True), scanner


async def two() -> tuple[World, World, Paused]:
    """Two processes with an agent; what the first does with the store can be paused."""
    store = MemoryStore()
    paused = Paused(store)
    one, other = await process(paused), await process(store)
    await put(one[0], "a")
    await one[0].services.rescans.catch_up()
    await other[0].services.rescans.follow()
    return one[0], other[0], paused


def last(rescans: Rescans) -> Sweep:
    found = rescans.status(SYSTEM).last
    assert found is not None
    return found


async def test_a_process_that_was_paused_does_not_end_or_begin_a_sweep_over_a_newer_one() -> None:
    for begins in (True, False):
        one, other, paused = await two()
        for world in (one, other):
            world.clock.pass_(24 * 3600 + 1)
        pause = paused.pause("put", "sweeps")
        if not begins:
            await other.services.rescans.sweep(SYSTEM)  # it goes on at the first, which is paused before its end

        async def late(one: World = one) -> None:
            with pytest.raises(Conflict):
                await one.services.rescans.catch_up()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(late)
            await pause.reached.wait()
            await other.services.rescans.catch_up()
            other.clock.pass_(60)
            await other.services.rescans.sweep(SYSTEM)
            newer = last(other.services.rescans)
            pause.over.set()
        await other.services.rescans.follow()
        assert last(other.services.rescans) == newer
        assert newer.ended is None


async def test_a_sweep_that_goes_on_elsewhere_is_not_begun_a_second_time() -> None:
    one, other, _ = await two()
    await one.services.rescans.sweep(SYSTEM)
    with pytest.raises(Conflict, match="already"):
        await other.services.rescans.sweep(SYSTEM)


async def test_the_report_of_a_process_that_was_paused_is_not_kept_over_a_newer_one() -> None:
    one, other, paused = await two()
    pause = paused.pause("put", "scans")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one.services.rescans.scan, SYSTEM, "agent", "a")
        await pause.reached.wait()
        other.clock.pass_(60)
        one.clock.pass_(120)
        _, newer = await other.services.rescans.scan(SYSTEM, "agent", "a")
        pause.over.set()
    found = await other.shelf.get("agent", "a")
    assert found is not None
    kept = await other.services.scans.kept(found[0])
    assert kept is not None
    assert kept.scanned_at - newer.scanned_at == timedelta(seconds=60)  # it was scanned once more, after that


async def test_all_processes_know_how_far_a_sweep_is_that_one_of_them_makes() -> None:
    one, other, paused = await two()
    await put(one, "b", "c")
    one.services.rescans.under(Lease("rescans", 1, one.clock, 1e9))
    one.clock.pass_(24 * 3600 + 1)
    async with anyio.create_task_group() as tasks:
        begun, told = paused.pause("put", "sweeps"), paused.pause("put", "sweeps")
        tasks.start_soon(one.services.rescans.catch_up)
        await begun.reached.wait()
        begun.over.set()
        await told.reached.wait()
        second = paused.pause("put", "scans")
        told.over.set()
        await second.reached.wait()
        await other.services.rescans.follow()
        status = other.services.rescans.status(SYSTEM)
        assert (status.progress.total, status.progress.done, last(other.services.rescans).ended) == (3, 1, None)
        second.over.set()
    await other.services.rescans.follow()
    assert other.services.rescans.status(SYSTEM).progress.done == 3
    assert last(other.services.rescans).ended is not None


async def test_a_process_that_lost_its_lease_tells_no_older_progress() -> None:
    one, other, _ = await two()
    rescans = other.services.rescans
    rescans.under(Lease("rescans", 2, other.clock, 1e9))
    other.clock.pass_(24 * 3600 + 1)
    await rescans.catch_up()
    one.services.rescans.under(Lease("rescans", 1, one.clock, 1e9))
    await put(one, "b")
    one.clock.pass_(3 * 24 * 3600)
    await one.services.rescans.catch_up()
    kept = await other.store.get("sweeps", "progress")
    assert kept is not None
    assert (kept.body["done"], kept.body["fence"]) == (1, 2)
