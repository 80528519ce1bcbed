"""The tokeniser of uncased BERT: text to WordPiece ids, in plain Python.

It follows `BertTokenizer` of Hugging Face's `tokenizers` id for id, whose wheel brings a hub client along.
"""

import unicodedata
from array import array
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from zlib import crc32

PAD = "[PAD]"
CLS = "[CLS]"
SEP = "[SEP]"
UNKNOWN = "[UNK]"

_LONGEST_WORD = 100
_CONTROL = ("Cc", "Cf", "Co", "Cs")
_IDEOGRAPHS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class _Folded(dict[int, str]):
    """What each character becomes: lowered, unaccented, spaced where it is a token of its own. Filled on demand."""

    def __missing__(self, point: int) -> str:
        self[point] = folded = _fold(chr(point))
        return folded


def _fold(char: str) -> str:
    category = unicodedata.category(char)
    if char in "\t\n\r" or (char.isspace() and category != "Cc"):
        return " "
    if category in _CONTROL or char == "\ufffd":
        return ""
    # The reference lowers character by character, so a final sigma is an ordinary one.
    kept = [c.lower() for c in unicodedata.normalize("NFD", char) if unicodedata.category(c) != "Mn"]
    if _stands_alone(char):
        return " " + "".join(kept) + " "
    return "".join(f" {c} " if _is_punctuation(c) else c for c in kept)


def _stands_alone(char: str) -> bool:
    point = ord(char)
    return any(first <= point <= last for first, last in _IDEOGRAPHS)


def _is_punctuation(char: str) -> bool:
    return unicodedata.category(char)[0] == "P" or (char.isascii() and not char.isalnum() and char.isprintable())


class _Vocabulary:
    """The numbers of the lines of a text: a hash table over its bytes, a sixth as large as a dictionary of strings."""

    def __init__(self, text: bytes) -> None:
        lines = text.split(b"\n")
        self._text = text
        self._mask = (1 << (2 * len(lines)).bit_length()) - 1
        self._slots = array("i", [-1]) * (self._mask + 1)
        self._starts = array("I", [0])
        for number, line in enumerate(lines):
            self._starts.append(self._starts[-1] + len(line) + 1)
            at = crc32(line) & self._mask
            while self._slots[at] >= 0:
                at = (at + 1) & self._mask
            self._slots[at] = number

    def get(self, token: str) -> int | None:
        """The number of a token, None for one that is unknown."""
        line = token.encode("utf-8", "surrogatepass")
        at = crc32(line) & self._mask
        while (number := self._slots[at]) >= 0:
            if self._text[self._starts[number] : self._starts[number + 1] - 1] == line:
                return number
            at = (at + 1) & self._mask
        return None

    def __getitem__(self, token: str) -> int:
        number = self.get(token)
        if number is None:
            raise KeyError(token)
        return number


class WordPiece:
    """Tokens of BERT's uncased vocabulary.

    Names of special tokens inside a text (`[SEP]`) are read as ordinary characters: the texts are other
    people's, and nothing in them may act as markup.
    """

    def __init__(self, vocabulary: Path, *, longest: int = 256) -> None:
        """`vocabulary` has one token a line; ids are cut to `longest`, both end tokens included."""
        self._ids = _Vocabulary(vocabulary.read_bytes())
        self._longest = longest
        self._folded = _Folded()
        self._pieces = lru_cache(8192)(self._split)
        self.pad = self._ids[PAD]

    def encode(self, text: str) -> list[int]:
        """Ids of a text between those of `[CLS]` and `[SEP]`."""
        ids = [self._ids[CLS]]
        room = self._longest - 1
        for word in text.translate(self._folded).split(" "):
            if word:
                ids += self._pieces(word)
                if len(ids) >= room:
                    break
        return [*ids[:room], self._ids[SEP]]

    def _split(self, word: str) -> Sequence[int]:
        """The longest known pieces from the left, or the unknown token when some rest has none."""
        if len(word) > _LONGEST_WORD:
            return (self._ids[UNKNOWN],)
        pieces: list[int] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(len(word), start, -1):
                piece = self._ids.get(prefix + word[start:end])
                if piece is not None:
                    break
            else:
                return (self._ids[UNKNOWN],)
            pieces.append(piece)
            start = end
        return tuple(pieces)
