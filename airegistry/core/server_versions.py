"""The order of versions as the MCP Registry has it: SemVer 2.0.0, and whatever is no such number below all that are."""

import re
from collections.abc import Sequence
from typing import TypeAlias

_SEMVER = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?", re.ASCII)
_DIGITS = 18
Order: TypeAlias = tuple[int, Sequence[int], int, Sequence[tuple[int, int, str]], str]


def order_of(version: str) -> Order:
    """What versions are ordered by: `1.10.0` after `1.9.0`, and `2.0.0-beta` before `2.0.0`."""
    found = _SEMVER.fullmatch(version)
    if found is None or any(len(found[place]) > _DIGITS for place in (1, 2, 3)):
        return 0, (), 0, (), version
    before = [_identifier(part) for part in found[4].split(".")] if found[4] else []
    return 1, (int(found[1]), int(found[2]), int(found[3])), 0 if before else 1, before, version


def is_newer(version: str, than: str) -> bool:
    """Whether a version that is published now comes after one that is there: without numbers the later one does."""
    mine, other = order_of(version), order_of(than)
    return mine > other if mine[0] or other[0] else True


def _identifier(part: str) -> tuple[int, int, str]:
    """A part of what stands behind the hyphen: numbers come before words."""
    return (0, int(part), "") if part.isdecimal() and len(part) <= _DIGITS else (1, 0, part)
