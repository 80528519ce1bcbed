"""Every error has a code of its own, the one of the contract."""

import pytest

from airegistry.core import errors
from airegistry.core.errors import AccessDenied, AirError, Conflict, Invalid, RateLimited

CODES = (
    "invalid not_found conflict access_denied approval_required gate_rejected scan_failed rate_limited quarantined "
    "upstream_failed unsupported internal unauthenticated"
).split()


def test_the_codes_are_those_of_the_contract_and_each_is_used_once() -> None:
    tree = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, AirError)]
    assert sorted(each.code for each in tree if each.__base__ is AirError) == sorted(CODES)
    assert all(each.code in CODES for each in tree if each is not AirError)


@pytest.mark.parametrize(
    ("error", "details"),
    [
        (Conflict("taken"), {}),
        (Invalid("no"), {}),
        (Invalid("no", field="path"), {"field": "path"}),
        (AccessDenied("no", missing=("a",)), {"missing": ["a"]}),
        (RateLimited("slow", retry_after=2.5), {"retry_after": 2.5}),
    ],
)
def test_an_error_brings_what_the_caller_can_act_on(error: AirError, details: dict[str, object]) -> None:
    assert error.details() == details
    assert str(error) == error.message
