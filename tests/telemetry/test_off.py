"""A registry that is not told to send anything."""

import subprocess
import sys
from pathlib import Path

import pytest

from airegistry.core.errors import Invalid
from airegistry.settings import load
from tests.support.processes import ROOT, python_env

WITHOUT = """
import sys, threading, anyio
from airegistry.app import running
from airegistry.settings import load

async def main():
    async with running(load(data=sys.argv[1], embedder="none")):
        sdk = [name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter", "grpc"))]
        own = [name for name in sys.modules if name.startswith("airegistry.telemetry.")]
        threads = [thread.name for thread in threading.enumerate() if "otel" in thread.name.lower()]
        tasks = [task.get_coro().__qualname__ for task in __import__("asyncio").all_tasks()]
        print(sdk, sorted(own), threads, [name for name in tasks if name.startswith("Sending")])

anyio.run(main)
"""
NO_EXTRA = """
import sys
sys.modules["opentelemetry.sdk"] = None
from airegistry.cli.main import main
sys.exit(main(["serve", "--data", sys.argv[1], "--port", "0"]))
"""


def run(code: str, folder: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", code, str(folder / "data")]
    return subprocess.run(
        command,
        env=python_env({"HOME": str(folder), **env}),
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=False,
    )


def test_nothing_of_the_sdk_is_imported_and_nothing_runs(tmp_path: Path) -> None:
    done = run(WITHOUT, tmp_path)
    assert done.stdout.splitlines()[-1] == "[] ['airegistry.telemetry.current'] [] []", done.stdout + done.stderr


def test_without_the_extra_a_registry_that_is_to_tell_does_not_start(tmp_path: Path) -> None:
    done = run(NO_EXTRA, tmp_path, AIREGISTRY_TELEMETRY_URL="http://127.0.0.1:4318")
    assert done.returncode != 0
    assert "pip install 'airegistry[otel]'" in done.stderr


def test_the_variables_of_opentelemetry_count_where_ours_are_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "theirs")
    monkeypatch.setenv("AIREGISTRY_TELEMETRY_SERVICE", "ours")
    settings = load()
    assert (settings.telemetry_url, settings.telemetry_protocol) == ("http://127.0.0.1:4317", "grpc")
    assert (settings.telemetry_sampler, settings.telemetry_service) == ("always_on", "ours")


@pytest.mark.parametrize(
    ("name", "value"), [("RATIO", "1.5"), ("SAMPLER", "sometimes"), ("PROTOCOL", "http/json"), ("SECONDS", "0")]
)
def test_a_setting_that_does_not_fit_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"AIREGISTRY_TELEMETRY_{name}", value)
    with pytest.raises(Invalid, match=f"AIREGISTRY_TELEMETRY_{name}"):
        load()
