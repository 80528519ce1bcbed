"""What of the index outlives the process: vectors, the index itself, and the embedder that was switched to."""

from collections.abc import Sequence
from pathlib import Path

import anyio
import numpy as np
import pytest
from cryptography.fernet import Fernet

from airegistry.app import App, running
from airegistry.core.access import Access
from airegistry.core.errors import Invalid
from airegistry.core.index_care import Choice, Job
from airegistry.core.ports import SearchIndex, VectorCache, Vectors
from airegistry.core.principals import SYSTEM
from airegistry.core.search import Search
from airegistry.core.search_texts import texts_of
from airegistry.core.shelf import Shelf, ref
from airegistry.core.visibility import Visibility
from airegistry.embedders.minilm import MiniLM
from airegistry.index.snapshot import Keeper, load, load_index
from airegistry.settings import Settings
from airegistry.stores.cipher import FernetCipher
from airegistry.stores.memory import MemoryLog, MemoryStore
from airegistry.stores.open import Stores
from tests.core.wiring import asset
from tests.support.waiting import until

pytestmark = pytest.mark.anyio


class Counted:
    """Reproducible vectors; it remembers what it made some of."""

    def __init__(self, dimensions: int) -> None:
        self.fingerprint = f"counted:{dimensions}"
        self.dimensions = dimensions
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        return np.stack([self.embed_query(text) for text in texts])

    def embed_query(self, text: str) -> Vectors:
        vector = np.random.default_rng(sum(text.encode())).normal(size=self.dimensions).astype(np.float32)
        return vector / np.float32(np.linalg.norm(vector))


class Start:
    """One life of a registry's search over a store and a folder; it ends without a word, as by `kill -9`."""

    def __init__(self, shelf: Shelf, folder: Path, dimensions: int = 8) -> None:
        self.embedder, self.folder, self.access = Counted(dimensions), folder, Access()
        self.index = load_index(folder, fingerprint=self.embedder.fingerprint)
        vectors = load(folder, self.embedder.fingerprint)
        visibility = Visibility(self.access, "dev")
        self.search = Search(self.index, self.embedder, self.access, visibility, shelf, None, vectors)

    async def begin(self) -> None:
        await self.search.rebuild()
        self.index.forget_dormant()
        await self.search.embed_all()

    async def save(self) -> None:
        def current() -> tuple[SearchIndex, VectorCache | None]:
            return self.search.indexing.index, self.search.indexing.embedding.cache

        await Keeper(self.folder, current).save()

    async def answers(self) -> list[tuple[str, float]]:
        return [(hit.asset.path, hit.score) for hit in (await self.search.find(SYSTEM, "rain and snow")).hits]


async def test_a_start_embeds_only_what_was_not_saved_before_the_process_was_killed(tmp_path: Path) -> None:
    shelf = Shelf(MemoryStore())
    for path in ("one", "two"):
        await shelf.create(asset("agent", path, description="rain"))
    first = Start(shelf, tmp_path)
    await first.begin()
    assert {*first.embedder.asked} >= {"one: rain", "two: rain"}
    await first.save()
    three = asset("agent", "three", description="snow")
    await shelf.create(three)
    await first.search.indexing.follow("agent", "three")
    expected = await first.answers()

    second = Start(shelf, tmp_path)
    await second.search.rebuild()
    assert {hit.asset.path for hit in (await second.search.find(SYSTEM, "rain snow")).hits} == {"one", "two", "three"}
    await second.begin()
    assert sorted(second.embedder.asked) == sorted(texts_of(three)[0].embedded)
    assert await second.answers() == expected


def _lose_vectors(folder: Path) -> None:
    lost = list(folder.rglob("vectors-*"))
    assert lost
    for file in lost:
        file.unlink()


async def test_a_start_reads_no_vectors_of_what_the_index_holds(tmp_path: Path) -> None:
    shelf = Shelf(MemoryStore())
    await shelf.create(asset("agent", "one", description="rain"))
    first = Start(shelf, tmp_path)
    await first.begin()
    await first.save()
    expected = await first.answers()
    _lose_vectors(tmp_path)

    second = Start(shelf, tmp_path)
    await second.begin()
    assert second.search.indexing.lacking() == []
    assert not {*second.embedder.asked} & {*first.embedder.asked}
    assert await second.answers() == expected


async def test_what_changed_or_went_while_nobody_looked_is_as_the_store_has_it(tmp_path: Path) -> None:
    shelf = Shelf(MemoryStore())
    one, two = asset("agent", "one", description="rain"), asset("agent", "two", description="rain")
    for each in (one, two):
        await shelf.create(each)
    first = Start(shelf, tmp_path)
    await first.begin()
    await first.save()
    await shelf.delete(two)
    await shelf.replace(one.model_copy(update={"description": "hail"}), 1)

    second = Start(shelf, tmp_path)
    await second.begin()
    assert "one: hail" in second.embedder.asked
    assert not {*second.embedder.asked} & {*first.embedder.asked}
    assert (await second.search.find(SYSTEM, "rain", kinds=["agent"])).total == 1
    assert len(second.index) == 1


async def test_vectors_of_each_embedder_are_kept_apart(tmp_path: Path) -> None:
    shelf = Shelf(MemoryStore())
    for path in ("one", "two"):
        await shelf.create(asset("agent", path, description="rain"))
    asked = []
    for dimensions in (8, 5, 8, 5):
        start = Start(shelf, tmp_path, dimensions)
        await start.begin()
        await start.save()
        assert len(await start.answers()) == 2
        asked.append(start.embedder.asked)
    assert asked[0] == asked[1] != []
    assert asked[2:] == [[], []]


async def ended(app: App, job: Job) -> None:
    with anyio.fail_after(20):
        await job.ended.wait()
    assert job.state == "done", job.error
    assert app.services.index_care.status(SYSTEM).missing == 0


async def test_the_embedder_that_was_switched_to_is_in_force_after_a_restart(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", embedder="none")
    async with running(settings) as app:
        assert app.services.index_care.status(SYSTEM).fingerprint is None
        await ended(app, await app.services.index_care.switch(SYSTEM, "minilm"))
        found = await app.services.search.find(SYSTEM, "how do I add a backend", kinds=["skill"])
    async with running(settings) as app:
        status = app.services.index_care.status(SYSTEM)
        assert (status.embedder, status.missing) == ("minilm", 0)  # from the folder: nothing was embedded yet
        with anyio.fail_after(20):
            await app.services.search.indexing.warm.wait()
        again = await app.services.search.find(SYSTEM, "how do I add a backend", kinds=["skill"])
        assert [hit.score for hit in again.hits] == [hit.score for hit in found.hits]
        await ended(app, await app.services.index_care.switch(SYSTEM, "none"))
    async with running(settings) as app:
        assert app.services.index_care.status(SYSTEM).fingerprint is None


async def test_an_embedder_that_cannot_be_had_any_more_gives_way_to_that_of_the_settings(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(data=tmp_path / "data", embedder="none")
    async with running(settings) as app:
        choices = app.services.index_care._choices
        await choices.save("embedder", Choice(name="openai:gone", instead_of="none"))
    async with running(settings) as app:
        assert app.services.index_care.status(SYSTEM).embedder == "none"
    assert "the embedder that was switched to cannot be used" in caplog.text


async def test_sketches_are_those_of_the_index_and_follow_what_is_registered(tmp_path: Path) -> None:
    async with running(Settings(data=tmp_path / "data", embedder="none")) as app:
        shelf = app.services.health._shelf
        assert shelf.held is not None
        await app.services.catalog.register(SYSTEM, asset("agent", "a", card={"name": "a"}), fetch=False)
        assert shelf.held().keys() == {ref(each) async for _, each in shelf.walk()} > {"agent/a"}


async def test_settings_that_name_no_embedder_there_is_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no embedder named 'magic'"):
        async with running(Settings(data=tmp_path / "data", embedder="magic")):
            pass


async def test_vectors_are_searched_by_a_database_only_where_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="AIREGISTRY_INDEX needs AIREGISTRY_STORE_URL"):
        async with running(Settings(data=tmp_path / "data", embedder="none", index="atlas")):
            pass


async def test_of_two_replicas_one_embeds_what_is_registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    embed = MiniLM.embed

    def noted(self: MiniLM, texts: Sequence[str]) -> Vectors:
        asked.extend(texts)
        return embed(self, texts)

    monkeypatch.setattr(MiniLM, "embed", noted)
    given = Stores(MemoryStore(), MemoryLog(), FernetCipher([Fernet.generate_key().decode()]), [], shared=True)
    async with (
        running(Settings(data=tmp_path / "a", health_interval=0), given=given) as a,
        running(Settings(data=tmp_path / "b", health_interval=0), given=given) as b,
    ):
        with anyio.fail_after(60):
            for app in (a, b):
                await app.services.search.indexing.warm.wait()
            assert len(asked) == len({*asked})  # the registry's own skills
            made = asset("server", "weather", url="http://127.0.0.1:9/mcp", description="rain and hail")
            await a.services.catalog.register(SYSTEM, made, fetch=False)
            held = b.services.search.indexing
            await until(lambda: "server/weather" in held.assets and not held.lacking())
    assert asked.count("rain and hail") == 1
