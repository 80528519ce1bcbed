"""What scanners find, and what follows from it."""

import hashlib
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from airegistry.core.assets import Model

Severity = Literal["info", "low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")
Confidence = Literal["low", "medium", "high"]
Tier = Literal["none", "review", "block"]
Verdict = Literal["pass", "review", "block"]
LONGEST_EVIDENCE = 200


class Finding(Model):
    """What a scanner found, and where.

    `rule` reads `family.rule`; `structural` findings are certain by how a thing is made and not by what its words mean.
    `field` is a JSON pointer into the asset. `evidence` is ASCII, escaped, at most 200 characters, secrets redacted.
    `codes` carry their year: `OWASP-MCP03:2025`. `tier` and `fingerprint` are set when the scan is judged.
    """

    rule: str
    severity: Severity
    confidence: Confidence = "medium"
    structural: bool = False
    field: str
    message: str
    evidence: str = ""
    remediation: str = ""
    codes: list[str] = Field(default_factory=list)
    tier: Tier = "none"
    fingerprint: str = ""

    @property
    def family(self) -> str:
        """The kind of danger."""
        return self.rule.partition(".")[0]

    @property
    def part(self) -> str:
        """The tool, prompt or resource that it is in, as a pointer of two members; empty for the asset as a whole."""
        members = self.field.split("/")
        return "/".join(members[:3]) if len(members) >= 3 and members[1] in _PARTS else ""


_PARTS = frozenset({"tools", "prompts", "resources", "resource_templates"})


def escaped(evidence: str) -> str:
    """Evidence as a report shows it: what is no printable ASCII as escapes, cut."""
    return evidence.encode("unicode_escape").decode()[:LONGEST_EVIDENCE]


def judged(findings: Sequence[Finding], waived: frozenset[str] = frozenset()) -> tuple[Verdict, list[Finding]]:
    """The verdict, and the findings with tier and fingerprint.

    A structural finding of high severity blocks by itself; others do where two of different families agree on the same
    part, both high and neither a guess. Whatever is medium or more is to be reviewed. What is `waived`, by fingerprint,
    counts for nothing.
    """
    marked = [finding.model_copy(update={"fingerprint": _fingerprint(finding)}) for finding in findings]
    counted = [finding for finding in marked if finding.fingerprint not in waived]
    serious = [each for each in counted if _rank(each) >= _rank_of("high") and each.confidence != "low"]
    agreeing: dict[str, set[str]] = {}
    for each in serious:
        agreeing.setdefault(each.part, set()).add(each.family)
    blocking = {id(each) for each in serious if each.structural or len(agreeing[each.part]) > 1}
    reviewed = {id(each) for each in counted if _rank(each) >= _rank_of("medium")}
    tiers: dict[int, Tier] = {**dict.fromkeys(reviewed, "review"), **dict.fromkeys(blocking, "block")}
    verdict: Verdict = "block" if blocking else "review" if reviewed else "pass"
    return verdict, [each.model_copy(update={"tier": tiers.get(id(each), "none")}) for each in marked]


def _rank(finding: Finding) -> int:
    return _rank_of(finding.severity)


def _rank_of(severity: Severity) -> int:
    return SEVERITIES.index(severity)


def _fingerprint(finding: Finding) -> str:
    """Names a finding for waivers: the same rule, place and evidence."""
    text = "\n".join((finding.rule, finding.field, finding.evidence))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
