"""The form of agent cards, as far as A2A 0.3 and 1.0 prescribe it; what a card may leave out is optional here."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, JsonValue

from airegistry.core.assets import Json, Model

SCHEMES: Mapping[str, Sequence[str]] = {
    "apiKey": ("name", "in"),
    "http": ("scheme",),
    "oauth2": ("flows",),
    "openIdConnect": ("openIdConnectUrl",),
    "mutualTLS": (),
}
"""Security schemes of A2A 0.3 by their `type`, each with the members that it needs."""

WRAPPED: Mapping[str, Sequence[str]] = {
    "apiKeySecurityScheme": ("name", "location"),
    "httpAuthSecurityScheme": ("scheme",),
    "oauth2SecurityScheme": ("flows",),
    "openIdConnectSecurityScheme": ("openIdConnectUrl",),
    "mtlsSecurityScheme": (),
}
"""The same in A2A 1.0: the one member of a scheme says what it is."""

REQUIRED = ("capabilities", "defaultInputModes", "defaultOutputModes")
"""What both versions require beside name, description, version and skills, and many cards leave out."""


def _is_scheme(scheme: Json) -> bool:
    if "type" in scheme:
        return _has(scheme, SCHEMES.get(str(scheme["type"])))
    wrapped = [name for name in scheme if name in WRAPPED]
    inner = scheme[wrapped[0]] if len(wrapped) == 1 else None
    return isinstance(inner, dict) and _has(inner, WRAPPED[wrapped[0]])


def _has(scheme: Json, needed: Sequence[str] | None) -> bool:
    return needed is not None and all(isinstance(scheme.get(name), dict if name == "flows" else str) for name in needed)


def _schemes(schemes: dict[str, Json]) -> dict[str, Json]:
    for name, scheme in schemes.items():
        if not _is_scheme(scheme):
            raise ValueError(f"{name[:80]!r} is no security scheme of A2A 0.3 or 1.0")
    return schemes


def undeclared(card: Json) -> str | None:
    """A security scheme that a card, whose form is right, requires and does not declare."""
    declared = card.get("securitySchemes")
    known = declared if isinstance(declared, dict) else {}
    older, newer = card.get("security"), card.get("securityRequirements")
    named = [name for each in (older if isinstance(older, list) else ()) if isinstance(each, dict) for name in each]
    for each in newer if isinstance(newer, list) else ():
        schemes = each.get("schemes") if isinstance(each, dict) else None
        named += schemes if isinstance(schemes, dict) else ()
    return next((name for name in named if name not in known), None)


def lacking(card: Json) -> list[str]:
    """What the specification requires of a card and this one leaves out, by member.

    A card with `supportedInterfaces` is one of A2A 1.0, any other of 0.3.
    """
    newer = card.get("supportedInterfaces") is not None
    needed = (*REQUIRED, *(() if newer else ("url", "protocolVersion")))
    missing = [name for name in needed if card.get(name) is None]
    skills = card.get("skills")
    for place, skill in enumerate(skills if isinstance(skills, list) else ()):
        told = skill if isinstance(skill, dict) else {}
        missing += [f"skills.{place}.{name}" for name in ("description", "tags") if told.get(name) is None]
    return missing


class _Form(Model):
    """An object of a card. Members unknown here are anybody's: extensions and later versions add some."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class _Provider(_Form):
    organization: str
    url: str


class _Extension(_Form):
    uri: str
    description: str | None = None
    required: bool | None = None
    params: dict[str, JsonValue] | None = None


class _Capabilities(_Form):
    streaming: bool | None = None
    pushNotifications: bool | None = None  # noqa: N815  # as the specification spells it
    extendedAgentCard: bool | None = None  # noqa: N815
    extensions: list[_Extension] | None = None


class _NewInterface(_Form):
    url: str = Field(min_length=1)
    protocolBinding: str = Field(min_length=1)  # noqa: N815
    protocolVersion: str = Field(min_length=1)  # noqa: N815
    tenant: str | None = None


class _OldInterface(_Form):
    url: str = Field(min_length=1)
    transport: str = Field(min_length=1)


class _Signature(_Form):
    protected: str = Field(pattern=r"^[A-Za-z0-9_=-]+$")
    signature: str = Field(pattern=r"^[A-Za-z0-9_=-]+$")
    header: dict[str, JsonValue] | None = None


class CardForm(_Form):
    """An agent card, but for what is read of it by name."""

    protocolVersion: str | None = None  # noqa: N815
    url: str | None = None
    preferredTransport: str | None = None  # noqa: N815
    additionalInterfaces: list[_OldInterface] | None = None  # noqa: N815
    supportedInterfaces: list[_NewInterface] | None = None  # noqa: N815
    provider: _Provider | None = None
    capabilities: _Capabilities | None = None
    defaultInputModes: list[str] | None = None  # noqa: N815
    defaultOutputModes: list[str] | None = None  # noqa: N815
    documentationUrl: str | None = None  # noqa: N815
    iconUrl: str | None = None  # noqa: N815
    securitySchemes: Annotated[dict[str, Json], AfterValidator(_schemes)] | None = None  # noqa: N815
    security: list[dict[str, list[str]]] | None = None
    securityRequirements: list[dict[str, JsonValue]] | None = None  # noqa: N815
    supportsAuthenticatedExtendedCard: bool | None = None  # noqa: N815
    signatures: list[_Signature] | None = None


MEMBERS = frozenset((*CardForm.model_fields, "name", "description", "version", "skills"))
