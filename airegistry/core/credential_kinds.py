"""What backends may want to see: the kinds of credentials, checked as they are given, shown without their secrets."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, JsonValue, SecretStr, TypeAdapter, ValidationError, model_validator

from airegistry.core.assets import Json, Model
from airegistry.core.errors import AirError, Invalid, Unsupported
from airegistry.core.validation import invalid

MAX_HEADERS = 16
JWT_TYPE = "urn:ietf:params:oauth:token-type:jwt"
_HEADER_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,64}")
_HEADER_VALUE = re.compile(r"[!-~](?:[ !-~]{0,8190}[!-~])?")
_TOKEN = re.compile(r"[!-~]{1,8192}")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")
_ORIGIN = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?(?:[/?].*)?", re.IGNORECASE)
_SHORTEST = 4
"""Characters of a secret that is looked for in texts: shorter ones are in every text."""
FORBIDDEN = frozenset(
    (
        "host content-length content-type content-encoding transfer-encoding connection keep-alive te trailer upgrade "
        "expect cookie accept accept-encoding last-event-id forwarded origin"
    ).split()
)
"""Headers that are the gateway's own to set: they say what a message is and where it goes, not who sends it."""
_FORBIDDEN_FAMILIES = ("mcp-", "proxy-", "x-forwarded-", "sec-")


def _header_name(name: str) -> str:
    name = name.lower()
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError("a header's name is made of letters, digits and !#$%&'*+.^_`|~-")
    if name in FORBIDDEN or name.startswith(_FORBIDDEN_FAMILIES):
        raise ValueError("this header is the gateway's own to set")
    return name


def _header_value(value: SecretStr) -> SecretStr:
    if not _HEADER_VALUE.fullmatch(value.get_secret_value()):
        raise ValueError("a header's value is 1 to 8,192 characters of visible ASCII, spaces inside it only")
    return value


def _token(value: SecretStr) -> SecretStr:
    if not _TOKEN.fullmatch(value.get_secret_value()):
        raise ValueError("a token is 1 to 8,192 characters of visible ASCII without spaces")
    return value


def _scope(value: str) -> str:
    if not _SCOPE.fullmatch(value):
        raise ValueError("scopes are words of visible ASCII with one space between them")
    return value


def _url(value: str) -> str:
    try:
        origin_of(value)
    except Unsupported:
        raise ValueError("a URL begins with http:// or https:// and names a host") from None
    return value


HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderValue = Annotated[SecretStr, AfterValidator(_header_value)]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=8192)]
Text = Annotated[str, Field(min_length=1, max_length=2048)]
Scope = Annotated[str, AfterValidator(_scope), Field(max_length=4096)]
Url = Annotated[str, AfterValidator(_url), Field(max_length=2048)]
AuthMethod = Literal["client_secret_basic", "client_secret_post"]


class NoCredential(Model):
    """Nothing: the server at this origin wants none, whatever it wanted elsewhere."""

    kind: Literal["none"] = "none"


class Bearer(Model):
    """`Authorization: Bearer TOKEN`."""

    kind: Literal["bearer"] = "bearer"
    token: Annotated[SecretStr, AfterValidator(_token)]


class ApiKey(Model):
    """One header with a key."""

    kind: Literal["api_key"] = "api_key"
    header: HeaderName
    value: HeaderValue


class Headers(Model):
    """Several headers, names in lower case."""

    kind: Literal["headers"] = "headers"
    headers: dict[HeaderName, HeaderValue] = Field(min_length=1, max_length=MAX_HEADERS)


class _OAuth(Model):
    """What every credential of an authorization server may say. `issuer` is exact."""

    client_id: Text | None = None
    client_secret: Secret | None = None
    auth_method: AuthMethod | None = None
    scope: Scope | None = None
    issuer: Url | None = None

    @model_validator(mode="after")
    def _whose_secret(self) -> "_OAuth":
        if self.client_secret is not None and self.client_id is None:
            raise ValueError("a client_secret is one of a client_id")
        return self


class ClientGrant(_OAuth):
    """OAuth client credentials: one token for everybody.

    Without `issuer` and `token_endpoint` the authorization server is the one that the server's metadata names when the
    credential is set; it is kept as `issuer` from then on.
    """

    kind: Literal["oauth_client"] = "oauth_client"
    client_id: Text
    client_secret: Secret
    token_endpoint: Url | None = None
    audience: Text | None = None
    resource: Text | None = None


class ExchangeGrant(_OAuth):
    """Token exchange (RFC 8693): a token of its own for each caller, whom a short-lived JWT of the registry names."""

    kind: Literal["token_exchange"] = "token_exchange"
    client_id: Text
    token_endpoint: Url | None = None
    audience: Text | None = None
    resource: Text | None = None
    subject_token_type: Text = JWT_TYPE

    @model_validator(mode="after")
    def _where(self) -> "ExchangeGrant":
        if self.issuer is None and self.token_endpoint is None:
            raise ValueError("an issuer or a token_endpoint is needed")
        return self


class PersonGrant(_OAuth):
    """Per-user OAuth: each person connects an account of theirs. Without `client_id` the registry is described by its
    client document, or registers itself."""

    kind: Literal["per_user"] = "per_user"


Given = NoCredential | Bearer | ApiKey | Headers
"""Credentials that are headers as they are."""
Granted = ClientGrant | ExchangeGrant | PersonGrant
"""Credentials that an authorization server gives tokens for."""
Credential = Given | Granted
CREDENTIAL: TypeAdapter[Credential] = TypeAdapter(Annotated[Credential, Field(discriminator="kind")])


def parsed(fields: Json) -> Credential:
    """A credential of these fields.

    Raises:
        Invalid: a field is unknown, missing or does not fit; no message holds a value.
    """
    try:
        return CREDENTIAL.validate_python(fields)
    except ValidationError as error:
        refusal = invalid(error)
    raise Invalid(f"the credential does not fit: {refusal.message}", field="credential")


def revealed(credential: Credential) -> Json:
    """All fields with their secrets, to be sealed."""
    return {name: _plain(value) for name, value in credential if value is not None}


def shown(credential: Credential) -> Json:
    """The fields as anybody who may ask is shown them: stars in place of secrets."""
    return credential.model_dump(mode="json", exclude_none=True)


def secrets_of(credential: Credential) -> list[str]:
    """The secrets in a credential."""
    values = (value for _, found in credential for value in (found.values() if isinstance(found, dict) else [found]))
    return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]


def headers_of(credential: Given) -> Mapping[str, str]:
    """What a request carries."""
    match credential:
        case Bearer():
            return {"authorization": f"Bearer {credential.token.get_secret_value()}"}
        case ApiKey():
            return {credential.header: credential.value.get_secret_value()}
        case Headers():
            return {name: value.get_secret_value() for name, value in credential.headers.items()}
    return {}


def origin_of(url: str | None) -> str:
    """Scheme, host and port of a URL, always in one spelling.

    Raises:
        Unsupported: it is none that requests are sent to.
    """
    match = _ORIGIN.fullmatch(url or "")
    if match is None or (url and urlsplit(url).hostname is None):
        raise Unsupported("there is no http or https URL that a credential could be for")
    scheme, host = match[1].lower(), match[2].lower().removesuffix(".")
    return f"{scheme}://{host}:{int(match[3] or (443 if scheme == 'https' else 80))}"


def hide(error: AirError, secrets: Iterable[str]) -> None:
    """Take secrets out of an error's message: what a server says may hold what it was sent."""
    message = error.message
    for secret in sorted(secrets, key=len, reverse=True):
        for spelled in (secret, secret.removeprefix("Bearer ")):
            if len(spelled) >= _SHORTEST:
                message = message.replace(spelled, "***")
    error.message, error.args = message, (message,)


def _plain(value: object) -> JsonValue:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, dict):
        return {name: each.get_secret_value() for name, each in value.items()}
    return str(value)
