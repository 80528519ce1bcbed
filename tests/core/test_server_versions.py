"""The order of versions in the MCP Registry."""

from itertools import pairwise

import pytest

from airegistry.core.server_versions import is_newer, order_of

ASCENDING = ["day-one", "0.9.0", "1.0.0-1", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0",
             "1.2.0", "1.10.0", "2.0.0"]  # fmt: skip


def test_versions_are_ordered_as_semver_has_it() -> None:
    assert sorted({*ASCENDING}, key=order_of) == ASCENDING


@pytest.mark.parametrize(("older", "newer"), [*pairwise(ASCENDING)])
def test_the_higher_version_is_the_newer_one(older: str, newer: str) -> None:
    assert is_newer(newer, older)
    assert not is_newer(older, newer)


def test_of_two_that_are_no_numbers_the_later_one_is_newer() -> None:
    assert is_newer("nightly", "stable")
    assert is_newer("stable", "nightly")


def test_numbers_without_an_end_are_no_numbers() -> None:
    assert order_of("9" * 5_000 + ".0.0")[0] == 0
