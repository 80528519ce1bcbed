"""The index of the product: it outlives the process, and its embedder is switched while it serves."""

import json
from pathlib import Path

from tests.contract.acts import Json
from tests.support.registry import Registry, serving


def status(registry: Registry) -> Json:
    told = registry.cli("index", "status", "--json")
    assert told.returncode == 0, told.stderr
    found: Json = json.loads(told.stdout)
    return found


def ready(registry: Registry) -> bool:
    """Whether all vectors are there and nothing is under way."""
    found = status(registry)
    assert found["job"] is None or found["job"]["state"] != "failed", found
    busy = found["job"] is not None and found["job"]["state"] == "running"
    return bool(found["ready"]) and found["missing"] == 0 and not busy


def test_the_index_survives_a_kill_and_its_embedder_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path) as registry:
        registry.process.wait_until(lambda: ready(registry))
        assert registry.cli("index", "reindex").returncode == 0
        registry.process.wait_until(lambda: ready(registry))
        registry.process.kill()
        registry.start()
        registry.process.wait_until(lambda: ready(registry))
        before = status(registry)
        assert (before["embedder"], before["names"]) == ("minilm", [])
        assert registry.cli("index", "switch", "none").returncode == 0
        registry.process.wait_until(lambda: status(registry)["embedder"] == "none")
        assert registry.cli("index", "switch", "magic").returncode == 1
        registry.restart()
        after = status(registry)
        assert (after["embedder"], after["fingerprint"], after["missing"]) == ("none", None, 0)
        assert after["documents"] == before["documents"]
        assert registry.cli("search", "find tools", "--json").returncode == 0
