"""The database is lost under load, and comes back: what was acknowledged is there, and nothing has to be restarted."""

import time
from collections.abc import Callable

import anyio
import pytest
from anyio.to_thread import run_sync

from tests.contract.acts import TOOL, fresh
from tests.distributed.cluster import Answer, Caller, Cluster
from tests.support.backends import Backend
from tests.support.rounds import FULL, ROUNDS

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

AWAY = 16.0 if FULL else 1.0
"""Seconds; in full runs longer than a call is tried again."""
LONGEST = 15.0
"""Seconds that a call may take while there is no database."""
CLEAR = ("the database does not answer", "the answer was lost", "the audit log cannot be written")
BACK = 5.0
"""Seconds until all are ready after the database is back."""


class Load:
    """Calls through the gateway of each replica, and registrations, without an end."""

    def __init__(self, three: Cluster, path: str) -> None:
        self._path = path
        self.callers = [Caller(replica) for replica in three.replicas]
        self.registrars = [Caller(replica) for replica in three.replicas]
        self.registered: dict[str, Answer] = {}

    async def call(self, caller: Caller, quiet: anyio.Event) -> None:
        """Call a tool again and again."""
        while not quiet.is_set():
            await caller.call(caller.replica.gateway(self._path), "echo", {"text": "hello"})
            await anyio.sleep(0.01)

    async def register(self, caller: Caller, quiet: anyio.Event) -> None:
        """Register one server after another."""
        while not quiet.is_set():
            path = fresh("parcels")
            given = {"name": path, "path": path, "url": f"http://127.0.0.1:9/{path}", "tools": [TOOL], "fetch": False}
            self.registered[path] = await caller.ask("register_service", **given)
            await anyio.sleep(0.01)

    async def until_all_are_answered(self) -> None:
        """Wait until every caller has been answered once more."""
        every = [*self.callers, *self.registrars]
        now = time.monotonic_ns()
        with anyio.fail_after(60):
            while not all(_answered_since(caller, now) for caller in every):  # noqa: ASYNC110  # nobody tells
                await anyio.sleep(0.05)

    async def close(self) -> None:
        """Close the connections."""
        for caller in [*self.callers, *self.registrars]:
            await caller.close()


@pytest.mark.parametrize("number", range(min(ROUNDS, 5)))
async def test_the_database_is_lost_and_comes_back_under_load(three: Cluster, backend: Backend, number: int) -> None:
    path = fresh("desk")
    load, quiet = Load(three, path), anyio.Event()
    made = await load.callers[0].ask("register_service", name=path, path=path, url=backend.url)
    assert not made.code, made
    async with anyio.create_task_group() as tasks:
        for caller in load.callers:
            tasks.start_soon(load.call, caller, quiet)
        for caller in load.registrars:
            tasks.start_soon(load.register, caller, quiet)
        await load.until_all_are_answered()
        await run_sync(three.engine.kill)
        await within(BACK, lambda: not any(replica.is_ready() for replica in three.replicas))
        await anyio.sleep(AWAY)
        await run_sync(three.engine.start)
        back = time.monotonic_ns()
        await within(BACK, three.ready)
        await load.until_all_are_answered()
        quiet.set()
    answers = [answer for caller in [*load.callers, *load.registrars] for answer in caller.answers]
    check_answers(answers, back)
    kept = [await each.ask("list_services", limit=1) for each in load.callers]
    assert {answer.code for answer in kept} == {""}
    for name, answer in load.registered.items():
        found = await load.callers[number % 3].ask("get_server_details", path=name)
        assert answer.code == "internal" or (answer.code, found.code) == ("", ""), f"{name}: {answer} {found}"
    await load.close()


def check_answers(answers: list[Answer], back: int) -> None:
    """None took long, and each that failed says why: the database, which then was away."""
    slowest = max(answers, key=lambda answer: answer.seconds)
    assert slowest.seconds < LONGEST, f"{slowest}, {(slowest.called - back) / 1e9:+.1f} s from when it was back"
    failed = [answer for answer in answers if answer.code]
    for answer in failed:
        assert answer.code == "internal", answer
        assert any(words in answer.message for words in CLEAR), answer
        assert answer.called < back + BACK * 1e9, answer
    assert bool(failed) or not FULL


async def within(seconds: float, condition: Callable[[], bool]) -> None:
    with anyio.fail_after(seconds):
        while not await run_sync(condition):  # noqa: ASYNC110  # nobody tells
            await anyio.sleep(0.05)


def _answered_since(caller: Caller, moment: int) -> bool:
    return any(answer.called > moment and not answer.code for answer in caller.answers[-20:])
