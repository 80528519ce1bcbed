"""Cold start and idle memory, beside a bare FastMCP server in the same run: `python -m benchmarks.start`.

Each round starts both on an empty folder, in turn, and reads CPU time and resident memory from the system. Memory is
read after a first search, when the embedder is loaded.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import anyio
from fastmcp import Client
from fastmcp.exceptions import ToolError

TOKEN = "benchmark-" * 4
BARE = """
import sys
from fastmcp import FastMCP
mcp = FastMCP("bare")
@mcp.tool
def echo(text: str) -> str:
    "Echo"
    return text
mcp.run(transport="http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False)
"""


@dataclass(frozen=True)
class Start:
    """One start: seconds to the first answer, CPU seconds of the process until then, megabytes when idle."""

    seconds: float
    cpu: float
    megabytes: float


def main() -> None:
    """Run the rounds and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    ours, bare = [], []
    for number in range(rounds):
        bare.append(_start([sys.executable, "-c", BARE, str(18_200 + number)], 18_200 + number, "/mcp", search=False))
        with tempfile.TemporaryDirectory() as data:
            port = 18_300 + number
            command = [sys.executable, "-m", "airegistry", "serve", "--port", str(port), "--data", data]
            ours.append(_start(command, port, "/readyz", search=True))
    for name, starts in (("fastmcp, bare", bare), ("airegistry", ours)):
        print(
            f"{name:14} start {_median(s.seconds for s in starts):5.2f} s   "
            f"CPU {_median(s.cpu for s in starts):5.2f} s   idle {_median(s.megabytes for s in starts):5.0f} MB"
        )
    ratios = [o.cpu / b.cpu for o, b in zip(ours, bare, strict=True)]
    print(f"CPU to first answer: {statistics.median(ratios):.2f} times bare FastMCP, median of {rounds} paired rounds")


def _start(command: list[str], port: int, path: str, *, search: bool) -> Start:
    began = time.monotonic()
    child = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "AIREGISTRY_ADMIN_TOKEN": TOKEN},
    )
    try:
        while not _answers(port, path):
            time.sleep(0.01)
            assert time.monotonic() - began < 60, "it did not start"
        seconds, cpu = time.monotonic() - began, _cpu(child.pid)
        if search:
            anyio.run(_search, port)
        return Start(seconds, cpu, _resident(child.pid))
    finally:
        child.terminate()
        child.wait(15)


async def _search(port: int) -> None:
    """Search until the vectors are in, which is when the embedder is loaded."""
    with anyio.fail_after(60):
        async with Client(f"http://127.0.0.1:{port}/mcp", auth=TOKEN) as client:
            for _ in range(20):
                try:
                    await client.call_tool("search_registry", {"query": "add a server to the catalog"})
                except ToolError as error:
                    raise SystemExit(f"search failed: {error}") from error
                await anyio.sleep(0.1)


def _answers(port: int, path: str) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)


if __name__ == "__main__":
    main()
