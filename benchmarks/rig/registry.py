"""The registry under measurement: the product as served, with a policy of some size and a caller without rights of
its own; under a profiler when asked for."""

import os
import random
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx2
from anyio import to_thread

from tests.contract.acts import Desk, Json
from tests.support import http
from tests.support.mcp import ToolFailure
from tests.support.processes import Process, python_env
from tests.support.registry import Registry

SCOPES = 48
PARTS = ("bench-a", "bench-b", "bench-c")
VIRTUAL = "bench-all"
TOOLS = ("echo", "length", "blob")


class Profiled(Registry):
    """A registry that runs under cProfile and writes what it found to `file` when it is stopped."""

    def __init__(self, folder: Path, file: Path, env: Mapping[str, str] | None = None) -> None:
        super().__init__(folder, env)
        self._file = file

    def spawn(self, host: str = "127.0.0.1") -> Process:
        command = ["serve", "--host", host, "--port", str(self.port), "--data", str(self.data)]
        run = [sys.executable, "-m", "benchmarks.rig.profiled", str(self._file.absolute()), *command]
        self._process = Process(run, self._log, python_env(self.env))
        return self._process

    def begin(self) -> None:
        """Profile from now on."""
        os.kill(self.process.pid, signal.SIGUSR1)


async def furnish(registry: Registry, backends: list[str], null: str) -> str:
    """Register the backends, put the policy; the token of a caller who holds it."""
    desk = Desk(registry)
    for path, url in zip(PARTS, backends, strict=True):
        await desk.register(path, url)
    await desk.register("null", null)
    return await policy(desk, [*PARTS, "null", VIRTUAL])


async def policy(desk: Desk, used: list[str], groups: Sequence[str] = ()) -> str:
    """Some dozens of scopes as organisations have them, and a token that holds them all, in some groups perhaps, and
    may call what is used."""
    dice, names = random.Random(4), []
    for number in range(SCOPES):
        names.append(f"team-{number}")
        await desk.ask("put_scope", name=names[-1], grants=_grants(number, dice))
    await desk.ask("put_scope", name="bench", grants=[{"assets": used, "actions": ["list", "read", "call"]}])
    made = await desk.ask("create_token", name="caller", scopes=[*names, "bench"], groups=[*groups], expires_in=86_400)
    return str(made["token"])


def _grants(number: int, dice: random.Random) -> list[Json]:
    services = [f"team{dice.randrange(20)}-service{dice.randrange(500)}" for _ in range(12)]
    match number % 4:
        case 0:
            return [{"assets": [f"team{number}-*"], "tools": ["get_*", "list_*"], "actions": ["call"]}]
        case 1:
            return [
                {"assets": services, "tools": ["*"]},
                {"assets": services[:2], "tools": ["drop_*"], "effect": "deny"},
            ]
    return [{"assets": services, "tools": [f"get_{number}*", "search"], "methods": ["tools/*"], "actions": ["call"]}]


async def compose(registry: Registry) -> str:
    """A virtual server over all three backends, one tool from each; why there is none, else nothing."""
    tools = [{"server": path, "tool": tool, "alias": tool} for path, tool in zip(PARTS, TOOLS, strict=True)]
    try:
        await Desk(registry).ask("create_virtual_server", path=VIRTUAL, name=VIRTUAL, tools=tools)
    except ToolFailure as failure:
        return f"create_virtual_server: {failure}"
    answer = await to_thread.run_sync(_called, registry)
    return "" if answer.status_code == 200 else f"a call is answered {answer.status_code}: {answer.text}"


def _called(registry: Registry) -> httpx2.Response:
    return http.call_tool(registry.gateway(VIRTUAL), "echo", {"text": "hello"}, token=registry.token)
