"""What becomes of an asset by what was found in it."""

import pytest

from airegistry.core.findings import Confidence, Finding, Severity, escaped, judged


def finding(
    rule: str = "words.order", severity: Severity = "high", field: str = "/tools/0/description",
    *, confidence: Confidence = "medium", structural: bool = False, evidence: str = "",
) -> Finding:  # fmt: skip
    return Finding(
        rule=rule, severity=severity, field=field, message="m", confidence=confidence, structural=structural,
        evidence=evidence,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([], "pass"),
        ([finding(severity="low", structural=True)], "pass"),
        ([finding(severity="medium", structural=True)], "review"),
        ([finding()], "review"),
        ([finding(structural=True)], "block"),
        ([finding(structural=True, confidence="low")], "review"),
        ([finding(), finding("urls.paste")], "block"),
        ([finding(), finding("words.other")], "review"),
        ([finding(), finding("urls.paste", field="/tools/1/description")], "review"),
        ([finding(), finding("urls.paste", severity="medium")], "review"),
        ([finding(), finding("urls.paste", confidence="low")], "review"),
        ([finding(field="/description"), finding("urls.paste", field="/name")], "block"),
        ([finding(field="/files/a.sh"), finding("urls.paste", field="/name")], "block"),
    ],
)
def test_one_certain_or_two_agreeing_findings_block(found: list[Finding], verdict: str) -> None:
    assert judged(found)[0] == verdict


def test_each_finding_says_what_it_counted_for() -> None:
    tiers = [
        each.tier
        for each in judged([finding(), finding("urls.paste"), finding(severity="medium"), finding(severity="info")])[1]
    ]
    assert tiers == ["block", "block", "review", "none"]


def test_what_is_waived_is_shown_and_counts_for_nothing() -> None:
    both = [finding(), finding("urls.paste")]
    first = judged(both)[1][0].fingerprint
    verdict, shown = judged(both, frozenset({first}))
    assert (verdict, [each.tier for each in shown]) == ("review", ["none", "review"])


def test_a_fingerprint_names_rule_place_and_evidence() -> None:
    found = [
        finding(),
        finding("words.other"),
        finding(field="/tools/1"),
        finding(evidence="x"),
        finding(severity="low"),
    ]
    marks = [each.fingerprint for each in judged(found)[1]]
    assert len(set(marks)) == 4
    assert marks[0] == marks[4]


def test_evidence_is_printable_and_short() -> None:
    assert escaped("a\u202eb\n") == "a\\u202eb\\n"
    assert len(escaped("é" * 500)) == 200
