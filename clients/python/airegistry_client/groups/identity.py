"""Who signs callers in: OAuth clients, identity providers, issuers that are trusted."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Literal

from airegistry_client.connection import Json, route
from airegistry_client.models.access import IdentityProvider, NewClient, OAuthClient, ProviderTest, TrustedIssuer
from airegistry_client.modes import Group, M, iterated, operation


class Clients(Group[M]):
    """OAuth clients of the registry."""

    @iterated
    async def list(
        self, *, origin: Literal["registered", "dynamic"] | None = None, page_size: int | None = None
    ) -> AsyncGenerator[OAuthClient, None]:
        """Every client."""
        query = {"origin": origin, "limit": page_size}
        async for client in self._connection.pages(OAuthClient, "/clients", "clients", query):
            yield client

    @operation
    async def put(
        self, client_id: str, *, client_name: str | None = None, redirect_uris: Sequence[str] | None = None,
        grant_types: Sequence[str] | None = None,
        token_endpoint_auth_method: Literal["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
        | None = None,
        application_type: Literal["web", "native"] | None = None, jwks: Json | None = None,
        jwks_uri: str | None = None, groups: Sequence[str] | None = None, scopes: Sequence[str] | None = None,
        active: bool | None = None, rotate_secret: bool | None = None,
    ) -> NewClient:  # fmt: skip
        """Make a client, or change what is named of one; a new secret is shown this once."""
        body = {
            "client_name": client_name, "redirect_uris": redirect_uris, "grant_types": grant_types,
            "token_endpoint_auth_method": token_endpoint_auth_method, "application_type": application_type,
            "jwks": jwks, "jwks_uri": jwks_uri, "groups": groups, "scopes": scopes, "active": active,
            "rotate_secret": rotate_secret,
        }  # fmt: skip
        return await self._connection.ask(NewClient, "PUT", route("clients", client_id), body=body)

    @operation
    async def delete(self, client_id: str) -> None:
        """Remove a client and its tokens."""
        await self._connection.done("DELETE", route("clients", client_id))


class IdentityProviders(Group[M]):
    """Where persons sign in."""

    @operation
    async def list(self) -> Sequence[IdentityProvider]:
        """Every provider."""
        return await self._connection.many(IdentityProvider, "/identity-providers", "providers")

    @operation
    async def put(
        self, name: str, client_id: str, *,
        profile: Literal["oidc", "keycloak", "entra", "okta", "auth0", "cognito", "ping", "github"] | None = None,
        issuer: str | None = None, client_secret: str | None = None, title: str | None = None,
        token_endpoint_auth_method: Literal["client_secret_basic", "client_secret_post", "none"] | None = None,
        scopes: Sequence[str] | None = None, groups_claim: str | None = None,
        group_filter: Sequence[str] | None = None, group_map: Mapping[str, str] | None = None,
        dn_to_cn: bool | None = None, email_domains: Sequence[str] | None = None,
        tenants: Sequence[str] | None = None, max_age: int | None = None, logout_endpoint: str | None = None,
        api: str | None = None, enabled: bool | None = None,
    ) -> IdentityProvider:  # fmt: skip
        """Add a provider, or replace it."""
        body = {
            "client_id": client_id, "profile": profile, "issuer": issuer, "client_secret": client_secret,
            "title": title, "token_endpoint_auth_method": token_endpoint_auth_method, "scopes": scopes,
            "groups_claim": groups_claim, "group_filter": group_filter, "group_map": group_map,
            "dn_to_cn": dn_to_cn, "email_domains": email_domains, "tenants": tenants, "max_age": max_age,
            "logout_endpoint": logout_endpoint, "api": api, "enabled": enabled,
        }  # fmt: skip
        return await self._connection.ask(IdentityProvider, "PUT", route("identity-providers", name), body=body)

    @operation
    async def delete(self, name: str) -> None:
        """Remove a provider."""
        await self._connection.done("DELETE", route("identity-providers", name))

    @operation
    async def test(self, name: str) -> ProviderTest:
        """Ask a provider what a login there needs."""
        return await self._connection.ask(ProviderTest, "POST", route("identity-providers", name, "tests"))


class TrustedIssuers(Group[M]):
    """Issuers whose JWTs the registry accepts."""

    @operation
    async def list(self) -> Sequence[TrustedIssuer]:
        """Every issuer."""
        return await self._connection.many(TrustedIssuer, "/trusted-issuers", "issuers")

    @operation
    async def put(
        self, name: str, issuer: str, *, jwks_uri: str | None = None,
        accepts: Sequence[Literal["access_token", "subject_token", "id_jag"]] | None = None,
        audiences: Sequence[str] | None = None, algorithms: Sequence[str] | None = None,
        subject_claim: str | None = None, groups_claim: str | None = None, groups: Sequence[str] | None = None,
        group_map: Mapping[str, Sequence[str]] | None = None, group_filter: Sequence[str] | None = None,
        scopes_claim: str | None = None, scopes: Sequence[str] | None = None, required_claims: Json | None = None,
        leeway: int | None = None, active: bool | None = None,
    ) -> TrustedIssuer:  # fmt: skip
        """Trust an issuer, or change what is named of one."""
        body = {
            "issuer": issuer, "jwks_uri": jwks_uri, "accepts": accepts, "audiences": audiences,
            "algorithms": algorithms, "subject_claim": subject_claim, "groups_claim": groups_claim,
            "groups": groups, "group_map": group_map, "group_filter": group_filter, "scopes_claim": scopes_claim,
            "scopes": scopes, "required_claims": required_claims, "leeway": leeway, "active": active,
        }  # fmt: skip
        return await self._connection.ask(TrustedIssuer, "PUT", route("trusted-issuers", name), body=body)

    @operation
    async def delete(self, name: str) -> None:
        """Trust an issuer no more."""
        await self._connection.done("DELETE", route("trusted-issuers", name))
