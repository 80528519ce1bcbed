"""URLs that lead where no tool needs to: drop hosts, metadata services, addresses in disguise."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from airegistry.core.assets import Server
from airegistry.core.confusables import disguised, poses
from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.egress.addresses import canonical, embedded, is_metadata, is_public, parse_host
from airegistry.scanners.makers import borrowed, disguised_host, shown
from airegistry.scanners.rules import LONGEST_TEXT, SPOKEN, Rule
from airegistry.scanners.skill_hosts import standing
from airegistry.scanners.texts import Role, Text, texts
from airegistry.scanners.watching import is_sample, watches

_CODES = ("OWASP-MCP10:2025", "OWASP-ASI02:2026", "ATLAS-AML.T0086", "CWE-201")
_SSRF = ("OWASP-MCP05:2025", "OWASP-ASI02:2026", "CWE-918")
DROP_HOST = Rule(
    "urls.drop-host",
    "high",
    "a host where anybody may put or collect anything: a paste, a request catcher, a tunnel",
    "Use a host of the publisher's own.",
    _CODES,
)
COLLECTED = Rule(
    "urls.collected",
    "high",
    "sends something to a catcher of requests, which shows it to whoever set it up",
    "Send it to a host of the publisher's own, and say so.",
    _CODES,
    "high",
    structural=True,
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
BORROWED = Rule(
    "urls.borrowed",
    "high",
    "a host that begins with a well-known domain and belongs to somebody else, or reads as a well-known one",
    "Use the host of whoever runs it.",
    ("OWASP-MCP09:2025", "OWASP-ASI09:2026", "CWE-451"),
    "high",
    structural=True,
)
LOCAL_FILE = Rule(
    "urls.local-file",
    "high",
    "an address of a file that holds secrets, or of a protocol by which servers are made to speak to others",
    "Remove the address.",
    _SSRF,
    "medium",
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
RULES = (
    DROP_HOST, COLLECTED, METADATA, METADATA_TARGET, DISGUISED, BORROWED, LOCAL_FILE, NUMERIC, INTERNAL,
    FOREIGN_LETTERS, SCRIPT,
)  # fmt: skip

_URL = re.compile(r"\b(https?|wss?|ftp)://([^\s\"'<>\\]{1,400})", re.IGNORECASE)
_DROP = re.compile(
    r"(?i)(?<![\w.-])((?:[a-z0-9-]{1,63}\.){0,4}(?:webhook\.site|requestbin\.(?:com|net)|pipedream\.net|"
    r"interact\.sh|oast\.\w{2,6}|ngrok(?:-free)?\.(?:io|app|dev)|trycloudflare\.com|burpcollaborator\.net|"
    r"oastify\.com|requestcatcher\.com|hookbin\.com|beeceptor\.com|dnslog\.cn|nip\.io|sslip\.io|xip\.io|loca\.lt|"
    r"serveo\.net|pastebin\.com|transfer\.sh|0x0\.st|rbndr\.us|requestrepo\.com|webhook\.cool|postb\.in|ceye\.io|"
    r"canarytokens\.com|localhost\.run|pinggy\.(?:link|io)|bore\.pub|localtunnel\.me|termbin\.com|rentry\.(?:co|org)|"
    r"paste\.(?:rs|ee)|hastebin\.com|dpaste\.(?:org|com)|ghostbin\.com|gofile\.io|catbox\.moe|file\.io|1u\.ms|"
    r"devtunnels\.ms|bashupload\.com|anonfiles\.com|temp\.sh|ix\.io))(?![\w-]|\.\w)"
)
_HOOK = re.compile(
    r"(?i)\b(?:discord(?:app)?\.com/api/webhooks/\d{6,}|api\.telegram\.org/bot\d{4,}"
    r"|hooks\.slack\.com/services/t[0-9a-z]{6,}/|"
    r"script\.google\.com/macros/s/[\w-]{12,}|maker\.ifttt\.com/trigger/\w)[\w/:-]{0,60}"
)
"""Somebody's own mailbox at a service that all use: what is sent there is gone."""
_SENDS = re.compile(
    r"\b(?:send|sent|post|upload|forward|report|transmit|exfiltrat|cop(?:y|ie)|push|deliver|submit|stream|write|put"
    r"|save|"
    r"store|back|log|mirror|leak|dump|expose|connect|call|fetch|download|load|read|get|run|curl|wget)\w{0,4}\b"
)
_WATCHES = re.compile(
    r"\b(?:watch|monitor|scan|search|detect|find|investigate|triage|block|check|audit|flag|alert|protect|prevent"
    r"|reject|refus|den(?:y|ie)|"
    r"harden|report|inspect|assess|test|alert)(?:s|es|ed|ing)?\b"
)
_REACHES = re.compile(
    r"\b(?:fetch|read|get|request|quer|curl|wget|open|call|retriev|load|download|access|send|post|obtain|take|visit|"
    r"connect|resolve|e\.g|such as|instance|for example|via|from)\w{0,4}\b"
)
_COLLECTED = re.compile(
    r"(?i)\b(?:send|post|upload|forward|report|transmit|exfiltrate|cop(?:y|ie)|push|deliver|submit|stream|mirror|relay|"
    r"backs? up|leak|beacon|ping)(?:e?[sd]|ted|ping|ing)?\b[^.!?;]{0,80}?(?:https?://)?(?:[\w-]{1,63}\.){0,4}"
    r"(?:webhook\.(?:site|cool)|"
    r"requestbin\.(?:com|net)|pipedream\.net|interact(?:sh\.com|\.sh)|oast\.(?:fun|live|me|online|pro|site)"
    r"|oastify\.com|"
    r"burpcollaborator\.net|requestcatcher\.com|hookbin\.com|beeceptor\.com|dnslog\.cn|requestrepo\.com|postb\.in|"
    r"ceye\.io|canarytokens\.com|discord(?:app)?\.com/api/webhooks/\d{6}|api\.telegram\.org/bot\d{4})"
)
_NEVER = re.compile(r"(?i)\b(?:never|not|no|without|prevents?|blocks?|detects?|attempts? to)\b[^.!?;]{0,24}$")
_TRIED = re.compile(r"(?i)\b(?:test|debug|example|e\.g|such as|demo|try|inspect|your own|configured|like)\w{0,4}\b")
_LOCAL_FILE = re.compile(
    r"(?i)\bfile:/{1,3}(?:localhost)?/?(?:etc/(?:passwd|shadow|sudoers)|proc/|root/|home/[^/\s]{1,40}/\."
    r"|users/[^/\s]{1,40}/\.|"
    r"var/run/secrets)|\b(?:gopher|dict)://[\w\[.-]"
)
_RESOLVERS = frozenset(("8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9"))
"""Addresses that everybody knows: examples name them, and nobody's data goes there unseen."""
_SCRIPT = re.compile(r"(?i)(?<![\w.])(?:javascript:\s{0,4}[\w.]{1,60}\(|vbscript:\w|data:text/html[;,])|<script[\s>]")
_METADATA_NAMES = re.compile(
    r"(?i)(?<![\w.])(?:169\.254\.169\.254|169\.254\.170\.2|100\.100\.100\.200|fd00:ec2::254|"
    r"metadata\.google\.internal|metadata\.azure\.com|instance-data\.ec2\.internal|https?://metadata/\w)(?![\w.-]*\w)"
)
_TARGETS: frozenset[Role] = frozenset({"url", "default", "enum", "resource"})
_SENTENCE = 120
_WORD = re.compile(r"[a-z]{5,40}")
_ENDS = re.compile(r"[.!?;] ")
_XN = re.compile(r"(?i)(?:^|\.)xn--")


class Urls:
    """Reads every URL in every text."""

    name = "urls/1"

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """One finding per text and rule."""
        if asset.kind not in SPOKEN:
            return ()
        own = _own_words(asset)
        return [finding for text in texts(asset) for finding in _findings(text, own)]


def _own_words(asset: AnyAsset) -> frozenset[str]:
    """The words of the names of an asset and its tools: what they are about."""
    tools = (tool.name for tool in asset.tools) if isinstance(asset, Server) else ()
    return frozenset(word for name in (asset.name, *tools) for word in _WORD.findall(name[:200].lower()))


def _findings(text: Text, own: frozenset[str]) -> list[Finding]:
    """What is wrong in one text, each rule once."""
    found: dict[str, Finding] = {}
    raw = text.raw[:LONGEST_TEXT]
    for form in (raw, *(said[:LONGEST_TEXT] for said in text.spoken)):
        if "." not in form and ":" not in form:
            continue
        for rule, evidence in _seen(form, text.role, own):
            found.setdefault(rule.id, rule.finding(text.field, evidence))
    return list(found.values())


def _seen(form: str, role: Role, own: frozenset[str]) -> Iterator[tuple[Rule, str]]:
    if match := _METADATA_NAMES.search(form):
        yield _weighed(METADATA_TARGET if role in _TARGETS else METADATA, form, match, _REACHES), match[0]
    if match := _HOOK.search(form):
        yield DROP_HOST, match[0]
    elif match := _DROP.search(form):
        named = role == "description" and own & set(_WORD.findall(match[0].lower()))
        bare = not form[: match.start()].endswith("//") and form[match.end() : match.end() + 1] != "/"
        yield (
            replace(DROP_HOST, severity="low") if named and bare else _weighed(DROP_HOST, form, match, _SENDS),
            match[0],
        )
    match = _COLLECTED.search(form)
    if match and not _TRIED.search(form[max(0, match.start() - 60) : match.end()]) and not _spoken_of(form, match):
        yield COLLECTED, match[0][-160:]
    if match := _LOCAL_FILE.search(form):
        yield LOCAL_FILE, match[0]
    if match := _SCRIPT.search(form):
        yield replace(SCRIPT, severity="low") if _spoken_of(form, match) else SCRIPT, match[0]
    for match in _URL.finditer(form):
        for rule, evidence in _of_url(match[0].rstrip(".,;:!?)]}*_"), role):
            quoted = rule is DROP_HOST and is_sample(form.lower(), match)
            yield replace(rule, severity="low") if quoted else rule, evidence


def _spoken_of(form: str, match: re.Match[str]) -> bool:
    before = _ENDS.split(form[max(0, match.start() - _SENTENCE) : match.start()].lower())[-1]
    return bool(_NEVER.search(before) or _WATCHES.search(before) or watches(before))


def _weighed(rule: Rule, form: str, match: re.Match[str], uses: re.Pattern[str]) -> Rule:
    """The rule as it stands for a host that is gone to; a mild form of it for one that is only spoken of."""
    before = form[max(0, match.start() - _SENTENCE) : match.start()].lower()
    before = _ENDS.split(before)[-1]
    if rule.structural or before.endswith("//") or form[match.end() : match.end() + 1] == "/":
        return rule
    if _WATCHES.search(before) or watches(before):
        return replace(rule, severity="low")
    return rule if not before.strip() or uses.search(before) else replace(rule, severity="medium")


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
        yield _letters(host), url
    if role in _TARGETS and (borrowed(url) or disguised_host(url)):
        yield BORROWED, url
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
        yield replace(NUMERIC, severity="low") if str(address) in _RESOLVERS and role not in _TARGETS else NUMERIC, url
    elif not address.is_loopback and not address.is_unspecified:
        yield INTERNAL, url


def _letters(host: str) -> Rule:
    """What a host outside ASCII is: one that reads as a host in ASCII, or one in a script of its own."""
    named = ".".join(shown(label) for label in host.split("."))
    if any(disguised(label) or poses(label) for label in named.split(".") if not label.isascii()):
        return replace(FOREIGN_LETTERS, severity="high", confidence="high", structural=True)
    latin = all(letter.isascii() or "LATIN" in unicodedata.name(letter, "") for letter in named)
    return replace(FOREIGN_LETTERS, severity="low") if latin and not disguised_host(f"x://{named}") else FOREIGN_LETTERS
