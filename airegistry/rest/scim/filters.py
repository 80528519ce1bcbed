"""The language of filters (RFC 7644, section 3.4.2.2): from text to a tree and back, in time linear in the text."""

import json
import re
from dataclasses import dataclass
from typing import Literal

from airegistry.rest.scim.errors import Refused

Operator = Literal["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]
OPERATORS: dict[str, Operator] = {
    "eq": "eq", "ne": "ne", "co": "co", "sw": "sw", "ew": "ew", "gt": "gt", "ge": "ge", "lt": "lt", "le": "le",
}  # fmt: skip
MAX_LENGTH, MAX_DEPTH = 4096, 24
Literal_ = str | int | float | bool | None

_TOKEN = re.compile(
    r"""\ *(?:
    (?P<string>"(?:[^"\\\x00-\x1f]|\\["\\/bfnrtu])*")
  | (?P<number>-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?(?:[eE][+-]?[0-9]{1,3})?)(?![\w.])
  | (?P<word>[A-Za-z$][\w$:.\-]*)
  | (?P<mark>[()\[\]])
  )""",
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Compare:
    """A value of an attribute against a literal."""

    path: str
    operator: Operator
    value: Literal_

    def __str__(self) -> str:
        return f"{self.path} {self.operator} {json.dumps(self.value)}"


@dataclass(frozen=True, slots=True)
class Present:
    """That an attribute has a value."""

    path: str

    def __str__(self) -> str:
        return f"{self.path} pr"


@dataclass(frozen=True, slots=True)
class Within:
    """One of the values of a complex attribute that fits."""

    path: str
    inner: "Filter"

    def __str__(self) -> str:
        return f"{self.path}[{self.inner}]"


@dataclass(frozen=True, slots=True)
class Not:
    """What does not fit."""

    inner: "Filter"

    def __str__(self) -> str:
        return f"not ({self.inner})"


@dataclass(frozen=True, slots=True)
class And:
    """What fits all."""

    parts: "tuple[Filter, ...]"

    def __str__(self) -> str:
        return " and ".join(f"({each})" if isinstance(each, And | Or) else str(each) for each in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    """What fits one of them."""

    parts: "tuple[Filter, ...]"

    def __str__(self) -> str:
        return " or ".join(f"({each})" if isinstance(each, Or) else str(each) for each in self.parts)


Filter = Compare | Present | Within | Not | And | Or


def parsed(text: str, refusal: str = "invalidFilter") -> Filter:
    """The tree of a filter.

    Raises:
        Refused: it is none, too long or too deep.
    """
    reader = Reader(text, refusal)
    found = reader.either(0)
    reader.end()
    return found


class Reader:
    """Reads tokens of a text from left to right, each once."""

    def __init__(self, text: str, refusal: str) -> None:
        self._refusal = refusal
        if len(text) > MAX_LENGTH:
            raise Refused(f"it has at most {MAX_LENGTH} characters", refusal)
        self._whole = text
        self._at = 0
        self.kind, self.text = "", ""
        self.advance()

    def advance(self) -> None:
        """Go to the next token; behind the last one `kind` is empty."""
        match = _TOKEN.match(self._whole, self._at)
        if match is None:
            if self._whole[self._at :].strip(" "):
                raise self._wrong()
            self._at = len(self._whole)
            self.kind, self.text = "", ""
            return
        self.kind = match.lastgroup or ""
        self.text = match[self.kind]
        self._at = match.end()

    def end(self) -> None:
        """Be at the end.

        Raises:
            Refused: there is more.
        """
        if self.kind:
            raise self._wrong()

    def either(self, depth: int) -> Filter:
        """Filters with `or` between them."""
        parts = [self._every(depth)]
        while self._is("or"):
            self.advance()
            parts.append(self._every(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def path(self) -> str:
        """The name of an attribute.

        Raises:
            Refused: there is none.
        """
        if self.kind != "word":
            raise self._wrong()
        name = self.text
        self.advance()
        return name

    def take(self, mark: str) -> None:
        """Pass over a mark.

        Raises:
            Refused: there is another one.
        """
        if self.kind != "mark" or self.text != mark:
            raise self._wrong()
        self.advance()

    def rest(self) -> str:
        """What follows the token that is read, unread."""
        return self._whole[self._at :]

    def _every(self, depth: int) -> Filter:
        parts = [self._one(depth)]
        while self._is("and"):
            self.advance()
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _one(self, depth: int) -> Filter:
        if depth > MAX_DEPTH:
            raise Refused(f"it is deeper than {MAX_DEPTH}", self._refusal)
        if self.kind == "mark":
            return self._grouped(depth)
        if self._is("not") and self.rest().lstrip(" ").startswith("("):
            self.advance()
            return Not(self._grouped(depth))
        path = self.path()
        if self.kind == "mark" and self.text == "[":
            self.advance()
            inner = self.either(depth + 1)
            if self.text == "]" and self.rest().startswith("."):
                return self._part_of(path, inner)
            self.take("]")
            return Within(path, inner)
        if self._is("pr"):
            self.advance()
            return Present(path)
        operator = OPERATORS.get(self.text.lower()) if self.kind == "word" else None
        if operator is None:
            raise self._wrong()
        self.advance()
        return Compare(path, operator, self._literal())

    def _part_of(self, path: str, inner: Filter) -> Filter:
        """A part of one value that fits, as Entra ID asks for it: `emails[type eq "work"].value eq "a@b"`."""
        self._at += 1
        self.advance()
        part = self._one(MAX_DEPTH)
        if not isinstance(part, Compare | Present) or ":" in part.path:
            raise self._wrong()
        return Within(path, And((inner, part)))

    def _grouped(self, depth: int) -> Filter:
        self.take("(")
        inner = self.either(depth + 1)
        self.take(")")
        return inner

    def _literal(self) -> Literal_:
        kind, text = self.kind, self.text
        if kind not in {"string", "number"} and text.lower() not in {"true", "false", "null"}:
            raise self._wrong()
        self.advance()
        try:
            value: Literal_ = json.loads(text if kind in {"string", "number"} else text.lower())
        except ValueError:
            raise self._wrong() from None
        return value

    def _is(self, word: str) -> bool:
        return self.kind == "word" and self.text.lower() == word

    def _wrong(self) -> Refused:
        where = f"at {self.text[:40]!r}" if self.kind else "at its end"
        return Refused(f"it cannot be read {where}", self._refusal)
