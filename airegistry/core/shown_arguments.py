"""Arguments of a call as a person is shown them: secrets masked, nothing invisible, and no more than can be read."""

import re
from typing import Final

from pydantic import JsonValue

from airegistry.core.assets import Json

MASKED: Final = "[masked]"
CUT: Final = "…"
BUDGET: Final = 4000
"""Characters of all names and values together."""
LONGEST: Final = 500
"""Characters of one value."""
DEEPEST: Final = 6
MOST: Final = 50
"""Members of one object, items of one list."""

_SECRET_NAME = re.compile(
    r"pass(?:word|wd|phrase|code)|secret|token|api[-_ ]?key|authorization|cookie|credential|private[-_ ]?key"
    r"|access[-_ ]?key|session[-_ ]?id|^pin$|^otp$",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY|\b(?:[Bb]earer|[Bb]asic) [A-Za-z0-9._~+/=-]{8}"
    r"|\beyJ[A-Za-z0-9_-]{8,2048}\.[A-Za-z0-9_-]|\bAKIA[A-Z0-9]{16}|\bgh[pousr]_[A-Za-z0-9]{20}|\bgithub_pat_\w{20}"
    r"|\bsk-[A-Za-z0-9_-]{16}|\bxox[abprs]-[A-Za-z0-9-]{8}|\bAIza[A-Za-z0-9_-]{30}|//[^/\s:@]{1,200}:[^/\s@]{1,200}@"
)


def shown(arguments: Json) -> tuple[Json, bool]:
    """The arguments to show, and whether that is all of them but for what is masked."""
    printing = _Printing()
    made = printing.members(arguments, 0)
    return made, not printing.cut


def plain(text: str) -> str:
    """Text with everything that a reader could not see, or that would disorder what is beside it, as escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


class _Printing:
    def __init__(self) -> None:
        self.cut = False
        self._left = BUDGET

    def members(self, value: Json, depth: int) -> Json:
        made: Json = {}
        for number, (name, each) in enumerate(value.items()):
            if number >= MOST or self._left <= 0:
                self.cut = True
                made[CUT] = f"{len(value) - number} more"
                break
            key = self._text(name)
            made[key] = MASKED if _SECRET_NAME.search(name) and each is not None else self._value(each, depth + 1)
        return made

    def _value(self, value: JsonValue, depth: int) -> JsonValue:
        if isinstance(value, str):
            return MASKED if _SECRET_VALUE.search(value) else self._text(value)
        if isinstance(value, dict | list) and value and depth >= DEEPEST:
            self.cut = True
            return CUT
        if isinstance(value, dict):
            return self.members(value, depth)
        if isinstance(value, list):
            return self._items(value, depth)
        self._left -= len(str(value))
        return value

    def _items(self, value: list[JsonValue], depth: int) -> list[JsonValue]:
        made: list[JsonValue] = []
        for number, each in enumerate(value):
            if number >= MOST or self._left <= 0:
                self.cut = True
                made.append(f"{CUT} {len(value) - number} more")
                break
            made.append(self._value(each, depth + 1))
        return made

    def _text(self, text: str) -> str:
        whole = plain(text[: LONGEST + 1])
        room = max(0, min(LONGEST, self._left))
        self._left -= len(whole)
        if len(text) <= LONGEST and len(whole) <= room:
            return whole
        self.cut = True
        return f"{whole[:room]}{CUT} ({len(text)} characters)"
