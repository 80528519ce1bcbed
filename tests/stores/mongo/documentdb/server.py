"""A test tool: the engine DocumentDB, from the root that `.ci/install-documentdb` made, with its gateway."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.stores.mongo.engine import Engine, free_port

REPOSITORY = Path(__file__).parents[4]
FOLDER = Path(os.environ.get("AIREGISTRY_DOCUMENTDB") or REPOSITORY / ".cache" / "documentdb").resolve()
ROOT = FOLDER / "root"
PROGRAMS = "/usr/lib/postgresql/18/bin"
NOBODY = 65534
"""PostgreSQL does not run as root."""
HAS_ANYWAY = frozenset(("--standalone", "--sync-on-commit"))
"""What this engine is in any case, of the options that tests give to SecantusDB."""
SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_preload_libraries = 'pg_cron, pg_documentdb_core, pg_documentdb'
dynamic_shared_memory_type = mmap
max_connections = 300
cron.database_name = 'postgres'
documentdb.force_index_builds_blocking = on
"""


class DocumentDB(Engine):
    """The same as `Engine`: its process is the gateway, beside which a PostgreSQL runs in the root, for root alone."""

    def __init__(self, folder: Path, *options: str, port: int | None = None) -> None:
        if set(options) - HAS_ANYWAY:
            pytest.skip(f"its gateway has neither TLS nor passwords: {' '.join(options)}")
        super().__init__(folder, port=port)
        self._postgres_port = free_port()
        self._data = Path()
        self._postgres: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if not (ROOT / "etc").is_dir() or os.geteuid():
            raise RuntimeError(f"needs .ci/install-documentdb, which is for root on Debian: nothing in {ROOT}")
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._data.name:
            self._make()
        with (self.folder / "postgres.log").open("ab") as log:
            command = self._inside("postgres", "-p", str(self._postgres_port))
            self._postgres = subprocess.Popen(command, stdout=log, stderr=log)
        super().start()

    def kill(self) -> None:
        """An end without a checkpoint: the next start goes by the log of writes, as after kill -9."""
        super().kill()
        if self._postgres is not None:
            self._postgres.send_signal(signal.SIGQUIT)
            self._postgres.wait()
            self._postgres = None

    def close(self) -> None:
        super().close()
        if self._data.name:
            shutil.rmtree(self._data)

    def _command(self) -> list[str]:
        target = f"host=127.0.0.1 port={self._postgres_port} user=postgres dbname=postgres"
        return [sys.executable, "-m", "tests.stores.mongo.documentdb.gateway", str(self.port), target]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": f"{REPOSITORY}:{FOLDER / 'python'}"}

    def _make(self) -> None:
        self._data = Path(tempfile.mkdtemp(dir=ROOT / "tmp", prefix="data-"))
        os.chown(self._data, NOBODY, NOBODY)
        command = self._inside("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write(SETTINGS)

    def _inside(self, program: str, *options: str) -> list[str]:
        return [
            "chroot", f"--userspec={NOBODY}:{NOBODY}", str(ROOT),
            f"{PROGRAMS}/{program}", "-D", f"/tmp/{self._data.name}", *options,
        ]  # fmt: skip
