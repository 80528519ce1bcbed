"""Patterns over what texts say, compiled when first asked for."""

import re
from collections.abc import Sequence
from functools import cached_property


class Phrases:
    """Patterns over text in lower case, compiled when first asked for: a registry at rest has no use for them."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts

    @cached_property
    def compiled(self) -> Sequence[re.Pattern[str]]:
        """All of them."""
        return tuple(re.compile(text) for text in self._texts)


def phrases(*patterns: str) -> Phrases:
    """Patterns over text in lower case."""
    return Phrases(patterns)
