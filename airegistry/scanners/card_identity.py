"""Who an agent card says it is from, beside the hosts that it leads to."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import JsonValue

from airegistry.core.findings import Finding
from airegistry.scanners.makers import (
    borrowed,
    combined,
    disguised_host,
    host_of,
    imitated,
    is_of,
    makers_in,
    may_be_of,
    mistyped,
    owner_of,
)
from airegistry.scanners.rules import Rule
from airegistry.scanners.skill_hosts import standing
from airegistry.scanners.texts import Text

_ORIGIN = ("OWASP-MCP09:2025", "OWASP-ASI07:2026", "CWE-346")
_SPOOF = ("OWASP-MCP09:2025", "OWASP-ASI07:2026", "OWASP-ASI09:2026", "CWE-451")
_NAME_IT = "Name who runs the agent."

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
    _NAME_IT,
    _SPOOF,
)
_NAMED = Rule(
    "card-name.brand",
    "high",
    "the agent is named after the maker that it says it is from, and is not at its domain",
    _NAME_IT,
    _SPOOF,
)
_CLAIMED = Rule(
    "card-claim.official",
    "high",
    "claims to be a maker's own agent, and is not at its domain",
    _NAME_IT,
    _SPOOF,
)
_BORROWED = Rule(
    "card-host.borrowed",
    "high",
    "a host begins with a well-known domain and belongs to somebody else",
    "Serve it from the domain of whoever runs it.",
    _SPOOF,
    "high",
    structural=True,
)
_LOOKALIKE = Rule(
    "card-host.lookalike",
    "high",
    "a host reads as a well-known maker's and is another one",
    "Serve it from the domain of whoever runs it.",
    _SPOOF,
    "high",
    structural=True,
)
_COMBINED = Rule(
    "card-host.combined",
    "high",
    "a host has a maker's name with other words, and is not the maker's",
    "Serve it from the domain of whoever runs it.",
    _SPOOF,
)
_DISGUISED = Rule(
    "card-name.lookalike",
    "high",
    "a name reads as a well-known one and is another one",
    "Write the name as it is.",
    _SPOOF,
    "high",
    structural=True,
)
_MISTYPED = Rule(
    "card-name.mistyped", "high", "a name is one slip away from a well-known one", "Write the name as it is.", _SPOOF
)

_WORD = re.compile(r"[^\W_]+")
_SENTENCE = re.compile(r"(?<=[.!?;\n])\s+")
_GENUINE = re.compile(
    r"\b(?:official|officially|authentic|genuine|verified|certified|legitimate|the real|offiziell\w{0,2}|officielle?|"
    r"oficial|ufficiale|официальн\w{1,3})\b|官方|公式"
)
_OF_AN_AGENT = re.compile(
    r"\b(?:agent|assistant|bot|copilot|concierge|service|support|help ?desk|helper|integration|connector|gateway"
    r"|portal|"
    r"agente|assistente|asistente|агент)\b|代理|智能体|助手|エージェント"
)
_NOT_OF_IT = re.compile(
    r"\b(?:unofficial|not (?:an? )?(?:official|affiliated|endorsed)|no affiliation|independent|nicht|non officiel|"
    r"(?:official|public) (?:[\w'-]{1,20} ){0,3}(?:apis?|sdks?|docs?|documentation|clients?|librar(?:y|ies)|data"
    r"|rates?|"
    r"sources?|images?|releases?|endpoints?|mcp|prices?|records?|websites?|repositor(?:y|ies)|statistics))\b"
)
_SPEAKS_OF_IT = re.compile(
    r"\b(?:typo ?squat\w{0,4}|look-?a-?likes?|homo(?:glyph|graph)\w{0,2}|impersonat\w{1,4}|phish\w{0,4})\b"
)


@dataclass(frozen=True, slots=True)
class _Stated:
    """What a card says of its origin."""

    name: str
    organization: str
    home: str | None
    urls: Sequence[str]
    """Endpoints at hosts that mean something: no placeholder, and not of this machine or network."""

    @classmethod
    def of(cls, card: Mapping[str, JsonValue], urls: Sequence[str]) -> "_Stated":
        provider = card.get("provider")
        stated = provider if isinstance(provider, dict) else {}
        home = stated.get("url") or card.get("documentationUrl") or card.get("homepage")
        return cls(
            str(card.get("name") or ""),
            str(stated.get("organization") or card.get("author") or ""),
            home if isinstance(home, str) else None,
            [url for url in urls if _outside(url)],
        )

    def foreign(self, maker: str) -> bool:
        """Whether the agent is somewhere, and not at all where the maker would have it."""
        return bool(self.urls) and not any(is_of(maker, url) for url in self.urls)

    @property
    def owners(self) -> str:
        return ", ".join(sorted({owner_of(url) for url in self.urls}))


def identity_findings(
    card: Mapping[str, JsonValue], endpoints: Mapping[str, str], further: Mapping[str, str], read: Sequence[Text]
) -> Iterator[Finding]:
    """What speaks against the origin that a card states; `endpoints` and the `further` URLs are by pointer."""
    stated = _Stated.of(card, [*endpoints.values()])
    for pointer, url in {**endpoints, **further}.items():
        yield from _host(pointer, url)
    yield from _provider(stated)
    yield from _claims(stated, read)
    yield from _names(card, read)


def _host(pointer: str, url: str) -> Iterator[Finding]:
    if not _outside(url):
        return
    if maker := borrowed(url):
        yield _BORROWED.finding(pointer, f"{maker} in {url}")
    elif maker := disguised_host(url):
        yield _LOOKALIKE.finding(pointer, f"{maker}: {url}")


def _outside(url: str) -> bool:
    """Whether a URL has a host by name or number that is somebody's, and neither a placeholder nor of this network."""
    host = host_of(url)
    return "." in host and (standing(url) in ("unknown", "known", "suspect") or host.endswith(".test"))


def _provider(stated: _Stated) -> Iterator[Finding]:
    home = owner_of(stated.home) if stated.home and standing(stated.home) != "placeholder" else ""
    if stated.urls and home and home not in {owner_of(url) for url in stated.urls}:
        yield _ELSEWHERE.finding("/card/provider", f"{home} and {stated.owners}")
    words = stated.organization.lower().replace(",", " ").replace(".", " ").split()
    maker = next(makers_in(" ".join(words[:2])), None)
    if maker is None or not stated.foreign(maker) or any(may_be_of(maker, url) for url in stated.urls):
        return
    yield _BRAND.finding("/card/provider", f"{stated.organization} at {stated.owners}")
    if maker in makers_in(stated.name):
        yield _NAMED.finding("/card/name", f"{stated.name} at {stated.owners}")
    if any(combined(maker, url) for url in stated.urls):
        yield _COMBINED.finding("/card/provider", f"{maker}: {stated.owners}")


def _claims(stated: _Stated, read: Sequence[Text]) -> Iterator[Finding]:
    """Sentences that claim to be a maker's own agent."""
    for text in read:
        if text.role not in ("name", "title", "description"):
            continue
        for sentence in _SENTENCE.split(text.plain[:4000].lower()):
            if not _GENUINE.search(sentence) or _NOT_OF_IT.search(sentence) or not _OF_AN_AGENT.search(sentence):
                continue
            maker = next((each for each in makers_in(sentence) if stated.foreign(each)), None)
            if maker is not None:
                yield _CLAIMED.finding(text.field, sentence[:160])
                if any(combined(maker, url) for url in stated.urls):
                    yield _COMBINED.finding("/card/url", f"{maker}: {stated.owners}")
                break


def _names(card: Mapping[str, JsonValue], read: Sequence[Text]) -> Iterator[Finding]:
    """Words of names that read as well-known ones; elsewhere such a word tells the same, and less surely."""
    provider = card.get("provider")
    organization = provider.get("organization") if isinstance(provider, dict) else None
    for pointer, name in (("/card/name", card.get("name")), ("/card/provider/organization", organization)):
        for word in _WORD.findall(name[:200]) if isinstance(name, str) else ():
            if maker := imitated(word):
                yield _DISGUISED.finding(pointer, f"{word} for {maker}")
            elif maker := mistyped(word):
                yield _MISTYPED.finding(pointer, f"{word} for {maker}")
    said = replace(_DISGUISED, structural=False, confidence="medium")
    for text in read:
        if text.role == "description" and not _SPEAKS_OF_IT.search(text.plain.lower()):
            word = next((word for word in dict.fromkeys(_WORD.findall(text.plain[:4000])) if imitated(word)), None)
            if word is not None:
                yield said.finding(text.field, word)
