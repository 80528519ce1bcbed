import random
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from airegistry.core import following, leases, shared_checks, shared_counts, shared_vectors
from airegistry.core.audit_chain import Verification, verify
from airegistry.core.errors import Conflict, Invalid
from airegistry.data.archive import Archive, write_archive
from airegistry.data.items import CHECKPOINTS, Source, StoreSource
from airegistry.data.transfer import Choices, Stopped, Summary, Target, look
from airegistry.data.transfer import transfer as carry
from airegistry.stores.cipher import KEY_NAME
from airegistry.stores.memory import MemoryLog
from airegistry.stores.open import Stores, open_stores
from tests.data.stores import DOCUMENTS, RECORDS, FullStore, Made, Sink, chain, contents, exported, filled, target

pytestmark = pytest.mark.anyio

REFUSE = Choices()


def shares_key(stores: Stores, other: Stores) -> Target:
    """A target whose key is that of other stores."""
    return Target(stores.documents, stores.log, target(other).opens)


async def transfer(source: Source, to: Target, choices: Choices) -> Summary:
    """Look, which must change nothing, and carry over: what the look told is what is done."""
    before = await contents(to.documents, to.log)
    looked = await look(source, to, choices)
    assert await contents(to.documents, to.log) == before
    done = await carry(source, to, choices)
    assert done == looked
    return done


async def test_what_is_made_anew_and_what_is_of_the_moment_stays_where_it_is(tmp_path: Path) -> None:
    passing = (
        following.COLLECTION, leases.COLLECTION, shared_checks.LOOKS, shared_counts.TAKES, shared_counts.UNDER_WAY,
        f"{shared_vectors.COLLECTION}of-an-embedder",
    )  # fmt: skip
    async with filled(None) as old, open_stores(None) as new, open_stores(None) as third:
        before = await contents(old.documents, old.log)
        for collection in passing:
            await old.documents.put(collection, "k", {"of": "now"})
        await transfer(StoreSource(old.documents, old.log), shares_key(new, old), REFUSE)
        assert await contents(new.documents, new.log) == before
        await exported(tmp_path / "file", old)
        await transfer(Archive(tmp_path / "file"), shares_key(third, old), REFUSE)
        assert await contents(third.documents, third.log) == before


@pytest.mark.parametrize("embedded_first", [True, False], ids=["tinydb to memory", "memory to tinydb"])
async def test_everything_goes_over_from_store_to_store_and_through_a_file(
    tmp_path: Path, embedded_first: bool
) -> None:
    folders = (tmp_path / "a", None) if embedded_first else (None, tmp_path / "a")
    async with filled(folders[0]) as old, open_stores(folders[1]) as new, open_stores(None) as third:
        summary = await transfer(StoreSource(old.documents, old.log), shares_key(new, old), REFUSE)
        assert (summary.documents_written, summary.records_written) == (DOCUMENTS + 2, RECORDS + 1)
        assert await contents(new.documents, new.log) == await contents(old.documents, old.log)
        await exported(tmp_path / "file", new)
        await transfer(Archive(tmp_path / "file"), shares_key(third, old), REFUSE)
        assert await contents(third.documents, third.log) == await contents(old.documents, old.log)
        assert await verify(third.log) == Verification(RECORDS)
        assert CHECKPOINTS not in await third.documents.collections()


async def test_a_second_time_writes_nothing(tmp_path: Path) -> None:
    async with filled(documents=1200) as old, open_stores(None) as new:
        await exported(tmp_path / "file", old)
        await transfer(Archive(tmp_path / "file"), shares_key(new, old), REFUSE)
        again = await transfer(Archive(tmp_path / "file"), shares_key(new, old), REFUSE)
    assert (again.documents_written, again.records_written) == (0, 0)
    assert (again.documents_present, again.records_present) == (1202, RECORDS + 1)


async def test_a_file_that_is_not_whole_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    async with filled() as old, open_stores(None) as new:
        await exported(path, old)
        path.write_bytes(path.read_bytes()[:-30])
        with pytest.raises(Invalid, match="the file is cut off here"):
            await transfer(Archive(path), shares_key(new, old), REFUSE)
        assert await contents(new.documents, new.log) == []


async def test_a_document_that_is_there_and_differs_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    async with filled() as old, open_stores(None) as new:
        await new.documents.put("users", "ann", {"name": "another"})
        with pytest.raises(Conflict, match="document 'ann' of 'users' is in the target already and differs"):
            await transfer(StoreSource(old.documents, old.log), shares_key(new, old), REFUSE)
        assert await new.documents.collections() == ["users"]
        assert await new.log.streams() == []


async def test_what_differs_is_kept_or_replaced_as_one_likes() -> None:
    async with filled(documents=5) as old, open_stores(None) as new:
        await new.documents.put("users", "ann", {"name": "another"})
        await new.log.append("audit", [{"id": "mine"}])
        source, there = StoreSource(old.documents, old.log), shares_key(new, old)
        kept = await transfer(source, there, Choices("keep"))
        assert (kept.documents_written, kept.documents_kept, kept.streams_kept) == (6, 1, ["audit"])
        found = await new.documents.get("users", "ann")
        assert found is not None
        assert found.body == {"name": "another"}
        replaced = await transfer(source, there, Choices("replace"))
        assert (replaced.documents_present, replaced.documents_replaced) == (6, 1)
        found = await new.documents.get("users", "ann")
        assert found is not None
        assert found.body == {"name": "Ann"}
        assert [record.body async for record in new.log.read("audit")] == [{"id": "mine"}]


async def test_a_target_with_a_history_of_its_own_is_refused() -> None:
    async with filled(documents=5) as old, open_stores(None) as new:
        await new.log.append("audit", [{"id": "mine"}])
        with pytest.raises(Conflict, match="record 1 of stream 'audit' is in the target already and differs"):
            await transfer(StoreSource(old.documents, old.log), shares_key(new, old), REFUSE)
        assert await new.documents.collections() == []


async def test_secrets_that_the_key_does_not_open_are_refused_or_left_out() -> None:
    async with filled(documents=5) as old, open_stores(None) as new:
        source = StoreSource(old.documents, old.log)
        with pytest.raises(Conflict, match="does not open the secrets in 1 documents, among them credentials/weather"):
            await transfer(source, target(new), REFUSE)
        assert await new.documents.collections() == []
        summary = await transfer(source, target(new), Choices(sealed=False))
        assert (summary.documents_left_out, summary.unopened) == (1, ["credentials/weather"])
        assert await new.documents.collections() == ["assets", "users"]


async def test_a_pruned_stream_keeps_its_numbers() -> None:
    async with open_stores(None) as old, open_stores(None) as new:
        await old.log.append("audit", chain(3000))
        await old.log.prune("audit", 2500)
        summary = await transfer(StoreSource(old.documents, old.log), target(new), REFUSE)
        assert (summary.records_written, summary.records_stood_in) == (501, 2499)
        assert await contents(new.documents, new.log) == await contents(old.documents, old.log)
        assert await new.log.append("audit", [{}]) == 3001


async def test_what_comes_into_a_full_store_says_so_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    full = FullStore(1700)
    async with filled() as old:
        await exported(tmp_path / "file", old)
        there = Target(full, MemoryLog(), target(old).opens)
        with pytest.raises(Stopped, match=r"no space left on device\. 1\d\d\d documents and 0 records were written"):
            await transfer(Archive(tmp_path / "file"), there, REFUSE)
        full.room = 10_000
        summary = await transfer(Archive(tmp_path / "file"), there, REFUSE)
        assert summary.chunks_done_before == 1
        assert summary.documents_present > 600
        assert await contents(full, there.log) == await contents(old.documents, old.log)


def import_and_kill(file: Path, folder: Path, *, after_lines: int) -> bool:
    """Kill -9 the importing process after so many lines; whether it was still at work."""
    command = [sys.executable, "-m", "tests.data.killed", str(file), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(after_lines):
            process.stdout.readline()
        process.kill()
    return process.returncode == -9


@pytest.mark.skipif(sys.platform == "win32", reason="no kill -9")
@pytest.mark.timeout(120)
async def test_an_import_killed_anywhere_goes_on_to_the_same_end(tmp_path: Path) -> None:
    async with filled(tmp_path / "old") as old:
        await exported(tmp_path / "file", old)
        wanted = await contents(old.documents, old.log)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / KEY_NAME).write_bytes((tmp_path / "old" / KEY_NAME).read_bytes())
    dice, killed = random.Random(5), 0
    for _ in range(6):
        killed += import_and_kill(tmp_path / "file", tmp_path / "new", after_lines=dice.randrange(1, 12))
    assert killed >= 2
    async with open_stores(tmp_path / "new") as new:
        await transfer(Archive(tmp_path / "file"), target(new), REFUSE)
        assert await contents(new.documents, new.log) == wanted
        assert await verify(new.log) == Verification(RECORDS)


async def test_what_an_import_holds_in_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = []
    for documents in (5_000, 20_000):
        path = tmp_path / f"{documents}"
        with path.open("wb") as file:
            await write_archive(file, Made(documents), product="1")
        tracemalloc.start()
        await transfer(Archive(path), Target(Sink(), MemoryLog(), lambda sealed: True), REFUSE)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
