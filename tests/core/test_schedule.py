"""One queue for what is due."""

import anyio
import pytest

from airegistry.clock import SystemClock
from airegistry.core.schedule import Schedule
from tests.core.wiring import FakeClock

pytestmark = pytest.mark.anyio


async def drained(schedule: Schedule[str], clock: FakeClock, until: float) -> list[tuple[str, float]]:
    """What comes due, and when, as time passes in steps of a second."""
    found: list[tuple[str, float]] = []
    while clock.monotonic() < until:
        with anyio.move_on_after(0.001):
            while True:
                found.append((await schedule.next(), clock.monotonic()))
        clock.pass_(1)
    return found


async def test_things_come_in_the_order_in_which_they_are_due() -> None:
    clock = FakeClock()
    schedule: Schedule[str] = Schedule(clock)
    for key, due in (("c", 3.0), ("a", 1.0), ("b", 2.0)):
        schedule.put(key, due)
    assert len(schedule) == 3
    assert await drained(schedule, clock, 5) == [("a", 1), ("b", 2), ("c", 3)]
    assert len(schedule) == 0


async def test_the_last_word_on_a_key_counts() -> None:
    clock = FakeClock()
    schedule: Schedule[str] = Schedule(clock)
    schedule.put("later", 1.0)
    schedule.put("later", 3.0)
    schedule.put("gone", 1.0)
    schedule.remove("gone")
    schedule.put("sooner", 9.0)
    schedule.hurry("sooner", 2.0)
    schedule.hurry("sooner", 4.0)
    schedule.hurry("unknown", 1.0)
    assert "unknown" not in schedule
    assert await drained(schedule, clock, 12) == [("sooner", 2), ("later", 3)]


async def test_whoever_waits_is_woken_for_what_is_due_sooner() -> None:
    schedule: Schedule[str] = Schedule(SystemClock())
    clock = SystemClock()
    got: list[str] = []

    async def wait() -> None:
        got.append(await schedule.next())

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(wait)
        schedule.put("far", clock.monotonic() + 3600)
        await anyio.wait_all_tasks_blocked()
        for key in ("a", "b", "c"):
            schedule.put(key, clock.monotonic())
        with anyio.fail_after(5):
            while len(got) < 3:
                await anyio.lowlevel.checkpoint()
    assert got == ["a", "b", "c"]


async def test_moving_keys_again_and_again_takes_no_memory() -> None:
    schedule: Schedule[str] = Schedule(FakeClock())
    for number in range(10_000):
        schedule.put("a", 10_000.0 - number)
        schedule.put("b", 20_000.0 + number)
    assert len(schedule._queue) < 200
    assert (len(schedule), "a" in schedule) == (2, True)
