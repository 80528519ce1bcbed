"""What differs between identity providers, as data: scopes, where groups are, whose word on e-mail addresses counts."""

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from airegistry.core.documents import Json
from airegistry.core.grants import ADMINISTRATORS

ProfileName = Literal["oidc", "keycloak", "entra", "okta", "auth0", "cognito", "ping", "github"]
Path = tuple[str, ...]
"""Where a claim is: names of members from the outside in. `{client_id}` stands for the client's id."""

_TENANT = re.compile(r"/(common|organizations)(?=/v2\.0$)")
_TENANT_ID = "{tenantid}"


@dataclass(frozen=True, slots=True)
class Profile:
    """One vendor's ways.

    `groups` are places to look at, in order; the first place where anything stands counts, and a place may be several
    claims together. `open_names` is whether anybody may make a group of any name there. `userinfo` is whether to ask
    there when the id token has no groups. `vouches` is whether an
    address without `email_verified` is one that the company itself gave out. `logout` names the parameters of a
    logout endpoint that discovery does not tell of, its path relative to the authorization endpoint's origin.
    """

    title: str
    groups: tuple[tuple[Path, ...], ...] = ((("groups",),),)
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    userinfo: bool = True
    open_names: bool = False
    vouches: bool = False
    logout: tuple[str, str] | None = None
    dn: bool = False


PROFILES: dict[ProfileName, Profile] = {
    "oidc": Profile("OpenID Connect"),
    "keycloak": Profile(
        "Keycloak",
        groups=((("groups",),), (("realm_access", "roles"), ("resource_access", "{client_id}", "roles"))),
    ),
    # `User.Read` is what Microsoft Graph asks for to tell a person's own groups (overage). Its userinfo has no groups.
    "entra": Profile(
        "Microsoft Entra ID", scopes=("openid", "profile", "email", "User.Read"), userinfo=False, vouches=True
    ),
    "okta": Profile("Okta", scopes=("openid", "profile", "email", "groups")),
    "auth0": Profile(
        "Auth0", groups=((("https://airegistry/groups",),),), userinfo=False, logout=("/v2/logout", "returnTo")
    ),
    "cognito": Profile(
        "Amazon Cognito", groups=((("cognito:groups",),),), userinfo=False, logout=("/logout", "logout_uri")
    ),
    "ping": Profile("PingFederate", groups=((("groups",),), (("memberOf",),)), vouches=True, dn=True),
    # No OpenID Connect: what `github_claims` makes of its REST API has groups named `org` and `org/team`.
    "github": Profile("GitHub", scopes=("read:user", "user:email", "read:org"), userinfo=False, open_names=True),
}


def places(profile: Profile, configured: str | None) -> tuple[tuple[Path, ...], ...]:
    """Where to look for groups; a configured claim is a name as it stands, or else a path as in `a.b.c`."""
    if not configured:
        return profile.groups
    return (((configured,),), (tuple(configured.split(".")),)) if "." in configured else (((configured,),),)


def groups_in(claims: Json, where: Sequence[Sequence[Path]], client_id: str) -> list[str] | None:
    """The groups in the first place that is there; None when none is."""
    for together in where:
        found = [value for path in together if (value := _claim(claims, path, client_id)) is not None]
        if found:
            return [name for value in found for name in _names(value)]
    return None


def overage(claims: Json) -> bool:
    """Whether Entra ID left the groups out because there are too many for a token."""
    elsewhere = claims.get("_claim_names")
    return (isinstance(elsewhere, dict) and "groups" in elsewhere) or claims.get("hasgroups") in (True, "true")


def refined(
    names: Iterable[str], *, wanted: Sequence[str], renamed: dict[str, str], dn: bool, open_names: bool = False
) -> list[str]:
    """Groups as the policy is to know them: of a DN the first CN, then those that fit a glob, then under new names.

    Without a glob all of them count but `administrators`, and where anybody may make a group of any name
    (`open_names`) none: those count that are renamed.
    """
    plain = {_common_name(name) if dn else name for name in names}
    if wanted:
        plain = {name for name in plain if any(fnmatch.fnmatchcase(name, glob) for glob in wanted)}
    else:
        plain = {name for name in plain if name in renamed or not (open_names or name == ADMINISTRATORS)}
    return sorted({renamed.get(name, name) for name in plain})


def is_template(issuer: str) -> bool:
    """Whether an issuer stands for many tenants of Entra ID."""
    return _TENANT.search(issuer) is not None


def template(issuer: str) -> str:
    """What the metadata of such an issuer names: `{tenantid}` where a token has its tenant. Others name themselves."""
    return _TENANT.sub(f"/{_TENANT_ID}", issuer)


def tenant_issuer(issuer: str, tenant: str) -> str:
    """The issuer of the tokens of one tenant."""
    return template(issuer).replace(_TENANT_ID, tenant)


def _claim(claims: Json, path: Path, client_id: str) -> JsonValue:
    value: JsonValue = claims
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(client_id if name == "{client_id}" else name)
    return value


def _names(value: JsonValue) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def _common_name(name: str) -> str:
    """The CN a distinguished name (RFC 4514) begins with; anything else as it is."""
    match = re.match(r"\s*cn\s*=\s*((?:[^,\\+]|\\.)+)", name, re.IGNORECASE)
    return re.sub(r"\\(.)", r"\1", match[1]).strip() if match else name
