"""The official conformance suite through the gateway: a conforming backend scores there what it scores directly."""

import itertools
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conformance.test_conformance import SUITE
from tests.conformance.through import PATH
from tests.support import node
from tests.support.processes import Process, free_port, listens, python_env

REVISIONS = ("2026-07-28", "2025-11-25")
_STARTED = re.compile(r"-\d{4}-\d\d-\d\dT.*")
"""What the suite adds to a scenario's name."""
Score = Counter[str]
"""Each check as `scenario check status`, and how often it was made."""
INTENDED = {"server-server-sse-multiple-streams server-sse-streams-functional"}
"""Three lists of tools asked for at once come as JSON instead of on three event streams: lists are the gateway's own.
The suite notes that, and does not count it."""


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Of the backend itself, and of the gateway in front of it."""
    node.require_node()
    folder, backend, gateway = tmp_path_factory.mktemp("through"), free_port(), free_port()
    direct = f"http://127.0.0.1:{backend}/mcp"
    started = []
    try:
        for port, command in (
            (backend, ["tests.conformance.backend", str(backend)]),
            (gateway, ["tests.conformance.through", str(gateway), str(folder / "data"), direct]),
        ):
            log = folder / f"{command[0]}.log"
            process = Process([sys.executable, "-m", *command], log, python_env({"HOME": str(folder)}))
            started.append(process)
            process.wait_until(lambda port=port: listens(port))  # type: ignore[misc]  # bound by the loop
        yield direct, f"http://127.0.0.1:{gateway}/{PATH}/mcp"
    finally:
        for process in reversed(started):
            process.close()


@pytest.fixture(scope="module")
def scores(urls: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Score]]:
    """By revision: directly, and through the gateway. All at once: the suite mostly waits."""
    runs = list(itertools.product(REVISIONS, urls))
    folders = [tmp_path_factory.mktemp("run") for _ in runs]
    with ThreadPoolExecutor() as threads:
        found = list(threads.map(lambda run, folder: score(run[1], run[0], folder), runs, folders))
    return {revision: found[2 * number : 2 * number + 2] for number, revision in enumerate(REVISIONS)}


@pytest.mark.node
@pytest.mark.parametrize("revision", REVISIONS)
def test_a_backend_scores_through_the_gateway_what_it_scores_directly(
    scores: dict[str, list[Score]], revision: str
) -> None:
    for check, found in itertools.product(INTENDED, scores[revision]):
        found[f"{check} INFO"] = found[f"{check} SUCCESS"] = 0
    direct, through = scores[revision]
    assert len(direct) > 50
    assert (sorted(direct - through), sorted(through - direct)) == ([], [])


def score(url: str, revision: str, folder: Path) -> Score:
    """Run all scenarios that a revision requires."""
    arguments = ["server", "--url", url, "--requirements", revision, "--output-dir", str(folder / "results")]
    subprocess.run(
        [node.NODE, SUITE, *arguments],
        env=node.env(folder), cwd=folder, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    return Score(
        f"{_STARTED.sub('', file.parent.name)} {check['id']} {check['status']}"
        for file in (folder / "results").glob("*/checks.json")
        for check in json.loads(file.read_text())
    )
