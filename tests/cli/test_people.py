"""`user`."""

import getpass
import io
import json
import sys
from collections.abc import Iterable

import pytest

from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry, Json

PASSWORD = "correct horse battery"
ANN: Json = {
    "id": "ann", "name": "Ann", "email": "", "provider": "local", "groups": ["staff"], "provider_groups": ["dev"],
    "active": True, "has_password": True, "second_factor": False, "login_at": None,
}  # fmt: skip


class Terminal(io.StringIO):
    """A stdin that a person sits at."""

    def isatty(self) -> bool:
        return True


def typing(monkeypatch: pytest.MonkeyPatch, answers: Iterable[str]) -> list[str]:
    """A person who answers prompts without echo; returns the prompts as they come."""
    prompts: list[str] = []
    left = iter(answers)

    def answer(prompt: str) -> str:
        prompts.append(prompt)
        return next(left)

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", answer)
    return prompts


def piping(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_a_user_is_added_with_a_password_that_is_typed_twice(
    fake: FakeRegistry, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = typing(monkeypatch, [PASSWORD, PASSWORD])
    fake.says(ANN)
    ran = run("user", "add", "ann", "--name", "Ann", "--email", "a@example.org", "--group", "a", "--group", "b")
    assert prompts == ["Password (empty for none): ", "Once more: "]
    assert fake.calls == [
        ("put_user", {"id": "ann", "name": "Ann", "email": "a@example.org", "groups": ["a", "b"], "password": PASSWORD})
    ]
    assert "id               ann\n" in ran.out
    assert (ran.status, ran.err) == (0, "")
    assert PASSWORD not in ran.out


def test_a_user_without_a_password_comes_with_the_command_that_sets_one(
    fake: FakeRegistry, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    typing(monkeypatch, [""])
    fake.says({**ANN, "has_password": False})
    assert "airegistry user password ann" in run("user", "add", "ann", "--inactive").err
    piping(monkeypatch, "")
    assert run("user", "add", "ann", "--active", "--json").err == ""
    assert fake.calls == [("put_user", {"id": "ann", "active": False}), ("put_user", {"id": "ann", "active": True})]


def test_two_passwords_that_differ_are_a_usage_error(
    fake: FakeRegistry, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in ("add", "password"):
        typing(monkeypatch, [PASSWORD, PASSWORD + "!"])
        assert run("user", command, "ann") == (2, "", "error: the two passwords are not the same\n")
    assert fake.calls == []


def test_a_password_is_read_from_the_first_line_of_stdin_as_it_stands(
    fake: FakeRegistry, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    piping(monkeypatch, " two words \r\nmore\n")
    fake.says(ANN)
    assert run("user", "add", "ann", "--password-stdin").status == 0
    piping(monkeypatch, PASSWORD)
    assert run("user", "password", "ann", "--password-stdin").err == "set the password of user `ann`\n"
    assert fake.calls == [
        ("put_user", {"id": "ann", "password": " two words "}),
        ("set_user_password", {"id": "ann", "password": PASSWORD}),
    ]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("add", "ann", "--password-stdin"), "there is no password on stdin"),
        (("password", "ann", "--password-stdin"), "there is no password on stdin"),
        (("password", "ann"), "there is no password\n"),
        (("password", "ann", "--generate", "--password-stdin"), "exclude each other"),
        (("password", "ann", PASSWORD), ""),
    ],
)
def test_without_a_password_or_with_one_as_an_argument_nothing_is_sent(
    fake: FakeRegistry, run: Run, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], complaint: str
) -> None:
    piping(monkeypatch, "\n")
    ran = run("user", *arguments)
    assert ran.status == 2
    assert complaint in ran.err
    assert fake.calls == []


def test_a_generated_password_is_shown_once_with_a_warning(fake: FakeRegistry, run: Run) -> None:
    fake.says({"id": "ann", "password": "made-up"})
    ran = run("user", "password", "ann", "--generate")
    assert ran.out == "id        ann\npassword  made-up\n"
    assert "shown this once" in ran.err
    assert json.loads(run("user", "password", "ann", "--generate", "--json").out)["password"] == "made-up"
    assert fake.calls == [("set_user_password", {"id": "ann"})] * 2


def test_users_are_listed_with_all_their_groups(fake: FakeRegistry, run: Run) -> None:
    fake.says({"users": [ANN], "next_cursor": "ann"})
    ran = run("user", "list", "--limit", "1", "--cursor", "adam")
    assert ran.out.splitlines() == [
        "ID   NAME  PROVIDER  GROUPS      ACTIVE  SECOND_FACTOR  LOGIN_AT",
        "ann  Ann   local     staff, dev  yes     no",
    ]
    assert ran.err == "more with `--cursor ann`\n"
    fake.says({"users": [], "next_cursor": None})
    assert json.loads(run("user", "list", "--json").out) == {"users": [], "next_cursor": None}
    assert run("user", "list").err == ""
    assert fake.calls == [("list_users", {"limit": 1, "cursor": "adam"}), ("list_users", {}), ("list_users", {})]


def test_a_user_is_removed_and_a_second_factor_reset_by_id(fake: FakeRegistry, run: Run) -> None:
    assert run("user", "remove", "okta:00u 1") == (0, "", "removed user `okta:00u 1`\n")
    assert run("user", "second-factor-reset", "ann") == (0, "", "reset the second factor of user `ann`\n")
    assert run("user", "remove", "ann", "--json").out == "{}\n"
    assert [call[0] for call in fake.calls] == ["delete_user", "reset_second_factor", "delete_user"]
    assert fake.calls[0][1] == {"id": "okta:00u 1"}


def test_a_refusal_of_the_registry_is_shown_and_ends_with_its_status(
    fake: FakeRegistry, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.refuses("invalid", "a password has 8 to 1024 characters", field="password")
    piping(monkeypatch, "short\n")
    ran = run("user", "add", "ann", "--password-stdin")
    assert (ran.status, ran.err) == (1, "error[invalid]: a password has 8 to 1024 characters\n")
