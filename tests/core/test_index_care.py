"""Care of the index: what lacks vectors, making them again, and another embedder without a gap."""

import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import anyio
import numpy as np
import pytest

from airegistry.core.errors import AccessDenied, Conflict, Invalid, NotFound
from airegistry.core.grants import Grant
from airegistry.core.index_care import IndexCare, Job, embedder_in_force
from airegistry.core.ports import Vectors
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.search_texts import texts_of
from tests.core.wiring import ANN, World, asset, build

pytestmark = pytest.mark.anyio


class Counted:
    """Vectors of a length, by the sum of a text's bytes; it counts what it is asked for, and can be stopped."""

    def __init__(self, name: str, dimensions: int) -> None:
        self.fingerprint = name
        self.dimensions = dimensions
        self.asked: list[str] = []
        self.broken = ""
        self.gate = threading.Event()
        self.query_gate = threading.Event()
        self.gate.set()
        self.query_gate.set()

    def embed(self, texts: Sequence[str]) -> Vectors:
        assert self.gate.wait(20)
        if self.broken and any(self.broken in text for text in texts):
            raise RuntimeError("out of memory")
        self.asked += texts
        return np.stack([self._vector(text) for text in texts])

    def embed_query(self, text: str) -> Vectors:
        assert self.query_gate.wait(20)
        return self._vector(text)

    def _vector(self, text: str) -> Vectors:
        vector = np.random.default_rng(sum(text.encode())).normal(size=self.dimensions).astype(np.float32)
        return vector / np.float32(np.linalg.norm(vector))


class Desk:
    """A world with two agents, an embedder in force, and another that can be switched to."""

    def __init__(self, world: World, old: Counted, new: Counted) -> None:
        self.world, self.old, self.new = world, old, new

    @property
    def care(self) -> IndexCare:
        return self.world.services.index_care

    async def put(self, path: str, **fields: object) -> None:
        await self.world.services.catalog.register(SYSTEM, asset("agent", path, **fields))

    async def legs(self) -> dict[str, float]:
        """How near the agents are to a query in meaning: 0 where there is no vector."""
        indexing = self.world.services.search.indexing
        matches, _ = indexing.index.search("agent", indexing.embedding.queries(["crane"]))
        return {match.id: match.dense for match in matches}


@pytest.fixture
async def desk() -> Desk:
    old, new = Counted("old", 8), Counted("new", 5)
    world = await build(embedder=old, embedders={"new": new})
    await world.services.search.embed_all()
    made = Desk(world, old, new)
    for path in ("agent-one", "agent-two"):
        await made.put(path, description="About agents.")
    return made


@asynccontextmanager
async def running(care: IndexCare) -> AsyncIterator[None]:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(care.run)
        yield
        tasks.cancel_scope.cancel()


async def ended(job: Job) -> Job:
    with anyio.fail_after(20):
        await job.ended.wait()
    return job


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(20):
        while not condition():  # noqa: ASYNC110  # the condition is anything
            await anyio.sleep(0.005)


async def test_the_status_names_assets_without_vectors_to_administrators_who_may_see_them(desk: Desk) -> None:
    status = desk.care.status(SYSTEM)
    assert (status.fingerprint, status.assets, status.documents, status.missing) == ("old", 2, 2, 0)
    desk.old.broken = "secret"
    await desk.put("secret-plan", groups=["board"])
    await desk.put("open-secret")
    assert desk.care.status(SYSTEM).names == ["agent/open-secret", "agent/secret-plan"]
    admin = await desk.world.holding(Grant(kinds=["registry"], actions=["policy"]))
    assert (desk.care.status(admin).missing, desk.care.status(admin).names) == (2, ["agent/open-secret"])
    with pytest.raises(AccessDenied):
        desk.care.status(ANN)


async def test_without_an_embedder_nothing_lacks_vectors() -> None:
    world = await build()
    await world.put_server("weather")
    status = world.services.index_care.status(SYSTEM)
    assert (status.embedder, status.fingerprint, status.missing, status.stale) == ("none", None, 0, 0)


async def test_vectors_of_a_model_that_changed_under_its_name_are_stale(desk: Desk) -> None:
    desk.old.fingerprint = "old, second edition"
    assert (desk.care.status(SYSTEM).stale, desk.care.status(SYSTEM).missing) == (2, 0)
    async with running(desk.care):
        await ended(await desk.care.reindex(SYSTEM))
    assert desk.care.status(SYSTEM).stale == 0


async def test_one_asset_is_made_again_and_no_other(desk: Desk) -> None:
    desk.old.asked.clear()
    async with running(desk.care):
        job = await ended(await desk.care.reindex(SYSTEM, "agent/agent-one"))
    assert (job.state, job.progress.done, job.progress.total) == ("done", 1, 1)
    assert desk.old.asked == texts_of(asset("agent", "agent-one", description="About agents."))[0].embedded


async def test_missing_vectors_are_there_after_all_was_made_again(desk: Desk) -> None:
    desk.old.broken = "late"
    await desk.put("late-agent", description="agent")
    assert (await desk.legs())["agent/late-agent"] == 0
    async with running(desk.care):
        failed = await ended(await desk.care.reindex(SYSTEM))
        assert (failed.state, failed.progress.done) == ("failed", 3)
        assert failed.error == "no vectors for 1 of 3 assets; the log says why"
        desk.old.broken = ""
        assert (await ended(await desk.care.reindex(SYSTEM))).state == "done"
    assert (await desk.legs())["agent/late-agent"] != 0
    assert desk.care.status(SYSTEM).missing == 0


async def test_only_one_thing_is_done_at_a_time_and_its_progress_is_shown(desk: Desk) -> None:
    async with running(desk.care):
        desk.old.gate.clear()
        job = await desk.care.reindex(SYSTEM)
        for start in (desk.care.reindex(SYSTEM, "agent/agent-one"), desk.care.switch(SYSTEM, "new")):
            with pytest.raises(Conflict, match="reindex is still running"):
                await start
        assert desk.care.status(SYSTEM).job is job
        assert (await desk.world.services.search.find(ANN, "agent")).total == 2
        desk.old.gate.set()
        assert (await ended(job)).state == "done"


async def test_what_is_interrupted_leaves_every_asset_found_and_can_be_done_again(desk: Desk) -> None:
    before = await desk.legs()
    desk.old.gate.clear()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(desk.care.run)
        job = await desk.care.reindex(SYSTEM)
        await until(lambda: job.progress.total > 0)
        tasks.cancel_scope.cancel()
        desk.old.gate.set()
    assert (job.state, job.error) == ("failed", "the registry was stopped")
    assert await desk.legs() == before
    async with running(desk.care):
        assert (await ended(await desk.care.reindex(SYSTEM))).state == "done"
    assert await desk.legs() == before


async def test_a_switch_searches_by_the_old_vectors_until_the_new_ones_are_all_there(desk: Desk) -> None:
    search = desk.world.services.search
    async with running(desk.care):
        desk.new.gate.clear()
        job = await desk.care.switch(SYSTEM, "new")
        assert (await search.find(ANN, "agent")).total == 2
        assert desk.care.status(SYSTEM).fingerprint == "old"
        desk.new.gate.set()
        await ended(job)
    assert (job.state, job.progress.done, job.error) == ("done", 2, "")
    status = desk.care.status(SYSTEM)
    assert (status.embedder, status.fingerprint, status.missing, status.stale) == ("new", "new", 0, 0)
    assert search.beside is None
    await desk.put("agent-three")
    assert {*await desk.legs()} == {"agent/agent-one", "agent/agent-two", "agent/agent-three"}
    vectors = search.indexing.embedding.queries(["crane"])
    assert vectors is not None
    assert vectors.shape == (1, 5)


async def test_what_happens_during_a_switch_is_found_before_and_after_it(desk: Desk) -> None:
    catalog, search = desk.world.services.catalog, desk.world.services.search
    async with running(desk.care):
        desk.new.gate.clear()
        job = await desk.care.switch(SYSTEM, "new")
        await until(lambda: search.beside is not None)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(desk.put, "agent-new")
            tasks.start_soon(catalog.delete, SYSTEM, "agent", "agent-one")
            await until(lambda: {*search.indexing.assets} == {"agent/agent-two", "agent/agent-new"})
            assert {hit.asset.path for hit in (await search.find(ANN, "agent")).hits} == {"agent-two", "agent-new"}
            desk.new.gate.set()
        assert (await ended(job)).state == "done"
    assert {*await desk.legs()} == {"agent/agent-two", "agent/agent-new"}
    assert {hit.asset.path for hit in (await search.find(ANN, "agent")).hits} == {"agent-two", "agent-new"}


async def test_a_search_under_way_during_a_switch_ends_with_the_vectors_it_began_with(desk: Desk) -> None:
    search, found = desk.world.services.search, list[int]()

    async def find() -> None:
        found.append((await search.find(ANN, "agent")).total)

    async with running(desk.care), anyio.create_task_group() as tasks:
        desk.old.query_gate.clear()
        tasks.start_soon(find)
        await anyio.lowlevel.checkpoint()
        assert (await ended(await desk.care.switch(SYSTEM, "new"))).state == "done"
        assert found == []
        desk.old.query_gate.set()
    assert found == [2]


@pytest.mark.parametrize("broken", ["a text", "agent-two"])
async def test_a_switch_that_fails_leaves_the_old_embedder_in_force(desk: Desk, broken: str) -> None:
    desk.new.broken = broken
    before = await desk.legs()
    async with running(desk.care):
        job = await ended(await desk.care.switch(SYSTEM, "new"))
    assert job.state == "failed"
    assert job.error == ("RuntimeError" if broken == "a text" else "new gave no vectors for 1 of 2 assets")
    assert (desk.care.status(SYSTEM).embedder, await desk.legs()) == ("none", before)
    assert desk.world.services.search.beside is None
    assert await embedder_in_force(desk.world.store, "none") == "none"


async def test_what_was_switched_to_holds_at_the_next_start_until_settings_name_another(desk: Desk) -> None:
    async with running(desk.care):
        await ended(await desk.care.switch(SYSTEM, "new"))
    assert await embedder_in_force(desk.world.store, "none") == "new"
    assert await embedder_in_force(desk.world.store, "minilm") == "minilm"


async def test_care_is_for_administrators_of_policy_and_each_act_is_in_the_trail(desk: Desk) -> None:
    for start in (desk.care.reindex(ANN), desk.care.switch(ANN, "new")):
        with pytest.raises(AccessDenied):
            await start
    with pytest.raises(Invalid, match="no embedder named 'magic'"):
        await desk.care.switch(SYSTEM, "magic")
    with pytest.raises(NotFound, match="no asset 'agent/nobody' in the index"):
        await desk.care.reindex(SYSTEM, "agent/nobody")
    async with running(desk.care):
        await ended(await desk.care.reindex(SYSTEM, "agent/agent-one"))
        await ended(await desk.care.switch(SYSTEM, "new"))
    trail = [
        (event.action, event.decision, event.outcome)
        for event in reversed(await desk.world.events())
        if event.action.startswith("index:")
    ]
    assert trail == [
        ("index:reindex", "deny", "refused"), ("index:switch", "deny", "refused"), ("index:switch", "allow", "failed"),
        ("index:reindex", "deny", "refused"), ("index:reindex", "allow", "ok"), ("index:reindex:end", "allow", "ok"),
        ("index:switch", "allow", "ok"), ("index:switch:end", "allow", "ok"),
    ]  # fmt: skip


async def test_an_asset_that_the_administrator_may_not_see_is_not_named(desk: Desk) -> None:
    await desk.put("hidden", groups=["board"])
    admin: Principal = await desk.world.holding(Grant(kinds=["registry"], actions=["policy"]))
    for name in ("agent/hidden", "agent/absent"):
        with pytest.raises(NotFound, match=f"no asset '{name}' in the index"):
            await desk.care.reindex(admin, name)
