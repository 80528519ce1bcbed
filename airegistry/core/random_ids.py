"""Ids of what happens at each request: 128 random bits, for which the kernel is asked once for many."""

import os
import secrets
from typing import Final

_DIGITS: Final = 32
_AT_ONCE: Final = 256
_drawn: list[str] = []


def random_id() -> str:
    """32 hexadecimal digits that no other call returns; no secret, as those to come are kept in memory."""
    try:
        return _drawn.pop()
    except IndexError:
        digits = secrets.token_hex(_DIGITS // 2 * _AT_ONCE)
        _drawn.extend(digits[start : start + _DIGITS] for start in range(_DIGITS, len(digits), _DIGITS))
        return digits[:_DIGITS]


os.register_at_fork(after_in_child=_drawn.clear)
