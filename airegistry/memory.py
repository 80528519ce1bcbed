"""Keeping the process small where the C library is glibc; elsewhere nothing happens."""

import ctypes
import gc
import sys
from collections.abc import Callable

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
LARGE = 131_072


def stay_lean() -> None:
    """Have large blocks given back when freed, and few arenas for many threads: some 10 MB less."""
    if mallopt := _of_libc("mallopt"):
        for option, value in ((M_ARENA_MAX, 2), (M_MMAP_THRESHOLD, LARGE), (M_TRIM_THRESHOLD, LARGE)):
            mallopt(option, value)


def give_back() -> None:
    """Return to the system what start-up took and does not need any more."""
    gc.collect()
    if trim := _of_libc("malloc_trim"):
        trim(0)


def _of_libc(name: str) -> Callable[..., int] | None:
    function: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
    return function
