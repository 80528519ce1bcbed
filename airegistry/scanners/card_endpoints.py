"""Where an agent card leads: its endpoints, whose they are, how one gets in, and who signed."""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from pydantic import JsonValue

from airegistry.core.assets import Agent
from airegistry.core.findings import Finding
from airegistry.scanners.rules import Rule
from airegistry.scanners.skill_hosts import standing
from airegistry.scanners.well_known import WELL_KNOWN

_ORIGIN = ("OWASP-MCP09:2025", "OWASP-ASI07:2026", "CWE-346")
_REACH = ("OWASP-MCP05:2025", "OWASP-ASI02:2026", "CWE-918")
_AUTH = ("OWASP-MCP07:2025", "OWASP-ASI03:2026", "CWE-319")
_SPOOF = ("OWASP-MCP09:2025", "OWASP-ASI07:2026", "OWASP-ASI09:2026", "CWE-451")

_SCHEME = Rule(
    "card-endpoint.scheme",
    "high",
    "an address is none of the web's",
    "Give an https address.",
    _REACH,
    "high",
    structural=True,
)
_USER = Rule(
    "card-endpoint.user-info",
    "high",
    "an address hides its host behind a name before the @",
    "Give the address without it.",
    _REACH,
    "high",
    structural=True,
)
_METADATA = Rule(
    "card-endpoint.metadata",
    "critical",
    "an address is a cloud's store of credentials",
    "Give the agent's own address.",
    _REACH,
    "high",
    structural=True,
)
_SUSPECT = Rule(
    "card-endpoint.suspect",
    "high",
    "the agent is at a host that anybody may put up under no name",
    "Serve it from the provider's own domain.",
    _ORIGIN,
    "high",
    structural=True,
)
_PLAIN = Rule("card-endpoint.no-tls", "medium", "the agent is reached without TLS", "Serve it over https.", _AUTH)
_INTERNAL = Rule(
    "card-endpoint.internal",
    "low",
    "an address is of this machine or network",
    "Register the address that callers use.",
    _REACH,
)
_SPREAD = Rule(
    "card-endpoint.spread",
    "medium",
    "the interfaces are at hosts of several owners",
    "Serve every interface from one domain.",
    _ORIGIN,
)
_ELSEWHERE = Rule(
    "card-origin.elsewhere",
    "info",
    "the agent is not at its provider's domain",
    "Serve it from the provider's domain, or sign the card.",
    _ORIGIN,
)
_BRAND = Rule(
    "card-provider.brand",
    "high",
    "a well-known maker is named as provider, and the agent is not at its domain",
    "Name who runs the agent.",
    _SPOOF,
)
_OPEN = Rule(
    "card-auth.none",
    "medium",
    "an agent that acts on systems asks nobody who they are",
    "Declare security schemes.",
    _AUTH,
)
_TOKEN_URL = Rule(
    "card-auth.address",
    "high",
    "an authorization address is none of the web's, or without TLS",
    "Give https addresses.",
    _AUTH,
    "high",
    structural=True,
)
_QUERY_KEY = Rule(
    "card-auth.key-in-query", "low", "the key stands in the address, where logs keep it", "Take it in a header.", _AUTH
)
_UNSIGNED = Rule(
    "card-signature.none",
    "high",
    "a signature says that it is none",
    "Sign the card with an algorithm, or leave signatures out.",
    _ORIGIN,
    "high",
    structural=True,
)
_FOREIGN_KEY = Rule(
    "card-signature.foreign-key",
    "medium",
    "the signature's keys are at another owner's host",
    "Publish the keys at the provider's domain.",
    _ORIGIN,
)
_ROUTING = Rule(
    "card-preference.member",
    "high",
    "a member that A2A does not know asks routers for precedence",
    "Leave it out.",
    ("OWASP-ASI07:2026", "ATLAS-AML.T0111", "CWE-451"),
    "high",
    structural=True,
)

_LEVELS = frozenset(("highest", "max", "maximum", "top", "critical", "always", "first", "override"))
_ROUTING_MEMBERS = frozenset(
    "priority rank ranking score weight boost preference preferred routingpriority routing_priority".split()
)
_TWO_LEVEL = frozenset("co com org net ac gov edu or ne".split())
_ACTS = ("execute", "admin", "delete", "shell", "root", "write")


def endpoint_findings(agent: Agent) -> Iterator[Finding]:
    """What its addresses, its ways in and its signatures say."""
    card = agent.card
    places = _endpoints(agent)
    for pointer, url in places.items():
        yield from _address(pointer, url)
    yield from _owners(card, list(places.values()))
    yield from _ways_in(card)
    yield from _signatures(card, list(places.values()))
    for member, value in card.items():
        high = isinstance(value, int | float) and not isinstance(value, bool) and value >= 100
        if member.lower() in _ROUTING_MEMBERS and (high or str(value).lower() in _LEVELS):
            yield _ROUTING.finding(f"/card/{member}", f"{member}: {value}")


def _endpoints(agent: Agent) -> dict[str, str]:
    """Addresses that calls go to, by pointer."""
    card = agent.card
    found: dict[str, str] = {}
    if isinstance(url := card.get("url"), str):
        found["/card/url"] = url
    elif agent.url:
        found["/url"] = agent.url
    for member in ("supportedInterfaces", "additionalInterfaces"):
        listed = card.get(member)
        for place, each in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(each, dict) and isinstance(url := each.get("url"), str):
                found[f"/card/{member}/{place}/url"] = url
    endpoints = card.get("endpoints")
    for name, each in (endpoints if isinstance(endpoints, dict) else {}).items():
        url = each.get("url") if isinstance(each, dict) else each
        if isinstance(url, str):
            found[f"/card/endpoints/{name}"] = url
    return found


def _address(pointer: str, url: str) -> Iterator[Finding]:
    scheme = (
        url.partition(":")[0].lower()
        if "://" in url or url.lower().startswith(("javascript:", "data:", "file:"))
        else ""
    )
    if scheme and scheme not in ("http", "https", "grpc", "grpcs", "ws", "wss"):
        yield _SCHEME.finding(pointer, url)
        return
    host = _host(url)
    if host in ("169.254.169.254", "metadata.google.internal", "100.100.100.200", "fd00:ec2::254") or host.startswith(
        "169.254."
    ):
        yield _METADATA.finding(pointer, url)
        return
    if "@" in url.partition("://")[2].partition("/")[0]:
        yield _USER.finding(pointer, url)
    kind = standing(url)
    if kind == "suspect":
        yield _SUSPECT.finding(pointer, url)
    elif kind == "local":
        yield _INTERNAL.finding(pointer, url)
    elif scheme in ("http", "ws", "grpc"):
        yield _PLAIN.finding(pointer, url)


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return ""


def owner_of(url: str) -> str:
    """The last two labels of a host, three under a registry's second level: who answers for it."""
    labels = _host(url).split(".")
    return ".".join(labels[-3:] if len(labels) > 2 and labels[-2] in _TWO_LEVEL else labels[-2:])


def _owners(card: Mapping[str, JsonValue], urls: list[str]) -> Iterator[Finding]:
    """Endpoint, provider and documentation against each other."""
    owners = {owner_of(url) for url in urls if standing(url) in ("unknown", "known", "suspect")}
    if len(owners) > 1:
        yield _SPREAD.finding("/card", ", ".join(sorted(owners)))
    provider = card.get("provider")
    stated = provider if isinstance(provider, dict) else {}
    named = str(stated.get("organization") or card.get("author") or "").lower()
    home = stated.get("url") or card.get("documentationUrl") or card.get("homepage")
    if owners and isinstance(home, str) and owner_of(home) not in owners and standing(home) != "placeholder":
        yield _ELSEWHERE.finding("/card/provider", f"{owner_of(home)} and {', '.join(sorted(owners))}")
    words = named.replace(",", " ").replace(".", " ").split()
    brand = next((word for word in words[:2] if len(word) > 3 and word in WELL_KNOWN), None)
    if brand and owners and not any(brand in owner for owner in owners):
        yield _BRAND.finding("/card/provider", f"{named} at {', '.join(sorted(owners))}")


def _ways_in(card: Mapping[str, JsonValue]) -> Iterator[Finding]:
    schemes = card.get("securitySchemes")
    for name, scheme in (schemes if isinstance(schemes, dict) else {}).items():
        if not isinstance(scheme, dict):
            continue
        pointer = f"/card/securitySchemes/{name}"
        for where, url in _addresses(scheme):
            bad_scheme = url.partition(":")[0].lower() not in ("http", "https")
            if bad_scheme or (url.lower().startswith("http://") and standing(url) in ("unknown", "known", "suspect")):
                yield _TOKEN_URL.finding(pointer + where, url)
        if scheme.get("in") == "query" or scheme.get("location") == "query":
            yield _QUERY_KEY.finding(pointer, "in: query")
    authentication = card.get("authentication")
    nobody = isinstance(authentication, dict) and str(authentication.get("type", "")).lower() in ("none", "anonymous")
    if nobody and any(word in json.dumps(card.get("capabilities", "")).lower() for word in _ACTS):
        yield _OPEN.finding("/card/authentication", "type: none")


def _addresses(scheme: Mapping[str, JsonValue], below: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Pairs of pointer and URL of what a security scheme names."""
    for member, value in scheme.items():
        if isinstance(value, str) and member.lower().endswith("url"):
            yield f"{below}/{member}", value
        elif isinstance(value, dict) and depth < 4:
            yield from _addresses(value, f"{below}/{member}", depth + 1)


def _signatures(card: Mapping[str, JsonValue], urls: list[str]) -> Iterator[Finding]:
    listed = card.get("signatures")
    for place, each in enumerate(listed if isinstance(listed, list) else []):
        protected = each.get("protected") if isinstance(each, dict) else None
        header = _header(protected) if isinstance(protected, str) else None
        if header is None:
            continue
        if str(header.get("alg", "")).lower() in ("none", ""):
            yield _UNSIGNED.finding(f"/card/signatures/{place}", json.dumps(header))
        jku = header.get("jku")
        if isinstance(jku, str) and urls and owner_of(jku) not in {owner_of(url) for url in urls}:
            yield _FOREIGN_KEY.finding(f"/card/signatures/{place}", jku)


def _header(protected: str) -> Mapping[str, JsonValue] | None:
    try:
        header = json.loads(base64.urlsafe_b64decode(protected + "=" * (-len(protected) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return header if isinstance(header, dict) else None
