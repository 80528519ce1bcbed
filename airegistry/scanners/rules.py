"""What a rule is: how bad, how sure, what to do about it; and the rules that are words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from airegistry.core.assets import Kind
from airegistry.core.findings import Confidence, Finding, Severity, escaped
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.scanners.phrasing import Phrases, phrases
from airegistry.scanners.texts import Role, Text, texts
from airegistry.scanners.tokens import redacted
from airegistry.scanners.watching import is_sample, is_watched

LONGEST_TEXT = 65_536
"""Characters of one text that patterns run over. What is longer blocks by itself: see `sizes`."""
_BESIDE = 24
_LONGEST_WORD = 120
_SHORTEST = 9
"""Letters of the shortest phrase; a Chinese one is shorter."""
_NAMING: frozenset[Role] = frozenset({"name", "parameter", "enum"})
_NEGATED = re.compile(
    r"\b(?:no|not|never|without|cannot|can't|won't|isn't|doesn't|don't|nor|neither|refuses? to|nicht|kein|keine|"
    r"ohne|sans|jamais|sin|nunca|sem|не|без)\b(?![^.!?;:]{0,60}\b(?:that|tell|telling|mention|inform|notify|reveal|"
    r"say|only|just|hesitate|forget|fail|ado|delay|hesitation|question|exception|doubt|joke)\b)"
    r"(?:(?! - )[^.!?;:,\u2013\u2014]){0,40}$"
)
"""A negation that governs what follows it: in "do not tell them that it uploads" it does not govern the upload."""
_SPOKEN_OF = re.compile(
    r"\b(?:prevents?|preventing|detects?|detecting|detection of|finds?|scans? for|blocks?|blocking|against|mitigates?|"
    r"mitigating|protects?|protecting|stops?)\b[^.!?;:]{0,60}$"
)
"""Words that may speak of an attack, or only seem to: what follows them may be looked at, and blocks nothing."""
_QUOTED = re.compile(
    r"\b(?:attempts? to|such as|like|e\.g\.|including|tr(?:y|ies|ying) to|that (?:say|ask|tell|try)\w{0,3})\b"
    r"[^.!?;:]{0,12}$"
)
"""With these between, it is an attack that is spoken of."""
_ACTS = phrases(
    r"^\W*(?:send|forward|upload|cop(?:y|ies)|transmit|exfiltrate|collect|record|harvest|captur|read|open|includ|pass|"
    r"ignor|disregard|forget|overrid|bypass|skip|disabl|do not|don'?t|never|tell|keep|hid(?!den\b)|call|use|run|"
    r"execut|install|"
    r"delet|replac|set|add|append|put|ask|get|request|steal|dump|extract|always|must|you|from now|also|first|then|"
    r"please|before|when|whenever|secretly|silently|quietly|the (?:assistant|model|ai)|let|make|remember|store|"
    r"save)\w{0,3}\b"
)
"""How a phrase begins that tells somebody to do something."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a family; `codes` carry their year where the list has one."""

    id: str
    severity: Severity
    message: str
    remediation: str
    codes: Sequence[str]
    confidence: Confidence = "medium"
    structural: bool = False

    def finding(self, field: str, evidence: str) -> Finding:
        """What this rule found at a pointer; the evidence is escaped and freed of secrets here."""
        return Finding(
            rule=self.id,
            severity=self.severity,
            confidence=self.confidence,
            structural=self.structural,
            field=field,
            message=self.message,
            evidence=escaped(redacted(evidence)),
            remediation=self.remediation,
            codes=list(self.codes),
        )


@dataclass(frozen=True, slots=True)
class Words:
    """A rule that is a choice of phrasings, all in lower case.

    With `affirmed`, a phrase after a negation ("never", "prevents") is not meant. `roles` are the texts it is for, all
    if empty; `spared` are those it is not for. Without `bare`, the rule is for sentences: one word by itself is none.
    """

    rule: Rule
    patterns: Phrases
    affirmed: bool = False
    roles: frozenset[Role] = frozenset()
    spared: frozenset[Role] = frozenset()
    bare: bool = False

    def search(self, form: str) -> tuple[str, bool] | None:
        """The phrase with what stands beside it, if it is in a text of lower case, and whether it is meant for sure."""
        doubtful: str | None = None
        for pattern in self.patterns.compiled:
            for match in pattern.finditer(form):
                before = form[max(0, match.start() - 80) : match.start()]
                if self.affirmed and _NEGATED.search(before):
                    continue
                if is_sample(form, match):
                    continue
                watched = is_watched(form, match)
                if not watched and not (self.affirmed and _SPOKEN_OF.search(before)):
                    return beside(form, *match.span()), True
                if not _QUOTED.search(before) and not (watched and not _ACTS.compiled[0].search(match[0])):
                    doubtful = doubtful or beside(form, *match.span())
        return None if doubtful is None else (doubtful, False)

    def reads(self, role: Role) -> bool:
        """Whether texts of this role are its concern."""
        return role not in self.spared and (not self.roles or role in self.roles)


@lru_cache(maxsize=8192)
def forms(text: Text) -> tuple[str, ...]:
    """What a text says, and what is encoded in it, as word rules read it: lower case, cut to what patterns may read.

    Names of many words are read as words too. What is too short to say anything is left out. Remembered, for every
    family asks.
    """
    lowered = [form[:LONGEST_TEXT].lower() for form in text.spoken]
    if text.role in _NAMING:
        lowered += [form.replace("_", " ") for form in lowered if form.count("_") > 2]
    return tuple(form for form in lowered if len(form) >= _SHORTEST or not form.isascii())


def beside(form: str, start: int, end: int) -> str:
    """A span with some words around it, never a part of a word: half a secret would not be known for one."""
    first, last = start - _BESIDE, end + _BESIDE
    left = form.rfind(" ", max(0, first - _LONGEST_WORD), first) + 1 if first > 0 else 0
    right = form.find(" ", last, last + _LONGEST_WORD)
    return form[left or (start if first > 0 else 0) : right if right >= 0 else last]


def spoken_findings(read: Sequence[Text], words: Sequence[Words]) -> list[Finding]:
    """One finding per rule and text. What the same words mean elsewhere in the asset is not asked twice."""
    known: dict[tuple[Role, tuple[str, ...]], list[tuple[Rule, str]]] = {}
    found = []
    for text in read:
        said = forms(text)
        if said:
            key = (text.role, said)
            if key not in known:
                known[key] = _broken(text.role, said, words)
            found += [rule.finding(text.field, evidence) for rule, evidence in known[key]]
    return found


def _broken(role: Role, said: Sequence[str], words: Sequence[Words]) -> list[tuple[Rule, str]]:
    """The rules that a text breaks, with the phrase."""
    broken = []
    sentences = [form for form in said if " " in form or not form.isascii()]
    for each in words:
        if each.reads(role):
            seen = [found for form in (said if each.bare else sentences) if (found := each.search(form))]
            if seen:
                evidence, meant = next((found for found in seen if found[1]), seen[0])
                broken.append((each.rule if meant else _in_doubt(each.rule), evidence))
    return broken


def _in_doubt(rule: Rule) -> Rule:
    """The rule where a text may only speak of what it forbids: to be looked at by a person, at most."""
    severity: Severity = "medium" if rule.severity in {"high", "critical"} else rule.severity
    return replace(rule, severity=severity, confidence="low", structural=False)


class WordScanner:
    """Runs the word rules of a family over assets of some kinds."""

    def __init__(self, name: str, words: Sequence[Words], kinds: frozenset[Kind]) -> None:
        self.name = name
        self.words = words
        self._kinds = kinds

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """One finding per rule and text."""
        return spoken_findings(texts(asset), self.words) if asset.kind in self._kinds else ()


SPOKEN: frozenset[Kind] = frozenset({"server", "virtual_server", "agent", "entity"})
"""Kinds whose texts describe; a skill is made of instructions and has rules of its own."""

UNSPOKEN: frozenset[Role] = frozenset({"name", "url", "tag"})
"""Texts that name and do not speak."""
