"""`webhook` and `ans`."""

import json

import pytest

from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry, Json

CI: Json = {
    "name": "ci", "url": "https://ci.test/hook", "events": ["server:*"], "kinds": [], "paths": ["team-*"],
    "active": True, "paused": "", "waiting": 2,
}  # fmt: skip
NAME = "ans://v1.0.0.planner.example.com"
BADGE: Json = {
    "kind": "agent", "path": "planner", "name": NAME, "status": "failed", "since": "2026-11-20T12:00:00Z",
    "why": "the name is revoked",
}  # fmt: skip


def test_a_webhook_is_created_and_its_secret_is_shown_once(fake: FakeRegistry, run: Run) -> None:
    fake.says({**CI, "secret": "whsec_abc"})
    ran = run(
        "webhook", "create", "ci", "https://ci.test/hook", "--event", "server:*", "--event", "*:drift", "--kind",
        "server", "--path", "team-*", "--description", "Builds.",
    )  # fmt: skip
    assert ran.status == 0
    assert "whsec_abc" in ran.out
    assert "not shown again" in ran.err
    assert fake.calls == [("create_webhook", {
        "name": "ci", "url": "https://ci.test/hook", "events": ["server:*", "*:drift"], "kinds": ["server"],
        "paths": ["team-*"], "description": "Builds.",
    })]  # fmt: skip


def test_webhooks_are_listed(fake: FakeRegistry, run: Run) -> None:
    fake.says({"webhooks": [CI]})
    ran = run("webhook", "list")
    assert ran.out.splitlines()[1].split() == ["ci", "https://ci.test/hook", "server:*", "team-*", "yes", "2"]


@pytest.mark.parametrize(("option", "active"), [("--active", True), ("--paused", False)])
def test_a_webhook_is_paused_and_goes_on(fake: FakeRegistry, run: Run, option: str, active: bool) -> None:
    fake.says(CI)
    ran = run("webhook", "update", "ci", "--url", "https://new.test/", option)
    assert (ran.status, ran.err) == (0, "changed webhook `ci`\n")
    assert fake.calls == [("update_webhook", {"name": "ci", "url": "https://new.test/", "active": active})]


def test_a_webhook_is_removed_and_given_a_new_secret(fake: FakeRegistry, run: Run) -> None:
    fake.says({"ok": True})
    assert run("webhook", "remove", "ci").err == "removed webhook `ci`\n"
    fake.says({**CI, "secret": "whsec_new"})
    assert "whsec_new" in run("webhook", "rotate", "ci", "--overlap-hours", "1").out
    assert [name for name, _ in fake.calls] == ["delete_webhook", "rotate_webhook_secret"]
    assert fake.calls[1][1] == {"name": "ci", "overlap_hours": 1.0}


def test_a_test_says_what_was_answered(fake: FakeRegistry, run: Run) -> None:
    fake.says({"ok": True, "status": 204})
    assert run("webhook", "test", "ci").err == "`ci` answered HTTP 204\n"
    fake.says({"ok": False, "status": 503, "error": ""})
    ran = run("webhook", "test", "ci")
    assert ran.status != 0
    assert "HTTP 503" in ran.err
    fake.says({"ok": False, "error": "no connection to ci.test"})
    assert "no connection" in run("webhook", "test", "ci").err


def test_deliveries_are_listed_with_the_last_answer(fake: FakeRegistry, run: Run) -> None:
    one = {"id": "evt_1", "event": "server:update", "asset": "server/weather", "state": "dead", "attempts": 10}
    fake.says({"deliveries": [{**one, "last": {"status": 500, "error": ""}}, {**one, "last": None}]})
    ran = run("webhook", "deliveries", "ci", "--state", "dead", "--since", "2026-11-20T00:00:00Z", "--limit", "5")
    assert ran.out.splitlines()[1].split() == [
        "evt_1", "server:update", "server/weather", "dead", "10", "HTTP", "500",
    ]  # fmt: skip
    assert fake.calls == [("list_webhook_deliveries", {
        "name": "ci", "state": "dead", "since": "2026-11-20T00:00:00Z", "limit": 5,
    })]  # fmt: skip


def test_events_are_sent_once_more(fake: FakeRegistry, run: Run) -> None:
    fake.says({"replayed": 3})
    assert run("webhook", "replay", "ci", "--state", "all").err == "3 events are sent once more to `ci`\n"
    assert run("webhook", "replay", "ci", "--event", "evt_1").status == 0
    assert fake.calls == [
        ("replay_webhook", {"name": "ci", "state": "all"}), ("replay_webhook", {"name": "ci", "event": "evt_1"}),
    ]  # fmt: skip


def test_json_is_the_answer_as_it_is(fake: FakeRegistry, run: Run) -> None:
    fake.says({"webhooks": [CI]})
    assert json.loads(run("webhook", "list", "--json").out) == {"webhooks": [CI]}
    fake.says(BADGE)
    assert json.loads(run("webhook", "create", "ci", "https://x.test", "--json").out) == BADGE
    for word in ("update", "remove", "rotate", "test", "deliveries", "replay"):
        assert json.loads(run("webhook", word, "ci", "--json").out) == BADGE
    for more in (("link", "agent", "planner", NAME), ("verify", "agent", "planner"), ("unlink", "agent", "planner")):
        assert json.loads(run("ans", *more, "--json").out) == BADGE


def test_a_name_is_linked_looked_up_and_taken_off(fake: FakeRegistry, run: Run) -> None:
    fake.says(BADGE)
    assert "the name is revoked" in run("ans", "link", "agent", "planner", NAME).out
    assert "failed" in run("ans", "verify", "agent", "planner").out
    fake.says({"ok": True})
    assert run("ans", "unlink", "agent", "planner").err == "took the name off agent `planner`\n"
    at = {"kind": "agent", "path": "planner"}
    assert fake.calls == [("link_ans", {**at, "name": NAME}), ("verify_ans", at), ("unlink_ans", at)]
