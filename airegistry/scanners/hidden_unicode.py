"""Text that a person does not see and a model reads: tag characters, bidirectional overrides, zero-width letters."""

import re
from collections.abc import Sequence

from airegistry.core.findings import Finding, Severity, escaped
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.scanners.leaves import leaves

REMEDIATION = "Remove the characters that nobody sees, and ask the publisher what they are for."
CODES = ["OWASP-MCP06:2025", "OWASP-ASI01:2026", "ATLAS-AML.T0068", "CWE-1007"]
_TAGS = re.compile("[\U000e0001-\U000e007f]+")
_FLAG = re.compile("\U0001f3f4[\U000e0061-\U000e007a]{2,6}\U000e007f")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_ZERO_WIDTH = re.compile("[\u200b\u2060-\u2064\ufeff\u00ad\u180e]")
_JOINER = re.compile("(?<=[\x21-\u024f])[\u200c\u200d](?=[\x21-\u024f])|[\u200c\u200d]{2,}")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2,}")


class HiddenUnicode:
    """Blocks assets with hidden text. Joiners of emoji and of Indic and Arabic script, and regional flags, pass."""

    name = "hidden-unicode/1"

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """One finding per text and rule."""
        return [finding for pointer, text in leaves(asset) if not text.isascii() or _CONTROL.search(text)
                for finding in _findings(pointer, text)]  # fmt: skip


def _findings(pointer: str, text: str) -> list[Finding]:
    found = []
    tags = _TAGS.search(_FLAG.sub("", text))
    if tags:
        hidden = "".join(chr(ord(letter) - 0xE0000) for letter in tags[0])
        found.append(_finding("hidden-unicode.tags", "critical", pointer, "text in invisible tag characters", hidden))
    for rule, pattern, what in (
        ("hidden-unicode.bidi", _BIDI, "a bidirectional control reorders what a person sees"),
        ("hidden-unicode.zero-width", _ZERO_WIDTH, "zero-width characters inside text"),
        ("hidden-unicode.joiner", _JOINER, "joiners between letters that do not join"),
        ("hidden-unicode.selectors", _SELECTORS, "a run of variation selectors can carry hidden bytes"),
        ("hidden-unicode.control", _CONTROL, "control characters"),
    ):
        if match := pattern.search(text.removeprefix("\ufeff")):
            around = text[max(0, match.start() - 20) : match.end() + 20]
            found.append(_finding(rule, "high", pointer, what, around))
    return found


def _finding(rule: str, severity: Severity, pointer: str, message: str, evidence: str) -> Finding:
    return Finding(
        rule=rule, severity=severity, confidence="high", structural=True, field=pointer, message=message,
        evidence=escaped(evidence), remediation=REMEDIATION, codes=CODES,
    )  # fmt: skip
