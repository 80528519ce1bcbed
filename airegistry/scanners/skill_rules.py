"""Rules over the parts of a skill: what a match means where it stands."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from airegistry.core.findings import Finding
from airegistry.scanners.rules import Rule
from airegistry.scanners.skill_parts import Language, Part, taught_line, warned_line

CODE: frozenset[Language] = frozenset(
    ("shell", "powershell", "python", "javascript", "json", "yaml", "other", "decoded", "hidden")
)
PROSE: frozenset[Language] = frozenset(("prose", "hidden", "decoded", "other"))
ANY: frozenset[Language] = CODE | PROSE
_BESIDE = 40


@dataclass(frozen=True, slots=True)
class Spot:
    """A rule that is a pattern over parts of some languages; one of its `hints` stands in whatever it matches."""

    rule: Rule
    pattern: re.Pattern[str]
    languages: frozenset[Language] = ANY
    hints: tuple[str, ...] = ()


def spotted(part: Part, spots: Sequence[Spot]) -> Iterator[Finding]:
    """One finding per rule: the first place that is no warning, else the first place, as a note."""
    for spot in spots:
        if part.language in spot.languages and part.hints(spot.hints):
            matches = list(_first(spot.pattern, part.text))
            if matches:
                match = next((each for each in matches if not excused(part, each.start())), matches[0])
                yield found(part, spot.rule, match.start(), match.end())


def _first(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    for count, match in enumerate(pattern.finditer(text)):
        if count == _MOST_PLACES:
            return
        yield match


_MOST_PLACES = 20


def excused(part: Part, at: int) -> bool:
    """Whether it is said not to do what stands at a place, or it is told of as what attackers do.

    A program runs whatever stands around, but for its comments, and nobody warns of what they hide.
    """
    if part.language in _COMMENTED and _in_comment(part.text, at):
        return True
    if part.program or part.language in ("hidden", "decoded"):
        return False
    if part.warned or warned_line(part.text, at):
        return True
    return part.language == "prose" and (part.taught or taught_line(part.text, at))


def _in_comment(text: str, at: int) -> bool:
    line = text[text.rfind("\n", 0, at) + 1 : at + 2].lstrip()
    return line.startswith(("#", "//")) and not line.startswith("#!")


_COMMENTED = frozenset(("shell", "powershell", "python", "javascript", "yaml"))
"""Languages whose lines after `#` or `//` do not run."""


def found(part: Part, rule: Rule, start: int, end: int) -> Finding:
    """What a rule found at a span of a part; where it is excused, a note. What is hidden or encoded is meant to be."""
    evidence = part.text[max(0, start - _BESIDE) : end + _BESIDE]
    if excused(part, start):
        rule = noted(rule)
    elif part.language in ("hidden", "decoded") and rule.severity in ("high", "critical"):
        rule = replace(rule, structural=True, confidence="high")
    return rule.finding(part.field, evidence)


def noted(rule: Rule) -> Rule:
    """The same rule where it is only worth a note."""
    return replace(rule, severity="low", structural=False, confidence="low")


def milder(rule: Rule) -> Rule:
    """The same rule where a person should look, and nothing is held."""
    return replace(rule, severity="medium", structural=False)


def pattern(text: str) -> re.Pattern[str]:
    """A pattern over words in any case."""
    return re.compile(text, re.IGNORECASE)
