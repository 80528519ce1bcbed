import json
import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tokenizers import BertWordPieceTokenizer

from airegistry.embedders.minilm import MODEL
from airegistry.embedders.wordpiece import WordPiece

VOCABULARY = MODEL / "vocab.txt"
TABLE: list[tuple[str, list[int]]] = json.loads((Path(__file__).parent / "wordpiece.json").read_text())
"""Texts and the ids that Hugging Face's `tokenizers` 0.23 gives them with the model's own tokenizer.json."""

CLS, SEP, UNKNOWN, HELLO, WORLD = 101, 102, 100, 7592, 2088


@pytest.fixture(scope="module")
def tokeniser() -> WordPiece:
    return WordPiece(VOCABULARY)


@pytest.mark.parametrize(("text", "ids"), TABLE)
def test_ids_are_those_of_the_reference(tokeniser: WordPiece, text: str, ids: list[int]) -> None:
    assert tokeniser.encode(text) == ids


def test_a_text_stands_between_its_end_tokens(tokeniser: WordPiece) -> None:
    assert tokeniser.encode("Hello  WORLD") == [CLS, HELLO, WORLD, SEP]


def test_a_long_text_is_cut_and_keeps_its_end_token(tokeniser: WordPiece) -> None:
    ids = tokeniser.encode("hello " * 1000)
    assert ids == [CLS, *[HELLO] * 254, SEP]
    whole = tokeniser.encode("hello tokenisation")
    assert WordPiece(VOCABULARY, longest=4).encode("hello tokenisation") == [*whole[:3], SEP]


def test_names_of_special_tokens_in_a_text_are_plain_characters(tokeniser: WordPiece) -> None:
    assert not {CLS, SEP, UNKNOWN, 103} & set(tokeniser.encode("[SEP] [CLS] [MASK]")[1:-1])


@given(st.text())
def test_any_text_has_ids(text: str) -> None:
    ids = _SHARED.encode(text)
    assert (ids[0], ids[-1]) == (CLS, SEP)
    assert 2 <= len(ids) <= 256
    assert all(0 <= one < 30_522 for one in ids)


_SHARED = WordPiece(VOCABULARY)
_SPECIAL = re.compile(r"\[(?:PAD|UNK|CLS|SEP|MASK)\]")
_ALPHABET = st.one_of(
    st.characters(max_codepoint=0x600, exclude_categories=("Cs", "Cn")),
    st.sampled_from("中文必应日本語ひらカナ한국어😀“”—…ﬁ①𝔘\u200b\u00a0"),
)


def test_random_texts_have_the_ids_of_the_reference() -> None:
    reference = BertWordPieceTokenizer(str(VOCABULARY), lowercase=True)

    @given(st.text(_ALPHABET, max_size=200))
    def compare(text: str) -> None:
        # The reference takes [PAD] and its like in a text for the special token; ours are plain characters.
        assume(not _SPECIAL.search(text))
        assert _SHARED.encode(text) == reference.encode(text).ids

    compare()
