"""The quality grade, from what is known of an asset."""

from datetime import timedelta

import pytest

from airegistry.core.findings import Verdict
from airegistry.core.quality import GRADES, Graded, Quality, Seen, quality
from airegistry.core.repository_facts import Facts, KnownRepository
from airegistry.core.scans import ScanReport
from tests.core.wiring import NOON, asset

WORDS = "Tells the weather of tomorrow for any place on earth, hour by hour, with its wind and rain."
GOOD = Facts(license="MIT", last_commit_at=NOON - timedelta(days=3), last_release="v1", last_release_at=NOON)


def report(verdict: Verdict = "pass", error: str | None = None) -> ScanReport:
    return ScanReport(
        asset="server/weather", version="1.0.0", scanned_at=NOON, scanners=[], verdict=verdict, error=error
    )  # fmt: skip


def repository(facts: Facts | None = GOOD, **fields: bool) -> KnownRepository:
    return KnownRepository(url="https://git.test/a/b", facts=facts, **fields)


def server(**fields: object) -> Graded:
    tools = [{"name": "forecast", "description": WORDS}]
    known = {"description": WORDS, "tools": tools, "health": "healthy", "repository_url": "https://git.test/a/b"}
    return made("server", "weather", **{"url": "https://weather.test/mcp", **known, **fields})


def made(kind: str, path: str, **fields: object) -> Graded:
    found = asset(kind, path, **fields)
    assert isinstance(found, Graded)
    return found


def graded(thing: Graded | None = None, **seen: object) -> Quality:
    known: dict[str, object] = {"report": report(), "circuit": "closed", "repository": repository(), **seen}
    return quality(thing or server(), Seen(**known), NOON)  # type: ignore[arg-type]  # as each test gives it


def test_a_server_with_nothing_to_find_fault_with_has_an_a() -> None:
    best = graded()
    assert (best.grade, best.score) == ("A", 100)
    assert [reason.aspect for reason in best.reasons[:2]] == ["security", "health"]
    assert sum(reason.most for reason in best.reasons) == 100
    assert all(reason.said for reason in best.reasons)


def test_what_weighs_more_than_points_caps_the_grade() -> None:
    assert graded(report=report("block")).grade == "F"
    assert graded(report=None).grade == "D"
    assert graded(server(health="unhealthy")).grade == "C"
    assert graded(circuit="open").grade == "C"
    assert graded(repository=repository(GOOD.model_copy(update={"archived": True}))).grade == "C"
    assert graded(repository=repository(gone=True)).grade == "C"
    never = graded(repository=repository(None, gone=True))  # there is none, or none for everybody: nobody is told which
    assert (never.grade, never.reasons[-1].caps) == ("B", "B")
    assert graded(repository=None).grade == "B"


def test_points_are_lost_where_something_is_amiss() -> None:
    whole = graded().score
    for worse in (
        graded(report=report("review")), graded(report=report(error="it broke")), graded(server(health="unknown")),
        graded(server(description="Weather.")), graded(server(tools=[{"name": "forecast"}])),
        graded(server(repository_url=None)), graded(repository=repository(GOOD.model_copy(update={"license": None}))),
        graded(repository=repository(GOOD.model_copy(update={"last_release": None}))),
        graded(repository=repository(GOOD.model_copy(update={"last_release_at": NOON - timedelta(days=500)}))),
    ):  # fmt: skip
        assert worse.score < whole


@pytest.mark.parametrize(("days", "points"), [(3, 14), (100, 10), (400, 4), (900, 0), (-2, 14)])
def test_an_older_last_commit_counts_less(days: int, points: int) -> None:
    facts = GOOD.model_copy(update={"last_commit_at": NOON - timedelta(days=days)})
    found = next(each for each in graded(repository=repository(facts)).reasons if "last commit" in each.said)
    assert found.points == points


def test_a_repository_without_commits_counts_nothing() -> None:
    found = graded(repository=repository(Facts())).reasons
    assert {each.said for each in found if each.aspect == "maintenance"} == {"no commit is known", "it has no release"}


def test_what_is_not_known_yet_says_so() -> None:
    said = [each.said for each in graded(repository=repository(None)).reasons]
    assert "nothing is known of its source repository yet" in said
    said = [each.said for each in graded(server(repository_url=None), repository=None).reasons]
    assert "it names no repository" in said


def test_the_health_of_what_is_not_called_does_not_count() -> None:
    content = f"---\nname: notes\ndescription: {WORDS}\n---\n" + "Write it down. " * 20
    skill = made(
        "skill", "notes", content=content, description=WORDS, license="MIT", documentation_url="https://a.test"
    )
    found = graded(skill, circuit=None)
    assert "health" not in {each.aspect for each in found.reasons}
    assert (found.grade, found.score) == ("A", 100)
    recipe = server(url=None, transport="stdio", command="uvx")
    assert "health" not in {each.aspect for each in graded(recipe).reasons}


def test_agents_are_judged_by_their_skills() -> None:
    skills = [{"id": "a", "name": "A", "description": WORDS}, {"id": "b", "name": "B"}]
    agent = made("agent", "planner", url="https://planner.test", description=WORDS, skills=skills, health="healthy")
    assert "1 of 2 skills are described" in [each.said for each in graded(agent).reasons]
    assert not any("described" in each.said for each in graded(server(tools=[])).reasons)


def test_grades_go_down_with_points() -> None:
    assert [letter for _, letter in GRADES] == sorted(letter for _, letter in GRADES)
    worst = graded(
        server(description="", tools=[{"name": "x"}], health="unhealthy", repository_url=None), report=report("review"),
        repository=None,
    )  # fmt: skip
    assert (worst.grade, worst.score) == ("F", 30)
