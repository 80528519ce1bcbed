"""The benchmark of scale works from end to end, and says what is missed."""

import pytest

from benchmarks.scale import main
from benchmarks.scaling.asking import ADMINISTRATOR, LIST, RESTRICTED, SEARCH, Asked, Figures
from benchmarks.scaling.findings import Findings, Place, Running, report, verdicts
from benchmarks.scaling.population import assets
from tests.stores.mongo.engine import INSTALLED, MISSING
from tests.support.processes import run_module


def figures(milliseconds: float) -> Figures:
    return Figures([milliseconds] * 100, milliseconds / 10)


def asked(administrator: float, restricted: float, *, crowd: float = 1) -> dict[Asked, Figures]:
    found = {
        Asked(what, who): figures(taken)
        for what in (LIST, SEARCH)
        for who, taken in ((ADMINISTRATOR, administrator), (RESTRICTED, restricted))
    }
    return {**found, Asked(SEARCH, users=100): figures(crowd)}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not INSTALLED, reason=MISSING)
def test_a_quick_run_measures_every_request_over_both_stores() -> None:
    ended = run_module("benchmarks.scale", "--quick", env={}, seconds=580)
    assert ended.returncode == 0, ended.stderr
    for place in ("| TinyDB | 1 | 100 |", "| MongoDB | 2 | 100 |"):
        for request in ("list", "list, brief", "get", "search", "register"):
            assert f"{place} {request} | administrator | 1 |" in ended.stdout
        assert f"{place} search | administrator | 100 |" in ended.stdout
        assert f"{place} search | restricted | 1 |" in ended.stdout
    assert "| MongoDB | 1 | 20 |" in ended.stdout  # registered from nothing


def test_what_keeps_its_target_passes_and_what_misses_it_fails() -> None:
    found = Findings()
    found.asked[Place("MongoDB", 1, 100_000)] = asked(9, 9)
    found.asked[Place("MongoDB", 3, 10_000)] = asked(16, 20, crowd=2001)
    found.running[Place("MongoDB", 1, 100_000)] = Running(1, 50, 1, False, 29, idle=900, used=1600)
    found.registered[Place("TinyDB", 1, 1000)] = Figures([1], 31)
    said = {str(verdict).partition("  ")[2].rpartition(":")[0]: verdict.kept for verdict in verdicts(found)}
    assert said == {
        "TinyDB, 1 process, 1,000 assets: registered from nothing": False,
        "MongoDB, 1 process, 100,000 assets: memory of a process": False,
        "MongoDB, 1 process, 100,000 assets: start": True,
        "MongoDB, 1 process, 100,000 assets: p50 of a page of 50": True,
        "MongoDB, 1 process, 100,000 assets: p50 of a search": True,
        "MongoDB, 1 process, 100,000 assets: list, restricted": True,
        "MongoDB, 1 process, 100,000 assets: search, restricted": True,
        "MongoDB, 3 processes, 10,000 assets: p50 of a search": False,
        "MongoDB, 3 processes, 10,000 assets: p99 of 100 searches at once": False,
        "MongoDB, 3 processes, 10,000 assets: list, restricted": False,
        "MongoDB, 3 processes, 10,000 assets: search, restricted": False,
    }


def test_growth_is_a_factor_of_the_medians_from_a_thousand_to_the_most() -> None:
    found = Findings()
    for size, taken in ((100, 1), (1_000, 2), (10_000, 4), (100_000, 10)):
        found.asked[Place("MongoDB", 1, size)] = asked(taken, taken)
    assert "| MongoDB | 1 | 1,000 to 100,000 | list | administrator | 1 | 5.00 |" in [*report(found)]


def test_a_larger_catalog_begins_with_the_smaller_one() -> None:
    def told(first: int, last: int) -> list[str]:
        return [each.model_dump_json(exclude={"created_at", "updated_at"}) for each in assets(first, last)]

    assert told(0, 250)[120:] == told(120, 250)
    assert len(set(told(0, 250))) == 250


def test_a_store_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "Redis"])
    assert "Redis" in capsys.readouterr().err
