"""Schemas that do more than describe data: references to elsewhere, prose where values belong."""

import re
from collections.abc import Sequence

from airegistry.core.findings import Finding
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.scanners.rules import Rule
from airegistry.scanners.texts import Role, Text, texts

_PROSE_CODES = ("OWASP-MCP03:2025", "OWASP-ASI01:2026", "OWASP-LLM01:2025", "ATLAS-AML.T0110", "CWE-1427")
_PROSE_REMEDIATION = "Keep values short, and explain in the description."
EXTERNAL_REF = Rule(
    "schema.external-ref",
    "high",
    "a reference that whoever reads the schema would fetch",
    "Write the schema out in $defs.",
    ("OWASP-MCP05:2025", "OWASP-ASI02:2026", "CWE-918"),
    "high",
    structural=True,
)
PROSE_DEFAULT = Rule(
    "schema.prose-default", "medium", "a default value that is prose", _PROSE_REMEDIATION, _PROSE_CODES
)
PROSE_ENUM = Rule("schema.prose-enum", "medium", "an enumerated value that is prose", _PROSE_REMEDIATION, _PROSE_CODES)
PROSE_NAME = Rule("schema.prose-name", "medium", "a parameter named by a sentence", "Name it by a noun.", _PROSE_CODES)
PROSE_TITLE = Rule("schema.prose-title", "medium", "a title that is a paragraph", _PROSE_REMEDIATION, _PROSE_CODES)
PROSE_ELSEWHERE = Rule(
    "schema.prose-elsewhere",
    "medium",
    "prose in a member that no schema has, or where a keyword's value belongs",
    "Remove the member.",
    _PROSE_CODES,
)
COMMAND_DEFAULT = Rule(
    "schema.command-default",
    "medium",
    "a default value that is a shell command or a file with secrets",
    "Leave the parameter without a default.",
    ("OWASP-MCP05:2025", "OWASP-ASI05:2026", "CWE-78"),
)
OPEN = Rule(
    "schema.open",
    "info",
    "an argument of any shape",
    "Name the members, and forbid others.",
    ("OWASP-MCP02:2025", "OWASP-LLM06:2025", "CWE-20"),
)
RULES = (
    EXTERNAL_REF,
    PROSE_DEFAULT,
    PROSE_ENUM,
    PROSE_NAME,
    PROSE_TITLE,
    PROSE_ELSEWHERE,
    COMMAND_DEFAULT,
    OPEN,
)

_ELSEWHERE = re.compile(r"(?i)^(?:[a-z][a-z0-9+.-]{1,20}:|//|/(?!/)|\.\.?/|\\\\)")
_META_SCHEMA = re.compile(r"^https?://json-schema\.org/")
_WORD = re.compile(r"[^\W\d_]{2,40}")
_NAME_WORD = re.compile(r"[_\-. ]+|(?<=[a-z])(?=[A-Z])")
_SECRET_FILE = re.compile(r"(?i)(?:^|/)(?:etc/(?:passwd|shadow)|\.ssh/|\.aws/|\.env$|id_rsa)|169\.254\.169\.254")
_SHELL = re.compile(
    r"(?i)\b(?:curl|wget)\b[^|]{0,200}\|\s{0,3}(?:ba|z|da)?sh\b|\brm -rf [/~]|\b(?:nc|ncat) -e\b|\bbash -i\b|"
    r"/dev/tcp/"
)


_VALUES: frozenset[Role] = frozenset({"default", "enum", "example"})
_LIMITS: dict[Role, tuple[Rule, int, int]] = {
    "default": (PROSE_DEFAULT, 80, 10),
    "enum": (PROSE_ENUM, 60, 8),
    "title": (PROSE_TITLE, 80, 11),
    "schema": (PROSE_ELSEWHERE, 60, 8),
}
"""From how many characters and words on a text is prose, by its role."""


class Schemas:
    """Reads what stands in schemas of tools."""

    name = "schema/1"

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """One finding per text and rule."""
        found = [each for text in texts(asset) if (each := _finding(text)) is not None]
        if asset.kind == "server":
            found += [
                OPEN.finding(f"/tools/{at}/inputSchema", "additionalProperties: true")
                for at, tool in enumerate(asset.tools)
                if tool.input_schema.get("additionalProperties") is True
            ]
        return found


def _finding(text: Text) -> Finding | None:
    inside = "/inputSchema/" in text.field or "/outputSchema/" in text.field
    if not inside:
        return None
    rule = _rule(text)
    return rule.finding(text.field, text.plain[:160]) if rule else None


def _rule(text: Text) -> Rule | None:
    said = text.plain[:4096]
    if text.field.endswith(("/$ref", "/$dynamicRef", "/$recursiveRef")):
        return EXTERNAL_REF if _ELSEWHERE.match(text.raw.strip()) and not _META_SCHEMA.match(text.raw) else None
    if text.role in _VALUES and (_SHELL.search(said) or (text.role == "default" and _SECRET_FILE.search(said))):
        return COMMAND_DEFAULT
    if text.role == "parameter":
        return PROSE_NAME if len(said) > 50 and len(_NAME_WORD.split(said)) > 8 else None
    if text.role in _LIMITS and not text.field.endswith("/pattern"):
        rule, characters, words = _LIMITS[text.role]
        return rule if _is_prose(said, characters, words) else None
    return None


def _is_prose(said: str, characters: int, words: int) -> bool:
    """Whether a text is longer than a value is, and made of words."""
    return len(said) > characters and said.count(" ") >= words - 1 and len(_WORD.findall(said)) >= words
