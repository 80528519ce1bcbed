"""The programs of `.ci/install-deploy`, which judge the files of docker/ and charts/."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.processes import ROOT

FOLDER = Path(os.environ.get("AIREGISTRY_DEPLOY", ROOT / ".cache" / "deploy"))
DOCKER = ROOT / "docker"
CHART = ROOT / "charts" / "airegistry"
PLACES = (FOLDER / "bin", FOLDER / "venv" / "bin")


def tool(name: str) -> str:
    """Where a program is; skips the test where it is not installed."""
    found = shutil.which(name, path=os.pathsep.join(map(str, PLACES))) or shutil.which(name)
    if found is None:
        pytest.skip(f"no {name}: run .ci/install-deploy")
    return found


def run(
    *command: str, env: Mapping[str, str] | None = None, cwd: Path = ROOT, seconds: float = 60
) -> "subprocess.CompletedProcess[str]":
    """A command to its end, with nothing of this environment but PATH and HOME, and `env`."""
    surroundings = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **(env or {})}
    return subprocess.run(
        command, env=surroundings, cwd=cwd, capture_output=True, text=True, timeout=seconds, check=False
    )


def made_env(*profiles: str, **env: str) -> str:
    """What docker/make-env prints for these profiles."""
    made = run(str(DOCKER / "make-env"), *profiles, env=env)
    assert made.returncode == 0, made.stderr
    return made.stdout
