"""What PyMongo leaves behind in tests."""

import gc
import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def left_sockets() -> Iterator[None]:
    """The driver leaves a socket open when it is cancelled while it connects: it goes here, and in no other's test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
