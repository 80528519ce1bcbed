"""Encoded text in places where people write plainly."""

import re
from collections.abc import Iterator, Sequence

from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.scanners import concealment, exfiltration, instructions, safeguards
from airegistry.scanners.ciphers import deciphered
from airegistry.scanners.rules import LONGEST_TEXT, SPOKEN, Rule
from airegistry.scanners.texts import Role, Text, texts

_CODES = ("OWASP-MCP06:2025", "OWASP-ASI01:2026", "OWASP-LLM01:2025", "ATLAS-AML.T0068", "CWE-506")
_REMEDIATION = "Write it in the clear, or remove it."
ORDER = Rule(
    "blobs.order",
    "critical",
    "an instruction or a command that was encoded",
    _REMEDIATION,
    _CODES,
    "high",
    structural=True,
)
WORDS = Rule("blobs.words", "medium", "words that were encoded", _REMEDIATION, _CODES)
OPAQUE = Rule("blobs.opaque", "medium", "a long run of encoded data", _REMEDIATION, _CODES)
RULES = (ORDER, WORDS, OPAQUE)

_PROSE: frozenset[Role] = frozenset(
    {"description", "title", "instructions", "prompt", "resource", "parameter", "name", "enum"}
)
_ORDERS = [
    words
    for family in (concealment, exfiltration, instructions, safeguards)
    for words in family.WORDS
    if words.rule.severity == "high"
]
_COMMAND = re.compile(
    r"\b(?:curl|wget|iwr|invoke-webrequest)\b[^|;&]{0,200}(?:\||;|&&)\s{0,3}\w|\b(?:ba|z|da)?sh -[ic]\b|/dev/tcp/|"
    r"\bnc -|\brm -rf|\beval\(|\bexec\(|\bos\.system|\bsubprocess\.|\bpowershell\b|\bbase64 -d|\bchmod \+x|"
    r"~/\.(?:ssh|aws)\b|\bid_rsa\b"
)
_ENCODED = re.compile(r"(?<![\w+/=.-])(?:[A-Za-z0-9+/]{32,}={0,2}|(?:[0-9a-fA-F]{2}){32,})(?![\w+/=])")
_SOUGHT = re.compile(
    r"\.env\b|~/\.\w{2,12}|\b(?:api|ssh|private|access) keys?\b|\b(?:passwords?|credentials|secrets|tokens|cookies)\b|"
    r"\b(?:chat|conversation|message) history\b|\b(?:last|previous|earlier|all) (?:messages|instructions)\b|\bsystem "
    r"prompt\b|"
    r"\bthe (?:user|assistant|model)(?:'s)?\b|\bwithout (?:asking|telling)\b|/etc/(?:passwd|shadow)\b"
)
_DONE = re.compile(
    r"\b(?:read|open|copy|collect|attach|take|send|forward|include|upload|put|pass|hand|post|ignore|disregard|reveal"
    r"|print|"
    r"append|run|execute|call|never|must|do not|don't|has to|have to)\b"
)
"""In words that somebody took the trouble to encode, these two together are enough."""
_A_SENTENCE = 5
_OPAQUE = 160
_SHORTEST = 24
_WRITTEN = _PROSE | {"default", "example", "data", "other"}
_NEEDLESS = re.compile(
    r"(?i)(?:&#(?:x[46][1-9a-f]|x[57][0-9a]|6[5-9]|[78]\d|9[07-9]|1[01]\d|12[0-2]);){6}|(?:%[46][1-9a-f]"
    r"|%[57][0-9a]){6}|"
    r"(?:\\(?:x|u00)(?:20|[46][1-9a-f]|[57][0-9a])){6}"
)
"""Letters in a row that were escaped and never need to be: nobody reads on over them."""
_SPEAKS_OF_IT = re.compile(
    r"\b(?:base ?64|base ?32|hex(?:adecimal)?|(?:en|de)cod(?:e[sd]?|ing)|encrypt\w{0,3}|hash\w{0,2})\b"
)
_WORD = re.compile(r"[a-z]{3,}")


class Blobs:
    """Compares what a text says in the clear with what is encoded in it."""

    name = "blobs/1"

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """At most one finding per text."""
        if asset.kind not in SPOKEN:
            return ()
        return [finding for text in texts(asset) if (finding := _finding(text)) is not None]


def _finding(text: Text) -> Finding | None:
    blob = _ENCODED.search(text.plain[:LONGEST_TEXT])
    clear = text.plain[:LONGEST_TEXT].lower()
    hidden = [form[:LONGEST_TEXT].lower() for form in text.decoded]
    needless = bool(hidden and _NEEDLESS.search(text.raw))
    for form in (*(each for each in hidden if needless or not _resembles(each, clear)), *_ciphers(text)):
        if said := _order(form, clear):
            return ORDER.finding(text.field, said)
    if blob is None or text.role not in _PROSE:
        return None
    spoken_of = _SPEAKS_OF_IT.search(clear)
    for form in text.decoded:
        if not spoken_of and len(_WORD.findall(form[:LONGEST_TEXT].lower())) > 2 and not form.startswith('{"'):
            return WORDS.finding(text.field, form[:160])
    return OPAQUE.finding(text.field, blob[0][:60]) if len(blob[0]) > _OPAQUE else None


def _ciphers(text: Text) -> Iterator[str]:
    """What is enciphered in places where people write."""
    return deciphered(text.plain) if text.role in _WRITTEN and len(text.plain) > _SHORTEST else iter(())


def _order(hidden: str, clear: str) -> str | None:
    """A command or an order in what was hidden, unless it can be read in the clear too."""
    if match := _COMMAND.search(hidden):
        return hidden[max(0, match.start() - 20) : match.end() + 60]
    sought, done = _SOUGHT.search(hidden), _DONE.search(hidden)
    if sought and done and sought[0] not in clear and len(_WORD.findall(hidden)) >= _A_SENTENCE:
        return hidden[max(0, sought.start() - 60) : sought.end() + 60]
    found = (said[0] for words in _ORDERS if (said := words.search(hidden)))
    return next((said for said in found if said not in clear), None)


def _resembles(hidden: str, clear: str) -> bool:
    """Whether it is the whole text with some escapes resolved, which hides nothing from a careful reader."""
    return hidden[:8] == clear[:8] or hidden[-8:] == clear[-8:]
