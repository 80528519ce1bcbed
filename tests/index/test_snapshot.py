import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import anyio
import numpy as np
import pytest

from airegistry.core.ports import IndexDocument, SearchIndex, VectorCache
from airegistry.index.cache import KeptVectors
from airegistry.index.disk import Disk
from airegistry.index.memory import MemoryIndex
from airegistry.index.snapshot import IMAGE, Keeper, load, load_index, save, save_index
from tests.index.base import ONE, TWO, UNITS, document, invented, unit

ENTRIES = {entry.id: entry for entry in map(invented, range(40))}
pytestmark = pytest.mark.anyio


def filled(*entries: IndexDocument) -> MemoryIndex:
    index = MemoryIndex()
    for entry in entries:
        index.put(entry)
    return index


def answers(index: SearchIndex) -> object:
    return [
        index.search(query, vector, kinds=kinds, explain=True)
        for query in ("weather", "send mail", "get_user report")
        for vector in (None, UNITS[3], UNITS[200])
        for kinds in (None, frozenset({"agent"}))
    ]


class Failing(Disk):
    """A disk that takes so many acts and then no more; each write takes one."""

    def __init__(self, acts: int) -> None:
        self.rest = acts

    def act(self) -> None:
        self.rest -= 1
        if self.rest < 0:
            raise OSError("no space left")

    def open(self, path: Path) -> BinaryIO:
        self.act()
        file = super().open(path)
        written: Callable[[bytes], int] = file.write

        def write(data: bytes) -> int:
            if self.rest == 0:
                written(bytes(data)[: len(data) // 2])
            self.act()
            return written(data)

        file.write = write  # type: ignore[method-assign,assignment]  # a fake of one method
        return file

    def sync(self, descriptor: int) -> None:
        self.act()
        super().sync(descriptor)

    def replace(self, old: Path, new: Path) -> None:
        self.act()
        super().replace(old, new)


def test_a_restored_index_answers_as_before_once_its_documents_are_put_again(tmp_path: Path) -> None:
    index = filled(*ENTRIES.values())
    save_index(tmp_path, index)
    restored = load_index(tmp_path)
    for entry in ENTRIES.values():
        restored.put(entry)
    assert answers(restored) == answers(index)
    assert len(restored) == len(index)


def test_a_restored_document_is_not_found_before_it_is_put_again(tmp_path: Path) -> None:
    save_index(tmp_path, filled(document("server/a", "rain", vectors=unit(1)), document("server/b", "rain")))
    restored = load_index(tmp_path)
    assert restored.search("rain", UNITS[1]) == ([], 0)
    assert len(restored) == 0
    restored.label("server/a", {"health": "healthy"})
    assert restored.search("rain", None, facets={"health": ["healthy"]}) == ([], 0)
    restored.put(document("server/b", "rain"))
    assert [match.id for match in restored.search("rain", UNITS[1])[0]] == ["server/b"]


def test_a_document_that_changed_meanwhile_is_found_by_its_new_words_and_facets(tmp_path: Path) -> None:
    save_index(tmp_path, filled(document("server/a", "rain", vectors=unit(1), facets={"stage": "dev"})))
    restored = load_index(tmp_path)
    restored.put(document("server/a", "mail", vectors=unit(2), facets={"stage": "live"}))
    fresh = filled(document("server/a", "mail", vectors=unit(2), facets={"stage": "live"}))
    for query in ("rain", "mail"):
        assert restored.search(query, UNITS[2]) == fresh.search(query, UNITS[2])
    assert restored.search("mail", None, facets={"stage": ["dev"]}) == ([], 0)


def test_what_nobody_put_again_is_forgotten_and_its_room_used(tmp_path: Path) -> None:
    save_index(tmp_path, filled(*ENTRIES.values()))
    restored = load_index(tmp_path)
    kept = list(ENTRIES.values())[:3]
    for entry in kept:
        restored.put(entry)
    restored.forget_dormant()
    restored.put(document("server/new", "mail", vectors=unit(9)))
    fresh = filled(*kept, document("server/new", "mail", vectors=unit(9)))
    assert answers(restored) == answers(fresh)
    save_index(tmp_path, restored)
    again = load_index(tmp_path)
    again.remove("server/new")
    for entry in kept:
        again.put(entry)
    assert answers(again) == answers(filled(*kept))


def test_a_removed_document_is_dormant_no_more(tmp_path: Path) -> None:
    save_index(tmp_path, filled(document("server/a", "rain")))
    restored = load_index(tmp_path)
    restored.remove("server/a")
    restored.put(document("server/b", "mail"))
    assert answers(restored) == answers(filled(document("server/b", "mail")))


def test_an_index_of_any_text_is_saved(tmp_path: Path) -> None:
    index = filled(document("server/a", "雨 \ud800 naïve", facets={"tags": ["\ud800"]}), document("server/b", "rain"))
    save_index(tmp_path, index)
    restored = load_index(tmp_path)
    restored.put(document("server/a", "雨 \ud800 naïve", facets={"tags": ["\ud800"]}))
    assert [match.id for match in restored.search("naive", None, facets={"tags": ["\ud800"]})[0]] == ["server/a"]


def test_vectors_are_known_after_a_start(tmp_path: Path) -> None:
    cache = load(tmp_path / "index", "model-1")
    cache.put({"rain": UNITS[1], "mail": UNITS[2]})
    assert cache.changed
    save(tmp_path / "index", cache)
    for known in (cache, load(tmp_path / "index", "model-1")):
        assert not known.changed
        found = known.get(["mail", "rain", "chart"])
        assert found.keys() == {"mail", "rain"}
        assert found["rain"] == pytest.approx(UNITS[1], abs=2e-4)
    assert load(tmp_path / "index", "model-2").get(["rain"]) == {}


def test_vectors_made_anew_take_the_place_of_the_old(tmp_path: Path) -> None:
    cache = KeptVectors("m")
    cache.put({"rain": UNITS[1], "mail": UNITS[2]})
    save(tmp_path, cache)
    cache.put({"rain": UNITS[5]})
    save(tmp_path, cache)
    found = load(tmp_path, "m")
    assert len(found) == 2
    assert found.get(["rain"])["rain"] == pytest.approx(UNITS[5], abs=2e-4)
    assert found.get(["mail"])["mail"] == pytest.approx(UNITS[2], abs=2e-4)


def test_vectors_that_nobody_asks_for_are_dropped_when_they_are_many(tmp_path: Path) -> None:
    cache = KeptVectors("m")
    cache.put({f"old {number}": UNITS[number % 256] for number in range(5000)})
    save(tmp_path, cache)
    started = load(tmp_path, "m")
    assert started.get(["old 7"])
    started.put({"new": UNITS[0]})
    save(tmp_path, started)
    assert len(started) == len(load(tmp_path, "m")) == 2
    assert load(tmp_path, "m").get(["old 7", "new"]).keys() == {"old 7", "new"}


def test_an_index_whose_writing_fails_at_any_point_leaves_the_last_one(tmp_path: Path) -> None:
    first, second = filled(document("server/a", "rain")), filled(document("server/a", "mail", vectors=unit(4)))
    save_index(tmp_path, first)
    intact, failures = (tmp_path / IMAGE).read_bytes(), 0
    while True:
        try:
            save_index(tmp_path, second, Failing(failures))
            break
        except OSError:
            failures += 1
        if (tmp_path / IMAGE).read_bytes() != intact:  # in place already, and only the folder was not synced
            break
        assert [path.name for path in tmp_path.iterdir()] == [IMAGE]
    assert failures > 20
    restored = load_index(tmp_path)
    restored.put(document("server/a", "mail", vectors=unit(4)))
    assert answers(restored) == answers(second)


def test_vectors_whose_writing_fails_at_any_point_are_kept_and_saved_the_next_time(tmp_path: Path) -> None:
    cache = KeptVectors("m")
    cache.put({"rain": UNITS[1]})
    save(tmp_path, cache)
    cache.put({"mail": UNITS[2]})
    for acts in range(5):
        with pytest.raises(OSError, match="no space"):
            save(tmp_path, cache, Failing(acts))
        assert cache.changed
        assert cache.get(["rain", "mail"]).keys() == {"rain", "mail"}
        assert load(tmp_path, "m").get(["rain", "mail"]).keys() == {"rain"}
    save(tmp_path, cache)
    assert load(tmp_path, "m").get(["rain", "mail"]).keys() == {"rain", "mail"}


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other"])
def test_damaged_files_are_set_aside_and_made_anew(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    cache = KeptVectors("m")
    cache.put({"rain": UNITS[1]})
    save(tmp_path, cache)
    save_index(tmp_path, filled(*ENTRIES.values()))
    files = sorted(tmp_path.iterdir())
    for path in files:
        content = bytearray(path.read_bytes())
        if damage == "flipped":
            content[len(content) // 2] ^= 0xFF
        damaged = {"cut": bytes(content[:-20]), "flipped": bytes(content), "empty": b"", "other": b"x" * 400}
        path.write_bytes(damaged[damage])
    assert load(tmp_path, "m").get(["rain"]) == {}
    index = load_index(tmp_path)
    for entry in ENTRIES.values():
        index.put(entry)
    assert answers(index) == answers(filled(*ENTRIES.values()))
    assert [path.name.split("-2")[0] for path in sorted(tmp_path.iterdir())] == [
        f"{path.name}.damaged" for path in files
    ]
    assert caplog.text.count("set aside") == 2


def test_an_index_of_another_form_is_made_anew_without_complaint(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_index(tmp_path, filled(document("server/a", "rain")))
    with np.load(tmp_path / IMAGE) as image:
        arrays = dict(image)
    np.savez(tmp_path / IMAGE, **(arrays | {"form": arrays["form"][::-1]}))
    assert load_index(tmp_path).dump().keys() == MemoryIndex().dump().keys()
    assert "damaged" not in caplog.text


def test_what_an_end_in_the_midst_of_writing_left_behind_is_removed(tmp_path: Path) -> None:
    (tmp_path / f"{IMAGE}.new").write_bytes(b"half")
    load_index(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="no such permissions")
def test_nobody_else_reads_the_files(tmp_path: Path) -> None:
    cache = KeptVectors("m")
    cache.put({"rain": UNITS[1]})
    save(tmp_path / "index", cache)
    save_index(tmp_path / "index", filled(document("server/a", "rain")))
    assert (tmp_path / "index").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "index").iterdir()} == {0o600}


async def test_what_changed_is_saved_now_and_then_and_at_the_end(tmp_path: Path) -> None:
    index, cache = filled(document("server/a", "rain")), KeptVectors("m")

    def current() -> tuple[SearchIndex, VectorCache]:
        return index, cache

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Keeper(tmp_path, current).run, 0.01)
        with anyio.fail_after(20):
            while not (tmp_path / IMAGE).exists():  # noqa: ASYNC110  # a file has no event
                await anyio.sleep(0.01)
        cache.put({"rain": UNITS[1]})
        index.put(document("server/b", "mail"))
        tasks.cancel_scope.cancel()
    assert load(tmp_path, "m").get(["rain"])
    assert load_index(tmp_path).search("mail", None) == ([], 0)
    assert b"server/b" in (tmp_path / IMAGE).read_bytes()


async def test_what_has_not_changed_is_not_written_again(tmp_path: Path) -> None:
    index = filled(document("server/a", "rain"))
    keeper = Keeper(tmp_path, lambda: (index, None))
    await keeper.save()
    (tmp_path / IMAGE).unlink()
    await keeper.save()
    assert not (tmp_path / IMAGE).exists()
    index.remove("server/a")
    await keeper.save()
    assert (tmp_path / IMAGE).exists()


async def test_what_is_put_again_as_it_was_is_not_written_again(tmp_path: Path) -> None:
    rain = replace(document("server/a", "rain"), content=ONE)
    index = filled(rain)
    index.bind(["server/a"], TWO)
    save_index(tmp_path, index)
    again = load_index(tmp_path)
    (tmp_path / IMAGE).unlink()
    keeper = Keeper(tmp_path, lambda: (again, None))
    assert again.put_again("server/a", TWO) == ["server/a"]
    await keeper.save()
    assert not (tmp_path / IMAGE).exists()
    again.put(rain)
    await keeper.save()
    assert load_index(tmp_path).put_again("server/a", TWO) is None, "it was put by itself"


async def test_a_registry_that_is_stopped_while_it_saves_for_the_first_time_saves_once_more_and_nothing_fails(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, synced, go_on = filled(document("server/a", "rain")), threading.Event(), threading.Event()

    def sync(self: Disk, descriptor: int) -> None:
        synced.set()
        assert go_on.wait(10)

    monkeypatch.setattr(Disk, "sync", sync)
    keeper = Keeper(tmp_path, lambda: (index, None))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(keeper.run)
        tasks.start_soon(keeper.save)  # as it is when the vectors are there
        await anyio.to_thread.run_sync(synced.wait, 10)
        index.put(document("server/b", "mail"))
        tasks.cancel_scope.cancel()
        threading.Timer(0.1, go_on.set).start()
    assert caplog.text == ""
    assert b"server/b" in (tmp_path / IMAGE).read_bytes()


async def test_a_disk_that_fails_is_logged_and_the_registry_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "index").write_text("no folder")
    await Keeper(tmp_path / "index", lambda: (filled(document("server/a", "rain")), None)).save()
    assert "the next start will take longer" in caplog.text


def test_an_index_of_another_embedder_is_made_anew(tmp_path: Path) -> None:
    save_index(tmp_path, filled(document("server/a", "rain", vectors=unit(1))), fingerprint="model-1")
    index = load_index(tmp_path, fingerprint="model-2")
    index.put(document("server/a", "rain", vectors=np.ones((1, 1), np.float32)))
    assert len(index) == 1
    again = load_index(tmp_path, fingerprint="model-1")
    with pytest.raises(ValueError, match="dimensions"):
        again.put(document("server/b", "rain", vectors=np.ones((1, 1), np.float32)))
