"""Search by meaning without any network but loopback: the model is in the package, and nothing is fetched."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import anyio

from tests.contract.acts import Desk
from tests.support.node import require_namespace
from tests.support.processes import ROOT
from tests.support.registry import serving

SKILL = """---
name: umbrella-advice
description: Tells whether rain is expected tomorrow, so that nobody gets wet.
---
Look at the forecast.
"""
OTHER = """---
name: ledger
description: Books invoices into the accounts of the company.
---
Add up.
"""


async def find() -> None:
    """In the namespace: a start from nothing, and a question that shares no word with its answer."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as registry:
        desk = Desk(registry)
        await desk.ask("register_skill", path="umbrella", content=SKILL)
        await desk.ask("register_skill", path="ledger", content=OTHER)
        found = await desk.ask("search_registry", query="drizzle outlook for the weekend", kinds=["skill"])
        best = found["results"][0]
        assert (best["path"], best["why"]) == ("umbrella", ["meaning"]), found


def test_search_by_meaning_works_where_there_is_no_network() -> None:
    command = [*require_namespace(), sys.executable, "-m", "tests.contract.test_offline"]
    run = subprocess.run(
        command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=90, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


if __name__ == "__main__":
    anyio.run(find)
