"""What a call said, as the audit trail takes it down: secrets masked, and no more than a little of it."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, Literal

import orjson
from pydantic import JsonValue

from airegistry.core.documents import Json
from airegistry.core.masking import MASK, is_secret_name, masked_url

Mode = Literal["none", "masked", "full"]
"""`masked` leaves out what looks like a secret by its name or by itself, `full` by its name alone."""
Said = Callable[[], Json]
"""Gives everything that a call said, its params."""

BUDGET: Final = 800
"""Characters of all names and texts together."""
LONGEST: Final = 300
"""Characters of one text."""
DEEPEST: Final = 6
MOST: Final = 25
"""Members of one object, items of one list."""
CUT: Final = "…"
_NOT_SAID: Final = frozenset(("_meta", "name", "uri", "inputResponses", "requestState"))
_NAMES = re.compile(r"pass(?:phrase|code)|^pin$|^otp$|session[-_ ]?id|private[-_ ]?key", re.IGNORECASE)
_SECRET = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY|[Bb](?:earer|asic) [A-Za-z0-9._~+/=-]{8}"
    r"|eyJ[A-Za-z0-9_-]{8,2048}\.[A-Za-z0-9_-]|AKIA[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{20}|github_pat_\w{20}|sk-[A-Za-z0-9_-]{16}|xox[abprs]-[A-Za-z0-9-]{8}"
    r"|AIza[A-Za-z0-9_-]{30}"
)
_MARKS = (
    (b"J", (b"eyJ",)), (b"K", (b"AKIA",)), (b"V", (b"PRIVATE",)), (b"x", (b"xox",)), (b"z", (b"AIza",)),
    (b"-", (b"sk-",)), (b"/", (b"://",)), (b"_", (b"_pat_", b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_")),
    (b" ", (b"earer ", b"asic ")),
)  # fmt: skip
"""Every match of the two patterns beside holds one of these, which stand with a byte that is looked for first."""
_URL = re.compile(r"[a-z][a-z0-9+.-]{0,20}://[^\s\"'<>\\]{1,2048}", re.IGNORECASE)
_SHORTEST_SECRET: Final = 12


class Parameters:
    """Which parameters are taken down: a mode for each class of data, and one (under "") for all others."""

    def __init__(self, modes: Mapping[str, Mode]) -> None:
        self._modes = {**modes, "": modes.get("", "masked")}

    def of(self, said: Said | None, classification: str | None) -> JsonValue:
        """What is taken down of a call; None where it is nothing."""
        mode = self._modes.get(classification or "", self._modes[""])
        if said is None or mode == "none":
            return None
        given = {name: value for name, value in said().items() if name not in _NOT_SAID}
        chosen = given.get("arguments", given) if len(given) == 1 else given
        if not chosen:
            return None
        taken = _Taking(careful=False).value(chosen, 0)
        if mode == "masked" and _may_hide_secrets(orjson.dumps(taken)):  # texts are looked at one by one where it pays
            return _Taking(careful=True).value(chosen, 0)
        return taken


class _Taking:
    """Takes down one call's parameters, as far as the budget goes; `careful` masks texts that look like secrets."""

    def __init__(self, careful: bool) -> None:
        self._careful = careful
        self._left = BUDGET

    def value(self, value: JsonValue, depth: int) -> JsonValue:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return self._members(value, depth) if depth < DEEPEST or not value else CUT
        if isinstance(value, list):
            return self._items(value, depth) if depth < DEEPEST or not value else CUT
        self._left -= 4
        return value

    def _members(self, value: Json, depth: int) -> Json:
        made: Json = {}
        left, plain = self._left, _SHORTEST_SECRET - 1 if self._careful else LONGEST
        for number, (name, each) in enumerate(value.items()):
            if number >= MOST or left <= 0:
                made[CUT] = f"{len(value) - number} more"
                break
            shown, secret = _name(name if len(name) <= LONGEST else name[:LONGEST])
            left -= len(shown)
            if secret and each is not None and not isinstance(each, bool):
                made[shown] = MASK
            elif type(each) is str and (length := len(each)) <= plain and length <= left and each.isascii():
                made[shown] = each  # as most are, without a call for each
                left -= length
            else:
                self._left = left
                made[shown] = self.value(each, depth + 1)
                left = self._left
        self._left = left
        return made

    def _items(self, value: list[JsonValue], depth: int) -> list[JsonValue]:
        made: list[JsonValue] = []
        for number, each in enumerate(value):
            if number >= MOST or self._left <= 0:
                made.append(f"{CUT} {len(value) - number} more")
                break
            made.append(self.value(each, depth + 1))
        return made

    def _text(self, text: str) -> str:
        if self._careful and len(text) >= _SHORTEST_SECRET:
            head = text[: LONGEST + 2048]  # what is masked may begin before the cut and end behind it
            if _SECRET.search(head):
                return MASK
            if "://" in head:
                text = _URL.sub(lambda found: masked_url(found[0]), head) + text[LONGEST + 2048 :]
        length = len(text)
        if length <= LONGEST and length <= self._left:
            self._left -= length
            return text if text.isascii() else _printable(text)
        room = max(0, min(LONGEST, self._left))
        self._left -= room
        return f"{_printable(text[:room])}{CUT} ({length} characters)"


@lru_cache(4096)
def _name(name: str) -> tuple[str, bool]:
    """A name as it is taken down, and whether it is that of a secret."""
    return _printable(name), is_secret_name(name) or _NAMES.search(name) is not None


def _may_hide_secrets(printed: bytes) -> bool:
    """Whether a text in there may be a secret, or a URL with one: a look at all of them takes less than at each."""
    return any(byte in printed and any(map(printed.__contains__, marks)) for byte, marks in _MARKS)


def _printable(text: str) -> str:
    """Text that can be stored: lone surrogates are replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
