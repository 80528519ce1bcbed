"""Three registries over one database whose clocks do not agree, and a client of all of them."""

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import orjson
from anyio.to_thread import run_sync
from cryptography.fernet import Fernet

from tests.contract.acts import Json
from tests.stores.mongo.engine import Engine, running
from tests.support import http
from tests.support.processes import Process, python_env
from tests.support.registry import Registry
from tests.support.rounds import FULL
from tests.support.tls import TLS

SKEWS = (0.0, -120.0, 120.0)
LEASE, STANDS = (10.0, 60.0) if FULL else (2.0, 4.0)
"""Seconds of a lease, and until what a process left announced is settled for it; in full runs as they are."""


class Replica(Registry):
    """One of several registries over one database; its wall clock is wrong."""

    def __init__(self, folder: Path, env: dict[str, str], skew: float) -> None:
        super().__init__(folder, env)
        self.data.parent.mkdir(parents=True)
        self.token = env["AIREGISTRY_ADMIN_TOKEN"]
        self._skew = skew

    def spawn(self, host: str = "127.0.0.1") -> Process:
        given = orjson.dumps({"skew": self._skew, "lease": LEASE, "stands": STANDS}).decode()
        words = ["serve", "--host", host, "--port", str(self.port), "--data", str(self.data)]
        command = [sys.executable, "-m", "tests.distributed.skewed", given, *words]
        self._process = Process(command, self._log, python_env(self.env))
        return self._process

    def stop_for_now(self) -> None:
        """SIGSTOP."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        os.kill(self.process.pid, signal.SIGCONT)


@dataclass
class Cluster:
    """The database and who shares it."""

    engine: Engine
    replicas: Sequence[Replica]

    async def restart_database(self) -> None:
        """kill -9, and up again."""
        await run_sync(self.engine.kill)
        await run_sync(self.engine.start)

    async def restart(self, replica: Replica) -> None:
        """kill -9, and up again."""
        await run_sync(replica.process.kill)
        await run_sync(replica.start)

    def ready(self) -> bool:
        """Whether all of them say so."""
        return all(replica.is_ready() for replica in self.replicas)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Three started registries over an empty database."""
    with running(folder / "mongo", "--sync-on-commit") as engine:
        env = {
            "AIREGISTRY_STORE_URL": f"{engine.url}cluster?retryWrites=false",
            "AIREGISTRY_SECRET_KEY": Fernet.generate_key().decode(),
            "AIREGISTRY_ADMIN_TOKEN": "operator-token-of-all-replicas-1234",
        }
        replicas = [Replica(folder / f"r{number}", env, skew) for number, skew in enumerate(SKEWS)]
        try:
            for replica in replicas:
                replica.spawn()
            for replica in replicas:
                replica.process.wait_until(replica.is_ready)
            yield Cluster(engine, replicas)
        finally:
            for replica in replicas:
                replica.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call: `code` is "" when it was done, "refused" when nobody listened, "lost" without an answer."""

    code: str
    message: str
    content: Json
    called: int
    returned: int

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.returned - self.called) / 1e9

    @property
    def unknown(self) -> bool:
        """Whether it may have been done nevertheless."""
        return self.code in ("lost", "internal")


@dataclass
class Caller:
    """A client of one replica, as the operator."""

    replica: Replica
    answers: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._http = httpx2.AsyncClient(timeout=40, trust_env=False, verify=TLS)

    async def ask(self, tool: str, /, **arguments: object) -> Answer:
        """A tool of the registry."""
        return await self.call(self.replica.mcp, tool, arguments)

    async def call(self, url: str, tool: str, arguments: Json) -> Answer:
        """A tool of any server."""
        request = http.message("tools/call", {"name": tool, "arguments": arguments})
        headers = {**http.modern_headers(request, self.replica.token), "Content-Type": "application/json"}
        called = time.monotonic_ns()
        try:
            answer = await self._http.post(url, content=orjson.dumps(request), headers=headers)
        except httpx2.ConnectError as error:
            told = Answer("refused", repr(error), {}, called, time.monotonic_ns())
        except httpx2.TransportError as error:
            told = Answer("lost", repr(error), {}, called, time.monotonic_ns())
        else:
            told = Answer(*_read(answer), called, time.monotonic_ns())
        self.answers.append(told)
        return told

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()


def _read(answer: httpx2.Response) -> tuple[str, str, Json]:
    """Code, message and content of an answer, whichever way an error is told."""
    try:
        body = http.body(answer)
    except ValueError:  # nothing that the protocol knows
        return "bare", f"{answer.status_code} {dict(answer.headers)} {answer.text[:300]!r}", {}
    result = body.get("result", {})
    content: Json = result.get("structuredContent") or {}
    if result and not result.get("isError"):
        return "", "", content
    error = body.get("error", {})
    told = content or error.get("data") or (body if "code" in body else {})
    code = told.get("code") or f"{answer.status_code} {error.get('code')}"
    return str(code), str(told.get("message") or told.get("detail") or error.get("message") or answer.text), content
