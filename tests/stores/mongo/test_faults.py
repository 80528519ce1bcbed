"""Lost answers, several writers, a database that goes away and comes back, and passwords."""

import gc
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint
from anyio.to_thread import run_sync

from airegistry.core.documents import Document, Json, Unavailable
from airegistry.core.errors import Conflict, Internal, Invalid
from tests.stores.contract import collect
from tests.stores.mongo.engine import Engine, running, until
from tests.stores.mongo.losing import Losing, before

pytest.importorskip("pymongo", reason="needs pymongo")

from pymongo.errors import CursorNotFound

from airegistry.stores.mongo.calls import Calls
from airegistry.stores.mongo.open import MongoStores, open_mongo

pytestmark = [
    pytest.mark.anyio,
    # The driver forgets a socket that its monitor was just connecting when the client is closed.
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def _sockets_are_forgotten_here() -> Iterator[None]:
    yield
    gc.collect()


@asynccontextmanager
async def losing(engine: Engine, url: str) -> AsyncIterator[tuple[MongoStores, Losing]]:
    async with before(engine) as proxy:
        name = url.rpartition("/")[2]
        async with open_mongo(f"mongodb://127.0.0.1:{proxy.port}/{name}&directConnection=true") as stores:
            yield stores, proxy


async def test_a_write_whose_answer_was_lost_is_known_as_our_own(engine: Engine, url: str) -> None:
    async with losing(engine, url) as (stores, proxy):
        cases: list[tuple[Json, int | None, int]] = [({"n": 1}, 0, 1), ({"n": 2}, 1, 2), ({"n": 3}, None, 3)]
        for body, expect, version in cases:
            proxy.lose("findAndModify")
            assert await stores.documents.put("c", "k", body, expect=expect) == Document("c", "k", version, body)
        proxy.lose("findAndModify")
        assert await stores.documents.delete("c", "k", expect=3) is True
        await stores.documents.put("c", "k", {})
        proxy.lose("findAndModify")
        assert await stores.documents.delete("c", "k") is True
        assert await stores.documents.get("c", "k") is None
        assert proxy.lost == 5


async def test_a_write_is_still_known_when_others_wrote_before_it_was_asked_for_again(engine: Engine, url: str) -> None:
    async with losing(engine, url) as (stores, proxy), open_mongo(url) as other:
        await other.documents.put("c", "k", {"n": 0})
        proxy.lose("findAndModify")
        proxy.lose("findAndModify")
        results: list[Document] = []

        async def put() -> None:
            results.append(await stores.documents.put("c", "k", {"n": "mine"}, expect=1))

        with anyio.fail_after(10):
            async with anyio.create_task_group() as group:
                group.start_soon(put)
                while await other.documents.get("c", "k") == Document("c", "k", 1, {"n": 0}):
                    await checkpoint()
                await other.documents.put("c", "k", {"n": "theirs"}, expect=2)
        assert results == [Document("c", "k", 2, {"n": "mine"})]
        assert await other.documents.get("c", "k") == Document("c", "k", 3, {"n": "theirs"})


@pytest.mark.parametrize(("expect", "silent"), [(None, False), (0, False), (0, True)])
async def test_a_write_is_not_made_again_when_so_many_others_wrote_since_that_it_is_not_known_any_more(
    engine: Engine, url: str, expect: int | None, silent: bool
) -> None:
    async with losing(engine, url) as (stores, proxy), open_mongo(url) as other:
        proxy.hold, proxy.silent = anyio.Event(), silent
        proxy.lose("findAndModify")
        with anyio.fail_after(10):
            async with anyio.create_task_group() as group:
                group.start_soon(refused, stores, expect)
                while await other.documents.get("c", "k") is None:
                    await checkpoint()
                for n in range(20):
                    await other.documents.put("c", "k", {"n": n})
                await other.documents.delete("c", "k")
                proxy.hold.set()
        assert await other.documents.get("c", "k") is None


async def refused(stores: MongoStores, expect: int | None) -> None:
    with pytest.raises(Unavailable, match="the answer was lost"):
        await stores.documents.put("c", "k", {"n": "mine"}, expect=expect)


async def test_a_write_of_which_the_answer_says_nothing_is_known_as_our_own(engine: Engine, url: str) -> None:
    async with losing(engine, url) as (stores, proxy):
        proxy.silent = True
        proxy.lose("findAndModify")
        assert await stores.documents.put("c", "k", {"n": 1}, expect=0) == Document("c", "k", 1, {"n": 1})
        assert proxy.lost == 1


async def test_a_creation_that_arrives_late_was_not_told_as_refused(engine: Engine, url: str) -> None:
    async with losing(engine, url) as (stores, proxy), open_mongo(url) as other:
        await other.documents.put("c", "k", {"n": "theirs"})
        proxy.late = anyio.Event()
        proxy.lose("findAndModify")
        with anyio.fail_after(10):
            await refused(stores, 0)
            await other.documents.delete("c", "k")
            proxy.late.set()
            await proxy.over.wait()
        assert await other.documents.get("c", "k") == Document("c", "k", 3, {"n": "mine"})


async def test_a_deletion_that_arrives_late_was_not_told_to_have_found_nothing(engine: Engine, url: str) -> None:
    async with losing(engine, url) as (stores, proxy), open_mongo(url) as other:
        proxy.late = anyio.Event()
        proxy.lose("findAndModify")
        with anyio.fail_after(10):
            with pytest.raises(Unavailable, match="the answer was lost"):
                await stores.documents.delete("c", "k")
            await other.documents.put("c", "k", {"n": "theirs"})
            proxy.late.set()
            await proxy.over.wait()
        assert await other.documents.get("c", "k") is None


async def test_what_was_appended_is_there_once_when_the_answer_was_lost(engine: Engine, url: str) -> None:
    async with losing(engine, url) as (stores, proxy):
        for n in (1, 3):
            proxy.lose("insert")
            assert await stores.log.append("audit", [{"n": n}, {"n": n + 1}]) == n + 1
        assert [record.body["n"] async for record in stores.log.read("audit")] == [1, 2, 3, 4]
        assert proxy.lost == 2


async def test_what_is_appended_again_after_nobody_answered_is_there_once(engine: Engine, url: str) -> None:
    async with before(engine) as proxy:
        name = url.rpartition("/")[2]
        address = f"mongodb://127.0.0.1:{proxy.port}/{name}&directConnection=true"
        async with open_mongo(address, calls=Calls(patience=0.3)) as stores:
            await stores.log.append("audit", [{"n": 1}])
            for _ in range(20):
                proxy.lose("insert")
            with pytest.raises(Unavailable):
                await stores.log.append("audit", [{"n": 2}, {"n": 3}])
            proxy.forget()
            with anyio.fail_after(10):
                await until(stores.ready)
                assert await stores.log.append("audit", [{"n": 2}, {"n": 3}, {"n": 4}]) == 4
            assert await stores.log.append("audit", [{"n": 4}]) == 5
            assert [record.body["n"] async for record in stores.log.read("audit")] == [1, 2, 3, 4, 4]


async def test_two_writers_of_a_stream_leave_no_gap_and_write_over_nothing(url: str) -> None:
    async with open_mongo(url) as one, open_mongo(url) as two:
        returned: list[int] = []

        async def append(stores: MongoStores, who: str) -> None:
            for n in range(40):
                returned.append(await stores.log.append("audit", [{"who": who, "n": n}]))

        with anyio.fail_after(30):
            async with anyio.create_task_group() as group:
                group.start_soon(append, one, "one")
                group.start_soon(append, two, "two")
        records = await collect(one.log.read("audit"))
        assert [record.seq for record in records] == sorted(returned) == list(range(1, 81))
        for who in ("one", "two"):
            assert [record.body["n"] for record in records if record.body["who"] == who] == list(range(40))


async def test_of_two_processes_that_write_one_version_one_wins(url: str) -> None:
    async with open_mongo(url) as one, open_mongo(url) as two:
        await one.documents.put("c", "k", {"n": 0})

        async def add(stores: MongoStores) -> None:
            done = 0
            while done < 25:
                found = await stores.documents.get("c", "k")
                assert found is not None
                n = found.body["n"]
                assert isinstance(n, int)
                try:
                    await stores.documents.put("c", "k", {"n": n + 1}, expect=found.version)
                except Conflict:
                    continue
                done += 1

        with anyio.fail_after(30):
            async with anyio.create_task_group() as group:
                group.start_soon(add, one)
                group.start_soon(add, two)
        assert await two.documents.get("c", "k") == Document("c", "k", 51, {"n": 50})


@pytest.mark.parametrize("streams", [True, False])
async def test_a_database_that_is_killed_loses_nothing_acknowledged_and_is_found_again(
    tmp_path: Path, streams: bool
) -> None:
    with running(tmp_path, "--sync-on-commit") as engine:
        async with open_mongo(engine.url, streams=streams, calls=Calls(patience=1)) as stores:
            acknowledged: dict[str, int] = {}
            told: dict[str, int] = {}
            stop, stopped = anyio.Event(), anyio.Event()

            async def write() -> None:
                n = 0
                while not stop.is_set():
                    n += 1
                    try:
                        document = await stores.documents.put("c", f"k{n % 20}", {"n": n})
                        await stores.log.append("audit", [{"n": n}])
                    except Unavailable:
                        continue
                    acknowledged[document.key] = n
                stopped.set()

            async def watch() -> None:
                async for change in stores.documents.watch():
                    assert change.body is not None
                    n = change.body["n"]
                    assert isinstance(n, int)
                    told[change.key] = n

            with anyio.fail_after(60):
                async with anyio.create_task_group() as group:
                    group.start_soon(watch)
                    group.start_soon(write)
                    for _ in range(2):
                        await until(lambda: len(acknowledged) == 20)
                        engine.kill()
                        await until(lambda: not stores.ready())
                        await run_sync(engine.start)
                        await until(stores.ready)
                        acknowledged.clear()
                    await until(lambda: len(acknowledged) == 20)
                    stop.set()
                    await stopped.wait()
                    kept: dict[str, object] = {}
                    while kept != told or len(kept) < 20:
                        kept = {d.key: d.body["n"] async for d in stores.documents.find("c")}
                        await anyio.sleep(0.05)
                    group.cancel_scope.cancel()
            assert all(int(str(kept[key])) >= n for key, n in acknowledged.items())
            seqs = [record.seq async for record in stores.log.read("audit")]
            assert seqs == list(range(1, len(seqs) + 1))


async def test_a_database_that_hangs_for_a_while_carries_a_write_out_once(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        async with open_mongo(engine.url) as stores:
            engine.signal(signal.SIGSTOP)
            results: list[int] = []

            async def put() -> None:
                results.append((await stores.documents.put("c", "k", {}, expect=0)).version)

            with anyio.fail_after(30):
                async with anyio.create_task_group() as group:
                    group.start_soon(put)
                    await until(lambda: not stores.ready())
                    engine.signal(signal.SIGCONT)
            assert results == [1]
            assert await stores.documents.get("c", "k") == Document("c", "k", 1, {})


async def test_an_answer_in_parts_whose_cursor_is_gone_is_asked_for_again() -> None:
    tries: list[int] = []

    async def read() -> str:
        tries.append(len(tries))
        if len(tries) == 1:
            raise CursorNotFound("cursor id 7 not found", 43)
        return "all of it"

    assert await Calls().run(read) == "all of it"


async def test_without_a_database_the_error_says_so_soon(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="the database does not answer"), anyio.fail_after(10):
        async with open_mongo("mongodb://127.0.0.1:9/?directConnection=true", calls=Calls(patience=0)):
            pass


@pytest.mark.parametrize(
    "end", ["127.0.0.1:x/", "127.0.0.1:9/?nonsense", "127.0.0.1:9/?tls=perhaps", "/?authMechanism=NO"]
)
async def test_a_url_that_does_not_fit_is_refused_without_its_password(end: str) -> None:
    with pytest.raises(Invalid) as raised:
        async with open_mongo(f"mongodb://user:hunter2@{end}"):
            pass
    assert raised.value.field == "STORE_URL"
    assert "hunter2" not in str(raised.value)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    made, key = folder / "server.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(made)],
        check=True, capture_output=True,
    )  # fmt: skip
    return made, key


@pytest.mark.not_on_documentdb("its gateway has neither TLS nor passwords")
async def test_tls_and_a_password_by_scram_sha_256(tmp_path: Path) -> None:
    from pymongo import AsyncMongoClient

    with running(tmp_path, "--sync-on-commit") as engine:
        async with AsyncMongoClient[dict[str, object]](engine.url) as client:
            made = {"createUser": "registry", "pwd": "p@ss/word", "roles": ["root"]}
            await client.admin.command(made)
    file, key = certificate(tmp_path)
    with running(tmp_path, "--auth", "--tls-cert-file", str(file), "--tls-key-file", str(key)) as engine:
        query = f"tls=true&tlsCAFile={file}&authMechanism=SCRAM-SHA-256&authSource=admin&retryWrites=false"
        url = f"mongodb://127.0.0.1:{engine.port}/test?{query}"
        async with open_mongo(url, "registry", "p@ss/word") as stores:
            assert (await stores.documents.put("c", "k", {})).version == 1
        with pytest.raises(Internal, match="the database refused"):
            async with open_mongo(url, "registry", "wrong"):
                pass


WRITER = """
import sys, time, anyio
real = time.time
time.time = lambda: real() + float(sys.argv[2])
from airegistry.stores.mongo.open import open_mongo

async def main():
    async with open_mongo(sys.argv[1]) as stores:
        for n in range(150):
            await stores.documents.put("c", f"{sys.argv[3]}{n}", {"n": n})
            if n % 3 == 0:
                await stores.documents.delete("c", f"{sys.argv[3]}{n}")

anyio.run(main)
"""


def writing(url: str, name: str, skew: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITER, url, skew, name])


@pytest.mark.parametrize("streams", [True, False])
async def test_what_a_process_wrote_is_told_though_it_was_stopped_in_between_and_its_clock_is_wrong(
    url: str, streams: bool
) -> None:
    async with open_mongo(url, streams=streams) as stores:
        told: dict[str, bool] = {}

        async def watch() -> None:
            feed = stores.documents.watch()
            await stores.documents.put("c", "first", {})
            async for change in feed:
                told[change.key] = change.body is not None

        writers = [writing(url, "early", "-86400"), writing(url, "late", "86400")]
        try:
            with anyio.fail_after(60):
                async with anyio.create_task_group() as group:
                    group.start_soon(watch)
                    while all(writer.poll() is None for writer in writers):
                        for writer in writers:
                            writer.send_signal(signal.SIGSTOP)
                            await anyio.sleep(0.13)
                            writer.send_signal(signal.SIGCONT)
                            await anyio.sleep(0.05)
                    for writer in writers:
                        await run_sync(writer.wait)
                    wanted = {f"{name}{n}": n % 3 != 0 for name in ("early", "late") for n in range(150)}
                    await until(lambda: {key: there for key, there in told.items() if key != "first"} == wanted)
                    group.cancel_scope.cancel()
        finally:
            for writer in writers:
                writer.kill()
                writer.wait()
