"""An upgrade that rolls through the replicas: this version beside the next one, whose assets have a field more."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

import airegistry
from airegistry.core.documents import Json
from airegistry.core.shelf import ASSETS, key_of
from airegistry.stores.mongo.open import open_mongo
from tests.contract.acts import Desk, fresh
from tests.stores.mongo.engine import INSTALLED, MISSING, running
from tests.support import http
from tests.support.backends import Backend
from tests.support.registry import Registry

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(not INSTALLED, reason=MISSING)]

BEFORE = "    path: str\n    name: str = Field(min_length=1, max_length=200)\n"
AFTER = f'{BEFORE}    colour: str = Field(default_factory=lambda: __import__("secrets").token_hex(4))\n'


def next_version(folder: Path) -> Path:
    """A copy of the product in which every asset has a colour, by chance; the folder it is imported from."""
    package = folder / "airegistry"
    shutil.copytree(Path(airegistry.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    assets = package / "core" / "assets.py"
    code = assets.read_text()
    assert code.count(BEFORE) == 1
    assets.write_text(code.replace(BEFORE, AFTER))
    return folder


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Registry, Registry, str]]:
    """A replica of this version, one of the next, and the URL of their database. The next one made its layout."""
    folder = tmp_path_factory.mktemp("rolling")
    with running(folder / "mongo") as engine:
        url = f"{engine.url}rolling?retryWrites=false"
        shared = {"AIREGISTRY_STORE_URL": url, "AIREGISTRY_SECRET_KEY": Fernet.generate_key().decode()}
        old = Registry(folder / "old", shared)
        new = Registry(folder / "new", {**shared, "PYTHONPATH": str(next_version(folder / "next"))})
        try:
            for registry in (new, old):
                registry.data.parent.mkdir()
                registry.token = registry.env["AIREGISTRY_ADMIN_TOKEN"] = "operator-token-of-both-versions-1234"
                registry.start()
            yield old, new, url
        finally:
            for registry in (old, new):
                registry.close()


async def stored(url: str, path: str) -> Json:
    """A server as it lies in the database."""
    async with open_mongo(url) as stores:
        found = await stores.documents.get(ASSETS, key_of("server", path))
        assert found is not None
        return found.body


async def test_what_the_next_version_wrote_is_read_called_changed_and_kept_by_this_one(
    both: tuple[Registry, Registry, str], backend: Backend
) -> None:
    old, new, url = both
    path = fresh("weather")
    await Desk(new).register(path, backend.url)
    colour = (await stored(url, path))["colour"]
    assert isinstance(colour, str)
    desk = Desk(old)
    answer = http.call_tool(old.gateway(path), "echo", {"text": "hello"}, token=old.token)
    assert b"hello" in answer.content
    assert path in str(await desk.ask("search_registry", query=path))
    await desk.ask("update_asset", kind="server", path=path, changes={"title": "Rain"})
    await desk.ask("toggle_service", path=path, enabled=False)
    await desk.ask("toggle_service", path=path, enabled=True)
    await desk.ask("refresh_service", path=path)
    now = await stored(url, path)
    assert (now["title"], now["colour"]) == ("Rain", colour)


async def test_what_this_version_wrote_is_served_by_the_next_one(
    both: tuple[Registry, Registry, str], backend: Backend
) -> None:
    old, new, url = both
    path = fresh("weather")
    await Desk(old).register(path, backend.url)
    assert "colour" not in await stored(url, path)
    answer = http.call_tool(new.gateway(path), "echo", {"text": "hello"}, token=new.token)
    assert b"hello" in answer.content
    await Desk(new).ask("update_asset", kind="server", path=path, changes={"title": "Rain"})
    assert (await Desk(old).ask("get_server_details", path=path))["title"] == "Rain"
