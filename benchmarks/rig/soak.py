"""Memory of the registry: over many calls, and with many idle streams."""

import asyncio

import anyio

from benchmarks.rig.generator import Generator
from benchmarks.rig.messages import ERAS, LEGACY, Address, Era, WrongAnswer, initialize
from benchmarks.rig.report import Verdict
from benchmarks.rig.stage import Stage
from benchmarks.rig.system import resident, sockets
from benchmarks.rig.traffic import Job, read, session_of

PARTS = 20
CALLERS = 20
FLAT = 5.0
"""Megabytes that may come on top after the first quarter of the calls."""
STREAMS, STREAMS_TAKE = 500, 150.0


def soak(stage: Stage, generator: Generator, calls: int) -> list[Verdict]:
    """Many calls to the null backend, both eras by turns, and the memory after each part of them."""
    variant = stage.variant("gateway", "null")
    assert variant is not None
    assert variant.front is not None
    sizes = [resident(variant.front)]
    for number in range(PARTS):
        job = Job(variant.address, ERAS[number % 2], "small", CALLERS, calls=calls // PARTS)
        generator.run(job)
        sizes.append(resident(variant.front))
        print(f"{(number + 1) * calls // PARTS:>8} calls: {sizes[-1]:7.1f} MB")
    warm = sizes[PARTS // 4 :]
    grown = warm[-1] - warm[0]
    slope = grown / (calls * (1 - 0.25)) * 100_000
    text = f"memory over {calls} calls: {grown:+.1f} MB after the first quarter, under {FLAT:.0f}"
    return [Verdict(grown < FLAT, f"{text} ({slope:+.1f} MB for each 100,000)")]


def idle_streams(stage: Stage) -> list[Verdict]:
    """Many streams on which nothing happens."""
    variant = stage.variant("gateway", "null")
    assert variant is not None
    assert variant.front is not None
    base = resident(variant.front)
    return [anyio.run(_idle, variant.address, variant.front, base, era) for era in ERAS]


async def _idle(address: Address, pid: int, base: float, era: Era) -> Verdict:
    """Measured against `base`, in megabytes: what one era's streams took is not given back before the next one's."""
    open_before = sockets(pid)
    streams = [await _open_stream(address, era) for _ in range(STREAMS)]
    taken, opened = resident(pid) - base, sockets(pid) - open_before
    for stream in streams:
        stream.close()
    with anyio.fail_after(60):
        while sockets(pid) > open_before + CALLERS:  # noqa: ASYNC110  # another process closes them
            await anyio.sleep(0.05)
    text = f"{STREAMS} idle streams, {era}: {taken:+.1f} MB, {opened} file descriptors, under {STREAMS_TAKE:.0f} MB"
    return Verdict(taken < STREAMS_TAKE and opened >= STREAMS, text)


async def _open_stream(address: Address, era: Era) -> asyncio.StreamWriter:
    """One stream whose head has arrived."""
    reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
    if era == "modern":
        asked: dict[str, object] = {"notifications": {"toolsListChanged": True}}
        writer.write(address.request(era, "subscriptions/listen", asked, number=1))
    else:
        writer.write(address.request(era, "initialize", initialize(), number=1))
        session = session_of(await read(reader))
        accept = "Accept: text/event-stream"
        writer.write(address.raw("GET", [accept, f"MCP-Protocol-Version: {LEGACY}", f"Mcp-Session-Id: {session}"]))
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head:
        raise WrongAnswer(f"{era} stream: {head!r}")
    return writer
