"""`stage`."""

from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry, Json

STANDING: Json = {
    "kind": "server", "path": "weather", "version": "1.0.0", "stage": "deprecated", "served": True, "four_eyes": False,
    "registered_by": "token:ann", "retires": "2026-12-24T00:00:00Z",
    "history": [
        {"at": "2026-11-20T12:00:00Z", "by": "token:bob", "from": "approved_dev", "to": "deprecated", "reason": "old"}
    ],
    "next": [{"stage": "retired", "rights": ["transition"], "approval": False, "reason_required": True}],
}  # fmt: skip


def test_a_step_is_taken_with_what_was_said_and_no_more(fake: FakeRegistry, run: Run) -> None:
    fake.says({"path": "weather", "stage": "monitored"})
    assert run("stage", "set", "weather", "monitored") == (0, "", "server `weather` is monitored\n")
    assert fake.calls == [("set_lifecycle_stage", {"kind": "server", "path": "weather", "stage": "monitored"})]


def test_a_deprecation_has_a_reason_and_a_day(fake: FakeRegistry, run: Run) -> None:
    fake.says({"path": "bundle", "stage": "deprecated"})
    ran = run(
        "stage", "set", "bundle", "deprecated", "--reason", "old", "--retires", "2026-12-24", "--kind",
        "virtual_server", "--version", "2.0.0",
    )  # fmt: skip
    assert ran == (0, "", "virtual server `bundle` is deprecated\n")
    assert fake.calls == [("set_lifecycle_stage", {
        "kind": "virtual_server", "path": "bundle", "stage": "deprecated", "reason": "old",
        "retirement_date": "2026-12-24", "version": "2.0.0",
    })]  # fmt: skip


def test_the_lifecycle_is_shown_with_what_was_done_and_what_comes_next(fake: FakeRegistry, run: Run) -> None:
    fake.says(STANDING)
    shown = run("stage", "show", "weather")
    assert shown.status == 0
    lines = [line.split() for line in shown.out.splitlines()]
    assert ["stage", "deprecated"] in lines
    assert ["2026-11-20T12:00:00Z", "token:bob", "approved_dev", "deprecated", "old"] in lines
    assert any(line[:2] == ["retired", "transition"] for line in lines)
    assert fake.calls == [("get_lifecycle", {"kind": "server", "path": "weather"})]


def test_an_asset_that_never_moved_has_no_history(fake: FakeRegistry, run: Run) -> None:
    fake.says({**STANDING, "history": []})
    assert "history" not in run("stage", "show", "weather").out
