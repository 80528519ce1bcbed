"""Keeping the process small where the C library is glibc; elsewhere nothing happens."""

import ctypes
import gc
import sys
from collections.abc import Callable

import anyio

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
LARGE = 131_072
ROOM, KEPT = 8_388_608, 33_554_432
"""Bytes of a block, and of what is free at the end, from which on they are given back where there is much to search."""
MUCH = LARGE // 8
"""Things from which on a number for each is a large block."""
LOOKS = 60.0
"""Seconds between two looks at how much there is."""
YOUNG, ROOMY = 5_000, 20_000
"""Objects that have come since the last look for garbage until the next one, and where there is much to search.
Python's own 700 are exceeded by what waits to be written as calls come in, though nothing of it is garbage: 10 us of
each call went into looking. One page of a list exceeds 5,000, and where much is held looking took a third of its time.
"""

LOADED = 10_000
"""The same while modules are loaded: they stay, and looking for garbage among them took a tenth of the start."""


def load() -> None:
    """The start begins: much comes, and nearly all of it stays."""
    gc.set_threshold(LOADED, *gc.get_threshold()[1:])


def stay_lean() -> None:
    """Have large blocks given back when freed, and few arenas for many threads: some 10 MB less."""
    _opt((M_ARENA_MAX, 2), (M_MMAP_THRESHOLD, LARGE), (M_TRIM_THRESHOLD, LARGE))


async def make_room_for(things: Callable[[], int]) -> None:
    """Return when there is much to search, and there is room for it."""
    while things() < MUCH:  # noqa: ASYNC110  # that there is more now can wait
        await anyio.sleep(LOOKS)
    make_room()


def make_room() -> None:
    """Keep blocks that a search soon needs again: fresh ones, which the system fills with zeros first, took a half of
    its time among 480,000 things. And look for garbage less often."""
    _opt((M_MMAP_THRESHOLD, ROOM), (M_TRIM_THRESHOLD, KEPT))
    gc.set_threshold(ROOMY, *gc.get_threshold()[1:])


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


def _opt(*options: tuple[int, int]) -> None:
    if mallopt := _of_libc("mallopt"):
        for option, value in options:
            mallopt(option, value)


def _of_libc(name: str) -> Callable[..., int] | None:
    function: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
    return function
