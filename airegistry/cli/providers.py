"""`airegistry provider`: where else persons may log in."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from pydantic import JsonValue

from airegistry.cli.client import HERE, Target, fetch, given, items
from airegistry.cli.consent import Yes, make_sure
from airegistry.cli.errors import Refused, Usage
from airegistry.cli.output import note, show_fields, show_table
from airegistry.cli.values import Json, read_input

provider = App("provider", help="Set up, list, remove and test identity providers.")

_SHOWN = ("name", "profile", "title", "issuer", "client_id", "enabled")
_TESTED = ("issuer", "keys", "algorithms", "redirect_uri", "backchannel_logout_uri")


@provider.command(name="add")
def add_provider(
    name: Annotated[str, Parameter(help="Its name in `/login/NAME` and in users, as in `NAME:SUB`.")],
    client_id: Annotated[str, Parameter(help="This registry's client id there.")],
    /,
    *,
    profile: Annotated[
        str | None, Parameter(help="keycloak, entra, okta, auth0, cognito, ping or github, else oidc.")
    ] = None,
    issuer: Annotated[str | None, Parameter(help="Exactly as its tokens name it; not needed for github.com.")] = None,
    secret_file: Annotated[
        Path | None, Parameter(help="File that holds the client secret; `-` reads stdin.", allow_leading_hyphen=True)
    ] = None,
    title: Annotated[str | None, Parameter(help="What its button says.")] = None,
    auth_method: Annotated[str | None, Parameter(help="client_secret_basic, client_secret_post or none.")] = None,
    scope: Annotated[list[str] | None, Parameter(help="An OAuth scope to ask for; may be repeated.")] = None,
    groups_claim: Annotated[str | None, Parameter(help="Where groups are, as in realm_access.roles.")] = None,
    group_filter: Annotated[
        list[str] | None, Parameter(help="Only groups that fit such a glob count; may be repeated.")
    ] = None,
    group_map: Annotated[
        list[str] | None, Parameter(help="A group of it and its name here, as in `theirs=ours`; may be repeated.")
    ] = None,
    dn_to_cn: Annotated[
        bool | None, Parameter(negative="--no-dn-to-cn", help="Take the CN of groups that are LDAP names.")
    ] = None,
    email_domain: Annotated[
        list[str] | None, Parameter(help="Let in verified addresses of this domain only; may be repeated.")
    ] = None,
    tenant: Annotated[list[str] | None, Parameter(help="A tenant of Entra ID to let in; may be repeated.")] = None,
    max_age: Annotated[int | None, Parameter(help="Seconds since the person signed in there.")] = None,
    logout_endpoint: Annotated[str | None, Parameter(help="Where a logout leads instead.")] = None,
    api: Annotated[str | None, Parameter(help="Base of Microsoft Graph or of GitHub's REST API.")] = None,
    enabled: Annotated[
        bool | None, Parameter(name="--enabled", negative="--disabled", help="Whether persons may use it.")
    ] = None,
    target: Target = HERE,
) -> None:
    """Set up a provider, or replace all that was said of it; without `--secret-file` its secret stays."""
    renamed = _renamed(group_map or ())
    wanted = given(
        name=name, client_id=client_id, profile=profile, issuer=issuer, title=title,
        client_secret=read_input(secret_file).strip() if secret_file else None,
        token_endpoint_auth_method=auth_method, scopes=scope, groups_claim=groups_claim, group_filter=group_filter,
        group_map=renamed or None, dn_to_cn=dn_to_cn, email_domains=email_domain, tenants=tenant, max_age=max_age,
        logout_endpoint=logout_endpoint, api=api, enabled=enabled,
    )  # fmt: skip
    if fetch(target, "put_identity_provider", wanted) is not None:
        note(f"persons may log in at `{name}`; try it with `airegistry provider test {name}`")


@provider.command(name="list")
def list_providers(*, target: Target = HERE) -> None:
    """List providers; never their secrets."""
    if (answer := fetch(target, "list_identity_providers", {})) is not None:
        show_table(_SHOWN, [[one.get(column) for column in _SHOWN] for one in items(answer["providers"])])


@provider.command(name="remove")
def remove_provider(
    name: Annotated[str, Parameter(help="Name of the provider.")],
    /,
    *,
    yes: Yes = False,
    target: Target = HERE,
) -> None:
    """Remove a provider; its users stay known, and can no longer log in."""
    make_sure(f"Remove identity provider `{name}`? Its users cannot sign in any more.", yes)
    if fetch(target, "delete_identity_provider", {"name": name}) is not None:
        note(f"removed identity provider `{name}`")


@provider.command(name="test")
def try_provider(
    name: Annotated[str, Parameter(help="Name of the provider.")],
    /,
    *,
    target: Target = HERE,
) -> None:
    """Ask a provider for its metadata and keys, and say what is found or wrong."""
    found = fetch(target, "test_identity_provider", {"name": name})
    if found is None:
        return
    endpoints = found.get("endpoints")
    show_fields(
        {**{field: found.get(field) for field in _TESTED}, **(endpoints if isinstance(endpoints, dict) else {})}
    )
    if problems := _texts(found.get("problems")):
        raise Refused("upstream_failed", "; ".join(problems))
    note(f"a login can begin at `{name}`")


def _renamed(pairs: Sequence[str]) -> Json:
    """What stands left and right of the last `=`: groups there may hold one."""
    renamed: Json = {}
    for pair in pairs:
        there, _, here = pair.rpartition("=")
        if not there or not here:
            raise Usage(f"`--group-map {pair}` is not of the form `--group-map theirs=ours`")
        renamed[there] = here
    return renamed


def _texts(value: JsonValue) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []
