"""What clients say of themselves (RFC 7591 section 2): read strictly, and kept only as far as it is used."""

import json
from collections.abc import Sequence
from typing import Literal, get_args

from pydantic import Field, JsonValue

from airegistry.core.assets import Json, Model
from airegistry.core.errors import Invalid
from airegistry.egress.guard import parse_url
from airegistry.oauth.clients import redirects
from airegistry.oauth.clients.redirects import ApplicationType
from airegistry.oauth.forms import OAuthError
from airegistry.oauth.model import (
    ASSERTION_GRANT,
    CLIENT_GRANT,
    CODE_GRANT,
    DEVICE_GRANT,
    EXCHANGE_GRANT,
    REFRESH_GRANT,
    AuthMethod,
)
from airegistry.oauth.providers.remote_keys import is_loopback, public_keys

PERSON_GRANTS = frozenset({CODE_GRANT, REFRESH_GRANT, DEVICE_GRANT})
MACHINE_GRANTS = frozenset({CLIENT_GRANT, EXCHANGE_GRANT, ASSERTION_GRANT})
"""Grants without a person at a browser: administrators give them, and nobody else."""
SECRET_METHODS = frozenset({"client_secret_basic", "client_secret_post"})
MAX_REDIRECT_URIS, MAX_NAME, MAX_KEYS, MAX_DEPTH = 20, 200, 10, 16


class ClientMetadata(Model):
    """The members of a client that are its own to state."""

    client_name: str = ""
    redirect_uris: list[str] = Field(default_factory=list)
    grant_types: list[str]
    token_endpoint_auth_method: AuthMethod
    application_type: ApplicationType
    jwks: Json | None = None
    jwks_uri: str | None = None
    client_uri: str | None = None
    logo_uri: str | None = None


def parse_object(body: bytes) -> Json:
    """A JSON object that reads the same to everybody.

    Raises:
        OAuthError: it is none, a member is given twice, or it is nested deeper than 16 levels.
    """
    try:
        value: JsonValue = _STRICT.decode(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise wrong("the metadata is no JSON without repeated members") from None
    if not isinstance(value, dict):
        raise wrong("the metadata is no JSON object")
    if not _flat(value, MAX_DEPTH):
        raise wrong(f"the metadata is nested deeper than {MAX_DEPTH} levels")
    return value


def read(
    metadata: Json, *, method: AuthMethod, machine: Literal["allow", "refuse", "ignore"] = "refuse"
) -> ClientMetadata:
    """Metadata as it is kept; what this registry does not use is left out (RFC 7591 section 3.2.1).

    `method` counts where none is stated; `machine` says what becomes of machine grants.

    Raises:
        OAuthError: it is refused (`invalid_redirect_uri`, `invalid_client_metadata`).
    """
    uris = _strings(metadata, "redirect_uris") or []
    if len(uris) > MAX_REDIRECT_URIS:
        raise OAuthError("invalid_redirect_uri", f"more than {MAX_REDIRECT_URIS} redirect URIs")
    application_type = _application_type(metadata, uris)
    for uri in uris:
        redirects.check(uri, application_type)
    grants = _grants(metadata, machine)
    if CODE_GRANT in grants and not uris:
        raise OAuthError("invalid_redirect_uri", "redirect_uris is missing")
    stated = _method(metadata, method)
    if stated == "none" and (unproved := [grant for grant in grants if grant in MACHINE_GRANTS]):
        raise wrong(f"{unproved[0]} is for clients that authenticate")
    jwks, jwks_uri = _keys(metadata) if stated == "private_key_jwt" else (None, None)
    return ClientMetadata(
        client_name=_name(metadata), redirect_uris=list(dict.fromkeys(uris)), grant_types=grants,
        token_endpoint_auth_method=stated, application_type=application_type, jwks=jwks, jwks_uri=jwks_uri,
        client_uri=_link(metadata, "client_uri"), logo_uri=_link(metadata, "logo_uri"),
    )  # fmt: skip


def wrong(message: str) -> OAuthError:
    """The refusal of metadata other than redirect URIs."""
    return OAuthError("invalid_client_metadata", message)


def _application_type(metadata: Json, uris: Sequence[str]) -> ApplicationType:
    stated = metadata.get("application_type")
    if stated is None:
        return redirects.derived_type(uris)
    for known in get_args(ApplicationType):
        if stated == known:
            found: ApplicationType = known
            return found
    raise wrong("application_type is web or native")


def _grants(metadata: Json, machine: Literal["allow", "refuse", "ignore"]) -> list[str]:
    """Those of the grants asked for that exist here: clients name others too, for other servers."""
    asked = _strings(metadata, "grant_types")
    types = _strings(metadata, "response_types")
    # A client for devices alone has no response type (RFC 7591 section 2.1).
    if types is not None and "code" not in types and (types or CODE_GRANT in (asked or [CODE_GRANT])):
        raise wrong("the only response type here is code")
    if asked is None:
        return [CODE_GRANT, REFRESH_GRANT]
    if machine == "refuse" and (refused := [grant for grant in asked if grant in MACHINE_GRANTS]):
        raise wrong(f"{refused[0]} is for clients that an administrator registers")
    known = PERSON_GRANTS | MACHINE_GRANTS if machine == "allow" else PERSON_GRANTS
    grants = [grant for grant in dict.fromkeys(asked) if grant in known]
    if not grants or grants == [REFRESH_GRANT]:
        raise wrong(f"no grant type that is offered; there is {', '.join(sorted(known))}")
    return grants


def _method(metadata: Json, default: AuthMethod) -> AuthMethod:
    stated = metadata.get("token_endpoint_auth_method")
    if stated is None:
        return default
    for known in get_args(AuthMethod):
        if stated == known:
            found: AuthMethod = known
            return found
    raise wrong(f"token_endpoint_auth_method is one of {', '.join(get_args(AuthMethod))}")


def _keys(metadata: Json) -> tuple[Json | None, str | None]:
    jwks, uri = metadata.get("jwks"), metadata.get("jwks_uri")
    if (jwks is None) == (uri is None):
        raise wrong("private_key_jwt needs jwks or jwks_uri, and not both")
    return (None, _keys_url(uri)) if jwks is None else (_public(jwks), None)


def _keys_url(uri: JsonValue) -> str:
    try:
        target = parse_url(uri) if isinstance(uri, str) else None
    except Invalid as error:
        raise wrong(f"jwks_uri: {error.message}") from None
    # Whether loopback may be asked at all is the guard's to say.
    if not isinstance(uri, str) or target is None or (target.scheme != "https" and not is_loopback(target.host)):
        raise wrong("jwks_uri is no https URL")
    return uri


def _public(jwks: JsonValue) -> Json:
    listed = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(jwks, dict) or not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise wrong(f"jwks is no set of at most {MAX_KEYS} keys")
    if any(isinstance(key, dict) and {"d", "k"} & key.keys() for key in listed):
        raise wrong("jwks holds a private key; replace it, and send its public half")
    keys = public_keys(jwks)
    if not keys.keys:
        raise wrong("jwks has no key that signatures can be checked with")
    if not all(str(value).isprintable() for key in keys for value in key.as_dict().values()):
        raise wrong("jwks holds a text that cannot be kept")  # half of a surrogate pair, as in "\ud800"
    kept: list[JsonValue] = [{name: str(value) for name, value in key.as_dict().items()} for key in keys]
    return {"keys": kept}


def _name(metadata: Json) -> str:
    """The name without what a page would not show, or show as something else (controls, marks of direction)."""
    name = metadata.get("client_name")
    if name is None:
        return ""
    if not isinstance(name, str) or len(name) > MAX_NAME:
        raise wrong(f"client_name is a text of at most {MAX_NAME} characters")
    return " ".join("".join(char if char.isprintable() else " " for char in name).split())


def _link(metadata: Json, name: str) -> str | None:
    """A link for the eye alone: one that is no plain https URL is left out."""
    link = metadata.get(name)
    try:
        return link if isinstance(link, str) and parse_url(link).scheme == "https" else None
    except Invalid:
        return None


def _strings(metadata: Json, name: str) -> list[str] | None:
    value = metadata.get(name)
    if value is None:
        return None
    if not isinstance(value, list):
        raise wrong(f"{name} is a list of strings")
    strings = [item for item in value if isinstance(item, str)]
    if len(strings) != len(value):
        raise wrong(f"{name} is a list of strings")
    return strings


def _unique(pairs: list[tuple[str, JsonValue]]) -> Json:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is given twice")
    return members


def _no_number(name: str) -> JsonValue:
    raise ValueError(f"{name} is no JSON value")


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number)


def _flat(value: JsonValue, depth: int) -> bool:
    if isinstance(value, dict | list):
        return depth > 0 and all(_flat(v, depth - 1) for v in (value.values() if isinstance(value, dict) else value))
    return True
