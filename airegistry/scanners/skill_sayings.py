"""Rules over sentences: several small patterns that must all be said within a sentence or a few in a row."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from airegistry.core.findings import Finding
from airegistry.scanners.plain import plain
from airegistry.scanners.rules import Rule
from airegistry.scanners.skill_parts import Part
from airegistry.scanners.skill_rules import noted

_ENDS = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n\s*(?:[-*+•]|\d{1,3}[.)])\s+|\n\s*\n|\n(?=#)|(?<=\|)\n|\n(?=\|)")
_CAPITAL = re.compile(r"(?<!\\)[A-Z]")
_LONGEST = 700
_MOST = 4000
_AGAINST = re.compile(
    r"\b(?:never|no|not|do(?:es)?n['’]t|cannot|can['’]t|must ?n['’]t|should ?n['’]t|avoid(?:s|ing)?"
    r"|refuse[sd]?|reject(?:s|ed)?|forbid(?:s|den)?|prevent(?:s|ing)?"
    r"|detect(?:s|ing)?|block(?:s|ed|ing)?|against|anti-?patterns?|wrong|bad|red flags?|warn(?:s|ing)?"
    r"|instead of|rather than|nicht|keine?|jamais|ne|nunca|não|не|不要|禁止)\b|❌|🚫",
    re.IGNORECASE,
)
_TAUGHT = re.compile(
    r"\b(?:attackers?|adversar\w{1,5}|malicious|injection(?:s| attack\w?)?|exploit\w{0,5}|threats?"
    r"|phishing|jailbreak\w{0,3}|e\.g\.,? an? attack|vulnerab\w{2,8}|for example, an?"
    r"|red[- ]team\w{0,3}|scam\w{0,4}|suspicious|untrusted)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Saying:
    """A rule that holds where every pattern of `needs` is met within `span` sentences in a row, and `unless` is not.

    `affirmed`: a negation before the first of them excuses it, as does talk of attackers around.
    """

    rule: Rule
    needs: tuple[re.Pattern[str], ...]
    span: int = 1
    unless: re.Pattern[str] | None = None
    affirmed: bool = True
    hints: tuple[str, ...] = ()


def any_of(*choices: str) -> re.Pattern[str]:
    """A pattern of several, over text in lower case: that is many times faster than to ignore case."""
    return re.compile(_CAPITAL.sub(lambda match: match[0].lower(), "|".join(choices)))


def sentences(text: str) -> list[str]:
    """The sentences and items of a text, each on one line and no longer than patterns may read."""
    found = []
    for raw in _ENDS.split(text):
        sentence = plain(raw)
        found += [sentence[at : at + _LONGEST] for at in range(0, len(sentence), _LONGEST)]
    return found[:_MOST]


def said(part: Part, sayings: Sequence[Saying]) -> Iterator[Finding]:
    """One finding per rule: where it is meant, else where it is told of, as a note."""
    likely = [
        each for each in sayings if part.hints(each.hints) and all(need.search(part.lower) for need in each.needs)
    ]
    if not likely:
        return
    lines = sentences(part.lower)
    for saying in likely:
        best: Rule | None = None
        evidence = ""
        for at in range(len(lines)):
            window = " ".join(lines[at : at + saying.span])
            met = [match for need in saying.needs if (match := need.search(window))]
            if len(met) < len(saying.needs) or (saying.unless is not None and saying.unless.search(window)):
                continue
            first = min(match.start() for match in met)
            meant = not _excused(part, saying, window, first)
            if meant or best is None:
                best, evidence = saying.rule if meant else noted(saying.rule), window[max(0, first - 20) : first + 180]
            if meant:
                break
        if best is not None:
            yield _sure(best, part).finding(part.field, evidence)


def _excused(part: Part, saying: Saying, window: str, first: int) -> bool:
    if part.language in ("hidden", "decoded"):
        return False
    if part.warned or part.taught or _TAUGHT.search(window):
        return True
    before = window[max(0, first - 60) : first]
    return saying.affirmed and bool(_AGAINST.search(before))


def _sure(rule: Rule, part: Part) -> Rule:
    """What is hidden or encoded is meant to be unseen."""
    hidden = part.language in ("hidden", "decoded") and rule.severity in ("high", "critical")
    return replace(rule, structural=True, confidence="high") if hidden else rule
