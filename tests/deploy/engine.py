"""A container engine of the tests' own: its data below one folder, its networks in 172.30.0.0/16, gone at the end."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.deploy.tools import FOLDER, run, tool
from tests.support.processes import Process

BASE = "python:3.13.7-slim-trixie"
"""As docker/Dockerfile names it; here it is Debian's minimal system, with its Python of that series, by this name."""
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


class Engine:
    """An engine that runs, by the command line of docker."""

    def __init__(self, folder: Path) -> None:
        self._env = {"DOCKER_HOST": f"unix://{folder / 'sock'}", "DOCKER_CONFIG": str(folder / "config")}

    def docker(self, *arguments: str, seconds: float = 120) -> str:
        """What `docker ...` prints.

        Raises:
            AssertionError: it ended with another status than 0.
        """
        done = self.attempt(*arguments, seconds=seconds)
        assert done.returncode == 0, f"docker {arguments}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def attempt(
        self, *arguments: str, env: Mapping[str, str] | None = None, seconds: float = 120
    ) -> "subprocess.CompletedProcess[str]":
        """`docker ...` to its end, however it ends."""
        return run("docker", *arguments, env={**self._env, **(env or {})}, seconds=seconds)

    def keep(self, file: Path, *arguments: str, seconds: float = 120) -> None:
        """Write what `docker ...` prints, byte for byte, to a file.

        Raises:
            AssertionError: it ended with another status than 0.
        """
        script = 'exec docker "$@" >"$FILE"'
        done = run("sh", "-c", script, "sh", *arguments, env={**self._env, "FILE": str(file)}, seconds=seconds)
        assert done.returncode == 0, f"docker {arguments}: {done.stderr}"


def require_engine() -> None:
    """Skip where an engine cannot be started, with the reason."""
    if os.geteuid() != 0:
        pytest.skip("an engine needs root")
    for program in ("docker", "dockerd", "iptables"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program}: run .ci/install-deploy engine")
    if not (FOLDER / "base.tar").exists():
        pytest.skip("no base image: run .ci/install-deploy engine")


@contextlib.contextmanager
def engine(folder: Path) -> Iterator[Engine]:
    """An engine with the base image in it. `folder` has a short path: a socket's has 108 characters at most."""
    require_engine()
    plugins = folder / "config" / "cli-plugins"
    plugins.mkdir(parents=True)
    for plugin in ("docker-buildx", "docker-compose"):
        (plugins / plugin).symlink_to(tool(plugin))
    command = [
        "dockerd", "--data-root", str(folder / "data"), "--exec-root", str(folder / "exec"),
        "--pidfile", str(folder / "pid"), "--host", f"unix://{folder / 'sock'}", "--storage-driver", "overlay2",
        "--bip", "172.30.0.1/24", "--default-address-pool", "base=172.30.64.0/18,size=24",
    ]  # fmt: skip
    rules, bridge = run("iptables-save").stdout, Path("/sys/class/net/docker0").exists()
    daemon = Process(command, folder / "log", dict(os.environ))
    started = Engine(folder)
    try:
        daemon.wait_until(lambda: started.attempt("version").returncode == 0, 60)
        started.docker("import", str(FOLDER / "base.tar"), BASE)
        yield started
        for container in started.docker("ps", "--all", "--quiet").split():
            started.docker("rm", "--force", "--volumes", container)
    finally:
        daemon.stop()
        namespaces = folder / "exec" / "netns" / "default"
        if namespaces.exists():
            run("umount", str(namespaces))
        clear(rules, bridge)


def clear(rules: str, bridge: bool) -> None:
    """Take away what an engine leaves behind: its bridge, if it was not there before, and its rules for packets."""
    if not bridge:
        run("ip", "link", "delete", "docker0")
    # A table that was never asked for is not in the list, and one that is not in the list is not restored.
    for table, chains in (("filter", ":FORWARD ACCEPT [0:0]\n"), ("nat", "")):
        if f"*{table}\n" not in rules:
            rules += f"*{table}\n{chains}COMMIT\n"
    run("sh", "-c", 'printf "%s" "$RULES" | iptables-restore', env={"RULES": rules})
