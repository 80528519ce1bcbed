"""`usage`."""

from airegistry.core.documents import Json
from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry

ROW: Json = {
    "of": "asset", "name": "server/weather", "calls": 12, "errors": 1, "average_ms": 20.5, "p50_ms": 25, "p95_ms": None,
    "last": "2026-11-20T12:00:00Z", "histogram": [],
}  # fmt: skip


def test_assets_are_shown_a_line_each(fake: FakeRegistry, run: Run) -> None:
    fake.says({"rows": [ROW]})
    assert run("usage", "--view", "recent", "--days", "7").out.splitlines() == [
        "ASSET           CALLS  ERRORS  AVERAGE_MS  P50_MS  P95_MS  LAST",
        "server/weather  12     1       20.500      25              2026-11-20T12:00:00Z",
    ]
    assert fake.calls == [("get_usage", {"view": "recent", "days": 7})]


def test_one_asset_is_shown_by_tool_caller_and_hour(fake: FakeRegistry, run: Run) -> None:
    fake.says({"rows": [ROW, {**ROW, "of": "tool", "name": "forecast"}]})
    lines = run("usage", "weather", "--hourly", "--kind", "server").out.splitlines()
    assert [line.split()[:3] for line in lines] == [
        ["OF", "NAME", "CALLS"], ["asset", "server/weather", "12"], ["tool", "forecast", "12"]
    ]  # fmt: skip
    assert fake.calls == [("get_usage", {"path": "weather", "kind": "server", "hourly": True})]


def test_nothing_is_said_to_be_nothing(fake: FakeRegistry, run: Run) -> None:
    fake.says({"rows": []})
    ran = run("usage")
    assert (ran.status, ran.out, ran.err) == (0, "", "nothing\n")
