"""Words that are still being typed: what the stems may be of those that they are the beginning of."""

from functools import lru_cache
from typing import Final

from airegistry.core.ranking import stemmer

FEWEST = 3
"""Letters of a word of which one may guess the rest: two begin too many."""
MOST = 3
"""Words that one which is still being typed may stand for."""
_SHORTEST_STEM = 4
_ENDINGS: Final = (
    "abilities", "ables", "ally", "ances", "ations", "ators", "ences", "ers", "ials", "ibles", "ications", "ifies",
    "ifications", "ingly", "ings", "ions", "itions", "ities", "ively", "izations", "izers", "izing", "ments", "nesses",
    "ously", "ships", "ssions", "tions", "ures",
)  # fmt: skip
"""What stemming takes off words of English."""


def _tails() -> frozenset[str]:
    """All that may still be missing of an ending, with its last letters or without."""
    wholes = {ending[:length] for ending in _ENDINGS for length in range(max(1, len(ending) - 2), len(ending) + 1)}
    return frozenset(whole[start:] for whole in wholes for start in range(len(whole)))


_TAILS: Final = _tails()


@lru_cache(4096)
def stems_ahead(term: str) -> frozenset[str]:
    """Stems that a term is longer than, where it has a part of an ending: `notificat` gives `notif`.

    The beginning of a word is no word: its stem is itself, mostly, and not that of the word.
    """
    if len(term) <= _SHORTEST_STEM or not term.isalpha():
        return frozenset()
    stem = stemmer()
    found = {stem(term + tail) for tail in _TAILS}
    return frozenset(each for each in found if len(each) >= _SHORTEST_STEM and term.startswith(each) and each != term)
