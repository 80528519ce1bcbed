"""The measures against figures worked out by hand."""

import math

import pytest

from airegistry.evaluation.measures import Mean, mean_of, measured

GRADES = {"best": 3.0, "good": 2.0, "some": 1.0}


@pytest.mark.parametrize(
    ("ranking", "ndcg", "recall", "mrr"),
    [
        (["best", "good", "some"], 1.0, 1.0, 1.0),
        # 3 / log2(3) + 7 / log2(4) over the ideal 7 + 3 / log2(3) + 1 / log2(4)
        (["none", "good", "best"], 5.392789 / 9.392789, 2 / 3, 0.5),
        (["none"], 0.0, 0.0, 0.0),
        ([], 0.0, 0.0, 0.0),
        # behind the tenth place only the reciprocal rank sees it
        ([*"0123456789", "best"], 0.0, 0.0, 1 / 11),
        # 7 / log2(11) at the tenth place
        ([*"012345678", "best"], 7 / math.log2(11) / 9.392789, 1 / 3, 0.1),
    ],
)
def test_a_ranking_is_worth_its_gains_by_place(ranking: list[str], ndcg: float, recall: float, mrr: float) -> None:
    found = measured(ranking, GRADES)
    assert (found.ndcg, found.recall, found.mrr) == pytest.approx((ndcg, recall, mrr), abs=1e-6)


def test_the_ideal_has_ten_places_and_recall_counts_all() -> None:
    grades = {str(number): 1.0 for number in range(20)}
    found = measured([str(number) for number in range(10)], grades)
    assert (found.ndcg, found.recall) == pytest.approx((1.0, 0.5))


def test_an_interval_is_the_same_each_time_and_holds_the_mean() -> None:
    values = [0.0, 1.0] * 50
    assert mean_of(values) == mean_of(values)
    found = mean_of(values)
    assert found.mean == 0.5
    # one standard error is .05, so 95 % are about .40 to .60
    assert (found.low, found.high) == pytest.approx((0.40, 0.60), abs=0.03)


def test_without_spread_an_interval_has_no_width() -> None:
    assert mean_of([0.25]) == Mean(0.25, 0.25, 0.25)
    assert str(mean_of([0.25, 0.25])) == "0.250 [0.250, 0.250]"
