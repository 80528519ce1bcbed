"""A registry may have as many files open as the system lets it."""

import resource
import subprocess
import sys
from pathlib import Path

from airegistry import open_files
from tests.support.registry import Registry

SMALL = 256


def test_a_registry_takes_the_hard_limit(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    registry = Registry(tmp_path)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, hard - 1), hard))  # what is started has it too
    try:
        registry.start()
        assert resource.prlimit(registry.process.pid, resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        registry.close()


def test_the_limit_is_raised_as_far_as_it_goes_and_told() -> None:
    script = (
        f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({SMALL}, {2 * SMALL}))\n"
        "from airegistry import open_files as o; before = o.limit(); o.allow_many(); print(before, o.limit())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == [str(SMALL), str(2 * SMALL)]
    assert open_files.limit() > 0
