from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from tests.stores.mongo.engine import ENGINE, Engine, running
from tests.support.driver import left_sockets

__all__ = ["engine", "left_sockets", "url"]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what the engine cannot do that the tests run over."""
    mark = item.get_closest_marker("not_on_documentdb")
    if mark is not None and ENGINE == "documentdb":
        pytest.skip(str(mark.args[0]))


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A database server, one a worker; tests use databases of their own."""
    with running(tmp_path_factory.mktemp("mongo")) as started:
        yield started


@pytest.fixture
async def url(engine: Engine) -> AsyncIterator[str]:
    """The URL of an empty database."""
    from pymongo import AsyncMongoClient

    name = f"test_{uuid4().hex}"
    yield f"{engine.url}{name}?retryWrites=false"
    async with AsyncMongoClient[dict[str, object]](engine.url) as client:
        await client.drop_database(name)
