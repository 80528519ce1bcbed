"""Writes the dashboards of observability/dashboards/.

`python scripts/write_dashboards.py`; a test compares them with what this would write.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from scripts.dashboards.agents import AGENTS
from scripts.dashboards.federation import FEDERATION
from scripts.dashboards.grafana import dashboard
from scripts.dashboards.security import SECURITY
from scripts.dashboards.system import SYSTEM

DASHBOARDS = Path(__file__).parents[1] / "observability" / "dashboards"


def files() -> Iterator[tuple[str, str]]:
    """The name of each file, and what is in it."""
    for page in (SYSTEM, AGENTS, SECURITY, FEDERATION):
        yield f"{page.name}.json", json.dumps(dashboard(page), indent=1) + "\n"


def write() -> None:
    """Write all of them."""
    DASHBOARDS.mkdir(parents=True, exist_ok=True)
    for name, text in files():
        (DASHBOARDS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
