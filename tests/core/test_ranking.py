from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airegistry.core.ranking import bm25, display_score, fuse, idf, least_of_best, term_weights, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("get_stock_price", ["get", "stock", "price", "getstockpric"]),
        ("web-search", ["web", "search", "websearch"]),
        ("getUserInfo", ["get", "user", "info", "getuserinfo"]),
        ("HTTPServer", ["http", "server", "httpserver"]),
        ("OAuth", ["auth", "oauth"]),
        ("gpt4", ["gpt", "4", "gpt4"]),
        ("s3 k8s 3d", ["s3", "k8s", "3d"]),
        ("getS3Object", ["get", "s3", "object", "gets3object"]),
        ("Searching searches", ["search", "search"]),
        ("what is the weather", ["weather"]),
        ("don't the user's files", ["user", "file"]),
        ("Café", ["cafe"]),
        ("必应搜索", ["必应", "应搜", "搜索"]),
        ("用bing", ["用", "bing"]),
        ("a.b, (c) /v1/x!", ["b", "c", "v1", "x"]),
        ("", []),
        ("x" * 101, []),
    ],
)
def test_tokens_of_a_text(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


@given(st.text())
def test_any_text_has_tokens_or_none(text: str) -> None:
    assert all(tokens(text))


def test_threads_agree_on_tokens() -> None:
    words = [f"running{n:x} quickly{n:x}Searching" for n in range(2000)]
    expected = [tokens(word.upper().lower()) for word in words]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(tokens, [word.lower() for word in words])) == expected


def test_a_word_in_the_name_counts_three_times_one_in_the_description() -> None:
    weights, length = term_weights({"name": "weather", "description": "weather today", "unread": "storm"})
    assert weights == {"weather": 4.0, "today": 1.0}
    assert length == 5.0


def test_a_rare_word_tells_more_and_a_word_that_all_have_tells_little_but_never_less_than_nothing() -> None:
    assert idf(100, 1) > idf(100, 50) > idf(100, 100) > 0


def test_bm25_favours_the_shorter_of_two_documents_that_say_a_word_equally_often() -> None:
    scores = bm25(np.array([1.0, 1.0]), np.array([4000, 8000]), 6000.0, 1.0)
    assert scores == pytest.approx([1.9 / (1 + 0.9 * (0.4 + 0.6 * 4 / 6)), 1.9 / (1 + 0.9 * (0.4 + 0.6 * 8 / 6))])


@pytest.mark.parametrize(("coverage", "dense"), [(0.0, 0.75), (0.5, 0.6), (1.0, 0.45)])
def test_meaning_counts_the_more_the_less_of_the_query_any_document_says(coverage: float, dense: float) -> None:
    scores = fuse(np.array([0.1, 0.5, 0.3]), np.array([10.0, 0.0, 5.0]), coverage)
    assert scores == pytest.approx([1 - dense, dense, 0.5])


def test_fusion_without_a_vector_is_the_lexical_leg_alone() -> None:
    assert fuse(None, np.array([2.0, 8.0])) == pytest.approx([0.25, 1.0])


def test_a_document_without_vectors_gets_nothing_from_the_dense_leg() -> None:
    assert fuse(np.array([np.nan, 0.2, 0.4]), np.array([3.0, 0.0, 0.0])) == pytest.approx([0.4, 0.0, 0.6])


def test_fusion_of_equal_cosines_and_no_words_treats_all_alike() -> None:
    assert fuse(np.array([0.3, 0.3]), np.zeros(2)) == pytest.approx([0.6, 0.6])


@pytest.mark.parametrize("cosine", [None, np.zeros(0), np.full(2, np.nan)])
def test_fusion_of_nothing_is_nothing(cosine: np.ndarray[tuple[int], np.dtype[np.float64]] | None) -> None:
    size = 0 if cosine is None else len(cosine)
    assert fuse(cosine, np.zeros(size)).tolist() == [0.0] * size


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0, 100)), min_size=1), st.floats(0, 1))
def test_a_fused_score_lies_between_0_and_1(legs: list[tuple[float, float]], coverage: float) -> None:
    cosine, lexical = (np.array(leg) for leg in zip(*legs, strict=True))
    scores = fuse(cosine, lexical, coverage)
    assert scores.min() >= 0
    assert scores.max() <= 1 + 1e-12


def test_the_score_for_display_grows_with_both_legs_and_stays_below_1() -> None:
    assert display_score(-0.2, 0.0) == 0.0
    assert display_score(0.5, 20.0) == pytest.approx(0.5)
    assert display_score(1.1, 1e9) <= 1.0


@pytest.mark.parametrize("size", [10, 1023, 1024, 20_480, 20_999])
@pytest.mark.parametrize("alike", [1, 3, 10**6])
def test_the_least_of_the_best_is_what_sorting_says(size: int, alike: int) -> None:
    scores = np.random.default_rng(size).integers(0, alike, size).astype(np.float64)
    for count in (1, 7, 10):
        assert least_of_best(scores, count) == sorted(scores.tolist())[-count]
