"""The textbook's BM25 and reciprocal rank fusion, worked out by hand."""

import math

import numpy as np
import pytest

from airegistry.evaluation.baselines import Baselines, PlainBM25, by_score, fused

TEXTS = ["Rain rain in Paris", "Sun", "Rain"]


def test_bm25_scores_whole_words_by_rarity_frequency_and_length() -> None:
    scores = PlainBM25(TEXTS).scores("RAIN? raining rain")
    rarity = math.log(1 + 1.5 / 2.5)
    long, short = 1.2 * (0.25 + 0.75 * 4 / 2), 1.2 * (0.25 + 0.75 * 1 / 2)
    assert scores.tolist() == pytest.approx([rarity * 2 * 2.2 / (2 + long), 0.0, rarity * 2.2 / (1 + short)])


def test_texts_without_a_word_score_nothing() -> None:
    assert PlainBM25(["", "..."]).scores("rain").tolist() == [0.0, 0.0]


def test_equal_scores_stay_in_order_and_a_bound_cuts() -> None:
    assert by_score(np.array([0.0, 1.0, 1.0, 2.0])).tolist() == [3, 1, 2, 0]
    assert by_score(np.array([0.0, 1.0, 1.0, 2.0]), above=0).tolist() == [3, 1, 2]


def test_ranks_are_fused_by_their_reciprocals() -> None:
    # 2: 1/61 + 1/62; 0: 1/62 + 1/63; 1: 1/61
    assert fused(np.array([2, 0]), np.array([1, 2, 0]), documents=4).tolist() == [2, 0, 1]


def test_the_hybrid_ranks_by_words_and_heads_together() -> None:
    heads = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)
    baselines = Baselines(dict(zip(["paris", "sun", "rain"], TEXTS, strict=True)), heads)
    query = np.array([0, 1], np.float32)
    assert baselines.vector(query, 2) == ["sun", "rain"]
    # rain is second by its head and second by words, paris third and first, sun first and nowhere
    assert baselines.hybrid("rain", query, 3) == ["rain", "paris", "sun"]
