"""`airegistry` in a process whose wall clock is wrong, and which waits more shortly for others that are gone.

python -m tests.distributed.skewed '{"skew": SECONDS, "lease": SECONDS, "stands": SECONDS}' serve …
"""

import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import orjson

from airegistry import replicas
from airegistry.cli.main import main
from airegistry.clock import SystemClock
from airegistry.core import outbox


def run(skew: float, lease: float, stands: float, words: Sequence[str]) -> int:
    """The command line, to its end."""
    right = time.time

    def now(clock: SystemClock) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=skew)

    with (
        patch("time.time", lambda: right() + skew),
        patch.object(SystemClock, "now", now),
        patch.object(replicas, "SECONDS", lease),
        patch.object(outbox, "STANDS", stands),
    ):
        return main(words)


if __name__ == "__main__":
    sys.exit(run(**orjson.loads(sys.argv[1]), words=sys.argv[2:]))
