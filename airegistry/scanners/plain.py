"""What a text says, however it is spelt: normalised for rules of words, and the texts that are encoded in it."""

import base64
import binascii
import html
import re
from collections.abc import Iterator
from urllib.parse import unquote

from airegistry.core.confusables import folded, unmarked

LONGEST = 262_144
"""Characters of a text that are looked at for encodings."""
_DEEPEST = 3
_MOST = 16

_ANSI = re.compile(r"\x1b(?:\[[0-9;:?]{0,32}[ -/]{0,4}[@-~]|\][^\x07\x1b]{0,256}(?:\x07|\x1b\\)|[@-Z\\^_])")
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]+"
)
FLAG = re.compile(
    "\U0001f3f4(?:\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063\U000e0074|"
    "\U000e0077\U000e006c\U000e0073|\U000e006e\U000e0069\U000e0072)|"
    "\U000e0075\U000e0073[\U000e0061-\U000e007a]{2})\U000e007f"
)
"""Flags of regions that are in use: England, Scotland, Wales, Northern Ireland, and the states of the US."""
_TAGS = re.compile("[\U000e0020-\U000e007e]+")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")
_BINARY = re.compile("[\u200b-\u200d\u2060-\u2064\ufeff]{16,}")
_SPACE = re.compile(r"[\s\u2800]+")
_SPACED = re.compile(r"(?<![^\W_])[^\W\d_](?:[ \t.\-_*·•|/+~][^\W\d_](?![^\W_])){2,}")
_SPACED_PAIR = re.compile(r"(?<![^\s]\s)(?<!\S)([^\W\d_]) ([^\W\d_])(?=\s\s|[.,;:!?]|$)")
_SEPARATOR = re.compile(r"[ \t.\-_*·•|/+~]")
_UNTAGGED = {0xE0000 + code: code for code in range(0x20, 0x7F)}

_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{16,}={0,2}(?![A-Za-z0-9+/=])")
_BROKEN_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{48,76}\s{1,8}){1,2000}[A-Za-z0-9+/]{4,76}={0,2}")
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:0x)?(?:[0-9A-Fa-f]{2}){10,}(?![0-9A-Za-z])")
_HEX_PAIRS = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{2}(?:[ :,][0-9A-Fa-f]{2}){9,}(?![0-9A-Za-z])")
_CODES = re.compile(r"\b\d{2,3}(?:, ?\d{2,3}){9,}\b")
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2}))")
_LETTER_ESCAPE = re.compile(r"\\[nrt]")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});")


def plain(raw: str) -> str:
    """A text as rules of words read it: see `texts.Text`."""
    text = raw
    if not text.isascii():
        text = FLAG.sub("", text).translate(_UNTAGGED)
    if _UNSEEN.search(text):
        text = _UNSEEN.sub("", _ANSI.sub("", text))
    if not text.isascii():
        text = folded(_UNSEEN.sub("", unmarked(text)))
    joined = _SPACED.sub(lambda match: _SEPARATOR.sub("", match[0]), text)
    if joined != text:
        text = _SPACED_PAIR.sub(r"\1\2", joined)
    return _SPACE.sub(" ", text).strip()


def decoded(raw: str) -> tuple[str, ...]:
    """The readable texts that are encoded in one, plain, each once: at most 16, and three layers deep."""
    found: dict[str, None] = {}
    layer = [raw[:LONGEST]]
    for _ in range(_DEEPEST):
        layer = [text for each in layer for text in _inside(each)]
        for text in layer:
            if len(found) < _MOST:
                found[plain(text)] = None
    found.pop("", None)
    found.pop(plain(raw), None)
    return tuple(found)


def _inside(text: str) -> list[str]:
    """Texts one layer down."""
    found = [*_hidden(text)] if not text.isascii() else []
    found += _escapes(text)
    found += [inner for data in _data(text) if (inner := _readable(data))]
    return found[:_MOST]


def hidden_words(text: str) -> str:
    """What tag characters, variation selectors and zero-width letters spell in a text; empty when nothing readable."""
    return " ".join(_hidden(text))


def _hidden(text: str) -> Iterator[str]:
    flagless = FLAG.sub("", text)
    tags = "".join(match[0] for match in _TAGS.finditer(flagless)).translate(_UNTAGGED)
    if tags:
        yield tags
    for match in _SELECTORS.finditer(text):
        yield _readable(bytes(_selected(letter) for letter in match[0]))
    for match in _BINARY.finditer(text):
        yield from _bits(match[0])


def _selected(letter: str) -> int:
    """The byte that a variation selector stands for: VS1 to VS16 from 0, VS17 to VS256 from 16."""
    code = ord(letter)
    return code - 0xFE00 if code < 0xE0000 else code - 0xE0100 + 16


def _bits(run: str) -> Iterator[str]:
    """Two invisible letters read as bits, either way round; others between them are dropped."""
    pair = sorted(set(run), key=run.count, reverse=True)[:2]
    if len(pair) < 2:
        return
    for zero in pair:
        bits = "".join("0" if letter == zero else "1" for letter in run if letter in pair)
        bits = bits[: len(bits) // 8 * 8]
        if words := _readable(int(bits, 2).to_bytes(len(bits) // 8) if bits else b""):
            yield words


def _escapes(text: str) -> Iterator[str]:
    """The whole text with its escapes resolved, one way of escaping at a time."""
    if "\\" in text and _ESCAPE.search(text):
        yield _LETTER_ESCAPE.sub(" ", _surrogates(_ESCAPE.sub(_unescaped, text)))
    if "%" in text and len(_PERCENT.findall(text)) > 2:
        yield unquote(text, errors="replace")
    if "&" in text and _ENTITY.search(text):
        yield html.unescape(text)


def _unescaped(match: re.Match[str]) -> str:
    code = int(match[1] or match[2] or match[3] or match[4], 16)
    return chr(code) if code < 0x110000 else match[0]


def _surrogates(text: str) -> str:
    """Pairs of JSON's surrogate escapes as the letters they are; halves as nothing."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")


def _data(text: str) -> Iterator[bytes]:
    """What stands in the text as base64, hex or numbers."""
    for match in _BASE64.finditer(text):
        yield _unbased(match[0])
    for match in _BROKEN_BASE64.finditer(text):
        yield _unbased("".join(match[0].split()))
    for pattern in (_HEX, _HEX_PAIRS):
        for match in pattern.finditer(text):
            yield bytes.fromhex(re.sub("[ :,]", "", match[0].removeprefix("0x")))
    for match in _CODES.finditer(text):
        codes = [int(code) for code in match[0].split(",")]
        yield bytes(code for code in codes if code < 256)


def _unbased(letters: str) -> bytes:
    letters = letters.rstrip("=").replace("-", "+").replace("_", "/")
    letters = letters[: len(letters) // 4 * 4 + (len(letters) % 4 if len(letters) % 4 > 1 else 0)]
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4))
    except binascii.Error:  # pragma: no cover  # the pattern lets nothing else through
        return b""


def _readable(data: bytes) -> str:
    """Bytes as text when they are text that somebody would read; else empty."""
    for encoding in ("utf-8", "utf-16-le"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        ascii_share = sum(map(str.isascii, text)) / len(text) if text else 0
        worded = ascii_share == 1 or sum(map(str.isalpha, text)) > 0.2 * len(text)
        shown = sum(letter.isprintable() or letter in "\r\n\t" for letter in text) > 0.95 * len(text)
        if len(text) > 3 and shown and worded and (encoding == "utf-8" or ascii_share > 0.9):
            return text
    return ""
