"""Issuers whose JWTs are accepted: who else may say who somebody is."""

from typing import Annotated

from pydantic import Field, JsonValue

from airegistry.core.documents import Json
from airegistry.oauth.issuers.issuers import Issuers
from airegistry.oauth.issuers.trust import TrustedIssuer, Use, trusted_issuer
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import Done, Shape

IssuerName = Annotated[str, Field(min_length=1, max_length=64, description="Its name in subjects: `issuer:NAME:SUB`.")]


class IssuerShape(Shape):
    """A trusted issuer. `fixed` are those of the settings, which tools do not change."""

    name: str
    issuer: str
    jwks_uri: str | None = None
    accepts: list[str]
    audiences: list[str]
    algorithms: list[str]
    subject_claim: str
    groups_claim: str | None = None
    groups: list[str]
    group_map: dict[str, list[str]]
    group_filter: list[str]
    scopes_claim: str | None = None
    scopes: list[str]
    required_claims: Json
    leeway: int
    active: bool
    fixed: bool = False


class IssuerList(Shape):
    """All trusted issuers by name."""

    issuers: list[IssuerShape]


class IssuerTools:
    """Tools for whoever decides whose word counts."""

    def __init__(self, issuers: Issuers) -> None:
        self._issuers = issuers

    @tool("Trust an issuer of JWTs", destructive=True, idempotent=True, needs="policy")
    async def put_trusted_issuer(
        self, name: IssuerName,
        issuer: Annotated[str, Field(description="The exact `iss` of its tokens.")],
        jwks_uri: Annotated[str | None, Field(description="Its public keys; else its metadata says where.")] = None,
        accepts: Annotated[list[Use] | None, Field(description="What its JWTs serve as, else access_token.")] = None,
        audiences: Annotated[
            list[str] | None, Field(description="Accepted `aud`; else only the resource that is asked for.")
        ] = None,
        algorithms: list[str] | None = None,
        subject_claim: str | None = None,
        groups_claim: Annotated[str | None, Field(description="Where groups are, as in realm_access.roles.")] = None,
        groups: Annotated[list[str] | None, Field(description="Groups here that every subject of it is in.")] = None,
        group_map: Annotated[dict[str, list[str]] | None, Field(description="From its groups to groups here.")] = None,
        group_filter: Annotated[
            list[str] | None, Field(description="Globs: groups of it that count here under their own name.")
        ] = None,
        scopes_claim: Annotated[str | None, Field(description="Where the scopes are that limit a token.")] = None,
        scopes: Annotated[list[str] | None, Field(description="What a token carries without scopes_claim.")] = None,
        required_claims: dict[str, JsonValue] | None = None,
        leeway: Annotated[int | None, Field(ge=0, le=120, description="Seconds by which clocks may differ.")] = None,
        active: bool | None = None,
    ) -> IssuerShape:  # fmt: skip
        """Accept JWTs of another issuer, or replace all that was said of it. It holds from the next request on.

        Its subjects are in the groups of `groups`, `group_map` and `group_filter` only, whatever their tokens claim.
        """
        given: dict[str, object] = {
            "name": name, "issuer": issuer, "jwks_uri": jwks_uri, "accepts": accepts, "audiences": audiences,
            "algorithms": algorithms, "subject_claim": subject_claim, "groups_claim": groups_claim, "groups": groups,
            "group_map": group_map, "group_filter": group_filter, "scopes_claim": scopes_claim, "scopes": scopes,
            "required_claims": required_claims, "leeway": leeway, "active": active,
        }  # fmt: skip
        made = trusted_issuer({field: value for field, value in given.items() if value is not None})
        return _shape(await self._issuers.put(current_principal(), made), fixed=False)

    @tool("List trusted issuers", read_only=True, needs="policy")
    async def list_trusted_issuers(self) -> IssuerList:
        """Issuers whose JWTs are accepted, as what, and which groups their subjects are in."""
        known = await self._issuers.issuers(current_principal())
        return IssuerList(issuers=[_shape(issuer, fixed=fixed) for issuer, fixed in known])

    @tool(
        "Trust an issuer no longer",
        destructive=True,
        idempotent=True,
        needs="policy",
        confirm="Trust issuer '{name}' no longer? Its tokens are refused at once.",
    )
    async def delete_trusted_issuer(self, name: IssuerName) -> Done:
        """Remove a trusted issuer: its tokens, and those made from them, hold no more from the next request on."""
        await self._issuers.remove(current_principal(), name)
        return Done()


def _shape(issuer: TrustedIssuer, *, fixed: bool) -> IssuerShape:
    return IssuerShape.model_validate({**issuer.model_dump(), "fixed": fixed})
