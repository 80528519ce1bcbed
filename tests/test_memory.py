"""Keeping the process small never stops it."""

import gc
import sys
import weakref
from collections.abc import Iterator

import pytest

from airegistry import memory
from airegistry.memory import give_back, load, make_room, settle, stay_lean


class Loop:
    """Refers to itself, so that only the collector frees it."""

    def __init__(self) -> None:
        self.itself = self


DEFAULT = 700, 10, 10


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """The collector as Python starts with it, and after that as it was."""
    before = gc.get_threshold()
    gc.set_threshold(*DEFAULT)
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


@pytest.mark.parametrize("platform", [sys.platform, "darwin", "win32"])
def test_a_process_is_kept_small_where_that_can_be_and_runs_on_everywhere(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    for _ in range(2):
        stay_lean()
        make_room()
        give_back()
    stay_lean()


def test_what_start_up_left_behind_is_freed() -> None:
    gc.collect()
    gc.disable()
    try:
        left = weakref.ref(Loop())
        assert left() is not None
        give_back()
        assert left() is None
    finally:
        gc.enable()


def test_while_modules_are_loaded_garbage_is_looked_for_less_often_and_not_never() -> None:
    load()
    young, *older = gc.get_threshold()
    assert young > DEFAULT[0]
    assert older == [*DEFAULT[1:]]


def test_where_there_is_much_to_search_garbage_is_looked_for_less_often() -> None:
    settle()
    young = gc.get_threshold()[0]
    make_room()
    assert gc.get_threshold()[0] > young > DEFAULT[0]


@pytest.mark.anyio
async def test_there_is_room_as_soon_as_there_is_much_to_search(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    sizes = iter([10, 1000, memory.MUCH])
    monkeypatch.setattr(memory, "LOOKS", 0)
    monkeypatch.setattr(memory, "make_room", lambda: made.append(next(sizes, -1)))
    await memory.make_room_for(lambda: next(sizes))
    assert made == [-1], "once, after three looks"
