"""`airegistry issuer`: whose JWTs are accepted."""

from typing import Annotated

from cyclopts import App, Parameter
from pydantic import JsonValue

from airegistry.cli.client import HERE, Target, fetch, given, items
from airegistry.cli.consent import Yes, make_sure
from airegistry.cli.errors import Usage
from airegistry.cli.output import note, show_table
from airegistry.cli.values import Json, parse_pairs

issuer = App("issuer", help="Trust, list and remove issuers of JWTs.")

_SHOWN = ("name", "issuer", "accepts", "groups", "active")


@issuer.command(name="add")
def add_issuer(
    name: Annotated[str, Parameter(help="Its name in subjects, as in `issuer:NAME:SUB`.")],
    url: Annotated[str, Parameter(help="The exact `iss` of its tokens.")],
    /,
    *,
    jwks_uri: Annotated[str | None, Parameter(help="Where its public keys are, else its metadata says so.")] = None,
    accept: Annotated[
        list[str] | None, Parameter(help="access_token, subject_token or id_jag; may be repeated.")
    ] = None,
    audience: Annotated[list[str] | None, Parameter(help="An accepted `aud`; may be repeated.")] = None,
    algorithm: Annotated[list[str] | None, Parameter(help="An accepted algorithm; may be repeated.")] = None,
    subject_claim: Annotated[str | None, Parameter(help="The claim that names the subject, else `sub`.")] = None,
    groups_claim: Annotated[str | None, Parameter(help="Where its groups are, as in `realm_access.roles`.")] = None,
    group: Annotated[list[str] | None, Parameter(help="A group here for all of its subjects; may be repeated.")] = None,
    map_group: Annotated[list[str] | None, Parameter(help="`THEIRS=OURS`, of groups; may be repeated.")] = None,
    group_filter: Annotated[list[str] | None, Parameter(help="Glob of groups that count as they are.")] = None,
    scopes_claim: Annotated[str | None, Parameter(help="Where the scopes are that limit a token.")] = None,
    scope: Annotated[
        list[str] | None, Parameter(help="What a token carries without that claim, else `mcp`; may be repeated.")
    ] = None,
    require: Annotated[list[str] | None, Parameter(help="`CLAIM=VALUE` a token must have; may be repeated.")] = None,
    leeway: Annotated[int | None, Parameter(help="Seconds by which clocks may differ, else 60.")] = None,
    target: Target = HERE,
) -> None:
    """Trust an issuer, or replace all that was said of it."""
    wanted = given(
        name=name, issuer=url, jwks_uri=jwks_uri, accepts=accept, audiences=audience, algorithms=algorithm,
        subject_claim=subject_claim, groups_claim=groups_claim, groups=group, group_filter=group_filter,
        scopes_claim=scopes_claim, scopes=scope, leeway=leeway,
    )  # fmt: skip
    if map_group:
        wanted["group_map"] = _mapped(map_group)
    if require:
        wanted["required_claims"] = parse_pairs(require, "--require")
    if fetch(target, "put_trusted_issuer", wanted) is not None:
        note(f"trusted issuer `{name}`: {url}")


@issuer.command(name="list")
def list_issuers(*, target: Target = HERE) -> None:
    """List trusted issuers."""
    if (answer := fetch(target, "list_trusted_issuers", {})) is not None:
        show_table(_SHOWN, [[one.get(column) for column in _SHOWN] for one in items(answer["issuers"])])


@issuer.command(name="remove")
def remove_issuer(
    name: Annotated[str, Parameter(help="Its name.")],
    /,
    *,
    yes: Yes = False,
    target: Target = HERE,
) -> None:
    """Trust an issuer no longer; its tokens, and those made from them, end at once."""
    make_sure(f"Trust issuer `{name}` no longer? Its tokens are refused at once.", yes)
    if fetch(target, "delete_trusted_issuer", {"name": name}) is not None:
        note(f"removed trusted issuer `{name}`")


def _mapped(pairs: list[str]) -> Json:
    """Groups here by group of the issuer; one of theirs may be named more than once."""
    found: Json = {}
    for pair in pairs:
        theirs, equals, ours = pair.rpartition("=")
        if not equals or not theirs or not ours:
            raise Usage(f"`--map-group {pair}` is not of the form `--map-group theirs=ours`")
        found[theirs] = [*_listed(found.get(theirs)), ours]
    return found


def _listed(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
