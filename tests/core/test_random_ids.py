"""Ids are never given out twice, in whichever process."""

import os
import re

import pytest

from airegistry.core.random_ids import random_id

MANY = 2_000


def test_ids_are_hexadecimal_and_differ() -> None:
    found = [random_id() for _ in range(MANY)]
    assert len(set(found)) == MANY
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in found)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # the child does next to nothing
def test_a_child_draws_ids_of_its_own() -> None:
    random_id()  # there is a stock now, which the child must not use
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, " ".join(random_id() for _ in range(300)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        theirs = set(told.read().split())
    os.waitpid(child, 0)
    assert len(theirs) == 300
    assert not theirs & {random_id() for _ in range(300)}
