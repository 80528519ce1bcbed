"""The world of these tests itself."""

import subprocess
import sys

FAILING = """
import asyncio, uvloop
from tests.gateway.approvals.world import opened

async def main():
    async with opened(paths=["both"]):
        assert not "whatever"

with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(main())
"""


def test_an_assertion_that_fails_in_a_world_ends_it_and_does_not_hang() -> None:
    ended = subprocess.run([sys.executable, "-c", FAILING], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "AssertionError" in ended.stderr
