"""`approval`."""

import pytest

from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry, Json

WIPE: Json = {
    "id": "19a-01", "status": "pending", "subject": "token:ci", "path": "disks", "tool": "wipe",
    "arguments": {"what": "sda"}, "expires_at": "2026-11-20T12:00:00Z",
}  # fmt: skip


def test_what_waits_is_listed(fake: FakeRegistry, run: Run) -> None:
    fake.says({"approvals": [WIPE], "next_cursor": None})
    ran = run("approval", "list", "--status", "all")
    assert ran.status == 0
    assert "token:ci" in ran.out
    assert "sda" in ran.out
    assert fake.calls == [("list_approvals", {"status": "all"})]


@pytest.mark.parametrize(("verb", "said"), [
    ("approve", "approved `wipe` of disks for token:ci, once\n"), ("refuse", "refused `wipe` of disks for token:ci\n"),
])  # fmt: skip
def test_a_call_is_decided_on_with_a_reason(fake: FakeRegistry, run: Run, verb: str, said: str) -> None:
    fake.says(WIPE)
    assert run("approval", verb, "19a-01", "--reason", "so be it") == (0, "", said)
    assert fake.calls == [("approve_call", {"id": "19a-01", "decision": verb, "reason": "so be it"})]
