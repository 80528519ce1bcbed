"""Identity providers: where else persons may log in."""

from typing import Annotated, Literal

from pydantic import Field

from airegistry.oauth.providers.profiles import ProfileName
from airegistry.oauth.providers.providers import IdentityProvider, Providers
from airegistry.oauth.providers.relying_party import RelyingParty
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import Done, Shape

ProviderName = Annotated[
    str, Field(min_length=1, max_length=63, description="Its name in `/login/NAME` and in users, as in `NAME:SUB`.")
]
AuthMethod = Literal["client_secret_basic", "client_secret_post", "none"]


class ProviderShape(Shape):
    """An identity provider; its secret is never shown. `fixed` are those of the settings, which tools do not change."""

    name: str
    profile: ProfileName
    title: str
    issuer: str
    client_id: str
    token_endpoint_auth_method: AuthMethod | None = None
    scopes: list[str]
    groups_claim: str | None = None
    group_filter: list[str]
    group_map: dict[str, str]
    dn_to_cn: bool | None = None
    email_domains: list[str]
    tenants: list[str]
    max_age: int | None = None
    logout_endpoint: str | None = None
    api: str
    enabled: bool
    fixed: bool = False


class ProviderList(Shape):
    """All identity providers by name."""

    providers: list[ProviderShape]


class ProviderReport(Shape):
    """What a provider answered. `problems` is empty when a login can begin there.

    `redirect_uri` and `backchannel_logout_uri` are to be registered at the provider.
    """

    name: str
    issuer: str
    redirect_uri: str
    backchannel_logout_uri: str
    endpoints: dict[str, str]
    algorithms: list[str]
    keys: int
    problems: list[str]


class ProviderTools:
    """Tools for whoever decides where persons log in."""

    def __init__(self, providers: Providers, party: RelyingParty) -> None:
        self._providers = providers
        self._party = party

    @tool("Set up an identity provider", destructive=True, idempotent=True, needs="policy")
    async def put_identity_provider(
        self, name: ProviderName,
        client_id: Annotated[str, Field(description="This registry's client id at the provider.")],
        profile: Annotated[ProfileName, Field(description="The vendor, or oidc for any other.")] = "oidc",
        issuer: Annotated[
            str | None, Field(description="Exactly as its tokens name it; not needed for github.com.")
        ] = None,
        client_secret: Annotated[
            str | None, Field(description="Kept sealed; left out, the one it has stays; empty, it has none.")
        ] = None,
        title: Annotated[str | None, Field(description="What its button says, else the vendor's name.")] = None,
        token_endpoint_auth_method: AuthMethod | None = None,
        scopes: Annotated[list[str] | None, Field(description="OAuth scopes to ask for, else the vendor's.")] = None,
        groups_claim: Annotated[
            str | None, Field(description="Where groups are, as in realm_access.roles, else where the vendor has them.")
        ] = None,
        group_filter: Annotated[list[str] | None, Field(description="Globs: only these groups count.")] = None,
        group_map: Annotated[dict[str, str] | None, Field(description="From its groups to names here.")] = None,
        dn_to_cn: Annotated[bool | None, Field(description="Take the CN of groups that are LDAP names.")] = None,
        email_domains: Annotated[list[str] | None, Field(description="Let in addresses of these only.")] = None,
        tenants: Annotated[list[str] | None, Field(description="Entra ID: let in these tenants only.")] = None,
        max_age: Annotated[int | None, Field(ge=0, description="Seconds since they typed their password.")] = None,
        logout_endpoint: Annotated[str | None, Field(description="Where a logout leads instead.")] = None,
        api: Annotated[str | None, Field(description="Base of Microsoft Graph or of GitHub's REST API.")] = None,
        enabled: bool = True,
    ) -> ProviderShape:  # fmt: skip
        """Let persons log in at an identity provider, or replace all that was said of it but the secret.

        Try it with test_identity_provider, which also says what has to be registered at the provider.
        """
        given: dict[str, object] = {
            "name": name, "profile": profile, "issuer": issuer, "client_id": client_id, "title": title,
            "token_endpoint_auth_method": token_endpoint_auth_method, "scopes": scopes, "groups_claim": groups_claim,
            "group_filter": group_filter, "group_map": group_map, "dn_to_cn": dn_to_cn, "email_domains": email_domains,
            "tenants": tenants, "max_age": max_age, "logout_endpoint": logout_endpoint, "api": api, "enabled": enabled,
        }  # fmt: skip
        fields = {field: value for field, value in given.items() if value is not None}
        return self._shape(await self._providers.put(current_principal(), fields, secret=client_secret))

    @tool("List identity providers", read_only=True, needs="policy")
    async def list_identity_providers(self) -> ProviderList:
        """Where persons may log in beside local users, and how groups come from there; never the secrets."""
        return ProviderList(providers=[self._shape(each) for each in self._providers.providers(current_principal())])

    @tool(
        "Remove an identity provider",
        destructive=True,
        idempotent=True,
        needs="policy",
        confirm="Remove identity provider '{name}'? Its users cannot sign in any more.",
    )
    async def delete_identity_provider(self, name: ProviderName) -> Done:
        """Remove an identity provider: its users stay known, and can no longer log in."""
        return Done(ok=await self._providers.remove(current_principal(), name))

    @tool("Test an identity provider", read_only=True, open_world=True, needs="policy")
    async def test_identity_provider(self, name: ProviderName) -> ProviderReport:
        """Ask an identity provider for its metadata and keys, as a login would, and say what is found or wrong."""
        found = await self._party.check(current_principal(), name)
        return ProviderReport(
            name=found.name, issuer=found.issuer, redirect_uri=found.redirect_uri,
            backchannel_logout_uri=found.backchannel_logout_uri, endpoints=found.endpoints,
            algorithms=found.algorithms, keys=found.keys, problems=found.problems,
        )  # fmt: skip

    def _shape(self, provider: IdentityProvider) -> ProviderShape:
        return ProviderShape.model_validate(
            {**provider.model_dump(), "title": provider.label, "fixed": self._providers.read_only(provider.name)}
        )
