"""`credential`."""

import io
import sys

import pytest

from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry, Json

KNOWN: Json = {
    "path": "weather",
    "credentials": [{
        "origin": "https://weather.test:443", "current": True, "credential": {"kind": "bearer", "token": "**********"},
        "set_by": "user:ann", "set_at": "2026-11-20T12:00:00Z",
    }],
}  # fmt: skip


def test_a_credential_is_set_from_a_file_and_none_of_it_is_on_the_command_line(
    fake: FakeRegistry, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.says(KNOWN)
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"kind": "bearer", "token": "s3cret"}'))
    ran = run("credential", "set", "weather", "-", "--at", "https://new.test/mcp", "--kind", "agent")
    assert ran.status == 0
    assert "https://weather.test:443" in ran.out
    assert "bearer" in ran.out
    assert "s3cret" not in ran.out + ran.err
    credential = {"kind": "bearer", "token": "s3cret"}
    assert fake.calls == [
        (
            "set_credential",
            {"path": "weather", "credential": credential, "url": "https://new.test/mcp", "kind": "agent"},
        )
    ]


def test_what_is_no_object_is_a_usage_error_that_repeats_none_of_it(
    fake: FakeRegistry, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in ("s3cret", '["s3cret"]', '"s3cret"'):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        ran = run("credential", "set", "weather", "-")
        assert ran.status == 2
        assert "s3cret" not in ran.out + ran.err
    assert fake.calls == []


def test_a_credential_is_shown(fake: FakeRegistry, run: Run) -> None:
    fake.says(KNOWN)
    assert "user:ann" in run("credential", "show", "weather").out
    assert fake.calls == [("get_credential", {"path": "weather"})]
    assert run("credential", "show", "weather", "--json").status == 0


@pytest.mark.parametrize(
    ("ok", "said"), [(True, "deleted the credentials of `weather`\n"), (False, "`weather` had none\n")]
)
def test_credentials_are_deleted(fake: FakeRegistry, run: Run, ok: bool, said: str) -> None:
    fake.says({"ok": ok})
    assert run("credential", "delete", "weather").err == said
    assert run("credential", "delete", "weather", "--json").status == 0


@pytest.mark.parametrize(("done", "said"), [(True, ""), (False, "; the old key goes in some minutes")])
def test_the_key_is_changed(fake: FakeRegistry, run: Run, done: bool, said: str) -> None:
    fake.says({"keys": 2 - done, "resealed": 7, "done": done})
    assert run("credential", "rotate-key").err == f"sealed 7 documents anew{said}\n"
    assert run("credential", "rotate-key", "--json").status == 0
