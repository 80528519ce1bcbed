"""What the authorization server keeps: clients, requests under way, what persons allowed, web sessions."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from airegistry.core.assets import Json, Model
from airegistry.oauth.short_lived import Expiring

MCP_SCOPE = "mcp"
"""OAuth scope: act as its subject, within the subject's entitlements, administration aside."""
ADMIN_SCOPE = "mcp:admin"
"""OAuth scope: administration too, as far as the subject is entitled to it. Clients get it by step-up."""
OFFLINE_SCOPE = "offline_access"
"""OAuth scope that asks for a refresh token; one is given to every client that may use it, asked or not."""

AuthMethod = Literal["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
CODE_GRANT, REFRESH_GRANT, CLIENT_GRANT = "authorization_code", "refresh_token", "client_credentials"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ASSERTION_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Client(Model):
    """An OAuth client (RFC 7591 names).

    `origin`: `dynamic` registered itself, `registered` was made by an administrator, `document` is described by the
    metadata document its `client_id` is the URL of. `scopes` and `groups` are what a machine holds on its own account
    (client credentials); persons' clients hold nothing of their own. `restraints` are scopes it does not hold and whose
    denials hold for it, as they held for its maker.
    """

    client_id: str
    origin: Literal["dynamic", "registered", "document"]
    client_name: str = ""
    redirect_uris: list[str] = Field(default_factory=list)
    grant_types: list[str] = Field(default=[CODE_GRANT, REFRESH_GRANT])
    response_types: list[str] = Field(default=["code"])
    token_endpoint_auth_method: AuthMethod = "none"
    application_type: Literal["native", "web"] = "native"
    secret_hash: str | None = None
    jwks: Json | None = None
    jwks_uri: str | None = None
    client_uri: str | None = None
    logo_uri: str | None = None
    scopes: list[str] = Field(default_factory=list)
    groups: list[str] = Field(default_factory=list)
    restraints: list[str] = Field(default_factory=list)
    active: bool = True
    created_at: datetime
    created_by: str = ""
    used_at: datetime | None = None
    expires_at: datetime | None = None

    @property
    def name(self) -> str:
        """What persons are shown."""
        return self.client_name or self.client_id

    @property
    def confidential(self) -> bool:
        """Whether it proves itself at the token endpoint."""
        return self.token_endpoint_auth_method != "none"


class AuthorizationRequest(Expiring):
    """A valid request at /authorize, until the person has answered.

    `resource` is canonical. `browser` is the hash of the cookie of the browser that made it: another one is refused.
    `device` is the id of the device's request that it answers, if it answers one; then there is no redirect.
    """

    id: str
    browser: str
    client_id: str
    redirect_uri: str
    redirect_given: bool
    state: str | None = None
    scopes: list[str]
    code_challenge: str
    resource: str
    prompt: str = ""
    created_at: datetime
    device: str = ""
    user_code: str = ""


class Answered(Model):
    """What a person allowed a device: who, how much, and in which login."""

    subject: str
    scopes: list[str]
    session: str
    auth_time: datetime
    amr: list[str] = Field(default_factory=list)


class Code(Model):
    """An authorization code that was handed out, kept by its hash. `used` codes stay until they expire: a second use
    revokes what the first one got."""

    authorization: str
    client_id: str
    redirect_uri: str
    redirect_given: bool
    code_challenge: str
    resource: str
    scopes: list[str]
    expires_at: datetime
    used: bool = False


class Authorization(Model):
    """What a person allowed a client once: the family of all tokens that follow from it.

    `subject` reads as in `Principal`. `scopes` are the OAuth scopes granted; an access token carries them or fewer.
    `refresh_hash` is that of the refresh token in force; a token of the family with any other hash was used before.
    """

    id: str
    client_id: str
    subject: str
    scopes: list[str]
    resource: str
    auth_time: datetime
    amr: list[str] = Field(default_factory=list)
    session: str | None = None
    refresh_hash: str | None = None
    created_at: datetime
    used_at: datetime | None = None
    expires_at: datetime
    revoked_at: datetime | None = None
    revoked_for: str = ""


class Consent(Model):
    """That a person allowed a client these scopes on a resource; remembered, and revocable."""

    id: str
    user: str
    client_id: str
    client_name: str
    redirect_uri: str
    resource: str
    scopes: list[str]
    created_at: datetime


class Session(Model):
    """A browser that is logged in, kept by the hash of its cookie. `provider` and `sid` lead back-channel logout."""

    id: str
    user: str
    amr: list[str] = Field(default_factory=list)
    auth_time: datetime
    seen_at: datetime
    expires_at: datetime
    provider: str = ""
    provider_sub: str = ""
    sid: str = ""
    id_token: str = ""
