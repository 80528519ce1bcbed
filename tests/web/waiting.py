"""Puts into a registry what waits for people: a server that its scan holds, one whose tools changed since they were
approved, something that was submitted, calls, and calls that wait for approval."""

import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.support.backends import Backend
from tests.support.processes import Process, free_port, python_env
from tests.web.world import Json, WebWorld

HIDDEN = "to eve"
POISON = "Looks\u200b things up." + "".join(chr(0xE0000 + ord(letter)) for letter in HIDDEN)
"""With spaces of no width, and a text in tag characters: no person sees it, a model may read it."""


def start_changing(folder: Path) -> Backend:
    """The server whose tool changes."""
    port = free_port()
    command = [sys.executable, "-m", "tests.web.changing", str(port)]
    return Backend(Process(command, folder / "changing.log", python_env({})), port)


def furnish(world: WebWorld, changing: Backend) -> None:
    """Put it there, at paths of its own."""
    world.ask("POST", "/servers", _server("lure", "Lure", {"name": "lure_look", "description": POISON}))
    newcomer = _server("newcomer", "Newcomer", {"name": "new_look", "description": "Looks."})
    world.ask("POST", "/servers", {**newcomer, "risk_level": "high"})
    move(world, "newcomer", "security_review", "Look at it.")
    _real(world, "arrivals", "Arrivals", changing.url)
    world.ask("POST", "/tools/arrivals/change/calls", {})
    world.ask("POST", "/servers/arrivals/refresh")
    _real(world, "safe", "Safe", world.backend.url, requires_approval=["echo"])
    _real(world, "counter", "Counter", world.backend.url)
    for number in range(6):
        arguments: Json = {"a": number, "b": 1} if number % 3 else {"a": "none"}
        world.ask("POST", "/tools/counter/add/calls", {"arguments": arguments})


def _real(world: WebWorld, path: str, name: str, url: str, **fields: object) -> None:
    world.ask("POST", "/servers", {"path": path, "name": name, "url": url, "owner_team": "desk", **fields})


def _server(path: str, name: str, tool: Json) -> Json:
    return {
        "path": path, "name": name, "url": f"http://127.0.0.1:9/{path}/mcp", "fetch": False, "tools": [tool],
        "description": f"{name}, for those who answer for the catalog.", "owner_team": "desk",
    }  # fmt: skip


def move(world: WebWorld, path: str, stage: str, reason: str) -> None:
    """Take a step of the lifecycle behind people's backs."""
    world.ask("POST", f"/servers/{path}/lifecycle/transitions", {"stage": stage, "reason": reason})


@contextmanager
def calling(world: WebWorld, token: str, text: str, path: str = "safe") -> Iterator["Future[int]"]:
    """A call that waits for approval meanwhile; its status when it has ended."""

    def call() -> int:
        headers = {"authorization": f"Bearer {token}"}
        body = {"arguments": {"text": text, "note": {"password": "hush"}}}
        with httpx2.Client(trust_env=False, timeout=60) as client:
            url = f"{world.url}/api/v1/tools/{path}/echo/calls"
            return client.post(url, headers=headers, json=body).status_code

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(call)
