"""Keeping the process small never stops it."""

import gc
import sys
import weakref

import pytest

from airegistry.memory import give_back, stay_lean


class Loop:
    """Refers to itself, so that only the collector frees it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.mark.parametrize("platform", [sys.platform, "darwin", "win32"])
def test_a_process_is_kept_small_where_that_can_be_and_runs_on_everywhere(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    for _ in range(2):
        stay_lean()
        give_back()


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
