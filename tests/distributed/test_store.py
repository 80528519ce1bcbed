"""Three processes over one database, at random, while they are killed and paused and the database is, too."""

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio
import pytest

from airegistry.core.documents import DocumentStore
from tests.distributed.checks import check_changes, check_documents, check_leaders
from tests.distributed.crew import Crew
from tests.distributed.linear import Operation
from tests.distributed.records import Json
from tests.distributed.worker import DOCS, KEYS
from tests.stores.mongo.engine import Engine, running
from tests.support.rounds import FULL, ROUNDS

pytest.importorskip("pymongo", reason="needs pymongo")

from airegistry.stores.mongo.open import open_mongo

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]

FAULTS = 10
"""Of each full round."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A database that has on disk what it acknowledges."""
    with running(tmp_path_factory.mktemp("mongo"), "--sync-on-commit") as started:
        yield started


@pytest.fixture
async def crew(engine: Engine, tmp_path: Path, number: int) -> AsyncIterator[Crew]:
    """Three workers, all at work."""
    crew = Crew(engine, _url(engine, number), tmp_path, seed=number)
    try:
        await crew.until_all("started")
        yield crew
    finally:
        crew.close()


@pytest.mark.parametrize("number", range(ROUNDS))
async def test_whatever_is_killed_or_paused_the_processes_behave_as_one(
    engine: Engine, crew: Crew, tmp_path: Path, number: int
) -> None:
    await (crew.suffer(FAULTS) if FULL and number else crew.suffer_each())
    with anyio.fail_after(60):
        while not _taken_over(crew.told()):
            await crew.pause(leader=True)
    (tmp_path / "quiet").touch()
    await crew.until_all("quiet")
    since = time.monotonic_ns()
    async with open_mongo(_url(engine, number)) as stores:
        await crew.until(lambda told: _led_since(told, since))
        kept = [document async for document in stores.documents.find(DOCS)]
        final = {document.key: document.body["value"] for document in kept}
        await crew.until(lambda told: _mirrors(told, crew) == [final] * 3, seconds=5)
        crew.close()
        told = crew.told()
        check_leaders(told)
        check_changes(told)
        assert check_documents(told, {key: await _read(stores.documents, key) for key in KEYS}) > 300


def _url(engine: Engine, number: int) -> str:
    return f"{engine.url}round{number}?retryWrites=false"


def _taken_over(told: list[Json]) -> bool:
    """Whether each of the two had three holders at least."""
    holders = check_leaders(told)
    return holders.keys() == {"log", "turns"} and min(holders.values()) >= 3


def _led_since(told: list[Json], moment: int) -> bool:
    """Whether somebody leads again, and takes turns."""
    keys = {line["key"] for line in told if line.get("act") == "lead" and line["at"] > moment}
    return keys == {"log", "turns"}


def _mirrors(told: list[Json], crew: Crew) -> list[object]:
    """What those that live have in memory by now."""
    last = {line["who"]: line["kept"] for line in told if line.get("note") == "mirror"}
    return [last.get(name) for name in crew.names()]


async def _read(store: DocumentStore, key: str) -> Operation:
    called = time.monotonic_ns()
    found = await store.get(DOCS, key)
    value = None if found is None else str(found.body["value"])
    return Operation(called, time.monotonic_ns(), "get", "ok", None, value, None if found is None else found.version)
