"""How long the long tests take: the everyday suite runs a few of their rounds, `.ci/full` all."""

import os

ROUNDS = int(os.environ.get("AIREGISTRY_TEST_ROUNDS", "1"))
FULL = "AIREGISTRY_TEST_ROUNDS" in os.environ


def examples(full: int) -> int:
    """How many examples are made where a full run makes so many."""
    return full if FULL else max(20, full // 4)
