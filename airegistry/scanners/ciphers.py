"""Spellings by which words are hidden from rules, where it is cheap and certain to tell them from honest text.

What `plain.decoded` reads (base64, hex, escapes) is not asked again, but for runs that it cannot cut out by themselves.
"""

import base64
import binascii
import codecs
import re
from collections.abc import Iterator

_LONGEST = 16_384
_SURE = 3
"""Telltale words that make a cipher certain."""
_RUN = 16
"""Letters of the shortest text that is looked for in data."""

_ROT13 = re.compile(
    r"\b(?:gur|naq|abg|lbhe|lbh|hfre|hfref|sbe|guvf|gung|jvgu|sebz|vafgehpgvbaf?|vtaber|cerivbhf|nyy|orsber|nsgre|fraq|ernq|"
    r"cnffjbeqf?|frperg|frpergf|flfgrz|cebzcg|pbairefngvba|svyr|gbxra|xrlf|grvy|gryy|zhfg)\b"
)
_REVERSED = re.compile(
    r"\b(?:eht|dna|ton|ruoy|uoy|resu|sresu|rof|siht|taht|htiw|morf|snoitcurtsni|noitcurtsni|erongi|suoiverp|lla|erofeb|retfa|"
    r"dnes|daer|drowssap|sdrowssap|terces|sterces|metsys|tpmorp|noitasrevnoc|elif|nekot|syek|llet|tsum)\b"
)
_LEET = re.compile(r"(?<![^\W_])(?=[a-z0-9@$]{0,20}[a-z])(?=[a-z@$]{0,20}[0134579@$])[a-z0134579@$]{3,20}(?![^\W_])")
_UNLEET = str.maketrans("0134579@$", "oieastgas")
_COMMON = re.compile(
    r"\b(?:the|and|not|your|you|user|for|this|that|with|from|instructions?|ignore|previous|all|before|after|send|read|passwords?|"
    r"secrets?|system|prompt|conversation|file|token|keys|tell|must|then|into|note|collect|do)\b"
)
_MORSE = re.compile(r"(?:[.\-\u00b7\u2013]{1,6}[ /|]{1,5}){14,}[.\-\u00b7\u2013]{0,6}")
_MORSE_GAP = re.compile(r" ?[/|] ?| {2,}")
_BITS = re.compile(r"(?<![0-9A-Za-z])[01]{7,8}(?:[ ,]{0,2}[01]{7,8}){7,}(?![0-9A-Za-z])")
_OCTAL = re.compile(r"(?:\\[01][0-7]{2}){8,}")
_HEX_BYTES = re.compile(r"(?<![0-9A-Za-z])0x[0-9A-Fa-f]{2}(?:[ ,]{1,2}0x[0-9A-Fa-f]{2}){9,}")
_BASE32 = re.compile(r"(?<![A-Z2-7])[A-Z2-7]{32,}={0,6}(?![A-Z2-7])")
_ASCII85 = re.compile(r"<~[!-u\sz]{24,4096}~>")
_GLUED = re.compile(r"[A-Za-z0-9+/_=-]{32,}(?:(?:\s|\\n|\.|\"\s?\+\s?\"){1,4}[A-Za-z0-9+/_=-]{12,}){0,64}")
_JOINTS = re.compile(r"[^A-Za-z0-9+/_-]+")
_WORDS = re.compile(rb"[ -~\n\t]{%d,}" % _RUN)
_LETTERS = {
    ".-": "a", "-...": "b", "-.-.": "c", "-..": "d", ".": "e", "..-.": "f", "--.": "g", "....": "h", "..": "i",
    ".---": "j", "-.-": "k", ".-..": "l", "--": "m", "-.": "n", "---": "o", ".--.": "p", "--.-": "q", ".-.": "r",
    "...": "s", "-": "t", "..-": "u", "...-": "v", ".--": "w", "-..-": "x", "-.--": "y", "--..": "z",
    "-----": "0", ".----": "1", "..---": "2", "...--": "3", "....-": "4", ".....": "5", "-....": "6", "--...": "7",
    "---..": "8", "----.": "9",
}  # fmt: skip


def deciphered(text: str) -> Iterator[str]:
    """What a text says once a cipher is undone, in lower case; nothing for honest text."""
    text = text[:_LONGEST]
    lowered = text.lower()
    if len(_ROT13.findall(lowered)) >= _SURE:
        yield codecs.decode(lowered, "rot13")
    if len(_REVERSED.findall(lowered)) >= _SURE:
        yield lowered[::-1]
        yield " ".join(word[::-1] for word in lowered.split())
    if sum(not word.isdigit() for word in _LEET.findall(lowered)) >= _SURE:
        plain = _LEET.sub(lambda match: match[0].translate(_UNLEET), lowered)
        if len(_COMMON.findall(plain)) >= len(_COMMON.findall(lowered)) + _SURE:
            yield plain
    yield from (words.lower() for words in _numbers(text))
    yield from (words.lower() for words in _glued(text))


def _numbers(text: str) -> Iterator[str]:
    """Texts in Morse, bits, octal and hexadecimal bytes, base32 and Ascii85."""
    for match in _MORSE.finditer(text):
        yield _morse(match[0])
    for match in _BITS.finditer(text):
        bits = re.sub("[ ,]", "", match[0])
        yield from _words(bytes(int(bits[place : place + 8], 2) for place in range(0, len(bits) - 7, 8)))
    for match in _OCTAL.finditer(text):
        yield from _words(bytes(int(code, 8) for code in match[0].split("\\") if code))
    for match in _HEX_BYTES.finditer(text):
        yield from _words(bytes(int(code, 16) for code in re.split("[ ,]+", match[0])))
    for match in _BASE32.finditer(text):
        letters = match[0].rstrip("=")
        letters = letters[: len(letters) // 8 * 8]
        yield from _words(base64.b32decode(letters))
    for match in _ASCII85.finditer(text):
        try:
            yield from _words(base64.a85decode(match[0], adobe=True))
        except ValueError:
            continue


def _morse(run: str) -> str:
    signs = run.replace("\u00b7", ".").replace("\u2013", "-")
    words = [[_LETTERS.get(sign, "?") for sign in word.split()] for word in _MORSE_GAP.split(signs)]
    return " ".join("".join(word) for word in words if word)


def _glued(text: str) -> Iterator[str]:
    """Base64 that does not stand by itself: inside a word, in pieces, or back to front."""
    for match in _GLUED.finditer(text):
        if match[0].isalpha() and match[0].islower():
            continue
        letters = _JOINTS.sub("", match[0]).replace("-", "+").replace("_", "/")
        for run in (letters, letters[::-1]):
            for start in range(4):
                cut = run[start : start + (len(run) - start) // 4 * 4]
                try:
                    found = list(_words(base64.b64decode(cut)))
                except binascii.Error:
                    continue
                yield from found
                if found:
                    break


def _words(data: bytes) -> Iterator[str]:
    """Runs of letters and spaces in bytes."""
    for match in _WORDS.finditer(data):
        said = match[0].decode("ascii")
        letters = sum(letter.isalpha() or letter == " " for letter in said)
        if " " in said and letters > 0.75 * len(said):
            yield said
