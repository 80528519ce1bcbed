"""`airegistry token`, `scope`, `group`, `policy` and `access`: who may do what."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from pydantic import JsonValue

from airegistry.cli.client import HERE, Target, fetch, given, items
from airegistry.cli.consent import Yes, make_sure
from airegistry.cli.output import note, show_fields, show_table
from airegistry.cli.values import parse_array, parse_object, read_input

token = App("token", help="Create, revoke and list bearer tokens of machines.")
scope = App("scope", help="Define, list and remove scopes: named sets of grants.")
group = App("group", help="Define, list and remove groups: the scopes that their members hold.")
policy = App("policy", help="Take over scopes and groups of another registry.")
access = App("access", help="Explain who may do what, and why.")

Scopes = Annotated[list[str] | None, Parameter(name="--scope", help="A scope; may be repeated.")]


@token.command(name="create")
def create_token(
    name: Annotated[str, Parameter(help="What the token is for.")],
    /,
    *,
    scopes: Scopes = None,
    groups: Annotated[
        list[str] | None, Parameter(name="--group", help="A group its holder is in; may be repeated.")
    ] = None,
    expires_in: Annotated[int | None, Parameter(help="Seconds until it expires, else one day.")] = None,
    target: Target = HERE,
) -> None:
    """Create a token; it is shown once."""
    wanted = given(name=name, scopes=scopes, groups=groups, expires_in=expires_in)
    if made := fetch(target, "create_token", wanted):
        show_fields(made)
        note("\nthe token is shown this once; keep it where you keep passwords")


@token.command(name="vend")
def vend_token(
    name: Annotated[str, Parameter(help="What the token is for.")],
    /,
    *,
    scopes: Scopes = None,
    expires_in: Annotated[int | None, Parameter(help="Seconds until it expires, else one hour.")] = None,
    target: Target = HERE,
) -> None:
    """Make a narrower token for yourself or a job, out of your own; it is shown once."""
    if made := fetch(target, "vend_token", given(name=name, scopes=scopes, expires_in=expires_in)):
        show_fields(made)
        note("\nthe token is shown this once, and ends with your own at the latest")


@token.command(name="revoke")
def revoke_token(
    id: Annotated[str, Parameter(help="The token's id.")],
    /,
    *,
    yes: Yes = False,
    target: Target = HERE,
) -> None:
    """End a token at once."""
    make_sure(f"Revoke token `{id}`? Whoever uses it is locked out at once.", yes)
    if fetch(target, "revoke_token", {"id": id}) is not None:
        note(f"revoked token `{id}`")


@token.command(name="list")
def list_tokens(*, target: Target = HERE) -> None:
    """List tokens, expired and revoked ones too; never the tokens themselves."""
    columns = ("id", "name", "scopes", "groups", "expires_at", "revoked_at", "last_used_at")
    if (answer := fetch(target, "list_tokens", {})) is not None:
        show_table(columns, [[one.get(column) for column in columns] for one in items(answer["tokens"])])


@scope.command(name="put")
def put_scope(
    name: Annotated[str, Parameter(help="Name of the scope.")],
    /,
    *,
    grant: Annotated[
        list[str] | None,
        Parameter(help='A grant as JSON, for example `{"assets": ["weather"]}`; may be repeated.'),
    ] = None,
    grants: Annotated[
        Path | None,
        Parameter(help="File that holds a JSON list of grants; `-` reads stdin.", allow_leading_hyphen=True),
    ] = None,
    description: Annotated[str | None, Parameter(help="What the scope is for.")] = None,
    target: Target = HERE,
) -> None:
    """Create a scope, or replace all its grants."""
    listed = parse_array(read_input(grants), "--grants") if grants else []
    wanted = [*listed, *(parse_object(text, "--grant") for text in grant or ())]
    if fetch(target, "put_scope", {**given(name=name, description=description), "grants": wanted}) is not None:
        note(f"grants of scope `{name}`: {len(wanted)}")


@scope.command(name="list")
def list_scopes(*, target: Target = HERE) -> None:
    """List scopes and their grants."""
    _show_policy(target, "scopes", "grants")


@scope.command(name="delete")
def delete_scope(
    name: Annotated[str, Parameter(help="Name of the scope.")], /, *, yes: Yes = False, target: Target = HERE
) -> None:
    """Remove a scope; groups and tokens that name it hold nothing by it any more."""
    make_sure(f"Remove scope `{name}`? Groups and tokens that name it hold nothing by it any more.", yes)
    if fetch(target, "delete_scope", {"name": name}) is not None:
        note(f"removed scope `{name}`")


@group.command(name="put")
def put_group(
    name: Annotated[str, Parameter(help="Name of the group, as the identity provider spells it.")],
    /,
    *,
    scopes: Scopes = None,
    description: Annotated[str | None, Parameter(help="Who is in it.")] = None,
    target: Target = HERE,
) -> None:
    """Create a group, or replace all its scopes."""
    held: list[JsonValue] = [*(scopes or ())]
    if fetch(target, "put_group", {**given(name=name, description=description), "scopes": held}) is not None:
        note(f"scopes of group `{name}`: {len(held)}")


@group.command(name="list")
def list_groups(*, target: Target = HERE) -> None:
    """List groups and their scopes."""
    _show_policy(target, "groups", "scopes")


@group.command(name="delete")
def delete_group(
    name: Annotated[str, Parameter(help="Name of the group.")], /, *, yes: Yes = False, target: Target = HERE
) -> None:
    """Remove a group; its members hold nothing by it any more."""
    make_sure(f"Remove group `{name}`? Its members hold nothing by it any more.", yes)
    if fetch(target, "delete_group", {"name": name}) is not None:
        note(f"removed group `{name}`")


@access.command
def explain(
    subject: Annotated[str, Parameter(help="`me`, or `token:`, `user:`, `client:`, `group:` or `scope:` and a name.")],
    action: Annotated[str, Parameter(help="As in list, read, call, register, update; or a method of MCP.")],
    asset: Annotated[str, Parameter(help="The asset as `kind/path`; a path alone means a server.")],
    /,
    *,
    tool: Annotated[str | None, Parameter(help="One tool of it.")] = None,
    target: Target = HERE,
) -> None:
    """Say whether somebody may do something with an asset, which rule decided, and what would help."""
    wanted = given(subject=subject, action=action, asset=asset, tool=tool)
    if (found := fetch(target, "explain_access", wanted)) is not None:
        show_fields({name: value for name, value in found.items() if value != []})


@access.command
def preview(
    subject: Annotated[
        str | None, Parameter(help="`user:`, `group:`, `token:`, `client:` or `scope:` and a name.")
    ] = None,
    /,
    *,
    grant: Annotated[
        list[str] | None, Parameter(help="Instead of somebody, a grant as JSON that is not stored; may be repeated.")
    ] = None,
    path: Annotated[str | None, Parameter(help="Only assets with this in their path.")] = None,
    limit: Annotated[int | None, Parameter(help="At most this many assets.")] = None,
    cursor: Annotated[str | None, Parameter(help="`next_cursor` of the page before.")] = None,
    target: Target = HERE,
) -> None:
    """Show what somebody may see and call, or what grants would give."""
    grants: list[JsonValue] | None = [parse_object(text, "--grant") for text in grant] if grant else None
    wanted = given(subject=subject, grants=grants, path=path, limit=limit, cursor=cursor)
    if (found := fetch(target, "preview_access", wanted)) is not None:
        columns = ("kind", "path", "why", "actions", "tools", "parts")
        show_table(columns, [[one.get(column) for column in columns] for one in items(found["assets"])])
        note(f"may see {found['total']}, may call {found['callable']}")


@policy.command(name="import")
def import_policy(
    file: Annotated[
        Path, Parameter(help="A `scopes.yml` or scope documents; `-` reads stdin.", allow_leading_hyphen=True)
    ],
    /,
    *,
    dry_run: Annotated[
        bool, Parameter(help="Show what would be stored, and store nothing.", show_default=False)
    ] = False,
    target: Target = HERE,
) -> None:
    """Import scopes and groups of mcp-gateway-registry; what is left out or becomes wider is said."""
    answer = fetch(target, "import_scopes", {"yaml": read_input(file), "dry_run": dry_run})
    if answer is None:
        return
    scopes, groups = items(answer["scopes"]), items(answer["groups"])
    rows = [["scope", one["name"], len(items(one["grants"]))] for one in scopes]
    show_table(("sort", "name", "holds"), [*rows, *(["group", one["name"], one["scopes"]] for one in groups)])
    for text in answer["notes"] if isinstance(answer["notes"], list) else ():
        note(f"note: {text}")
    note(f"{'nothing stored; would store' if dry_run else 'stored'} scopes: {len(scopes)}, groups: {len(groups)}")


def _show_policy(target: Target, member: str, holds: str) -> None:
    """Print the scopes or the groups; `--json` has both."""
    if (answer := fetch(target, "get_policy", {})) is not None:
        columns = ("name", "description", holds)
        show_table(columns, [[one.get(column) for column in columns] for one in items(answer[member])])
