"""The drill of docs/runbook.md, "Roll back": the version before runs on the same data, and this one again after it.

The version before is a wheel of an earlier commit, in an environment of its own.
"""

import json
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

import airegistry
from tests.docs.drills import LIGHT, give, intact, replicas, sent, succeeds
from tests.support.backends import Backend
from tests.support.processes import ROOT
from tests.support.registry import Registry

BEFORE = "3ae6643d6678009d8bdf1dad4d0000679b3a3b30"
"""The commit before deployment came in."""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of an environment with the version before: its wheel alone, over the packages of this environment."""
    folder = tmp_path_factory.mktemp("before")
    packed = subprocess.run(["git", "archive", BEFORE], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        archive.extractall(folder / "source", filter="data")
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = str(folder / "venv" / "bin" / "python")
    pip = [python, "-m", "pip", "install", "-q", "--no-deps", "--disable-pip-version-check", str(folder / "source")]
    subprocess.run(pip, check=True)
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (site / "packages_of_the_tests.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    asked = [python, "-c", "import airegistry; print(airegistry.__file__)"]
    found = Path(subprocess.run(asked, cwd=folder, capture_output=True, text=True, check=True).stdout.strip())
    assert found.is_relative_to(site), "the version before is not the one that is tested now"
    assert not Path(airegistry.__file__).is_relative_to(site)
    return python


@pytest.fixture(params=["folder", "database"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    if request.param == "folder":
        made = Registry(tmp_path, LIGHT)
        yield made
        made.close()
        return
    with replicas(tmp_path, 1) as (_, (made,)):
        yield made


def start(registry: Registry, python: str | None = None) -> None:
    """Start it as this version, or as that of another Python."""
    registry.python = python or sys.executable
    registry.env["PYTHONPATH"] = "" if python else str(ROOT)
    registry.start()


def token(registry: Registry, name: str) -> str:
    """A token that may call everything."""
    made = succeeds(registry.command("token", "create", name, "--group", "administrators", "--json"))
    return str(json.loads(made)["token"])


def paths(registry: Registry) -> set[str]:
    """The servers that are listed."""
    return {each["path"] for each in json.loads(succeeds(registry.command("list", "--json")))["services"]}


def test_a_version_is_rolled_back_and_forward_over_the_same_data(
    before: str, registry: Registry, backend: Backend, tmp_path: Path
) -> None:
    start(registry, before)
    succeeds(registry.command("register", backend.url, "--path", "desk"))
    give(registry, tmp_path, "secret-of-before")
    oldest = token(registry, "oldest")
    registry.process.stop()

    start(registry)
    assert sent(registry) == "Bearer secret-of-before"
    assert sent(registry, oldest) == "Bearer secret-of-before"
    give(registry, tmp_path, "secret-of-now")
    newer = token(registry, "newer")
    succeeds(registry.command("register", backend.url, "--path", "desk-of-now"))
    registry.process.stop()

    start(registry, before)
    assert paths(registry) == {"desk", "desk-of-now"}
    for each in (oldest, newer):
        assert sent(registry, each) == "Bearer secret-of-now"
    assert intact(registry)
    succeeds(registry.command("toggle", "desk-of-now", "off"))
    newest = token(registry, "newest")
    registry.process.stop()

    start(registry)
    assert paths(registry) == {"desk", "desk-of-now"}
    assert '"enabled": false' in succeeds(registry.command("show", "desk-of-now", "--json"))
    for each in (oldest, newer, newest):
        assert sent(registry, each) == "Bearer secret-of-now"
    assert intact(registry)
