"""The form of agent cards, as far as A2A 0.3 and 1.0 prescribe it; what a card may leave out is optional here."""

from pydantic import ConfigDict, Field, JsonValue

from airegistry.core.assets import Model


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
    protected: str
    signature: str


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
    securitySchemes: dict[str, dict[str, JsonValue]] | None = None  # noqa: N815
    security: list[dict[str, list[str]]] | None = None
    securityRequirements: list[dict[str, JsonValue]] | None = None  # noqa: N815
    supportsAuthenticatedExtendedCard: bool | None = None  # noqa: N815
    signatures: list[_Signature] | None = None


MEMBERS = frozenset((*CardForm.model_fields, "name", "description", "version", "skills"))
