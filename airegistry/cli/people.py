"""`airegistry user`: who may sign in."""

import getpass
import sys
from collections.abc import Mapping
from typing import Annotated

from cyclopts import App, Parameter

from airegistry.cli.client import HERE, Target, fetch, given, items
from airegistry.cli.consent import Yes, make_sure
from airegistry.cli.errors import Usage
from airegistry.cli.output import note, show_fields, show_table

user = App("user", help="Add, list and remove the persons who sign in here.")

Id = Annotated[str, Parameter(help="The user's id.")]
FromStdin = Annotated[
    bool, Parameter(name="--password-stdin", help="Read the password from the first line of stdin.", show_default=False)
]


@user.command(name="add")
def add_user(
    id: Id,
    /,
    *,
    name: Annotated[str | None, Parameter(help="The person's name.")] = None,
    email: Annotated[str | None, Parameter(help="The person's e-mail address.")] = None,
    groups: Annotated[
        list[str] | None, Parameter(name="--group", help="A group the user is in; may be repeated.")
    ] = None,
    active: Annotated[
        bool | None, Parameter(name="--active", negative="--inactive", help="Whether the user may sign in.")
    ] = None,
    password_stdin: FromStdin = False,
    target: Target = HERE,
) -> None:
    """Add a user, or change what is given of one. On a terminal it asks for a password; none leaves it as it is."""
    password = _password(password_stdin, "Password (empty for none): ")
    wanted = given(id=id, name=name, email=email, groups=groups, active=active, password=password)
    if (made := fetch(target, "put_user", wanted)) is None:
        return
    show_fields(made)
    if not made.get("has_password") and made.get("provider") == "local":
        note(f"\nhint: `airegistry user password {id}` sets a password; without one nobody signs in as `{id}`")


@user.command(name="list")
def list_users(
    *,
    limit: Annotated[int | None, Parameter(help="At most this many users.")] = None,
    cursor: Annotated[str | None, Parameter(help="The next page, as the page before names it.")] = None,
    target: Target = HERE,
) -> None:
    """List users in order of id; never their passwords."""
    page = fetch(target, "list_users", given(limit=limit, cursor=cursor))
    if page is None:
        return
    columns = ("id", "name", "provider", "groups", "active", "second_factor", "login_at")
    users = [{**one, "groups": _groups(one)} for one in items(page["users"])]
    show_table(columns, [[one.get(column) for column in columns] for one in users])
    if page.get("next_cursor"):
        note(f"more with `--cursor {page['next_cursor']}`")


@user.command(name="remove")
def remove_user(id: Id, /, *, yes: Yes = False, target: Target = HERE) -> None:
    """Remove a user; sessions and tokens end at once."""
    make_sure(f"Remove user `{id}`? Sessions and tokens end at once.", yes)
    if fetch(target, "delete_user", {"id": id}) is not None:
        note(f"removed user `{id}`")


@user.command(name="password")
def set_password(
    id: Id,
    /,
    *,
    password_stdin: FromStdin = False,
    generate: Annotated[bool, Parameter(help="Have a password made up; it is shown once.", show_default=False)] = False,
    target: Target = HERE,
) -> None:
    """Give a user a new password; sessions and tokens end at once."""
    if generate and password_stdin:
        raise Usage("`--generate` and `--password-stdin` exclude each other")
    password = None if generate else _password(password_stdin, "New password: ")
    if not generate and password is None:
        raise Usage("there is no password", "pipe one in with `--password-stdin`, or use `--generate`")
    if (made := fetch(target, "set_user_password", given(id=id, password=password))) is None:
        return
    if generate:
        show_fields(made)
        note("\nthe password is shown this once; hand it over safely")
    else:
        note(f"set the password of user `{id}`")


@user.command(name="end-sessions")
def end_sessions(id: Id, /, *, target: Target = HERE) -> None:
    """Sign a user out everywhere, as after a lost laptop; the user may sign in again."""
    if (ended := fetch(target, "end_sessions", {"id": id})) is not None:
        note(f"ended {ended['sessions']} web sessions of user `{id}`, and all tokens of theirs")


@user.command(name="second-factor-reset")
def reset_second_factor(id: Id, /, *, target: Target = HERE) -> None:
    """Let a user sign in by the password alone, who has lost the second factor."""
    if fetch(target, "reset_second_factor", {"id": id}) is not None:
        note(f"reset the second factor of user `{id}`")


def _groups(user: Mapping[str, object]) -> list[object]:
    """Those given here and those of the provider."""
    every = (user.get("groups"), user.get("provider_groups"), user.get("provisioned_groups"))
    return [group for groups in every if isinstance(groups, list) for group in groups]


def _password(from_stdin: bool, prompt: str) -> str | None:
    """The password of the first line of stdin, or typed twice on a terminal; None when there is none.

    Raises:
        Usage: stdin holds none, or the two do not match.
    """
    if from_stdin:
        line = sys.stdin.readline().rstrip("\r\n")
        if not line:
            raise Usage("there is no password on stdin")
        return line
    if not sys.stdin.isatty():
        return None
    typed = getpass.getpass(prompt)
    if typed and getpass.getpass("Once more: ") != typed:
        raise Usage("the two passwords are not the same")
    return typed or None
