"""The threat model: every claim of it names the tests that show it, and they are tests that CI runs."""

import re
from typing import NamedTuple

import pytest

from tests.support.processes import ROOT

PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| (.+?) \| (.+?) \| (.*?) \| (.*?) ?\|$", re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


class Claim(NamedTuple):
    """A line of a table: what somebody does, what is in between, what shows it, what is left."""

    threat: str
    between: str
    shown: str
    left: str


def claims() -> list[Claim]:
    """Every line of the tables by boundary."""
    part = PAGE.split("## By boundary")[1].split("\n## ")[0]
    rows = [Claim(*found) for found in _ROW.findall(part)]
    return [row for row in rows if row.threat not in {"Threat", "---"}]


def test_every_boundary_has_its_claims() -> None:
    part = PAGE.split("## By boundary")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|") and not line.startswith(("|---", "| Threat"))]
    assert len(lines) == len(claims()) > 40


@pytest.mark.parametrize("claim", claims(), ids=lambda claim: str(claim.threat)[:60])
def test_a_claim_names_tests_that_are_there_and_nothing_else_in_its_place(claim: Claim) -> None:
    named = _TEST.findall(claim.shown)
    assert named, f"nothing shows: {claim.between}"
    assert re.sub(r"[,\s]", "", _TEST.sub("", claim.shown)) == ""
    for path, name in named:
        assert re.search(
            rf"^( {{4}})?(async )?def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE
        ), name


def test_every_actor_and_whatever_is_worth_protecting_is_spoken_of() -> None:
    for boundary in ("Client", "Browser", "backend", "model", "Caller to caller", "identity provider", "rest", "audit"):
        assert re.search(rf"^### .*{boundary}", PAGE, re.MULTILINE), boundary
