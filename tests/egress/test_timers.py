"""Limits of time that are set at each exchange, and mostly do not run out."""

import asyncio

import anyio
import pytest

from airegistry.egress.timers import Deadline, Patience

pytestmark = pytest.mark.anyio


class Bell:
    """Remembers how long after it was made it was rung."""

    def __init__(self) -> None:
        self._began = asyncio.get_running_loop().time()
        self.rung: list[float] = []

    def ring(self) -> None:
        self.rung.append(asyncio.get_running_loop().time() - self._began)


async def test_a_deadline_that_is_set_anew_expires_once_after_the_last_time_it_was_set() -> None:
    bell = Bell()
    deadline = Deadline(asyncio.get_running_loop(), bell.ring)
    for _ in range(5):
        deadline.set(0.05)
        await anyio.sleep(0.02)
    await anyio.sleep(0.2)
    assert len(bell.rung) == 1
    assert bell.rung[0] >= 0.08 + 0.05 - 0.005


async def test_a_shorter_limit_than_before_is_kept() -> None:
    bell = Bell()
    deadline = Deadline(asyncio.get_running_loop(), bell.ring)
    deadline.set(30)
    deadline.set(0.02)
    with anyio.fail_after(5):
        while not bell.rung:  # noqa: ASYNC110  # what is waited for is the timer itself
            await anyio.sleep(0.005)
    assert bell.rung[0] < 5


@pytest.mark.parametrize("end", [Deadline.clear, Deadline.close])
async def test_a_deadline_that_is_cleared_or_closed_does_not_expire(end: object) -> None:
    assert callable(end)
    bell = Bell()
    deadline = Deadline(asyncio.get_running_loop(), bell.ring)
    deadline.set(0.01)
    end(deadline)
    await anyio.sleep(0.05)
    assert bell.rung == []
    deadline.set(0.01)
    await anyio.sleep(0.05)
    assert len(bell.rung) == 1


async def test_of_many_waits_those_are_over_in_order_that_nobody_cancelled() -> None:
    patience, done = Patience(0.2), list[int]()
    waits = []
    for number in range(6):
        waits.append(patience.then(lambda number=number: done.append(number)))  # type: ignore[misc]  # bound at once
        await anyio.sleep(0.004)
    assert done == []
    for number in (1, 2, 5):
        waits[number].cancel()
    await anyio.sleep(0.4)
    assert done == [0, 3, 4]
    patience.then(lambda: done.append(6))
    await anyio.sleep(0.4)
    assert done == [0, 3, 4, 6]
