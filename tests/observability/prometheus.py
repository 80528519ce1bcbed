"""The programs of `.ci/install-prometheus`: promtool, and a Prometheus that is set up as in docker/."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
import yaml

from tests.observability.expressions import ALERTS, Json
from tests.support.processes import ROOT, Process, free_port, listens

FOLDER = Path(os.environ.get("AIREGISTRY_PROMETHEUS", ROOT / ".cache" / "prometheus"))


def program(name: str) -> str:
    """Where a program is; skips the test where it is not installed."""
    found = shutil.which(name, path=FOLDER)
    if found is None:
        if os.environ.get("AIREGISTRY_CI"):
            pytest.fail(f"no {name} in {FOLDER}: .ci/install-prometheus was not run")
        pytest.skip(f"no {name}: run .ci/install-prometheus")
    return found


def promtool(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """A command of promtool to its end."""
    command = [program("promtool"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A Prometheus at `url`."""

    url: str
    http: httpx2.AsyncClient

    async def ready(self) -> bool:
        """Whether it answers by now."""
        return (await self.http.get(f"{self.url}/-/ready")).status_code == 200

    async def ask(self, what: str, **parameters: str) -> Any:
        """The `data` of an answer of its API."""
        answer = await self.http.get(f"{self.url}/api/v1/{what}", params=parameters)
        assert answer.status_code == 200, f"{parameters}: {answer.text}"
        return answer.json()["data"]

    async def query(self, text: str, at: float | None = None) -> list[Json]:
        """The series that an expression has now, or at another time."""
        when = {} if at is None else {"time": str(at)}
        found: list[Json] = (await self.ask("query", query=text, **when))["result"]
        return found

    async def series(self) -> dict[str, set[str]]:
        """Every metric that was scraped, with the labels that series of it have."""
        found: dict[str, set[str]] = {}
        scraped = '{job=~".+",__name__!~"up|scrape_.*|ALERTS.*"}'
        for labels in await self.ask("series", **{"match[]": scraped}):
            found.setdefault(labels.pop("__name__"), set()).update(labels)
        return found


@asynccontextmanager
async def prometheus(folder: Path, target: str) -> AsyncIterator[Prometheus]:
    """A Prometheus with a folder of its own, on loopback, set up as in docker/ but for its haste: it asks a target for
    its metrics each second, and looks at the alerts of observability/."""
    config = yaml.safe_load((ROOT / "docker" / "observability" / "prometheus.yaml").read_text("utf-8"))
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [name.replace("/etc/prometheus/alerts", str(ALERTS)) for name in config["rule_files"]]
    config["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    port = free_port()
    command = [
        program("prometheus"), f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn", "--enable-feature=exemplar-storage",
    ]  # fmt: skip
    process = Process(command, folder / "prometheus.log", {"PATH": os.environ["PATH"]})
    try:
        process.wait_until(lambda: listens(port))
        async with httpx2.AsyncClient(trust_env=False, timeout=20) as http:
            asked = Prometheus(f"http://127.0.0.1:{port}", http)
            with anyio.fail_after(20):
                while not await asked.ready():  # noqa: ASYNC110  # no event tells it
                    await anyio.sleep(0.1)
            yield asked
    finally:
        process.close()
