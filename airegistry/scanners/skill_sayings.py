"""Rules over sentences: several small patterns that must all be said within a sentence or a few in a row."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from airegistry.core.findings import Finding
from airegistry.scanners.plain import plain
from airegistry.scanners.rules import Rule
from airegistry.scanners.skill_excuses import Excuse, excuse_of_saying
from airegistry.scanners.skill_hosts import worst
from airegistry.scanners.skill_parts import Part
from airegistry.scanners.skill_rules import excused_as

_ENDS = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n\s*(?:[-*+•]|\d{1,3}[.)])\s+|\n\s*\n|\n(?=#)|(?<=\|)\n|\n(?=\|)")
_CAPITAL = re.compile(r"(?<!\\)[A-Z]")
_LONGEST = 700
_MOST = 4000


@dataclass(frozen=True, slots=True)
class Saying:
    """A rule that holds where every pattern of `needs` is met within `span` sentences in a row, and `unless` is not.

    `affirmed`: a negation before the first of them excuses it, as does talk of attackers around. `abroad`: it
    is not meant where every URL that is named is of a publisher that is known, or of this machine.
    """

    rule: Rule
    needs: tuple[re.Pattern[str], ...]
    span: int = 1
    unless: re.Pattern[str] | None = None
    affirmed: bool = True
    hints: tuple[str, ...] = ()
    abroad: bool = False


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
    """One finding per rule: where it is excused least."""
    hinted = [each for each in sayings if part.hints(each.hints)]
    if not hinted:
        return
    whole = " ".join(part.lower.split())  # a sentence goes on over the end of a line
    likely = [each for each in hinted if all(need.search(whole) for need in each.needs)]
    if not likely:
        return
    lines = sentences(part.lower)
    for saying in likely:
        best: tuple[Excuse, str] | None = None
        for at in range(len(lines)):
            span = 1 if lines[at].startswith("|") else saying.span  # a row of a table goes on in no other
            window = " ".join(lines[at : at + span])
            met = [match for need in saying.needs if (match := need.search(window))]
            if len(met) < len(saying.needs) or (saying.unless is not None and saying.unless.search(window)):
                continue
            if saying.abroad and worst(window) in ("known", "local", "placeholder"):
                continue
            first = min(match.start() for match in met)
            let = excuse_of_saying(part, window, first, affirmed=saying.affirmed)
            if best is None or let < best[0]:
                best = let, window[max(0, first - 20) : first + 180]
            if let == Excuse.NONE:
                break
        if best is not None:
            yield sure(excused_as(saying.rule, best[0]), part).finding(part.field, best[1])


def sure(rule: Rule, part: Part) -> Rule:
    """The rule where a part is hidden or encoded: that is meant to be unseen."""
    hidden = part.language in ("hidden", "decoded") and rule.severity in ("high", "critical")
    return replace(rule, structural=True, confidence="high") if hidden else rule
