"""The quality grade of an asset, A to F, with the points behind it: from what is known, without asking anybody.

Of 100 points 40 are for security, 20 each for health, documentation and maintenance. What does not apply (the health of
what has no endpoint) is left out, and the rest counts in proportion. What weighs more than points caps the grade.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from airegistry.core.assets import Agent, Model, Server, Skill
from airegistry.core.breaker import CircuitState
from airegistry.core.repository_facts import Facts, KnownRepository
from airegistry.core.scans import ScanReport

Letter = Literal["A", "B", "C", "D", "F"]
Aspect = Literal["security", "health", "documentation", "maintenance"]

Graded = Server | Agent | Skill
"""What has a grade: it is somebody's work. A virtual server is made of what has one, an entity is a record."""

GRADES: Sequence[tuple[int, Letter]] = ((90, "A"), (75, "B"), (60, "C"), (40, "D"), (0, "F"))
"""The least points in a hundred for each grade."""
WEIGHTS: Mapping[Aspect, int] = {"security": 40, "health": 20, "documentation": 20, "maintenance": 20}
FRESH, RECENT, OLD = timedelta(days=90), timedelta(days=365), timedelta(days=730)
"""Ages of a last commit."""
PLAIN, LONG = 20, 80
"""Characters of a description that says something, and of one that says enough."""


class Reason(Model):
    """Why an aspect has its points: `points` of `most`, and what was seen. `caps`: no better grade is given."""

    aspect: Aspect
    points: float
    most: int
    said: str
    caps: Letter | None = None


class Quality(Model):
    """A grade, the points in a hundred that it is of, and the reasons, in order of aspect."""

    grade: Letter
    score: int
    reasons: list[Reason] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known beside an asset itself: its last scan, its circuit breaker, its repository."""

    report: ScanReport | None = None
    circuit: CircuitState | None = None
    repository: KnownRepository | None = None


def quality(asset: Graded, seen: Seen, now: datetime) -> Quality:
    """The grade of an asset."""
    reasons = [_security(seen.report), *_documentation(asset, seen.repository), *_maintenance(asset, seen, now)]
    reasons[1:1] = _health(asset, seen.circuit)
    most = sum(reason.most for reason in reasons)
    score = int(100 * sum(reason.points for reason in reasons) / most)
    grade = next(letter for least, letter in GRADES if score >= least)
    caps = [reason.caps for reason in reasons if reason.caps is not None]
    return Quality(grade=max([grade, *caps]), score=score, reasons=reasons)  # the later letter is the worse


def _security(report: ScanReport | None) -> Reason:
    most = WEIGHTS["security"]
    if report is None:
        return Reason(aspect="security", points=0, most=most, said="it was never scanned", caps="D")
    if report.verdict == "block":
        return Reason(aspect="security", points=0, most=most, said="its last scan holds it", caps="F")
    points, said = (most, "its last scan found nothing") if report.verdict == "pass" else (
        most // 2, "its last scan found something for a person to look at"
    )  # fmt: skip
    if report.error is not None:
        return Reason(aspect="security", points=points / 2, most=most, said=f"{said}; a later one gave no answer")
    return Reason(aspect="security", points=points, most=most, said=said)


def _health(asset: Graded, circuit: CircuitState | None) -> list[Reason]:
    """Nothing for what is not called over the network."""
    if isinstance(asset, Skill) or asset.url is None:
        return []
    most = WEIGHTS["health"]
    if asset.health == "unhealthy" or circuit == "open":
        return [Reason(aspect="health", points=0, most=most, said="it does not answer as it should", caps="C")]
    if asset.health == "healthy":
        return [Reason(aspect="health", points=most, most=most, said="it answers")]
    return [Reason(aspect="health", points=most // 2, most=most, said="whether it answers was not seen yet")]


def _documentation(asset: Graded, repository: KnownRepository | None) -> list[Reason]:
    found: list[Reason] = []

    def add(points: float, most: int, said: str) -> None:
        found.append(Reason(aspect="documentation", points=round(points, 1), most=most, said=said))

    length = len(asset.description.strip())
    add(6 if length >= LONG else 3 if length >= PLAIN else 0, 6, f"its description has {length} characters")
    described, parts, what = _described(asset)
    if parts:
        add(8 * described / parts, 8, f"{described} of {parts} {what} are described")
    if asset.documentation_url or asset.repository_url:
        add(3, 3, "it names where to read more")
    else:
        add(0, 3, "it names no page or repository where to read more")
    facts = repository.facts if repository is not None else None
    licence = asset.license or (facts.license if facts is not None else None)
    add(3 if licence else 0, 3, f"its licence is {licence[:80]}" if licence else "no licence is known")
    return found


def _described(asset: Graded) -> tuple[int, int, str]:
    """How many of its parts say what they are, of how many, and what they are called."""
    match asset:
        case Server() if asset.tools:
            return _saying([tool.description for tool in asset.tools]), len(asset.tools), "tools"
        case Agent() if asset.skills:
            return _saying([skill.description for skill in asset.skills]), len(asset.skills), "skills"
        case Skill():
            return int(len(asset.content) >= 200), 1, "instructions"
    return 0, 0, ""


def _saying(texts: Sequence[str]) -> int:
    return sum(len(text.strip()) >= PLAIN for text in texts)


def _maintenance(asset: Graded, seen: Seen, now: datetime) -> list[Reason]:
    most = WEIGHTS["maintenance"]
    known = seen.repository
    if known is not None and known.gone and known.facts is not None:
        said = "its source repository is not there any more"
        return [Reason(aspect="maintenance", points=0, most=most, said=said, caps="C")]
    if known is None or known.facts is None:
        said = "nothing is known of its source repository yet" if asset.repository_url else "it names no repository"
        if known is not None and known.gone:
            said = "its host shows no such source repository to everybody"
        return [Reason(aspect="maintenance", points=most // 2, most=most, said=said, caps="B")]
    return _kept_up(known.facts, now)


def _kept_up(facts: Facts, now: datetime) -> list[Reason]:
    if facts.archived:
        said = "its source repository is archived"
        return [Reason(aspect="maintenance", points=0, most=WEIGHTS["maintenance"], said=said, caps="C")]
    age = None if facts.last_commit_at is None else now - facts.last_commit_at
    if age is None:
        commit, said = 0, "no commit is known"
    else:
        commit = 14 if age <= FRESH else 10 if age <= RECENT else 4 if age <= OLD else 0
        said = f"the last commit is {max(age.days, 0)} days old"
    found = [Reason(aspect="maintenance", points=commit, most=14, said=said)]
    released = facts.last_release_at
    if facts.last_release is None:
        found.append(Reason(aspect="maintenance", points=0, most=6, said="it has no release"))
    else:
        recent = released is not None and now - released <= RECENT
        said = f"its last release is {facts.last_release[:80]}"
        found.append(Reason(aspect="maintenance", points=6 if recent else 3, most=6, said=said))
    return found
