"""Settings: who may come in, and how they log in."""

import re
from typing import Annotated, Literal

from pydantic import Field, JsonValue, SecretStr, field_validator
from pydantic_settings import NoDecode

from airegistry.settings_parts.section import Section


class Callers(Section):
    """Who may come in, and how they log in."""

    admin_token: SecretStr | None = Field(
        None, description="The operator's bearer token, with every right; at least 32 characters."
    )
    admin_password: SecretStr | None = Field(
        None, description="Password of the first local user, `admin`; read at the first start only."
    )
    access_token_seconds: int = Field(
        600, ge=60, le=86_400, description="Seconds an access token of the authorization server holds."
    )
    refresh_token_days: int = Field(
        30, ge=1, le=365, description="Days after which a client has to send its person to the login page again."
    )
    device_seconds: int = Field(
        5, ge=1, le=60, description="Seconds that a device without a browser waits before it asks again (RFC 8628)."
    )
    session_idle_minutes: int = Field(480, ge=1, description="Minutes without a request after which a login ends.")
    session_hours: int = Field(168, ge=1, description="Hours after which a login ends in any case.")
    client_registration: Literal["open", "off"] = Field(
        "open", description="Whether clients may register themselves (RFC 7591)."
    )
    client_documents: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Whether a client may be named by the URL of its metadata document, which is fetched from there. "
        "`auto`: only where the registry is reached beyond loopback: clients that find it offered use nothing else.",
    )
    client_document_hosts: Annotated[list[str], NoDecode] = Field(
        default=["*"],
        description="Hosts (globs) whose client metadata documents may name a client.",
    )
    client_document_loopback: bool = Field(
        False, description="Whether a client metadata document may be at http://127.0.0.1 or http://[::1]; for tests."
    )
    identity_providers: list[dict[str, JsonValue]] = Field(
        default_factory=list, description="Identity providers persons log in at, as `put_identity_provider` takes them."
    )
    trusted_issuers: list[dict[str, JsonValue]] = Field(
        default_factory=list, description="Issuers whose JWTs are accepted, as `put_trusted_issuer` takes them."
    )

    scim_provider: str = Field(
        "",
        description="The identity provider whose people are provisioned at /scim/v2, by name; the only one there is by "
        "default.",
    )
    scim_match: Literal["subject", "email"] = Field(
        "subject",
        description="By what a login is known as that of somebody provisioned: `subject`, where `externalId` or "
        "`userName` is the provider's id of the person, or `email`, a verified address.",
    )
    scim_groups: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="Globs of the provisioned groups that count for access; all but `administrators` by default.",
    )

    @field_validator("admin_token")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 32:
            raise ValueError("an operator's token has at least 32 characters")
        if value is not None and not re.fullmatch(r"[!-~]+", value.get_secret_value()):
            raise ValueError("an operator's token is visible ASCII without spaces, as a header carries it")
        return value
