"""Each process has an index of its own: what is done to one is done to the others."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anyio
import pytest

from airegistry.core.index_care import IndexCare, Job
from airegistry.core.principals import SYSTEM
from airegistry.stores.memory import MemoryStore
from tests.core.test_index_care import Counted
from tests.core.wiring import World, asset, build
from tests.support.waiting import until

pytestmark = pytest.mark.anyio


class Process:
    """A process with an embedder in force, and perhaps others."""

    def __init__(self, world: World, old: Counted, new: Counted) -> None:
        self.world, self.old, self.new = world, old, new

    @property
    def care(self) -> IndexCare:
        return self.world.services.index_care

    @property
    def embedder(self) -> str:
        return self.care.status(SYSTEM).embedder

    @property
    def job(self) -> Job | None:
        return self.care.status(SYSTEM).job


async def process(store: MemoryStore, **others: Counted) -> Process:
    old, new = Counted("old", 8), Counted("new", 5)
    embedders: Mapping[str, Counted] = others or {"new": new}
    world = await build(store=store, embedder=old, embedders=embedders, shared=True)
    await world.services.search.rebuild()
    await world.services.search.embed_all()
    return Process(world, old, new)


@asynccontextmanager
async def at_work(*processes: Process) -> AsyncIterator[None]:
    async with anyio.create_task_group() as tasks:
        for each in processes:
            tasks.start_soon(each.care.run)
        yield
        tasks.cancel_scope.cancel()


async def store_with_an_agent() -> MemoryStore:
    store = MemoryStore()
    world = await build(store=store)
    await world.services.catalog.register(SYSTEM, asset("agent", "one", description="About agents."))
    return store


async def test_an_embedder_that_one_switched_to_is_switched_to_by_the_others() -> None:
    store = await store_with_an_agent()
    one, other = await process(store), await process(store)
    async with at_work(one, other):
        job = await one.care.switch(SYSTEM, "new")
        await job.ended.wait()
        await other.care.follow(["embedder"])
        await until(lambda: other.embedder == "new")
        assert other.job is not None
        await other.job.ended.wait()
        assert (other.job.state, other.job.who) == ("done", SYSTEM)
        await one.care.follow(["embedder"])  # told of its own once more
        await other.care.follow()
        await anyio.wait_all_tasks_blocked()
        assert (one.job, other.new.asked != []) == (job, True)


async def test_what_one_makes_anew_the_others_make_anew_too_after_what_they_are_at() -> None:
    store = await store_with_an_agent()
    one, other = await process(store), await process(store)
    async with at_work(one, other):
        other.new.gate.clear()
        switch = await other.care.switch(SYSTEM, "new")
        job = await one.care.reindex(SYSTEM, "agent/one")
        await job.ended.wait()
        await other.care.follow(["reindex"])
        assert other.job is switch
        other.new.gate.set()
        await until(lambda: other.job is not switch and other.job is not None and other.job.state == "done")
        assert other.job is not None
        assert (other.job.act, other.job.of, switch.state) == ("reindex", "agent/one", "done")


async def test_an_embedder_that_a_process_has_not_leaves_it_with_the_one_in_force(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = await store_with_an_agent()
    one, other = await process(store), await process(store, another=Counted("another", 3))
    async with at_work(one, other):
        await (await one.care.switch(SYSTEM, "new")).ended.wait()
        await other.care.follow()
        await until(lambda: "this one cannot" in caplog.text)
        assert (other.embedder, other.job) == ("none", None)


async def test_an_asset_that_is_gone_by_then_is_not_made_anew() -> None:
    store = await store_with_an_agent()
    one, other = await process(store), await process(store)
    async with at_work(one, other):
        await (await one.care.reindex(SYSTEM, "agent/one")).ended.wait()
        await other.world.services.catalog.delete(SYSTEM, "agent", "one")
        await other.care.follow(["reindex"])
        await anyio.wait_all_tasks_blocked()
        assert other.job is None
