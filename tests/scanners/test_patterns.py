"""Every pattern of the scanners takes time that grows with the text and no faster, whatever the text."""

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import cast
from zlib import crc32

import pytest

import airegistry.scanners
from airegistry.core import confusables, definitions, known_names
from airegistry.scanners.phrasing import Phrases

SMALL, MIDDLE, LARGE = 2_000, 5_000, 100_000
SUSPECTS = 3
"""Texts whose growth is measured: those that take longest while small."""
LONGEST = 2.0
"""Seconds of CPU for a large text."""
FACTORIES = {"phrasing": "compiled", "skill_rules": "pattern", "skill_sayings": "any_of"}
"""Functions that make patterns for tables of modules."""
MODULES = [
    importlib.import_module(f"airegistry.scanners.{found.name}")
    for found in pkgutil.iter_modules(airegistry.scanners.__path__)
] + [confusables, definitions, known_names]


def patterns_in(value: object, depth: int = 6) -> Iterator[re.Pattern[str]]:
    """The compiled patterns in a value, however deep in containers and dataclasses."""
    if isinstance(value, re.Pattern):
        if isinstance(value.pattern, str):
            yield value
    elif depth:
        inside: list[object] = []
        if isinstance(value, Phrases):
            inside = [*value.compiled]
        elif isinstance(value, Mapping):
            inside = [*value.keys(), *value.values()]
        elif isinstance(value, tuple | list | set | frozenset):
            inside = [*value]
        elif is_dataclass(value) and not isinstance(value, type):
            inside = [getattr(value, each.name) for each in fields(value)]
        elif type(value).__module__.startswith("airegistry.") and hasattr(value, "__dict__"):
            inside = [*vars(value).values()]
        for each in inside:
            yield from patterns_in(each, depth - 1)


def patterns_of(module: ModuleType) -> dict[str, re.Pattern[str]]:
    """The patterns of a module by their text and flags, its own and those it made of others'."""
    found = [
        pattern for name, value in vars(module).items() if not name.startswith("__") for pattern in patterns_in(value)
    ]
    return {f"{pattern.flags}:{pattern.pattern}": pattern for pattern in found}


PATTERNS = {key: (module.__name__, pattern) for module in MODULES for key, pattern in patterns_of(module).items()}


class Samples:
    """Texts that a pattern nearly matches, made from its own parts."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._parser = importlib.import_module("re._parser")
        self._groups: dict[int, str] = {}
        self.repeated: list[tuple[str, str]] = []
        """What stands before a repeat in the pattern, and one round of it."""
        self.whole = self._text(self._parser.parse(pattern.pattern, pattern.flags), "")

    def _text(self, items: object, before: str) -> str:
        text = ""
        for operator, argument in items:  # type: ignore[attr-defined]  # the parser's own tree
            text += self._one(str(operator), argument, before + text)
        return text

    def _one(self, operator: str, argument: object, before: str) -> str:
        match operator, argument:
            case "LITERAL", int(code):
                return chr(code)
            case "NOT_LITERAL", int(code):
                return "a" if chr(code) != "a" else "b"
            case "ANY", _:
                return "a"
            case "IN", list(choices):
                return self._choice(choices)
            case "BRANCH", (_, list(branches)):
                texts = [self._text(branch, before) for branch in branches]
                self.repeated += [(before, each) for each in texts if each]
                return max(texts, key=len)
            case (("MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT"), _):
                least, most, body = cast("tuple[int, int, object]", argument)
                one = self._text(body, before)
                if one and most > 1:
                    self.repeated.append((before, one))
                return one * (least or int(most < 9))
            case "SUBPATTERN", (group, _, _, body):
                text = self._text(body, before)
                if isinstance(group, int):
                    self._groups[group] = text
                return text
            case "ATOMIC_GROUP", body:
                return self._text(body, before)
            case "GROUPREF", int(group):
                return self._groups.get(group, "")
        return ""  # what takes no room: anchors, assertions

    @staticmethod
    def _choice(choices: list[tuple[object, object]]) -> str:
        kinds = {"CATEGORY_SPACE": " ", "CATEGORY_DIGIT": "1", "CATEGORY_WORD": "a", "CATEGORY_NOT_SPACE": "a"}
        operator, argument = choices[-1] if str(choices[0][0]) == "NEGATE" else choices[0]
        if str(choices[0][0]) == "NEGATE":
            taken = {argument for operator, argument in choices if str(operator) == "LITERAL"}
            return next(letter for letter in "a z1-" if ord(letter) not in taken)
        if str(operator) == "RANGE" and isinstance(argument, tuple):
            return chr(argument[0])
        return (
            chr(argument) if isinstance(argument, int) and str(operator) == "LITERAL" else kinds.get(str(argument), "-")
        )


ANYHOW = (
    "a", " ", "\n", "1", "-", ".", "/", "<", "(", "\\", '"', "a ", "a.", "a@", "a_", "\t \n", "()", "%41", "\\u0061",
    "&#97;", "aa:", "http://a", "the user ", "do not ", "é", "\u200b", "中",
)  # fmt: skip


def units(pattern: re.Pattern[str]) -> Iterator[tuple[str, str, str]]:
    """Triples of what stands first, what is repeated and what breaks the match."""
    samples = Samples(pattern)
    pieces = dict.fromkeys((samples.whole, samples.whole[:-1], samples.whole[: len(samples.whole) // 2]))
    for unit in (*pieces, *ANYHOW):
        if unit:
            yield "", unit, "\x00"
    for before, body in dict.fromkeys(samples.repeated[:24]):
        yield before, body, "\x00"
        if before:
            yield "", before + body, "\x00"


def text(unit: tuple[str, str, str], size: int) -> str:
    first, repeated, last = unit
    return first + repeated * (size // len(repeated)) + last


def seconds(pattern: re.Pattern[str], subject: str, tries: int = 1) -> float:
    """CPU time of one pass, the best of some tries: another process's work does not count, a collection might."""
    best = float("inf")
    for _ in range(tries):
        begun = time.thread_time()
        for _ in pattern.finditer(subject):
            pass
        best = min(best, time.thread_time() - begun)
    return best


def grows_too_fast(pattern: re.Pattern[str], unit: tuple[str, str, str], size: int) -> bool:
    """Whether a text of four times the size takes far more than four times as long; thrice, as clocks are rough."""
    small, large = text(unit, size), text(unit, 4 * size)
    return all(seconds(pattern, large) > 8 * max(seconds(pattern, small, 2), 0.0003) for _ in range(3))


@pytest.mark.parametrize(
    "key", PATTERNS, ids=lambda key: f"{PATTERNS[key][0].rpartition('.')[2]}-{crc32(key.encode()):08x}"
)
def test_a_pattern_takes_time_in_proportion_to_the_text(key: str) -> None:
    check(PATTERNS[key][1])


def check(pattern: re.Pattern[str], size: int = MIDDLE) -> None:
    slowest = sorted(units(pattern), key=lambda unit: seconds(pattern, text(unit, SMALL)), reverse=True)
    for unit in slowest[:SUSPECTS]:
        assert not grows_too_fast(pattern, unit, size), f"{unit!r} takes {pattern.pattern[:300]!r} too long"
    assert seconds(pattern, text(slowest[0], LARGE)) < LONGEST, (
        f"{slowest[0]!r} takes {pattern.pattern[:300]!r} too long"
    )


@pytest.mark.parametrize("pattern", [r"\s+$", r"[a-z]+(?:_[a-z]+)*:", r"<!--.*?-->x", r"\w+@\w+\.com"])
def test_a_pattern_that_takes_too_long_is_caught(pattern: str) -> None:
    with pytest.raises(AssertionError, match="too long"):
        check(re.compile(pattern), 1_000)


def test_no_pattern_is_made_where_this_test_does_not_see_it() -> None:
    for module in MODULES:
        factory = FACTORIES.get(module.__name__.rpartition(".")[2])
        tree = ast.parse(Path(str(module.__file__)).read_text())
        functions = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef) and each.name != factory]
        made = [call for each in functions for call in ast.walk(each) if isinstance(call, ast.Call)]
        assert "re.compile" not in {ast.unparse(call.func) for call in made}, module.__name__
