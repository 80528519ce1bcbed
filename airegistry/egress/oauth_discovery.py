"""Which authorization server an MCP server trusts: challenges, protected resource and server metadata.

Everything here was written by strangers, hostile ones among them (CVE-2025-6514): a URL is taken only when it has one
reading and is https, or loopback; an issuer only when it is the expected one, letter by letter.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2
from mcp.client.auth.utils import (
    build_oauth_authorization_server_metadata_discovery_urls,
    build_protected_resource_metadata_discovery_urls,
)
from mcp.shared.auth_utils import check_resource_allowed, resource_url_from_server_url
from pydantic import BaseModel, ConfigDict, JsonValue

from airegistry.core.assets import Json
from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.egress.addresses import parse_host
from airegistry.egress.dpop import ALGORITHM
from airegistry.egress.guard import parse_url
from airegistry.egress.json_http import Answer, JsonHttp
from airegistry.egress.messages import printable

METADATA_LIMIT = 65_536
"""Bytes of one metadata document, registration or token response."""

_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # noqa: S105  # the grammar of RFC 9110, no secret
_CHALLENGE_PART = re.compile(
    rf'(?P<name>{_TOKEN})\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,"]+))|(?P<scheme>{_TOKEN})'
)
_PLAIN_URL = re.compile(r"[A-Za-z0-9._~:/?\[\]@+,=&%-]+")
"""An endpoint, narrower than RFC 3986: quotes, dollars, semicolons and parentheses are of use to attackers alone."""
_SCHEMES = frozenset({"bearer", "dpop"})
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a refusal asks for: a token (401) or one with more scopes (403 insufficient_scope)."""

    status: int
    scope: str | None = None
    resource_metadata: str | None = None


class AuthorizationServer(BaseModel):
    """What is known of a resource and of the authorization server in front of it. `pkce`: S256 is announced.

    `issuer` is exact. `resource` is what tokens are asked for (RFC 8707), `resource_scopes` what it says it knows.
    """

    model_config = ConfigDict(frozen=True)

    resource: str
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    registration_endpoint: str | None = None
    revocation_endpoint: str | None = None
    device_authorization_endpoint: str | None = None
    resource_scopes: str | None = None
    auth_methods: tuple[str, ...] = ()
    offline_access: bool = False
    sends_issuer: bool = False
    documents: bool = False
    pkce: bool = True
    dpop: bool = False


def challenge_of(answer: httpx2.Response) -> Challenge | None:
    """What an answer of an MCP server asks for, None when it asks for nothing that a token could give."""
    if answer.status_code not in {401, 403}:
        return None
    said = _parameters(answer.headers.get("www-authenticate", ""))
    if answer.status_code == 403 and said.get("error") != "insufficient_scope":
        return None
    return Challenge(answer.status_code, checked_scope(said.get("scope")), said.get("resource_metadata"))


def checked_scope(value: JsonValue) -> str | None:
    """A list of scopes as RFC 6749 writes it, None when there is none or it is written otherwise."""
    return value if isinstance(value, str) and _SCOPE.fullmatch(value) else None


def checked_url(value: JsonValue, what: str) -> str:
    """A URL of metadata that may be used: https, or http to this machine, and with one reading only.

    Raises:
        UpstreamFailed: it may not; `what` names it.
    """
    if not isinstance(value, str) or not _PLAIN_URL.fullmatch(value):
        raise UpstreamFailed(f"{what} is no URL that can be used: {printable(str(value))}")
    try:
        target = parse_url(value)
    except Invalid as error:
        raise UpstreamFailed(f"{what} is no URL that can be used: {error.message}") from None
    if target.scheme != "https" and not _is_loopback(target.host):
        raise UpstreamFailed(f"{what} at {target} is not https")
    return value


def same_origin(url: str, other: str) -> bool:
    """Whether scheme, host and port are the same.

    Raises:
        Invalid: one of them is no URL.
    """
    return parse_url(url) == parse_url(other)


async def discover(
    http: JsonHttp, server: str, *, resource_metadata: str | None = None, issuer: str | None = None
) -> AuthorizationServer:
    """The authorization server of the MCP server at `server`.

    `resource_metadata` is where the server's challenge says that its metadata is. With `issuer` no other authorization
    server will do.

    Raises:
        Invalid: a URL is one that the guard forbids.
        UpstreamFailed: there is none, its metadata is wrong, or it is another one.
    """
    resource = await _resource_metadata(http, server, resource_metadata)
    if resource is None:
        return await _without_resource_metadata(http, server, issuer)
    chosen = _choose(resource, issuer)
    metadata = await _server_metadata(http, chosen, server)
    if metadata is None:
        raise UpstreamFailed(f"the authorization server {printable(chosen)} publishes no metadata")
    if metadata.get("issuer") != chosen:
        found = printable(str(metadata.get("issuer")))
        raise UpstreamFailed(f"the metadata of the authorization server {printable(chosen)} is that of {found}")
    return _read(metadata, chosen, str(resource["resource"]), resource.get("scopes_supported"))


async def locate(http: JsonHttp, server: str, issuer: str | None) -> AuthorizationServer:
    """The authorization server for the MCP server at `server`: the one an administrator named, whatever the server
    publishes and whether it answers now, else the one that the server names.

    Raises:
        Invalid: a URL is one that the guard forbids.
        UpstreamFailed: there is none, or its metadata is wrong.
    """
    if issuer is None:
        return await discover(http, server)
    with suppress(UpstreamFailed):
        resource = await _resource_metadata(http, server, None)
        if resource is not None and issuer in _words(resource["authorization_servers"]):
            return await discover(http, server, issuer=issuer)
    metadata = await _server_metadata(http, issuer, server)
    if metadata is None or metadata.get("issuer") != issuer:
        found = "nothing" if metadata is None else printable(str(metadata.get("issuer")))
        raise UpstreamFailed(f"the metadata of the authorization server {printable(issuer)} is that of {found}")
    return _read(metadata, issuer, resource_url_from_server_url(server), None)


async def _resource_metadata(http: JsonHttp, server: str, announced: str | None) -> Json | None:
    """Protected resource metadata (RFC 9728) that is about this server, None when it publishes none."""
    expected = resource_url_from_server_url(checked_url(server, "the server"))
    for url in build_protected_resource_metadata_discovery_urls(announced, server):
        document = _document(await http.get(checked_url(url, "the resource metadata"), limit=METADATA_LIMIT))
        if document is None or not isinstance(servers := document.get("authorization_servers"), list) or not servers:
            continue
        resource = checked_url(document.get("resource"), "the resource of the resource metadata")
        if not check_resource_allowed(requested_resource=expected, configured_resource=resource):
            raise UpstreamFailed(f"the resource metadata is about {printable(resource)}, not about {expected}")
        return document
    return None


def _choose(resource: Json, issuer: str | None) -> str:
    listed = resource["authorization_servers"]
    servers = [item for item in listed if isinstance(item, str)] if isinstance(listed, list) else []
    if issuer is not None:
        if issuer not in servers:
            raise UpstreamFailed(f"the server does not name the authorization server {issuer} that is configured")
        return issuer
    if not servers:
        raise UpstreamFailed("the resource metadata names no authorization server")
    return checked_url(servers[0], "the authorization server")


async def _without_resource_metadata(http: JsonHttp, server: str, issuer: str | None) -> AuthorizationServer:
    """The rules of 2025-03-26: the server's own origin is the authorization server, with or without metadata."""
    parts = urlsplit(checked_url(server, "the server"))
    origin = f"{parts.scheme}://{parts.netloc}"
    if issuer not in {None, origin, f"{origin}/"}:
        raise UpstreamFailed(f"the server does not name the authorization server {issuer} that is configured")
    resource = resource_url_from_server_url(server)
    metadata = await _server_metadata(http, None, server)
    if metadata is None:
        return AuthorizationServer(
            resource=resource,
            issuer=issuer or origin,
            authorization_endpoint=f"{origin}/authorize",
            token_endpoint=f"{origin}/token",
            registration_endpoint=f"{origin}/register",
        )
    if metadata.get("issuer") not in {origin, f"{origin}/"}:
        raise UpstreamFailed(f"the metadata at {origin} is that of {printable(str(metadata.get('issuer')))}")
    return _read(metadata, str(metadata["issuer"]), resource, None)


async def _server_metadata(http: JsonHttp, issuer: str | None, server: str) -> Json | None:
    """Authorization server metadata (RFC 8414, then OpenID Connect discovery), None when nobody publishes any."""
    named = None if issuer is None else checked_url(issuer, "the authorization server")
    for url in build_oauth_authorization_server_metadata_discovery_urls(named, server):
        document = _document(await http.get(checked_url(url, "the server metadata"), limit=METADATA_LIMIT))
        if document is not None:
            return document
    return None


def _document(answer: Answer) -> Json | None:
    """A metadata document, None when it is not published here.

    Raises:
        UpstreamFailed: the server fails, which does not say whether there is one, or it is no JSON object.
    """
    if answer.status == 429 or answer.status >= 500:
        raise UpstreamFailed(f"the metadata cannot be had: HTTP {answer.status}")
    return answer.object() if answer.status == 200 else None


def _read(metadata: Json, issuer: str, resource: str, scopes: JsonValue) -> AuthorizationServer:
    def endpoint(name: str) -> str | None:
        return None if metadata.get(name) is None else checked_url(metadata[name], f"the {name} of {printable(issuer)}")

    # Servers of machines alone have no authorization endpoint; it is asked for where a person is.
    return AuthorizationServer(
        resource=resource,
        issuer=issuer,
        authorization_endpoint=endpoint("authorization_endpoint") or "",
        token_endpoint=checked_url(metadata.get("token_endpoint"), f"the token_endpoint of {printable(issuer)}"),
        registration_endpoint=endpoint("registration_endpoint"),
        revocation_endpoint=endpoint("revocation_endpoint"),
        device_authorization_endpoint=endpoint("device_authorization_endpoint"),
        resource_scopes=checked_scope(" ".join(_words(scopes))),
        auth_methods=tuple(_words(metadata.get("token_endpoint_auth_methods_supported"))),
        offline_access="offline_access" in _words(metadata.get("scopes_supported")),
        sends_issuer=metadata.get("authorization_response_iss_parameter_supported") is True,
        documents=metadata.get("client_id_metadata_document_supported") is True,
        dpop=ALGORITHM in _words(metadata.get("dpop_signing_alg_values_supported")),
        pkce="S256" in _words(metadata.get("code_challenge_methods_supported")),
    )


def _words(value: JsonValue) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _parameters(header: str) -> dict[str, str]:
    """The parameters of the first Bearer or DPoP challenge in a WWW-Authenticate header."""
    found: dict[str, str] = {}
    scheme = ""
    for part in _CHALLENGE_PART.finditer(header):
        if part["scheme"]:
            if scheme in _SCHEMES:
                break
            scheme = part["scheme"].lower()
        elif scheme in _SCHEMES:
            value = part["plain"] if part["quoted"] is None else re.sub(r"\\(.)", r"\1", part["quoted"])
            found.setdefault(part["name"].lower(), value)
    return found


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = parse_host(host)
    except ValueError:
        return False
    return address is not None and address.is_loopback
