"""The scanners that run at registration."""

from collections.abc import Sequence

from airegistry.core.ports import Scanner
from airegistry.scanners.hidden_unicode import HiddenUnicode


def open_scanners() -> Sequence[Scanner]:
    """The built-in scanners, in the order they run."""
    return (HiddenUnicode(),)
