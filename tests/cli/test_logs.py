"""`logs`."""

import json

import pytest

from airegistry.cli.errors import Status
from airegistry.core.documents import Json
from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry

OLD: Json = {"time": "2026-11-20T12:00:00.5Z", "level": "info", "logger": "airegistry.app", "message": "begins"}
NEW: Json = {
    "time": "2026-11-20T12:00:01.25Z", "level": "error", "logger": "airegistry.x", "message": "fails\x1b[31m\nforged",
    "exception": "Traceback\nValueError: x", "request_id": "r1", "subject": None,
}  # fmt: skip


def test_the_newest_are_shown_oldest_first_and_steer_no_terminal(fake: FakeRegistry, run: Run) -> None:
    fake.says({"records": [NEW, OLD], "next_cursor": None})
    assert run("logs", "--level", "info", "--request-id", "r1").out.splitlines() == [
        "2026-11-20T12:00:00.5Z INFO     airegistry.app: begins",
        "2026-11-20T12:00:01.25Z ERROR    airegistry.x: fails\\x1b[31m\\nforged [request_id=r1]",
        "    | Traceback",
        "    | ValueError: x",
    ]
    assert fake.calls == [("get_logs", {"level": "info", "request_id": "r1", "limit": 100})]


def test_as_json_there_is_an_object_a_line(fake: FakeRegistry, run: Run) -> None:
    fake.says({"records": [NEW, OLD], "next_cursor": None})
    lines = run("logs", "--json").out.splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["begins", NEW["message"]]


def test_nothing_is_said_to_be_nothing(fake: FakeRegistry, run: Run) -> None:
    fake.says({"records": [], "next_cursor": None})
    ran = run("logs")
    assert (ran.status, ran.out, ran.err) == (0, "", "nothing\n")


def test_following_goes_on_and_shows_each_once(
    fake: FakeRegistry, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.says({"records": [OLD], "next_cursor": "o_0:1"})

    def later(seconds: float) -> None:
        if len(fake.calls) > 3:
            raise KeyboardInterrupt
        fake.says({"records": [NEW], "next_cursor": "o_0:2"})

    monkeypatch.setattr("airegistry.cli.logs.time.sleep", later)
    with pytest.raises(SystemExit) as ended:
        run("logs", "--follow", "--limit", "1")
    assert ended.value.code == Status.INTERRUPTED
    out = capsys.readouterr().out
    assert [line.split()[2] for line in out.splitlines() if not line.startswith(" ")] == [
        "airegistry.app:", "airegistry.x:", "airegistry.x:",
    ]  # fmt: skip
    assert [call[1].get("cursor") for call in fake.calls] == [None, None, "o_0:1", "o_0:2"]
    assert fake.calls[1][1]["since"] == OLD["time"]
