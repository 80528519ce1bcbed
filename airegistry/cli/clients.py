"""`airegistry client`: OAuth clients with a fixed id, and machines."""

from typing import Annotated

from cyclopts import App, Parameter

from airegistry.cli.client import HERE, Target, fetch, given, items
from airegistry.cli.consent import Yes, make_sure
from airegistry.cli.output import note, show_fields, show_table
from airegistry.cli.values import Json, parse_object

client = App("client", help="Register, list and remove OAuth clients.")

_SHOWN = ("client_id", "origin", "client_name", "grant_types", "active", "used_at")
_ADDED = ("client_id", "client_name", "token_endpoint_auth_method", "grant_types", "redirect_uris", "groups", "scopes")


@client.command(name="add")
def add_client(
    client_id: Annotated[str, Parameter(help="The client's id.")],
    /,
    *,
    name: Annotated[str | None, Parameter(help="What persons are shown.")] = None,
    redirect_uri: Annotated[
        list[str] | None, Parameter(help="Where logins return to; may be repeated. None makes it a machine.")
    ] = None,
    grant_type: Annotated[list[str] | None, Parameter(help="A grant it may use; may be repeated.")] = None,
    auth_method: Annotated[
        str | None, Parameter(help="none, client_secret_basic, client_secret_post or private_key_jwt.")
    ] = None,
    jwks: Annotated[str | None, Parameter(help="Its public keys, as a JSON Web Key Set.")] = None,
    jwks_uri: Annotated[str | None, Parameter(help="Where its public keys are.")] = None,
    group: Annotated[list[str] | None, Parameter(help="A group the machine is in; may be repeated.")] = None,
    scope: Annotated[list[str] | None, Parameter(help="A scope the machine holds; may be repeated.")] = None,
    active: Annotated[
        bool | None, Parameter(name="--active", negative="--inactive", help="Whether it may be used.")
    ] = None,
    rotate_secret: Annotated[bool, Parameter(help="Make a new secret.", show_default=False)] = False,
    target: Target = HERE,
) -> None:
    """Register a client, or change what is named of one; a new secret is shown once."""
    wanted = given(
        client_id=client_id, client_name=name, redirect_uris=redirect_uri, grant_types=grant_type,
        token_endpoint_auth_method=auth_method, jwks=parse_object(jwks, "--jwks") if jwks else None,
        jwks_uri=jwks_uri, groups=group, scopes=scope, active=active, rotate_secret=rotate_secret or None,
    )  # fmt: skip
    if (answer := fetch(target, "put_client", wanted)) is None:
        return
    made, secret = answer.get("client"), answer.get("client_secret")
    known: Json = made if isinstance(made, dict) else {}
    show_fields({**{column: known.get(column) for column in _ADDED}, "client_secret": secret})
    if secret:
        note("\nthe secret is shown this once; keep it where you keep passwords")


@client.command(name="list")
def list_clients(
    *,
    origin: Annotated[str | None, Parameter(help="Only these: registered or dynamic.")] = None,
    limit: Annotated[int | None, Parameter(help="At most this many.")] = None,
    cursor: Annotated[str | None, Parameter(help="The next page, as the page before names it.")] = None,
    target: Target = HERE,
) -> None:
    """List clients; never their secrets."""
    page = fetch(target, "list_clients", given(origin=origin, limit=limit, cursor=cursor))
    if page is None:
        return
    show_table(_SHOWN, [[one.get(column) for column in _SHOWN] for one in items(page["clients"])])
    if after := page.get("next_cursor"):
        note(f"more with `--cursor {after}`")


@client.command(name="remove")
def remove_client(
    client_id: Annotated[str, Parameter(help="The client's id.")],
    /,
    *,
    yes: Yes = False,
    target: Target = HERE,
) -> None:
    """Remove a client; every token it was given ends at once."""
    make_sure(f"Remove OAuth client `{client_id}`? It cannot sign anybody in any more.", yes)
    if fetch(target, "delete_client", {"client_id": client_id}) is not None:
        note(f"removed client `{client_id}`")
