"""The tutorial, followed by somebody who has just installed the program: real shells, a clean folder, a new HOME.

`pip install .` itself is run by `.ci/run`, on a clean machine.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.docs.console import BACKEND_PORT, REGISTRY_PORT, Step, alike, every_step
from tests.support.processes import ROOT, free_port, python_env
from tests.support.registry import Registry

TUTORIAL = ROOT / "docs" / "tutorial.md"
INSTALL, SERVE = "pip install . && ", "airegistry serve"
_TOKEN = re.compile(r"air_[0-9a-f]{16}_[\w-]{43}")
_MARK = "=== end of a command ==="


def test_the_tutorial_is_eight_commands_and_each_does_what_the_page_says(tmp_path: Path) -> None:
    first, *others = steps = every_step(TUTORIAL)
    assert len(steps) <= 8
    assert first.command == INSTALL + SERVE
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    registry = Registry(tmp_path)
    registry.data = tmp_path / ".airegistry"
    del registry.env["AIREGISTRY_ADMIN_TOKEN"]
    try:
        registry.start()
        served = registry.process.output()
        ports = {REGISTRY_PORT: str(registry.port), BACKEND_PORT: str(free_port())}
        assert shown_as(first, on_page(served, ports)), served
        printed = _followed(tmp_path, others, _TOKEN.findall(served)[-1], ports)
    finally:
        registry.close()
    for step, text in zip(others, printed, strict=True):
        assert not step.shown or shown_as(step, on_page(text, ports)), f"$ {step.command}\n{text}"
    events = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    acts = {event["action"] for event in events}
    assert {"server:register", "tools/call", "server:scan"} <= acts, acts


def shown_as(step: Step, printed: str) -> bool:
    """Whether a step printed what the page shows under it."""
    return alike(step.shown, [line.rstrip() for line in printed.strip().splitlines()])


def on_page(text: str, ports: dict[str, str]) -> str:
    """Text of here with the ports of the page."""
    for page, here in ports.items():
        text = text.replace(f"127.0.0.1:{here}", f"127.0.0.1:{page}")
    return text


def _followed(folder: Path, steps: list[Step], token: str, ports: dict[str, str]) -> list[str]:
    """What each command of the second terminal printed; that of all is one shell, which ends at the first failure."""
    bin_ = folder / "bin"
    bin_.mkdir()
    for name, module in {"python": "", "airegistry": " -m airegistry"}.items():
        (bin_ / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{module} "$@"\n', encoding="utf-8")
        (bin_ / name).chmod(0o755)
    backend = ports[BACKEND_PORT]
    lines = ["set -e", "trap 'kill $(jobs -p)' EXIT"]
    for step in steps:
        command = step.command.replace("air_…", token).replace(
            "weather.py &", f"weather.py {backend} >weather.log 2>&1 &"
        )
        for page, here in ports.items():
            command = command.replace(f"127.0.0.1:{page}", f"127.0.0.1:{here}")
        lines.append(command)
        if command.endswith("&"):  # the reader takes longer over the next line than it does
            lines.append(f"until (: </dev/tcp/127.0.0.1/{backend}) 2>/dev/null; do kill -0 $!; sleep 0.1; done")
        lines.append(f"echo '{_MARK}'")
    env = python_env({"HOME": str(folder), "NO_COLOR": "1", "PATH": f"{bin_}:{os.environ['PATH']}"})
    env["AIREGISTRY_URL"] = f"http://127.0.0.1:{ports[REGISTRY_PORT]}"
    ran = subprocess.run(
        ["bash", "-c", "\n".join(lines)], cwd=folder, env=env,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout
    return ran.stdout.split(f"{_MARK}\n")[:-1]
