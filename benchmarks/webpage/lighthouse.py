"""Lighthouse over views, each the median of some runs. Installed from npm beside the other Node tools when it is not
there; what it measures is on loopback alone."""

import json
import os
import statistics
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.webpage.verdicts import Verdict
from tests.support import node
from tests.web.people import ARGUMENTS, CHROMIUM

ATTEMPTS: Final = 3
LIGHTHOUSE: Final = "lighthouse@12.8.2"
FOLDER = Path(os.environ.get("AIREGISTRY_LIGHTHOUSE", node.FOLDER.parent / "lighthouse"))
TARGETS: Final[Mapping[str, int]] = {"accessibility": 95, "performance": 90}
VIEWS: Final[Mapping[str, str]] = {
    "find": "/ui/", "search": "/ui/?q=harbour", "table": "/ui/?kind=server", "asset": "/ui/servers/server-0",
    "usage": "/ui/usage", "audit": "/ui/audit", "access": "/ui/access",
}  # fmt: skip


def judged(url: str, cookie: str, rounds: int, preset: str) -> Iterator[Verdict]:
    """What it says of each view."""
    program = _installed()
    for view, path in VIEWS.items():
        runs = [_scores(program, f"{url}{path}", cookie, preset) for _ in range(rounds)]
        for name, target in TARGETS.items():
            median = statistics.median(run[name] for run in runs)
            yield Verdict(f"{view}: {name}", median, at_least=target)


def _installed() -> Path:
    program = FOLDER / "node_modules" / "lighthouse" / "cli" / "index.js"
    if not program.exists():
        command = ["npm", "install", "--prefix", str(FOLDER), "--ignore-scripts", "--no-audit", "--no-fund"]
        environment = {**os.environ, "PATH": _path()}
        subprocess.run([*command, LIGHTHOUSE], check=True, env=environment, stdout=subprocess.DEVNULL)
    return program


def _path() -> str:
    return os.pathsep.join([str(node.NODE.parent), os.environ.get("PATH", "")])


def _run(command: list[str], environment: dict[str, str]) -> None:
    """Run it. Now and then Chromium's trace of a page load is not whole, and Lighthouse asks to be run again."""
    for left in reversed(range(ATTEMPTS)):
        done = subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL, timeout=180)
        if done.returncode == 0:
            return
        if not left:
            done.check_returncode()


def _scores(program: Path, url: str, cookie: str, preset: str) -> dict[str, float]:
    """One run: 0 to 100 by category."""
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        form = ["--preset=desktop"] if preset == "desktop" else []
        command = [
            str(node.NODE), str(program), url, "--quiet", "--output=json", f"--output-path={report}",
            f"--only-categories={','.join(TARGETS)}", f"--extra-headers={json.dumps({'Cookie': cookie})}",
            f"--chrome-flags=--headless=new {' '.join(ARGUMENTS)}", *form,
        ]  # fmt: skip
        environment = {"PATH": _path(), "HOME": folder, "CHROME_PATH": CHROMIUM}
        _run(command, environment)
        found = json.loads(report.read_bytes())
    if "/login" in found.get("finalDisplayedUrl", url):
        raise RuntimeError(f"{url} asked to sign in")
    return {name: 100 * found["categories"][name]["score"] for name in TARGETS}
