"""How the web page fares with Lighthouse: `python -m benchmarks.web`, or with `--assets 10000` over a larger catalog.

A started registry, an administrator who is signed in, and Lighthouse in Chromium over some views; of each the median
of three runs. Exit status 1 when accessibility is below 95 or performance below 90. Installs Lighthouse from npm beside
the other Node tools when it is not there; what it measures is on loopback alone.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import httpx2
from playwright.sync_api import sync_playwright

from tests.support import node
from tests.support.registry import Registry
from tests.web.people import ARGUMENTS, CHROMIUM, People
from tests.web.world import ADMIN, PASSWORD

LIGHTHOUSE: Final = "lighthouse@12.8.2"
TARGETS: Final[Mapping[str, int]] = {"accessibility": 95, "performance": 90}
VIEWS: Final[Mapping[str, str]] = {
    "find": "/ui/", "search": "/ui/?q=harbour", "asset": "/ui/servers/large", "access": "/ui/access",
}  # fmt: skip
Headers = Mapping[str, str]


@contextmanager
def serving(assets: int) -> Iterator[tuple[Registry, str]]:
    """A registry with that many assets, and the cookie of its administrator's session."""
    with TemporaryDirectory() as folder:
        settings = {"AIREGISTRY_ADMIN_PASSWORD": PASSWORD, "AIREGISTRY_EMBEDDER": "none"}
        registry = Registry(Path(folder), settings)
        registry.start()
        try:
            _fill(registry, assets)
            yield registry, _cookie(registry)
        finally:
            registry.close()


def _fill(registry: Registry, assets: int) -> None:
    headers = {"authorization": f"Bearer {registry.token}"}
    tools = [{"name": f"look_{number}", "description": "Looks at the harbour."} for number in range(40)]
    server = {"path": "large", "name": "Large", "url": "http://127.0.0.1:9/mcp", "fetch": False, "tools": tools}
    with httpx2.Client(base_url=f"{registry.url}/api/v1", headers=headers, trust_env=False, timeout=60) as client:
        client.post("/servers", json=server).raise_for_status()
        client.put("/entity-types/dataset", json={"schema": {"type": "object"}}).raise_for_status()
        for number in range(assets):
            client.post("/entities", json={
                "type": "dataset", "path": f"set-{number:05}", "data": {"rows": number}, "tags": [f"tag-{number % 30}"],
                "governance": {"owner_team": f"team-{number % 20}"},
            }).raise_for_status()  # fmt: skip


def _cookie(registry: Registry) -> str:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = People(browser, registry.url)(None)
        page.get_by_label("Name").fill(ADMIN)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_selector("h1")
        found = "; ".join(f"{each['name']}={each['value']}" for each in page.context.cookies())
        browser.close()
    return found


def installed() -> Path:
    """Lighthouse's program; installed first when it is not there."""
    folder = node.FOLDER.parent / "lighthouse"
    program = folder / "node_modules" / "lighthouse" / "cli" / "index.js"
    if not program.exists():
        npm = node.NODE.parent / "npm"
        command = [str(npm), "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(
            [*command, LIGHTHOUSE], check=True, env={**os.environ, "PATH": _path()}, stdout=subprocess.DEVNULL
        )
    return program


def _path() -> str:
    return os.pathsep.join([str(node.NODE.parent), os.environ.get("PATH", "")])


def scores(program: Path, url: str, cookie: str, preset: str) -> dict[str, float]:
    """One run of Lighthouse: 0 to 100 by category."""
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        form = ["--preset=desktop"] if preset == "desktop" else []
        command = [
            str(node.NODE), str(program), url, "--quiet", "--output=json", f"--output-path={report}",
            f"--only-categories={','.join(TARGETS)}", f"--extra-headers={json.dumps({'Cookie': cookie})}",
            f"--chrome-flags=--headless=new {' '.join(ARGUMENTS)}", *form,
        ]  # fmt: skip
        environment = {"PATH": _path(), "HOME": folder, "CHROME_PATH": CHROMIUM}
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, timeout=180)
        found = json.loads(report.read_bytes())
    if landed := found.get("finalDisplayedUrl", url).partition("/login")[1]:
        raise RuntimeError(f"{url} asked to sign in: {landed}")
    return {name: 100 * found["categories"][name]["score"] for name in TARGETS}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and say whether the targets are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--preset", choices=["desktop", "mobile"], default="desktop")
    arguments = parser.parse_args(argv)
    program, missed = installed(), 0
    with serving(arguments.assets) as (registry, cookie):
        for view, path in VIEWS.items():
            url = f"{registry.url}{path}"
            runs = [scores(program, url, cookie, arguments.preset) for _ in range(arguments.rounds)]
            for name, target in TARGETS.items():
                median = statistics.median(run[name] for run in runs)
                missed += median < target
                verdict = "PASS" if median >= target else "FAIL"
                print(f"{view:8} {name:14} {median:5.0f}  (at least {target})  {verdict}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
