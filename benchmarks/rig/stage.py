"""Everything a run needs, started on loopback and ended by process id: backends, and what stands in front of them."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from benchmarks.rig import nginx
from benchmarks.rig.messages import Address
from benchmarks.rig.registry import PARTS, VIRTUAL, Profiled, compose, furnish
from tests.support.processes import Process, free_port, listens, python_env
from tests.support.registry import Registry

Started = tuple[Process, int]
Keep = Callable[[Started], tuple[int, int]]


@dataclass(frozen=True)
class Variant:
    """One way to a backend. `front` is the process in between, `back` the ones behind, by process id."""

    name: str
    backend: str
    address: Address
    front: int | None
    back: tuple[int, ...]


@dataclass
class Stage:
    """What runs, and why something does not."""

    registry: Registry
    token: str
    variants: list[Variant] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    def variant(self, name: str, backend: str) -> Variant | None:
        """The variant of a name in front of a backend, if it runs."""
        return next((one for one in self.variants if (one.name, one.backend) == (name, backend)), None)


def start(folder: Path, kind: str, *url: str) -> Started:
    """A program of `backends.py` and its port."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.rig.backends", kind, str(port), *url]
    process = Process(command, folder / f"{kind}-{port}.log", python_env({}))
    process.wait_until(lambda: listens(port))
    return process, port


@contextmanager
def staged(wanted: Sequence[str], profile: Path | None = None) -> Iterator[Stage]:
    """All variants of the names wanted over both backends, until the end of the block."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))

        def keep(started: Started) -> tuple[int, int]:
            stack.callback(started[0].close)
            return started[0].pid, started[1]

        fast = [keep(start(folder, "fastmcp")) for _ in PARTS]
        null = keep(start(folder, "null"))
        registry = Registry(folder) if profile is None else Profiled(folder, profile)
        stack.callback(registry.close)
        registry.start()
        urls = [_url(port) for _, port in fast]
        stage = Stage(registry, anyio.run(furnish, registry, urls, _url(null[1])))
        for backend, path, (back, port) in (("fastmcp", PARTS[0], fast[0]), ("null", "null", null)):
            add = partial(_add, stage, wanted, backend, (back,))
            add("direct", None, Address(port))
            add("gateway", registry.process.pid, Address(registry.port, f"/{path}/mcp", stage.token))
            if "nginx" in wanted and not (reason := nginx.why_not()):
                add("nginx", *_in_front(keep(nginx.start(folder, port))))
            elif "nginx" in wanted:
                stage.skipped["nginx"] = reason
        _add_others(stage, wanted, [pid for pid, _ in fast], partial(start, folder, "proxy", urls[0]), keep)
        if isinstance(registry, Profiled):
            registry.begin()
        yield stage


def _add_others(
    stage: Stage, wanted: Sequence[str], backs: Sequence[int], start_proxy: Callable[[], Started], keep: Keep
) -> None:
    """What stands in front of the FastMCP backend alone."""
    if "virtual" in wanted:
        if reason := anyio.run(compose, stage.registry):
            stage.skipped["virtual"] = reason
        else:
            address = Address(stage.registry.port, f"/{VIRTUAL}/mcp", stage.token)
            _add(stage, wanted, "fastmcp", tuple(backs), "virtual", stage.registry.process.pid, address)
    if "fastmcp proxy" in wanted:
        _add(stage, wanted, "fastmcp", (backs[0],), "fastmcp proxy", *_in_front(keep(start_proxy())))


def _add(
    stage: Stage,
    wanted: Sequence[str],
    backend: str,
    back: tuple[int, ...],
    name: str,
    front: int | None,
    address: Address,
) -> None:
    if name in wanted:
        stage.variants.append(Variant(name, backend, address, front, back))


def _in_front(started: tuple[int, int]) -> tuple[int, Address]:
    return started[0], Address(started[1])


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/mcp"
