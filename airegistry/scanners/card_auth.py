"""How one gets into an agent: security schemes, what they ask for, and who signed the card."""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence

from pydantic import JsonValue

from airegistry.core.findings import Finding
from airegistry.scanners.makers import owner_of
from airegistry.scanners.rules import Rule
from airegistry.scanners.skill_hosts import standing
from airegistry.scanners.texts import Text

_AUTH = ("OWASP-MCP07:2025", "OWASP-ASI03:2026", "CWE-319")
_MISSING = ("OWASP-MCP07:2025", "OWASP-ASI03:2026", "CWE-306")
_ORIGIN = ("OWASP-MCP09:2025", "OWASP-ASI07:2026", "CWE-346")
_TAKES = ("OWASP-MCP01:2025", "OWASP-ASI03:2026", "ATLAS-AML.T0098", "CWE-522")

_OPEN = Rule(
    "card-auth.none",
    "medium",
    "an agent that acts on systems asks nobody who they are",
    "Declare security schemes.",
    _MISSING,
)
_WAIVED = Rule(
    "card-auth.waived",
    "high",
    "an agent that moves money or acts on systems says that nobody has to prove who they are",
    "Declare security schemes, and require one.",
    _MISSING,
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
_BORROWED = Rule(
    "card-credential.of-others",
    "high",
    "a way in asks for a password or a token that was given out for something else",
    "Ask for a credential of this agent's own.",
    _TAKES,
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

_ACTS = ("execute", "admin", "delete", "shell", "root", "write")
_ACTING = re.compile(
    r"\b(?:transfers?|pays?|payments?|withdraw\w{0,3}|funds|deletes?|executes?|shell|commands?|root|admin\w{0,11}"
    r"|wires?|"
    r"deploys?|provisions?|revokes?|grants?|credentials|secrets|passwords?|payroll|trades?|orders? (?:stock|shares))\b"
)
_NO_PROOF = re.compile(
    r"\b(?:no|without(?: any)?|never (?:asks? for|requires?)|(?:does|do) not (?:require|need|check|ask for)|skips?|"
    r"callers? (?:may|can) skip|bypass(?:es)?|disables?) (?:\w{1,12} ){0,2}(?:authentication|authorization"
    r"|authorisation|"
    r"credentials|log-?in|sign-?in|identity checks?|verification)\b|\banonymous (?:callers?|access|users?) (?:may|can"
    r"|is|are)\b"
)
_OF_OTHERS = re.compile(
    r"\b(?:user|customer|client|caller|owner|employee|admin\w{0,11}|calling agent|host|orchestrator)(?:'s|s'"
    r"|\u2019s)? "
    r"(?:\w{1,14} ){0,3}(?:passwords?|session cookies?|private keys?|seed phrases?|recovery (?:phrases?|codes?)|"
    r"one-time (?:codes?|passwords?)|(?:own|existing|current|other|master|root|github|google|microsoft|aws|slack"
    r"|openai|"
    r"anthropic) (?:\w{1,12} ){0,2}(?:tokens?|keys?|credentials))\b"
)
_SPARED = re.compile(r"\b(?:never|not|no need|without|instead of)\b")


def auth_findings(card: Mapping[str, JsonValue], urls: Sequence[str], read: Sequence[Text]) -> Iterator[Finding]:
    """What speaks against the ways in and the signatures of a card whose endpoints are `urls`."""
    yield from _ways_in(card)
    yield from _signatures(card, urls)
    acting = any(_ACTING.search(text.plain[:4000].lower()) for text in read if text.role in ("description", "name"))
    for text in read if acting else ():
        if text.role == "description" and (match := _NO_PROOF.search(text.plain[:4000].lower())):
            yield _WAIVED.finding(text.field, match[0])


def ways_of(card: Mapping[str, JsonValue]) -> dict[str, str]:
    """The URLs that its security schemes name, by pointer."""
    schemes = card.get("securitySchemes")
    return {
        f"/card/securitySchemes/{name}{where}": url
        for name, scheme in (schemes if isinstance(schemes, dict) else {}).items()
        if isinstance(scheme, dict)
        for where, url in _addresses(scheme)
    }


def _ways_in(card: Mapping[str, JsonValue]) -> Iterator[Finding]:
    for pointer, url in ways_of(card).items():
        bad_scheme = url.partition(":")[0].lower() not in ("http", "https")
        if bad_scheme or (url.lower().startswith("http://") and standing(url) in ("unknown", "known", "suspect")):
            yield _TOKEN_URL.finding(pointer, url)
    schemes = card.get("securitySchemes")
    for name, scheme in (schemes if isinstance(schemes, dict) else {}).items():
        if not isinstance(scheme, dict):
            continue
        pointer = f"/card/securitySchemes/{name}"
        if scheme.get("in") == "query" or scheme.get("location") == "query":
            yield _QUERY_KEY.finding(pointer, "in: query")
        said = str(scheme.get("description") or "").lower()[:4000]
        match = None if str(scheme.get("scheme")).lower() == "basic" else _OF_OTHERS.search(said)
        if match and not _SPARED.search(said[max(0, match.start() - 60) : match.start()]):
            yield _BORROWED.finding(f"{pointer}/description", match[0])
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


def _signatures(card: Mapping[str, JsonValue], urls: Sequence[str]) -> Iterator[Finding]:
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
