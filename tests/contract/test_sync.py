"""Sources of a running registry: what is kept of them over a restart, what is shown, and what the data folder holds."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.registry import Registry, serving

SECRET = "s3cr3t-of-the-source"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry of its own: it is restarted."""
    with serving(tmp_path_factory.mktemp("sync")) as started:
        yield started


def test_a_source_that_does_not_answer_is_told_of_and_kept_over_a_restart(own: Registry) -> None:
    added = own.cli("sync", "add", "mcp-registry", NOWHERE, "--name", "nowhere", "--filter", "io.*", "--json")
    assert added.returncode == 1
    assert "error[upstream_failed]" in added.stderr
    own.restart()
    [kept] = json.loads(own.cli("sync", "list", "--json").stdout)["sources"]
    assert (kept["name"], kept["names"], kept["last"]["outcome"]) == ("nowhere", ["io.*"], "failed")
    assert kept["failures"] >= 1
    shown = own.cli("sync", "show", "nowhere").stdout
    assert "failed" in shown
    assert own.cli("sync", "now", "nowhere", "--dry-run").returncode == 1


def test_secrets_of_sources_are_nowhere_in_the_data_folder_and_in_no_answer(own: Registry, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.json"
    secrets.write_text(json.dumps({"token": SECRET}))
    own.cli("sync", "add", "peer", NOWHERE, "--name", "sealed", "--secret-file", str(secrets))
    listed, shown = own.cli("sync", "list", "--json"), own.cli("sync", "show", "sealed", "--json")
    assert '"has_secrets": true' in shown.stdout
    for said in (listed, shown):
        assert SECRET not in said.stdout + said.stderr
    for file in own.data.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes(), file
    assert own.cli("sync", "remove", "sealed").returncode == 0
    assert "sealed" not in own.cli("sync", "list").stdout
