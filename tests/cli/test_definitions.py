"""`definition`."""

import pytest

from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry, Json

PENDING: Json = {
    "part": "tools/forecast", "grade": "material", "since": "2026-11-20T12:00:00Z", "verdict": "pass",
    "hash": "sha256:1", "rejected_by": "", "diff": "--- approved\n+++ now\n-Rain.\n+Snow.",
}  # fmt: skip


def test_what_waits_is_shown_with_its_diff_and_how_to_approve_it(fake: FakeRegistry, run: Run) -> None:
    fake.says({"pending": [PENDING], "hash": "sha256:1"})
    ran = run("definition", "show", "weather")
    assert ran.out.splitlines()[-5:] == ["", "--- approved", "+++ now", "-Rain.", "+Snow."]
    assert "tools/forecast" in ran.out
    assert "`airegistry definition approve weather sha256:1 --kind server --reason …`" in ran.err
    fake.says({"pending": [], "hash": None})
    assert run("definition", "show", "p", "--kind", "agent").err == "nothing of agent `p` waits for an approval\n"
    assert fake.calls == [
        ("get_definition_changes", {"kind": "server", "path": "weather"}),
        ("get_definition_changes", {"kind": "agent", "path": "p"}),
    ]


def test_everything_that_waits_is_listed(fake: FakeRegistry, run: Run) -> None:
    one: Json = {"kind": "agent", "path": "p", "version": "1.0.0", "grade": "material", "since": "2026-11-20T12:00:00Z",
                 "parts": ["card"], "rejected": 0}  # fmt: skip
    fake.says({"changes": [one], "next_cursor": "agent/p@1.0.0"})
    ran = run("definition", "list", "--limit", "1")
    assert ran.out.split()[:3] == ["KIND", "PATH", "VERSION"]
    assert "material" in ran.out
    assert ran.err == "there is more: raise --limit\n"
    fake.says({"changes": []})
    assert run("definition", "list").err == "nothing waits for an approval\n"
    assert fake.calls == [("list_definition_changes", {"limit": 1}), ("list_definition_changes", {"limit": 50})]


@pytest.mark.parametrize(("act", "done"), [("approve", "approved"), ("reject", "rejected")])
def test_what_was_looked_at_is_approved_or_rejected_by_its_hash(
    fake: FakeRegistry, run: Run, act: str, done: str
) -> None:
    asked = ("definition", act, "weather", "sha256:1", "--reason", "seen")
    assert run(*asked, "--tool", "forecast") == (0, "", f"{done} for server `weather`\n")
    wanted: Json = {"kind": "server", "path": "weather", "hash": "sha256:1", "reason": "seen", "tool": "forecast"}
    assert fake.calls == [(f"{act}_definition", wanted)]
    fake.refuses("conflict", "look at it again")
    assert run(*asked).status == 1


def test_nothing_is_printed_beside_json(fake: FakeRegistry, run: Run) -> None:
    fake.says({"pending": [PENDING], "hash": "sha256:1"})
    ran = run("definition", "show", "weather", "--json")
    assert (ran.err, ran.out[0]) == ("", "{")
