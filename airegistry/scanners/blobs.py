"""Encoded text in places where people write plainly."""

import re
from collections.abc import Sequence

from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.scanners import concealment, exfiltration, instructions, safeguards
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
_OPAQUE = 160
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
    if text.decoded:
        clear = text.plain[:LONGEST_TEXT].lower()
        for form in text.decoded:
            hidden = form[:LONGEST_TEXT].lower()
            if not _resembles(hidden, clear) and (said := _order(hidden)):
                return ORDER.finding(text.field, said)
            if blob and text.role in _PROSE and len(_WORD.findall(hidden)) > 2 and not hidden.startswith('{"'):
                return WORDS.finding(text.field, form[:160])
    if blob and len(blob[0]) > _OPAQUE and text.role in _PROSE:
        return OPAQUE.finding(text.field, blob[0][:60])
    return None


def _order(hidden: str) -> str | None:
    if match := _COMMAND.search(hidden):
        return hidden[max(0, match.start() - 20) : match.end() + 60]
    return next((said[0] for words in _ORDERS if (said := words.search(hidden))), None)


def _resembles(hidden: str, clear: str) -> bool:
    """Whether it is the whole text with some escapes resolved, which hides nothing from a careful reader."""
    return hidden[:8] == clear[:8] or hidden[-8:] == clear[-8:]
