"""No way of writing a sentence hides it from the rule that is for it; and how fast a large server is read."""

import base64
import html
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest

from airegistry.core.findings import judged
from airegistry.core.known_names import KnownNames
from airegistry.core.ports import Surroundings
from airegistry.scanners.open import open_scanners
from tests.core.wiring import asset
from tests.scanners.around import ALONE
from tests.scanners.phrases import EXAMPLES
from tests.support.rounds import examples

SENTENCES = [
    (rule, next(each for each in examples if each.isascii() and len(each) > 20))
    for rule, examples in EXAMPLES.items()
    if any(each.isascii() and len(each) > 20 for each in examples)
]
"""One sentence a rule of words; those of other languages are for the ways of writing that know no ASCII."""
FOREIGN = [(rule, each) for rule, examples in EXAMPLES.items() for each in examples if not each.isascii()]
CYRILLIC = str.maketrans("aeopcxyi", "\u0430\u0435\u043e\u0440\u0441\u0445\u0443\u0456")
SMALL_CAPITALS = str.maketrans("abcdeghijklmnoprtuvwz", "ᴀʙᴄᴅᴇɢʜɪᴊᴋʟᴍɴᴏᴘʀᴛᴜᴠᴡᴢ")


def spaced(text: str) -> str:
    return "  ".join(" ".join(word) if word.isalpha() else word for word in text.split())


def struck(text: str) -> str:
    return "".join(f"{letter}\u0336" for letter in text)


def bold(text: str) -> str:
    return "".join(chr(0x1D41A + ord(letter) - 97) if "a" <= letter <= "z" else letter for letter in text)


def in_selectors(text: str) -> str:
    return "Adds. " + "".join(chr(0xE0100 + byte - 16) for byte in text.encode())


def in_bits(text: str) -> str:
    return "Adds. " + "".join("\u200b" if bit == "0" else "\u2060" for byte in text.encode() for bit in f"{byte:08b}")


WAYS: dict[str, Callable[[str], str]] = {
    "soft hyphens": "\u00ad".join,
    "word joiners": "\u2060".join,
    "joiners": "\u200d".join,
    "fillers": "\u034f".join,
    "overrides": lambda text: f"\u202d{text}\u202c",
    "colours": lambda text: "".join(f"{letter}\x1b[0m" for letter in text),
    "spaced letters": spaced,
    "struck out": struck,
    "bold": bold,
    "small capitals": lambda text: text.lower().translate(SMALL_CAPITALS),
    "Cyrillic letters": lambda text: text.translate(CYRILLIC),
    "wide spaces": lambda text: text.replace(" ", "\u3000\u00a0"),
    "lines": lambda text: text.replace(" ", "\r\n\t"),
    "variation selectors": in_selectors,
    "bits": in_bits,
    "hex": lambda text: f"Adds. {text.encode().hex()}",
    "base64 twice": lambda text: f"Adds. {base64.b64encode(base64.b64encode(text.encode())).decode()}",
    "URL-safe base64": lambda text: f"Adds. {base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')}",
    "base64 of UTF-16": lambda text: f"Adds. {base64.b64encode(text.encode('utf-16-le')).decode()}",
    "percents": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "percents in base64": lambda text: base64.b64encode(
        "".join(f"%{byte:02X}" for byte in text.encode()).encode()
    ).decode(),
    "hexadecimal entities": lambda text: "".join(f"&#x{ord(letter):x};" for letter in text),
    "JavaScript escapes": lambda text: "".join(f"\\x{ord(letter):02x}" for letter in text),
    "numbers": lambda text: "Adds. " + ", ".join(str(byte) for byte in text.encode()),
    "an escaped URL": lambda text: f"https://example.org/?q={quote(text)}",
    "escaped HTML": lambda text: html.escape(f"<p>{text}</p>"),
}


def rules(description: str) -> set[str]:
    one = asset("server", "s", tools=[{"name": "sum_up", "description": description}])
    return {finding.rule for scanner in open_scanners() for finding in scanner.scan(one, ALONE)}


@pytest.mark.parametrize("way", WAYS)
def test_every_rule_of_words_holds_in_every_spelling(way: str) -> None:
    missed = {rule: found for rule, text in SENTENCES if rule not in (found := rules(WAYS[way](text)))}
    unsuspected = {
        rule for rule, found in missed.items() if not any(each.startswith("hidden-unicode.") for each in found)
    }
    assert not unsuspected, missed


@pytest.mark.parametrize("way", ["soft hyphens", "word joiners", "base64 twice", "percents", "hex", "lines"])
def test_sentences_of_other_languages_hold_in_other_spellings_too(way: str) -> None:
    missed = {(rule, text) for rule, text in FOREIGN if rule not in rules(WAYS[way](text))}
    assert not missed


@pytest.mark.parametrize("way", ["soft hyphens", "word joiners", "joiners", "fillers", "overrides", "colours", "bits"])
def test_what_nobody_sees_blocks_by_itself(way: str) -> None:
    one = asset("server", "s", tools=[{"name": "t", "description": WAYS[way]("Adds two numbers and their sum")}])
    findings = [finding for scanner in open_scanners() for finding in scanner.scan(one, ALONE)]
    assert judged(findings)[0] == "block"


def test_a_server_of_thousands_of_tools_is_read_in_seconds() -> None:
    count = examples(5000)
    properties = {
        f"argument_{i}": {"type": "string", "description": f"The value number {i} of the row."} for i in range(4)
    }
    tools = [
        {"name": f"get_row_{i}", "description": f"Returns row {i} of the table.\nRows have columns.",
         "inputSchema": {"type": "object", "properties": properties}}
        for i in range(count)
    ]  # fmt: skip
    one, around = asset("server", "s", tools=tools), Surroundings(KnownNames())
    begun = time.thread_time()
    findings = [finding for scanner in open_scanners() for finding in scanner.scan(one, around)]
    spent = time.thread_time() - begun
    assert spent < count * 0.005, f"{spent:.1f} s of CPU"
    assert len(findings) < count, "a finding a tool would say nothing"
