"""Token buckets."""

import pytest

from airegistry.core.errors import RateLimited
from airegistry.core.limits import MAX_KEYS, Limiter
from tests.core.wiring import FakeClock


def limiter(clock: FakeClock, burst: int = 3, seconds: float = 30) -> Limiter:
    return Limiter(clock, burst=burst, seconds=seconds, what="tries")


def test_a_burst_passes_and_then_one_in_each_share_of_the_time() -> None:
    clock = FakeClock()
    tries = limiter(clock)
    for _ in range(3):
        tries.take("ann")
    with pytest.raises(RateLimited, match="too many tries") as refused:
        tries.take("ann")
    assert refused.value.retry_after == 10
    clock.pass_(9)
    with pytest.raises(RateLimited):
        tries.take("ann")
    clock.pass_(1)
    tries.take("ann")
    with pytest.raises(RateLimited):
        tries.take("ann")


def test_of_several_processes_each_lets_its_part_through_and_one_thing_at_least() -> None:
    clock, processes = FakeClock(), 3
    tries = Limiter(clock, burst=6, seconds=60, what="tries", among=lambda: processes)

    def passed() -> int:
        return sum(takes(tries) for _ in range(20))

    assert passed() == 2
    clock.pass_(30)
    assert passed() == 1
    processes = 1  # the others have stopped
    clock.pass_(60)
    assert passed() == 6
    clock.pass_(60)
    processes = 100
    assert passed() == 1


def takes(tries: Limiter) -> bool:
    """Whether an attempt is let through."""
    try:
        tries.take("ann")
    except RateLimited:
        return False
    return True


def test_keys_do_not_take_from_each_other() -> None:
    tries = limiter(FakeClock(), burst=1)
    tries.take("ann")
    tries.take("bob")
    with pytest.raises(RateLimited):
        tries.take("ann")


def test_a_rest_never_gives_more_than_a_burst() -> None:
    clock = FakeClock()
    tries = limiter(clock, burst=2)
    tries.take("ann")
    clock.pass_(10_000)
    tries.take("ann")
    tries.take("ann")
    with pytest.raises(RateLimited):
        tries.take("ann")


def test_an_attempt_that_was_good_is_given_back() -> None:
    tries = limiter(FakeClock(), burst=1)
    for _ in range(5):
        tries.take("ann")
        tries.give_back("ann")
    tries.give_back("ann")
    tries.take("ann")
    with pytest.raises(RateLimited):
        tries.take("ann")


def test_memory_is_bounded_and_those_seen_last_are_kept() -> None:
    tries = limiter(FakeClock(), burst=1)
    tries.take("first")
    for number in range(MAX_KEYS - 1):
        tries.take(f"other {number}")
    tries.take("one more")
    tries.take("first")
    with pytest.raises(RateLimited):
        tries.take("one more")


def test_who_never_tried_has_nothing_to_be_given_back() -> None:
    tries = limiter(FakeClock(), burst=1)
    tries.give_back("ann")
    tries.take("ann")
    with pytest.raises(RateLimited):
        tries.take("ann")
