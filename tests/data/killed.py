"""A process to be killed: imports a file into a folder and prints a line at each chunk.

python -m tests.data.killed FILE FOLDER
"""

import os
import sys
from pathlib import Path

import anyio

from airegistry.data.archive import Archive
from airegistry.data.transfer import Choices, transfer
from airegistry.stores.open import open_stores
from tests.data.stores import target


def tell(what: str, items: int) -> None:
    os.write(1, f"{what} {items}\n".encode())


async def main(file: Path, folder: Path) -> None:
    async with open_stores(folder) as stores:
        await transfer(Archive(file), target(stores), Choices(), tell=tell)


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]), Path(sys.argv[2]))
