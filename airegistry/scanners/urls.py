"""URLs that lead where no tool needs to: drop hosts, metadata services, addresses in disguise."""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.egress.addresses import canonical, embedded, is_metadata, is_public, parse_host
from airegistry.scanners.rules import LONGEST_TEXT, SPOKEN, Rule
from airegistry.scanners.skill_hosts import standing
from airegistry.scanners.texts import Role, Text, texts

_CODES = ("OWASP-MCP10:2025", "OWASP-ASI02:2026", "ATLAS-AML.T0086", "CWE-201")
_SSRF = ("OWASP-MCP05:2025", "OWASP-ASI02:2026", "CWE-918")
DROP_HOST = Rule(
    "urls.drop-host",
    "high",
    "a host where anybody may put or collect anything: a paste, a request catcher, a tunnel",
    "Use a host of the publisher's own.",
    _CODES,
)
METADATA = Rule(
    "urls.metadata",
    "high",
    "names a cloud's metadata service, which gives out credentials",
    "Remove the address.",
    _SSRF,
    "medium",
)
METADATA_TARGET = Rule(
    "urls.metadata-target",
    "critical",
    "would be called at a cloud's metadata service, which gives out credentials",
    "Remove the address.",
    _SSRF,
    "high",
    structural=True,
)
DISGUISED = Rule(
    "urls.disguised",
    "high",
    "a URL that shows one host and leads to another",
    "Write the host plainly.",
    ("OWASP-MCP03:2025", "OWASP-ASI09:2026", "CWE-451", "CWE-918"),
    "high",
    structural=True,
)
NUMERIC = Rule(
    "urls.address",
    "medium",
    "a public address without a name",
    "Use a host name, over TLS.",
    _CODES,
)
INTERNAL = Rule(
    "urls.internal",
    "low",
    "an address inside a network",
    "Make it a setting of the server.",
    _SSRF,
)
FOREIGN_LETTERS = Rule(
    "urls.foreign-letters",
    "medium",
    "a host name in letters that can pass for others",
    "Write the host as users know it.",
    ("OWASP-MCP09:2025", "OWASP-ASI09:2026", "CWE-1007"),
)
SCRIPT = Rule(
    "urls.script",
    "high",
    "a URL that is a program",
    "Remove it.",
    ("OWASP-MCP05:2025", "OWASP-LLM05:2025", "CWE-79"),
    "medium",
)
RULES = (DROP_HOST, METADATA, METADATA_TARGET, DISGUISED, NUMERIC, INTERNAL, FOREIGN_LETTERS, SCRIPT)

_URL = re.compile(r"\b(https?|wss?|ftp)://([^\s\"'<>\\]{1,400})", re.IGNORECASE)
_DROP = re.compile(
    r"(?i)(?<![\w.-])((?:[a-z0-9-]{1,63}\.){0,4}(?:webhook\.site|requestbin\.(?:com|net)|pipedream\.net|"
    r"interact\.sh|oast\.\w{2,6}|ngrok(?:-free)?\.(?:io|app|dev)|trycloudflare\.com|burpcollaborator\.net|"
    r"oastify\.com|requestcatcher\.com|hookbin\.com|beeceptor\.com|dnslog\.cn|nip\.io|sslip\.io|xip\.io|loca\.lt|"
    r"serveo\.net|pastebin\.com|transfer\.sh|0x0\.st|rbndr\.us))\b"
)
_SCRIPT = re.compile(r"(?i)(?<![\w.])(?:javascript:\s{0,4}[\w.]{1,60}\(|vbscript:\w|data:text/html[;,])|<script[\s>]")
_METADATA_NAMES = re.compile(
    r"(?i)(?<![\w.])(?:169\.254\.169\.254|169\.254\.170\.2|100\.100\.100\.200|fd00:ec2::254|"
    r"metadata\.google\.internal|metadata\.azure\.com|instance-data\.ec2\.internal|https?://metadata/\w)(?![\w.-]*\w)"
)
_TARGETS: frozenset[Role] = frozenset({"url", "default", "enum", "resource"})
_XN = re.compile(r"(?i)(?:^|\.)xn--")


class Urls:
    """Reads every URL in every text."""

    name = "urls/1"

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """One finding per text and rule."""
        if asset.kind not in SPOKEN:
            return ()
        return [finding for text in texts(asset) for finding in _findings(text)]


def _findings(text: Text) -> list[Finding]:
    """What is wrong in one text, each rule once."""
    found: dict[str, Finding] = {}
    raw = text.raw[:LONGEST_TEXT]
    for form in (raw, *(said[:LONGEST_TEXT] for said in text.spoken)):
        if "." not in form and ":" not in form:
            continue
        for rule, evidence in _seen(form, text.role):
            found.setdefault(rule.id, rule.finding(text.field, evidence))
    return list(found.values())


def _seen(form: str, role: Role) -> Iterator[tuple[Rule, str]]:
    if match := _METADATA_NAMES.search(form):
        yield METADATA_TARGET if role in _TARGETS else METADATA, match[0]
    if match := _DROP.search(form):
        yield DROP_HOST, match[0]
    if match := _SCRIPT.search(form):
        yield SCRIPT, match[0]
    for match in _URL.finditer(form):
        yield from _of_url(match[0].rstrip(".,;:!?)]}*_"), role)


def _of_url(url: str, role: Role) -> Iterator[tuple[Rule, str]]:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return
    user = parts.netloc.rpartition("@")[0]
    if "." in user.partition(":")[0] and "{" not in url and not parts.netloc.startswith(("$", "<")):
        yield DISGUISED, url
    if _XN.search(host) or not host.isascii():
        yield FOREIGN_LETTERS, url
    try:
        address = parse_host(host) if host else None
    except ValueError:
        return
    if address is None:
        if standing(url) == "suspect":
            yield DROP_HOST, url
    elif any(is_metadata(form) for form in (canonical(address), *embedded(address))):
        yield METADATA_TARGET if role in _TARGETS else METADATA, url
    elif str(address) != host.lower() and ":" not in host:
        yield DISGUISED, url
    elif is_public(address):
        yield NUMERIC, url
    elif not address.is_loopback and not address.is_unspecified:
        yield INTERNAL, url
