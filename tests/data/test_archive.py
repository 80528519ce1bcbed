import gzip
import hashlib
import json
import random
import stat
import sys
import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import anyio
import orjson
import pytest

from airegistry.core.errors import Internal, Invalid, Unsupported
from airegistry.data.archive import Archive, Span, export, write_archive
from airegistry.data.items import StoreSource
from airegistry.stores.open import open_stores
from tests.data.stores import DOCUMENTS, RECORDS, Made, exported, filled

pytestmark = pytest.mark.anyio


def rewritten(path: Path, change: Iterable[bytes]) -> None:
    """Give a file other lines, as gzip that is whole."""
    path.write_bytes(gzip.compress(b"".join(change)))


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def lines(path: Path) -> list[bytes]:
    return gzip.decompress(path.read_bytes()).splitlines(keepends=True)


async def test_a_file_says_what_it_holds_and_that_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "all.gz"
    async with filled() as stores:
        manifest = await exported(path, stores)
    header, found = await Archive(path).verify()
    assert (header.format, header.product) == (1, "1.2.3")
    assert found == manifest
    assert found.documents == {"assets": DOCUMENTS, "credentials": 1, "users": 1}
    assert found.records == {
        "audit": Span(first=1, last=RECORDS, count=RECORDS), "usage": Span(first=1, last=1, count=1)
    }  # fmt: skip
    assert found.chunks == -(-(DOCUMENTS + 2 + RECORDS + 1) // 1000)


async def test_only_its_owner_may_read_it_and_no_secret_lies_open_in_it(tmp_path: Path) -> None:
    path = tmp_path / "all.gz"
    async with filled(documents=3) as stores:
        await exported(path, stores)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"s3cret" not in gzip.decompress(path.read_bytes())
    assert names(tmp_path) == ["all.gz"]


async def test_an_empty_registry_makes_a_file_too(tmp_path: Path) -> None:
    path = tmp_path / "all.gz"
    async with open_stores(None) as stores:
        await exported(path, stores)
    _, manifest = await Archive(path).verify()
    assert (manifest.items, manifest.chunks) == (0, 0)


async def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "all.gz"
    path.write_text("mine")
    async with filled(documents=1) as stores:
        with pytest.raises(Invalid, match="exists already"):
            await exported(path, stores)
    assert path.read_text() == "mine"


async def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "all.gz"
    async with filled(documents=1100) as stores:
        await exported(path, stores)
    whole, dice = path.read_bytes(), random.Random(3)
    for length in [0, 1, 5, 20, len(whole) - 9, len(whole) - 1, *(dice.randrange(len(whole)) for _ in range(40))]:
        path.write_bytes(whole[:length])
        with pytest.raises(Invalid):
            await Archive(path).verify()


async def test_a_file_with_any_byte_changed_is_refused_or_the_same(tmp_path: Path) -> None:
    path = tmp_path / "all.gz"
    async with filled(documents=1100) as stores:
        manifest = await exported(path, stores)
    whole, dice = path.read_bytes(), random.Random(4)
    for place in [*range(12), *(dice.randrange(len(whole)) for _ in range(60))]:
        changed = bytearray(whole)
        changed[place] ^= 1 << dice.randrange(8)
        path.write_bytes(changed)
        try:
            _, found = await Archive(path).verify()
        except (Invalid, Unsupported):
            continue
        assert found == manifest, place  # bytes of the gzip header that mean nothing
        assert place < 10


async def test_what_is_changed_inside_is_found_in_its_chunk(tmp_path: Path) -> None:
    path = tmp_path / "all.gz"
    async with filled() as stores:
        await exported(path, stores)
    before = lines(path)
    altered = [line.replace(b'"server 1500"', b'"server 1501"') for line in before]
    assert altered != before
    rewritten(path, altered)
    with pytest.raises(Invalid, match="chunk 2: the file is not as it was written here"):
        await Archive(path).verify()


async def test_chunks_in_another_order_a_lost_one_and_more_behind_the_end_are_found(tmp_path: Path) -> None:
    path = tmp_path / "all.gz"
    async with filled() as stores:
        await exported(path, stores)
    before = lines(path)
    first, second = before[1:1002], before[1002:2003]
    for changed, where in (
        ([before[0], *second, *first, *before[2003:]], "chunk 1"),
        ([before[0], *first, *before[2003:]], "chunk 2"),
        ([before[0], *first, *first, *before[1002:]], "chunk 2"),
        ([*before, b"more\n"], "is followed by something else"),
        (before[:-1], "is cut off"),
        ([before[0], before[-1]], "does not fit what the file says"),
    ):
        rewritten(path, changed)
        with pytest.raises(Invalid, match=where):
            await Archive(path).verify()


async def test_a_key_that_is_there_twice_is_refused_though_all_hashes_fit(tmp_path: Path) -> None:
    path = tmp_path / "all.gz"
    header = orjson.dumps({"airegistry": "data", "format": 1, "product": "1", "created_at": ""}) + b"\n"
    for pair, said in (
        ((b'["document","a","k",1,{}]\n',) * 2, "document 'k' of 'a' is there twice"),
        ((b'["record","s",2,{}]\n', b'["record","s",1,{}]\n'), "record 1 of stream 's' is out of order"),
        ((b'["record","s",2,{}]\n', b'["document","a","k",1,{}]\n'), "is out of order"),
        ((b"[1]\n",), "has a line that is neither document nor record"),
    ):
        before = hashlib.sha256(header).hexdigest().encode()
        digest = hashlib.sha256(before + b"".join(pair)).hexdigest()
        end = orjson.dumps({"chunk": 1, "lines": len(pair), "sha256": digest}) + b"\n"
        rewritten(path, [header, *pair, end])
        with pytest.raises(Invalid, match=said):
            await Archive(path).verify()


async def test_a_later_format_is_refused_and_says_who_wrote_it(tmp_path: Path) -> None:
    path = tmp_path / "all.gz"
    rewritten(path, [json.dumps({"airegistry": "data", "format": 2, "product": "9.0"}).encode() + b"\n"])
    with pytest.raises(Unsupported, match=r"format 2, written by airegistry 9\.0"):
        await Archive(path).verify()


async def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "all.gz"
    for content in (b"", b"hello", gzip.compress(b"hello\n"), gzip.compress(b"{}\n"), gzip.compress(b"[]\n")):
        path.write_bytes(content)
        with pytest.raises(Invalid):
            await Archive(path).verify()
    with pytest.raises(Invalid, match="No such file"):
        await Archive(tmp_path / "none").verify()


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit")
async def test_an_export_that_finds_no_room_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with filled(documents=1500) as stores:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
        try:
            with pytest.raises(Internal, match="cannot be written: File too large; nothing is left of it"):
                await exported(tmp_path / "all.gz", stores)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert names(tmp_path) == []


async def test_a_part_that_a_killed_export_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "all.gz.part").write_bytes(b"x" * 100_000)
    async with filled(documents=1) as stores:
        await exported(tmp_path / "all.gz", stores)
    assert names(tmp_path) == ["all.gz"]
    await Archive(tmp_path / "all.gz").verify()


async def test_an_export_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    async with filled(documents=1500) as stores:
        with anyio.CancelScope() as scope:
            source = StoreSource(stores.documents, stores.log)
            await export(tmp_path / "all.gz", source, product="1", tell=lambda items: scope.cancel())
    assert names(tmp_path) == []


async def test_what_an_export_holds_in_memory_does_not_grow_with_what_there_is(tmp_path: Path) -> None:
    peaks = []
    for documents in (5_000, 20_000):
        with (tmp_path / f"{documents}").open("wb") as file:
            tracemalloc.start()
            await write_archive(file, Made(documents), product="1")
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
