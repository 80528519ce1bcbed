"""`airegistry credential`: what backends want to see, and the key that secrets are sealed with."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from pydantic import JsonValue

from airegistry.cli.client import HERE, Target, fetch, given, items
from airegistry.cli.consent import Yes, make_sure
from airegistry.cli.output import note, show_table
from airegistry.cli.values import parse_object, read_input

credential = App("credential", help="Set, show and delete the credentials of servers; change the secret key.")

_SHOWN = ("origin", "current", "kind", "set_by", "set_at")
Server = Annotated[str, Parameter(help="Path of the server.")]
Kind = Annotated[str | None, Parameter(help="`agent` for an agent's, else a server's.")]


@credential.command(name="set")
def set_credential(
    path: Server,
    file: Annotated[
        Path, Parameter(help="File that holds the credential as JSON; `-` reads stdin.", allow_leading_hyphen=True)
    ],
    /,
    *,
    kind: Kind = None,
    at: Annotated[str | None, Parameter(help="URL that the server is going to have, if it is about to move.")] = None,
    target: Target = HERE,
) -> None:
    """Set what the registry sends to a server. Secrets come from a file: a command line can be read by others."""
    wanted = given(path=path, credential=parse_object(read_input(file), "FILE"), kind=kind, url=at)
    if (answer := fetch(target, "set_credential", wanted)) is not None:
        _show(answer["credentials"])


@credential.command(name="show")
def show_credential(path: Server, /, *, kind: Kind = None, target: Target = HERE) -> None:
    """Show which credential a server has, without its secrets."""
    if (answer := fetch(target, "get_credential", given(path=path, kind=kind))) is not None:
        _show(answer["credentials"])


@credential.command(name="delete")
def delete_credential(path: Server, /, *, kind: Kind = None, yes: Yes = False, target: Target = HERE) -> None:
    """Delete a server's credentials, and disconnect the accounts that persons connected to it."""
    make_sure(f"Remove the credential of `{path}`? Calls go there without it.", yes)
    if (answer := fetch(target, "delete_credential", given(path=path, kind=kind))) is not None:
        note(f"deleted the credentials of `{path}`" if answer["ok"] else f"`{path}` had none")


@credential.command(name="rotate-key")
def rotate_key(*, target: Target = HERE) -> None:
    """Seal every stored secret under a new key."""
    if (answer := fetch(target, "rotate_secret_key", {})) is not None:
        left = "" if answer["done"] else "; the old key goes in some minutes"
        note(f"sealed {answer['resealed']} documents anew{left}")


def _show(credentials: JsonValue) -> None:
    show_table(_SHOWN, [[_fields(one).get(column) for column in _SHOWN] for one in items(credentials)])


def _fields(one: dict[str, JsonValue]) -> dict[str, JsonValue]:
    about = one.get("credential")
    return {**one, "kind": about.get("kind") if isinstance(about, dict) else None}
