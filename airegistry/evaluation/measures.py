"""How good a ranking is: NDCG@10, recall@10 and MRR, and how far their means can be trusted."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

CUT = 10
RESAMPLES = 1000
SEED = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """The measures of one ranking, each in [0, 1]."""

    ndcg: float
    recall: float
    mrr: float


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over queries and its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def measured(ranking: Sequence[str], grades: Mapping[str, float]) -> Measured:
    """A ranking without repetitions against the relevant documents, of which there is one at least.

    A document of grade g gains 2^g - 1. The reciprocal rank looks at the whole ranking, the others at its first ten.
    """
    best = sorted((_gain(grade) for grade in grades.values()), reverse=True)
    gained = [_gain(grades[document]) if document in grades else 0.0 for document in ranking[:CUT]]
    found = sum(document in grades for document in ranking[:CUT])
    first = next((place for place, document in enumerate(ranking, 1) if document in grades), None)
    return Measured(
        ndcg=_discounted(gained) / _discounted(best[:CUT]),
        recall=found / len(grades),
        mrr=1 / first if first else 0.0,
    )


def mean_of(values: Sequence[float]) -> Mean:
    """The mean of one value at least. The same values give the same interval, on any machine."""
    array = np.asarray(values, np.float64)
    drawn = np.random.default_rng(SEED).integers(0, len(array), (RESAMPLES, len(array)))
    means = np.sort(array[drawn].mean(axis=1))
    return Mean(float(array.mean()), float(means[int(0.025 * RESAMPLES)]), float(means[int(0.975 * RESAMPLES) - 1]))


def _gain(grade: float) -> float:
    return math.pow(2, grade) - 1


def _discounted(gains: Iterable[float]) -> float:
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains, 1))
