"""Whom administrators trust to say who somebody is, for what, and how much of what is said counts here."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import Field, JsonValue, ValidationError, field_validator

from airegistry.core.assets import Model
from airegistry.core.documents import Json
from airegistry.core.validation import invalid
from airegistry.oauth.issuers.foreign_jwt import ALGORITHMS, claim, texts
from airegistry.oauth.model import MCP_SCOPE

Use = Literal["access_token", "subject_token", "id_jag"]
MAX_GROUPS = 64
"""Groups that all subjects of an issuer may be in: they travel in the tokens made for them."""


class TrustedIssuer(Model):
    """Somebody else whose word counts here, and for how much.

    `audiences` left empty means the resource that is asked for, exactly (for subject tokens this issuer, too). Groups
    are claimed by whoever runs the issuer, so of those at `groups_claim` only such count as `group_map` translates or
    `group_filter` (globs) lets through; `groups` are given to every subject. `scopes_claim` names what narrows a token
    to some scopes; without it a token carries `scopes`, where administration takes `mcp:admin`.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    issuer: str = Field(min_length=1, max_length=2048)
    jwks_uri: str | None = Field(None, max_length=2048)
    accepts: list[Use] = Field(default=["access_token"], min_length=1)
    audiences: list[str] = Field(default_factory=list)
    algorithms: list[str] = Field(default=["RS256", "PS256", "ES256", "Ed25519", "EdDSA"], min_length=1)
    subject_claim: str = Field("sub", min_length=1)
    groups_claim: str | None = None
    groups: list[str] = Field(default_factory=list, max_length=MAX_GROUPS)
    group_map: dict[str, list[str]] = Field(default_factory=dict)
    group_filter: list[str] = Field(default_factory=list)
    scopes_claim: str | None = None
    scopes: list[str] = Field(default=[MCP_SCOPE])
    required_claims: dict[str, JsonValue] = Field(default_factory=dict)
    leeway: int = Field(60, ge=0, le=120)
    active: bool = True

    @field_validator("algorithms")
    @classmethod
    def _asymmetric(cls, names: list[str]) -> list[str]:
        if unknown := sorted({*names} - ALGORITHMS):
            raise ValueError(f"{unknown[0]!r} is none of {', '.join(sorted(ALGORITHMS))}")
        return names

    def gives(self, group: str) -> bool:
        """Whether it can put a subject into a group here."""
        mapped = any(group in ours for ours in self.group_map.values())
        return group in self.groups or mapped or self._passes(group)

    def groups_of(self, claims: Json) -> tuple[str, ...]:
        """The groups here of whom a token speaks of."""
        claimed = texts(claim(claims, self.groups_claim)) if self.groups_claim else []
        mapped = [ours for name in claimed for ours in self.group_map.get(name, ())]
        passed = [name for name in claimed if self._passes(name)]
        return tuple(dict.fromkeys((*self.groups, *mapped, *passed)))  # none is left out: one of them may deny

    def carried(self, claims: Json) -> frozenset[str]:
        """The OAuth scopes that a token carries."""
        if self.scopes_claim is None:
            return frozenset(self.scopes)
        return frozenset(word for text in texts(claim(claims, self.scopes_claim)) for word in text.split())

    def _passes(self, name: str) -> bool:
        return any(fnmatchcase(name, glob) for glob in self.group_filter)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a verified foreign JWT speaks of. `sub` is the issuer's own word for `subject`, `claims` are all it says."""

    subject: str
    issuer: TrustedIssuer
    sub: str
    groups: tuple[str, ...]
    carried: frozenset[str]
    client: str
    actors: tuple[str, ...]
    expires_at: float
    claims: Json


def trusted_issuer(fields: Mapping[str, object]) -> TrustedIssuer:
    """A trusted issuer of plain fields, as tools and settings give them.

    Raises:
        Invalid: a field is unknown, missing or does not fit.
    """
    try:
        return TrustedIssuer.model_validate(fields)
    except ValidationError as error:
        raise invalid(error) from None
