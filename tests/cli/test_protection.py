"""`limit` and `quarantine`."""

import json

from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry, Json

FREE: Json = {"name": "free", "subjects": ["*"], "assets": ["*"], "tools": ["*"], "per": ["caller"], "calls": 60}
CUT: Json = {"kind": "caller", "id": "user:eve", "reason": "leaked", "since": "2026-11-20T12:00:00Z", "by": "operator"}


def test_a_limit_is_set_with_what_was_named_and_no_more(fake: FakeRegistry, run: Run) -> None:
    fake.says(FREE)
    assert run("limit", "put", "free", "--calls", "60") == (0, "", "limit `free` is in force\n")
    assert fake.calls == [("put_limit", {"name": "free", "calls": 60})]


def test_a_limit_is_set_with_all_that_can_be_said_of_it(fake: FakeRegistry, run: Run) -> None:
    fake.says(FREE)
    ran = run(
        "limit", "put", "day", "--calls", "9", "--seconds", "86400", "--burst", "3", "--concurrent", "2", "--streams",
        "1", "--subject", "user:*", "--subject", "token:ci", "--asset", "weather", "--tool", "get_*", "--method",
        "tools/*", "--per", "caller", "--per", "tool", "--description", "for guests",
    )  # fmt: skip
    assert ran.status == 0
    assert fake.calls == [("put_limit", {
        "name": "day", "calls": 9, "seconds": 86400, "burst": 3, "concurrent": 2, "streams": 1,
        "subjects": ["user:*", "token:ci"], "assets": ["weather"], "tools": ["get_*"], "methods": ["tools/*"],
        "per": ["caller", "tool"], "description": "for guests",
    })]  # fmt: skip


def test_everybody_can_be_counted_together(fake: FakeRegistry, run: Run) -> None:
    fake.says(FREE)
    assert run("limit", "put", "all", "--calls", "9", "--together").status == 0
    assert fake.calls == [("put_limit", {"name": "all", "calls": 9, "per": []})]


def test_limits_are_listed_and_removed(fake: FakeRegistry, run: Run) -> None:
    fake.says({"limits": [FREE]})
    assert run("limit", "list").out.splitlines()[1].split() == ["free", "*", "*", "*", "caller", "60"]
    fake.says({"ok": True})
    assert run("limit", "remove", "free") == (0, "", "removed limit `free`\n")
    assert fake.calls == [("list_limits", {}), ("delete_limit", {"name": "free"})]


def test_a_caller_is_cut_off_listed_and_let_in_again(fake: FakeRegistry, run: Run) -> None:
    fake.says({**CUT, "ended": 3})
    ran = run("quarantine", "put", "caller", "user:eve", "--reason", "leaked")
    assert ran == (0, "", "cut off caller `user:eve`; calls ended: 3\n")
    fake.says({"quarantines": [CUT]})
    assert run("quarantine", "list").out.splitlines()[1].split() == [
        "caller", "user:eve", "2026-11-20T12:00:00Z", "operator", "leaked"
    ]  # fmt: skip
    fake.says(CUT)
    assert run("quarantine", "lift", "caller", "user:eve") == (0, "", "caller `user:eve` is let in again\n")
    assert fake.calls == [
        ("quarantine", {"kind": "caller", "id": "user:eve", "reason": "leaked"}),
        ("list_quarantine", {}),
        ("lift_quarantine", {"kind": "caller", "id": "user:eve"}),
    ]


def test_answers_can_be_had_as_json(fake: FakeRegistry, run: Run) -> None:
    for answer, command in (
        (FREE, ("limit", "put", "free", "--calls", "60")),
        ({"limits": [FREE]}, ("limit", "list")),
        ({"ok": True}, ("limit", "remove", "free")),
        ({**CUT, "ended": 0}, ("quarantine", "put", "caller", "user:eve", "--reason", "leaked")),
        ({"quarantines": [CUT]}, ("quarantine", "list")),
        (CUT, ("quarantine", "lift", "caller", "user:eve")),
    ):
        fake.says(answer)
        ran = run(*command, "--json")
        assert (json.loads(ran.out), ran.err) == (answer, "")


def test_a_reason_has_to_be_given(fake: FakeRegistry, run: Run) -> None:
    assert run("quarantine", "put", "caller", "user:eve").status == 2
    assert run("quarantine", "put", "somebody", "user:eve", "--reason", "x").status == 2
    assert fake.calls == []
