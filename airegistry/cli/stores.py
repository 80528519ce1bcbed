"""Where a registry keeps everything, opened by a command while no registry runs there."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from airegistry.cli.errors import Usage
from airegistry.cli.output import note

if TYPE_CHECKING:
    from airegistry.stores.open import Stores
    from airegistry.stores.shared import SharedStore


@asynccontextmanager
async def opened(place: str | None, *, create: bool = False) -> AsyncIterator["Stores"]:
    """The stores of a place: a data folder, the URL of a database, or by default what the settings name.

    Damage that is found is told.

    Raises:
        Usage: there is no such folder, and it is not to be created.
        FolderInUse: a registry, or another command, works there.
    """
    from airegistry.stores.open import open_stores

    folder, shared = _meant(place)
    if shared is None and not create and not folder.is_dir():
        raise Usage(f"there is no data folder `{folder}`")
    async with open_stores(folder, shared) as stores:
        for damage in stores.damage:
            note(damage)
        yield stores


@asynccontextmanager
async def looked_at(place: str | None, *, before: str | None = None) -> AsyncIterator["Stores"]:
    """The stores of a place for whoever writes nothing there: a folder that holds none is not made, and is empty.

    `before` is a folder whose key such a one would be given.
    """
    from airegistry.stores.cipher import KEY_NAME, open_cipher
    from airegistry.stores.open import JOURNAL_NAME, open_stores

    folder, shared = _meant(place)
    if shared is not None or (folder / JOURNAL_NAME).exists():
        async with opened(place) as stores:
            yield stores
        return
    keyed = [each for each in (folder, Path(before or folder)) if (each / KEY_NAME).exists()]
    async with open_stores(None) as stores:
        yield replace(stores, cipher=open_cipher(keyed[0])) if keyed else stores


def _meant(place: str | None) -> "tuple[Path, SharedStore | None]":
    """The folder of a place, and its database where it has one."""
    # The stores and the settings take half a second to import, which `--help` must not wait for.
    from airegistry.settings import load

    if place is not None and is_url(place):
        settings = load(store_url=place)
    else:
        settings = load(data=None if place is None else Path(place))
    return settings.data, settings.shared_store if place is None or is_url(place) else None


def is_url(place: str) -> bool:
    """Whether a place is a database and no folder."""
    return "://" in place


def carry_key(source: str, target: str) -> None:
    """Give a folder that has no key yet that of another folder, readable by its owner only."""
    from airegistry.stores.cipher import KEY_NAME
    from airegistry.stores.files import make_folder

    if is_url(source) or is_url(target):
        return
    key, there = Path(source) / KEY_NAME, Path(target) / KEY_NAME
    if key.exists() and not there.exists():
        make_folder(there.parent)
        part = there.with_suffix(".part")
        part.touch(mode=0o600)
        shutil.copyfile(key, part)
        part.replace(there)
