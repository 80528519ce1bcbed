"""A registry with a catalog of a size, as it is installed, and somebody who is signed in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

import anyio
from playwright.sync_api import Browser

from airegistry.discovery import FOLDER
from airegistry.stores.open import open_stores
from benchmarks.scaling.population import KnownVectors, fill
from tests.contract.acts import Desk
from tests.support.registry import Registry
from tests.web.people import People
from tests.web.world import ADMIN, PASSWORD

WARM = 600
"""Seconds until it must be ready, and have all of its vectors."""


@contextmanager
def serving(assets: int) -> Iterator[Registry]:
    """The registry, which has its vectors: those of the catalog are invented, and queries have the model's own."""
    with TemporaryDirectory() as folder:
        registry = Registry(Path(folder), {"AIREGISTRY_ADMIN_PASSWORD": PASSWORD})
        vectors = KnownVectors(Path(folder) / "vectors")
        try:
            registry.start()
            registry.close()
            rmtree(registry.data / FOLDER, ignore_errors=True)
            anyio.run(_fill, registry.data, assets)
            vectors.invent(assets)
            vectors.give(registry.data)
            registry.spawn().wait_until(registry.is_ready, WARM)
            anyio.run(_warmed, registry)
            yield registry
        finally:
            registry.close()


async def _fill(data: Path, assets: int) -> None:
    async with open_stores(data) as stores:
        await fill(stores.documents, 0, assets)


async def _warmed(registry: Registry) -> None:
    with anyio.fail_after(WARM):
        while not (status := await Desk(registry).ask("index_status"))["ready"] or status["missing"]:  # noqa: ASYNC110  # nothing tells
            await anyio.sleep(0.5)


def cookie(browser: Browser, registry: Registry) -> str:
    """That of the administrator's session."""
    people = People(browser, registry.url)
    page = people(None)
    people.sign_in(page, ADMIN)
    page.wait_for_selector("h1")
    found = "; ".join(f"{each['name']}={each['value']}" for each in page.context.cookies())
    people.leave()
    return found
