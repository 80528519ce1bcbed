"""The logs of a real process: what it writes, what is left of them after kill -9, and who may read them."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from tests.support.processes import python_env
from tests.support.registry import Registry

Json = dict[str, Any]
SECONDS = 0.2
"""That logs are gathered."""
SLACK = timedelta(seconds=1)
"""For a write to the disk of a busy machine."""
TROUBLE = """
import logging, pathlib, sys, threading, time, warnings

def trouble():
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
    warnings.warn("a library is outdated")
    logging.getLogger("uvicorn.error").error("one line\\n{\\"time\\": \\"forged\\"}")
    logging.getLogger("uvicorn.access").info("not wanted")
    class Odd:
        def __del__(self):
            raise OSError("in a finalizer")
    del Odd
    pathlib.Path("went").touch()
    raise ValueError("a thread fails\\n{}")

if "serve" in sys.orig_argv:
    threading.Thread(target=trouble, daemon=True).start()
"""


class Started:
    """A registry whose standard error goes to a file of its own."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.registry = Registry(folder, {"AIREGISTRY_LOG_FORMAT": "auto", "AIREGISTRY_EMBEDDER": "none", **env})
        self.folder = folder
        self._client = httpx2.Client(base_url=self.registry.url, trust_env=False, timeout=10)
        self._client.headers["authorization"] = f"Bearer {self.registry.token}"
        self.child = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "airegistry", "serve", "--port", str(self.registry.port)]
        with (self.folder / "err").open("ab") as err, (self.folder / "out").open("ab") as out:
            child = subprocess.Popen(
                [*command, "--data", str(self.registry.data)], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                env=python_env({**self.registry.env, "PYTHONPATH": f"{self.folder}:{Path(__file__).parents[2]}"}),
                cwd=self.folder,
            )  # fmt: skip
        deadline = time.monotonic() + 30
        while not self.registry.is_ready():
            assert child.poll() is None, self.err
            assert time.monotonic() < deadline, self.err
            time.sleep(0.02)
        return child

    @property
    def err(self) -> str:
        return (self.folder / "err").read_text("utf-8")

    def get(self, path: str, **params: str) -> Json:
        """What the API answers the operator."""
        answer = self._client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    def close(self) -> None:
        self._client.close()
        if self.child.poll() is None:
            self.child.terminate()
            self.child.wait(15)


@contextmanager
def started(folder: Path, env: dict[str, str]) -> Iterator[Started]:
    made = Started(folder, env)
    try:
        yield made
    finally:
        made.close()


def test_the_standard_error_is_one_object_a_line_from_the_first_to_the_last(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(TROUBLE, encoding="utf-8")
    with started(tmp_path, {"AIREGISTRY_LOG_LEVEL": "debug"}) as process:
        other = Registry(tmp_path, {"AIREGISTRY_LOG_FORMAT": "json"})
        other.data = process.registry.data  # it says why it cannot, and ends
        second = other.spawn()
        assert second.wait_end() == 3
        refusal = json.loads(second.output().splitlines()[-1])
        (tmp_path / "go").touch()
        deadline = time.monotonic() + 10
        while "a thread fails" not in process.err:
            assert time.monotonic() < deadline, process.err
            time.sleep(0.02)
        process.get("/api/v1/servers")
    lines = [json.loads(line) for line in process.err.splitlines()]
    assert (refusal["level"], "in use by another process" in refusal["message"]) == ("critical", True)
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    assert all(line["time"].endswith("Z") and datetime.fromisoformat(line["time"]).tzinfo == UTC for line in lines)
    said = {line["logger"]: line for line in lines}
    assert "a library is outdated" in said["py.warnings"]["message"]
    assert said["uvicorn.error"]["message"] == 'one line\n{"time": "forged"}'
    assert "ValueError: a thread fails" in said["airegistry.application_logs"]["exception"]
    assert "uvicorn.access" not in said
    assert lines[-1]["message"].startswith("airegistry ends")
    assert process.registry.token not in process.err


def test_kill_9_loses_at_most_what_was_gathered_since_the_last_write(tmp_path: Path) -> None:
    env = {"AIREGISTRY_LOG_LEVEL": "debug", "AIREGISTRY_LOG_SECONDS": str(SECONDS)}
    with started(tmp_path, env) as process:
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            process.get("/healthz")
        killed = datetime.now(UTC)
        process.child.kill()
        process.child.wait(10)
        written = [json.loads(line) for line in process.err.splitlines()]
        asked = [line["request_id"] for line in written if line["message"].startswith("GET /healthz")]
        safe = [
            line["request_id"]
            for line in written
            if line["message"].startswith("GET /healthz")
            and datetime.fromisoformat(line["time"]) < killed - timedelta(seconds=SECONDS) - SLACK
        ]
        assert safe
        process.child = process.start()
        kept: list[str] = []
        cursor: Json = {}
        while True:
            page = process.get("/api/v1/logs", text="GET /healthz", limit="1000", until=killed.isoformat(), **cursor)
            kept += [line["request_id"] for line in page["records"]]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert len({*kept}) == len(kept)
        assert {*safe} <= {*kept} <= {*asked}
        ran = process.registry.cli("logs", "--request-id", safe[0], "--json")
        assert json.loads(ran.stdout)["request_id"] == safe[0], ran.stderr


def test_nothing_is_kept_where_the_settings_say_so(tmp_path: Path) -> None:
    with started(tmp_path, {"AIREGISTRY_LOG_DAYS": "0"}) as process:
        assert process.get("/api/v1/logs")["records"] == []
        assert " serves http://" in process.err
        assert not (process.registry.data / "logs" / "app-0").exists()
