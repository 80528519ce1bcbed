import stat
import sys
from pathlib import Path

import anyio
import pytest

from airegistry.core.documents import Document, LogRecord
from airegistry.stores.lock import FolderInUse
from airegistry.stores.open import open_stores
from tests.stores.faults import overwrite

pytestmark = pytest.mark.anyio


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}


async def test_without_a_folder_everything_is_in_memory(tmp_path: Path) -> None:
    async with open_stores(None) as stores:
        await stores.documents.put("c", "k", {})
        await stores.log.append("audit", [{}])
        assert stores.damage == []
    async with open_stores(None) as stores:
        assert await stores.documents.get("c", "k") is None


async def test_documents_and_logs_are_there_after_reopening_the_folder(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    async with open_stores(data) as stores:
        await stores.documents.put("c", "k", {"n": 1})
        await stores.log.append("audit", [{"n": 2}])
    async with open_stores(data) as stores:
        assert await stores.documents.get("c", "k") == Document("c", "k", 1, {"n": 1})
        assert await stores.log.last("audit") == LogRecord(1, {"n": 2})
        assert stores.damage == []


async def test_a_folder_that_is_open_cannot_be_opened_again_until_it_is_closed(tmp_path: Path) -> None:
    async with open_stores(tmp_path):
        with pytest.raises(FolderInUse, match=str(tmp_path)):
            async with open_stores(tmp_path):
                pass
    async with open_stores(tmp_path):
        pass


async def test_the_folder_is_free_again_when_its_user_fails_or_is_cancelled(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="mine"):
        async with open_stores(tmp_path):
            raise RuntimeError("mine")
    with anyio.CancelScope() as scope:
        async with open_stores(tmp_path) as stores:
            scope.cancel()
            await stores.documents.put("c", "k", {})
    async with open_stores(tmp_path):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="no modes")
async def test_all_files_are_their_owners_alone(tmp_path: Path) -> None:
    async with open_stores(tmp_path / "data") as stores:
        await stores.documents.put("c", "k", {})
        await stores.log.append("audit", [{}])
    assert modes(tmp_path) == {
        "data": 0o700,
        "data/lock": 0o600,
        "data/documents.journal": 0o600,
        "data/secret.key": 0o600,
        "data/logs": 0o700,
        "data/logs/audit": 0o700,
        "data/logs/audit/00000000000000000001.log": 0o600,
    }


async def test_damage_of_documents_and_logs_is_reported_together(tmp_path: Path) -> None:
    async with open_stores(tmp_path) as stores:
        await stores.log.append("audit", [{}])
    overwrite(tmp_path / "documents.journal", b"?")
    overwrite(tmp_path / "logs" / "audit" / "00000000000000000001.log", b"?")
    async with open_stores(tmp_path) as stores:
        assert [report.split(" was damaged")[0] for report in stores.damage] == [
            str(tmp_path / "documents.journal"),
            str(tmp_path / "logs" / "audit" / "00000000000000000001.log"),
        ]
