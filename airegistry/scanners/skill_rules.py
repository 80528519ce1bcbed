"""Rules over the parts of a skill: what a match means where it stands."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from airegistry.core.findings import Finding
from airegistry.scanners.rules import Rule
from airegistry.scanners.skill_excuses import Excuse, excuse
from airegistry.scanners.skill_parts import Language, Part

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
    """One finding per rule: the first of the places that are excused least."""
    for spot in spots:
        if part.language in spot.languages and part.hints(spot.hints):
            matches = list(_first(spot.pattern, part.text))
            if matches:
                match = min(matches, key=lambda each: excuse(part, each.start()))
                yield found(part, spot.rule, match.start(), match.end())


def _first(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    for count, match in enumerate(pattern.finditer(text)):
        if count == _MOST_PLACES:
            return
        yield match


_MOST_PLACES = 20


def found(part: Part, rule: Rule, start: int, end: int) -> Finding:
    """What a rule found at a span of a part; where it is excused, less. What is hidden or encoded is meant to be."""
    evidence = part.text[max(0, start - _BESIDE) : end + _BESIDE]
    let = excuse(part, start)
    if let != Excuse.NONE:
        rule = excused_as(rule, let)
    elif part.language in ("hidden", "decoded") and rule.severity in ("high", "critical"):
        rule = replace(rule, structural=True, confidence="high")
    return rule.finding(part.field, evidence)


def excused_as(rule: Rule, let: Excuse) -> Rule:
    """The same rule where it is excused: for a person to see, or a note."""
    if let == Excuse.DOUBTFUL and rule.severity in ("medium", "high", "critical"):
        return milder(rule)
    return rule if let == Excuse.NONE else noted(rule)


def noted(rule: Rule) -> Rule:
    """The same rule where it is only worth a note."""
    return replace(rule, severity="low", structural=False, confidence="low")


def milder(rule: Rule) -> Rule:
    """The same rule where a person should look, and nothing is held."""
    return replace(rule, severity="medium", structural=False)


def pattern(text: str) -> re.Pattern[str]:
    """A pattern over words in any case."""
    return re.compile(text, re.IGNORECASE)
