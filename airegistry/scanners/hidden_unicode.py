"""Text that a person does not see and a model reads: tag characters, variation selectors, bidirectional controls."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from airegistry.core.confusables import disguised
from airegistry.core.findings import Confidence, Finding, Severity, escaped
from airegistry.core.ports import AnyAsset, Surroundings
from airegistry.scanners.plain import FLAG, hidden_words
from airegistry.scanners.texts import Text, texts
from airegistry.scanners.tokens import redacted

REMEDIATION = "Remove the characters that nobody sees, and ask the publisher what they are for."
CODES = ["OWASP-MCP06:2025", "OWASP-ASI01:2026", "ATLAS-AML.T0068", "CWE-1007"]
_BESIDE = 20

# Scripts whose letters take joiners and marks that are not seen (Arabic to Mongolian, Indic and South-East Asian ones
# among them), and what emoji are made of.
_JOINING = "\u0600-\u08ff\u0900-\u109f\u1780-\u18af\u1a20-\u1aaf\u1b00-\u1c4f\ua840-\uaaff\ufb50-\ufdff\ufe70-\ufefc"
_EMOJI = "\u00a9\u00ae\u203c-\u3299\ufe0e\ufe0f\U0001f000-\U0001faff\U0001f3fb-\U0001f3ff\U000e007f"
_IDEOGRAPH = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_UNSPACED = "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u3040-\u30ff\u4e00-\u9fff"
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")

_ODD = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]|[^\x00-\x7f]")
_TAGS = re.compile("[\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]+")
_OVERRIDE = re.compile("[\u202d\u202e]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]|(?<=[\x21-\x7e])[\u200e\u200f\u061c](?=[\x21-\x7e])")
_ZERO_WIDTH = re.compile(
    f"(?<![{_UNSPACED}])\u200b(?![{_UNSPACED}])|[\u200b\u200e\u200f]{{3,}}|[\u2060-\u2065\u206a-\u206f\ufeff\u00ad]"
)
_JOINER = re.compile(f"(?<![{_JOINING}{_EMOJI}])[\u200c\u200d](?![{_JOINING}{_EMOJI}])|[\u200c\u200d]{{3,}}")
_FILLER = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufff9-\ufffb]|(?<![\u1820-\u18af])[\u180b-\u180f]|"
    "(?<![\u2800-\u28ff \n])\u2800(?![\u2800-\u28ff \n])"
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\x9b]")
_SELECTORS = re.compile(
    "[\ufe00-\ufe0f\U000e0100-\U000e01ef]{3,}|[\ufe00-\ufe0e\U000e0100-\U000e01ef][\ufe00-\ufe0f\U000e0100-\U000e01ef]|"
    "\ufe0f[\ufe00-\ufe0e\U000e0100-\U000e01ef]|[\x21-\u024f][\ufe00-\ufe0d]|"
    f"(?<![{_IDEOGRAPH}\ufe00-\ufe0f\U000e0100-\U000e01ef])[\U000e0100-\U000e01ef]"
)
_PRIVATE = re.compile("[\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd]+")
_PRIVATE_TEXT = 8
"""That many letters for private use in a row are a text and no icon."""
_SPELT = re.compile(r"(?<![^\W_])[A-Za-z](?:[ .\-_*·•|/+~][A-Za-z](?![^\W_])){15,}")
_LETTERS_OF_A_TEXT = 0.75
"""Share of different letters under which letters in a row are a text, and no alphabet."""
_STRAYS = 3
"""So many characters of no width beside words, and in none, are left over from an editor."""
_PADDING = re.compile(r"\S[ \t\u00a0\u2000-\u200a\u3000]{160,}[^\s|]|\S[ \t]*(?:\r?\n[ \t]*){40,}\S")


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a rule saw, with its evidence as it stands."""

    rule: str
    severity: Severity
    message: str
    evidence: str
    structural: bool = True
    confidence: Confidence = "high"


class HiddenUnicode:
    """Blocks assets with hidden text. Joiners of emoji and of Indic and Arabic script, and regional flags, pass."""

    name = "hidden-unicode/2"

    def scan(self, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        """One finding per text and rule."""
        pages = asset.kind == "skill"
        return [_finding(text.field, seen) for text in texts(asset) for seen in _read(text, pages=pages)]


def _read(text: Text, *, pages: bool) -> Iterator[_Seen]:
    """What is wrong with a text; in `pages`, as people write them, strays are only noted."""
    raw = text.raw
    if len(raw) > 40 and (padding := _PADDING.search(raw)):
        tail = raw[padding.end() - 1 : padding.end() + 80]
        yield _Seen("padding", "high", "text is pushed out of sight by blank space", tail, False, "medium")
    if len(raw) > 30 and (spelt := _SPELT.search(raw)) and _is_text(spelt[0][::2].lower()):
        yield _Seen("spelled-out", "high", "words are spelt out letter by letter", spelt[0][::2], False, "medium")
    if not _ODD.search(raw):
        return
    raw = FLAG.sub("", raw.removeprefix("\ufeff"))
    yield from _carried(raw)
    yield from (_stray(seen) if pages and seen.rule == "zero-width" and _strays(raw) else seen for seen in _marks(raw))
    private = max((match[0] for match in _PRIVATE.finditer(raw)), key=len, default="")
    if private:
        long = len(private) >= _PRIVATE_TEXT
        said = "a text in characters for private use" if long else "characters for private use mean nothing to others"
        yield _Seen("private-use", "high" if long else "low", said, private, long)
    if text.role not in ("name", "parameter") and (words := disguised(raw)):  # those are for `names`
        said = "a word mixes Latin letters with letters of other scripts that look like them"
        yield _Seen("mixed-script", "high", said, words[0])


def _carried(raw: str) -> Iterator[_Seen]:
    """What carries a text of its own: it is shown in the clear where it can be read."""
    for rule, pattern, severity, message in _CARRIERS:
        if match := pattern.search(raw):
            yield _Seen(rule, severity, message, hidden_words(raw) or _beside(raw, match))


def _marks(raw: str) -> Iterator[_Seen]:
    ordered = bool(_RIGHT_TO_LEFT.search(raw)) and not _OVERRIDE.search(raw) and _balanced(raw)
    for rule, pattern, message in _MARKS:
        if not (rule == "bidi" and ordered) and (match := pattern.search(raw)):
            yield _Seen(rule, "high", message, _beside(raw, match))


def _strays(raw: str) -> bool:
    """Whether what has no width stands alone, rarely, and splits no word."""
    found = [match.span() for match in _ZERO_WIDTH.finditer(raw)]
    if len(found) > _STRAYS or {start for start, _ in found} & {end for _, end in found}:
        return False
    return all(
        end - start == 1 and not (raw[start - 1 : start].isalnum() and raw[end : end + 1].isalnum())
        for start, end in found
    )


def _stray(seen: _Seen) -> _Seen:
    return replace(seen, severity="low", structural=False)


_CARRIERS: tuple[tuple[str, re.Pattern[str], Severity, str], ...] = (
    ("tags", _TAGS, "critical", "text in invisible tag characters"),
    ("selectors", _SELECTORS, "high", "variation selectors where nothing varies can carry hidden bytes"),
)
_MARKS = (
    ("bidi", _BIDI, "a bidirectional control reorders what a person sees"),
    ("zero-width", _ZERO_WIDTH, "zero-width characters inside text"),
    ("joiner", _JOINER, "joiners between letters that do not join"),
    ("filler", _FILLER, "characters that are blank or are not shown at all"),
    ("control", _CONTROL, "control characters"),
)


def _is_text(letters: str) -> bool:
    return len(set(letters)) <= _LETTERS_OF_A_TEXT * min(len(letters), 26)


def _balanced(text: str) -> bool:
    """Whether bidirectional isolates and embeddings end before their line does."""
    for line in text.split("\n"):
        isolates = sum(line.count(start) for start in "\u2066\u2067\u2068") - line.count("\u2069")
        embeddings = line.count("\u202a") + line.count("\u202b") - line.count("\u202c")
        if isolates or embeddings:
            return False
    return True


def _beside(text: str, match: re.Match[str]) -> str:
    return text[max(0, match.start() - _BESIDE) : match.end() + _BESIDE]


def _finding(pointer: str, seen: _Seen) -> Finding:
    return Finding(
        rule=f"hidden-unicode.{seen.rule}", severity=seen.severity, confidence=seen.confidence,
        structural=seen.structural, field=pointer, message=seen.message, evidence=escaped(redacted(seen.evidence)),
        remediation=REMEDIATION, codes=CODES,
    )  # fmt: skip
