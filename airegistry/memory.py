"""Keeping the process small where the C library is glibc; elsewhere nothing happens."""

import ctypes
import gc
import sys
from collections.abc import Callable

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
LARGE = 131_072
YOUNG = 5_000
"""Objects that have come since the last look for garbage until the next one. Python's own 700 are exceeded by what
waits to be written as calls come in, though nothing of it is garbage: 10 us of each call went into looking."""

LOADED = 10_000
"""The same while modules are loaded: they stay, and looking for garbage among them took a tenth of the start."""


def load() -> None:
    """The start begins: much comes, and nearly all of it stays."""
    gc.set_threshold(LOADED, *gc.get_threshold()[1:])


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


def settle() -> None:
    """The start is over: what lives from here on is garbage soon or never, and the collector need not walk the rest (99
    of 100 calls took up to 71 ms, and take 10)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])


def _of_libc(name: str) -> Callable[..., int] | None:
    function: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
    return function
