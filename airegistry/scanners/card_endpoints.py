"""Where an agent card leads: its endpoints, and what asks routers for precedence."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from pydantic import JsonValue

from airegistry.core.assets import Agent
from airegistry.core.findings import Finding
from airegistry.egress.addresses import canonical, embedded, is_metadata, parse_host
from airegistry.scanners.makers import host_of, owner_of
from airegistry.scanners.rules import Rule
from airegistry.scanners.skill_hosts import standing

_ORIGIN = ("OWASP-MCP09:2025", "OWASP-ASI07:2026", "CWE-346")
_REACH = ("OWASP-MCP05:2025", "OWASP-ASI02:2026", "CWE-918")
_AUTH = ("OWASP-MCP07:2025", "OWASP-ASI03:2026", "CWE-319")

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
_TUNNEL = Rule(
    "card-endpoint.tunnel",
    "medium",
    "the agent is behind a tunnel to somebody's own machine",
    "Serve it from the provider's own domain.",
    _ORIGIN,
)
_SERVICE = Rule(
    "card-endpoint.service",
    "high",
    "an address inside a network is a service's own and no agent's",
    "Give the agent's own address.",
    _REACH,
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
_ROUTING_MEMBERS = frozenset("priority rank ranking score weight boost preference preferred precedence".split())
_OF_ROUTING = frozenset("routing agent selection discovery router".split())
_BESIDE_ROUTING = _OF_ROUTING | {"x", "default", "trust", "match"}
_SCHEMES = frozenset(("http", "https", "grpc", "grpcs", "ws", "wss"))
_TUNNELS = ("ngrok.io", "ngrok.app", "ngrok.dev", "ngrok-free.app", "ngrok-free.dev", "devtunnels.ms")
"""Tunnels of those who have an account there: developers show samples by them."""
_SERVICES = frozenset((22, 23, 25, 111, 2375, 2379, 3306, 5432, 6379, 8500, 10250, 10255, 11211, 27017))
"""Ports of databases, of shells and of what controls containers: none of these speaks A2A."""
_INSIDE = (
    "/latest/meta-data",
    "/latest/user-data",
    "/computemetadata/",
    "/metadata/instance",
    "/metadata/identity/oauth2",
)
_DEEPEST = 4
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def endpoint_findings(agent: Agent) -> Iterator[Finding]:
    """What its addresses say, and members that court routers."""
    places = endpoints_of(agent)
    for pointer, url in places.items():
        yield from _address(pointer, url)
    owners = {owner_of(url) for url in places.values() if standing(url) in ("unknown", "known", "suspect")}
    if len({owner.partition(".")[0] for owner in owners}) > 1:
        yield _SPREAD.finding("/card", ", ".join(sorted(owners)))
    yield from _courting(agent.card, "/card")


def endpoints_of(agent: Agent) -> dict[str, str]:
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
    lowered = url.lower()
    bare = lowered.startswith(("javascript:", "data:", "file:"))
    scheme = lowered.partition(":")[0] if "://" in url or bare else ""
    if scheme and scheme not in _SCHEMES:
        yield _SCHEME.finding(pointer, url)
        return
    if _is_store(url) or any(part in lowered for part in _INSIDE):
        yield _METADATA.finding(pointer, url)
        return
    if "@" in url.partition("://")[2].partition("/")[0]:
        yield _USER.finding(pointer, url)
    kind, host = standing(url), host_of(url)
    if any(host.endswith("." + each) for each in _TUNNELS):
        yield _TUNNEL.finding(pointer, url)
    elif kind == "suspect":
        yield _SUSPECT.finding(pointer, url)
    elif kind == "local" or host.endswith(".svc"):
        yield (_SERVICE if _port(url) in _SERVICES or host.startswith("kubernetes.default") else _INTERNAL).finding(
            pointer, url
        )
    elif scheme in ("http", "ws", "grpc"):
        yield _PLAIN.finding(pointer, url)


def _is_store(url: str) -> bool:
    """Whether the host is a cloud's store of credentials, however the address is written."""
    host = host_of(url)
    if host in ("metadata.google.internal", "metadata.azure.com", "metadata", "instance-data"):
        return True
    try:
        address = parse_host(host) if host else None
    except ValueError:
        return False
    return address is not None and any(is_metadata(each) for each in (canonical(address), *embedded(address)))


def _port(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError:
        return None


def _courting(members: Mapping[str, JsonValue], pointer: str, depth: int = 0) -> Iterator[Finding]:
    """Members by which a card asks routers for precedence, also below what A2A leaves open."""
    for member, value in members.items():
        words = {word.lower() for word in _WORD.findall(member)}
        high = isinstance(value, int | float) and not isinstance(value, bool) and value >= 100
        courts = words & _ROUTING_MEMBERS and words <= _ROUTING_MEMBERS | _BESIDE_ROUTING
        if courts and (depth == 0 or words & _OF_ROUTING) and (high or str(value).lower() in _LEVELS):
            yield _ROUTING.finding(f"{pointer}/{member}", f"{member}: {value}"[:200])
        elif depth < _DEEPEST and isinstance(value, dict):
            yield from _courting(value, f"{pointer}/{member}", depth + 1)
        elif depth < _DEEPEST and isinstance(value, list):
            for place, each in enumerate(value[:200]):
                if isinstance(each, dict):
                    yield from _courting(each, f"{pointer}/{member}/{place}", depth + 1)
