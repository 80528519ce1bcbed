"""What has to be so for a change to be made: that an asset is still as the caller read it (RFC 9110, section 13).

A surface says so around the call of a service. `Catalog` looks when it reads what it is about to change, and writes
over that very revision: so of two who change what both read at once, one is refused.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from airegistry.core.errors import AirError
from airegistry.core.shelf import Named


class Changed(AirError):
    """The asset is another one than the caller read. Not a `Conflict`: trying again does not help."""

    code = "conflict"


@dataclass(slots=True)
class _Expected:
    named: Named
    revision: int
    open: bool = True


_EXPECTED: ContextVar[_Expected | None] = ContextVar("airegistry.expected", default=None)


@contextmanager
def only_as(named: Named, revision: int) -> Iterator[None]:
    """Have the first change of an asset inside fail unless it is made of this revision."""
    expected = _Expected(named, revision)
    token = _EXPECTED.set(expected)
    try:
        yield
    finally:
        expected.open = False  # tasks that were started inside live on with it
        _EXPECTED.reset(token)


def check(named: Named, revision: int) -> None:
    """Refuse to change an asset as of a revision, where another one is expected.

    Raises:
        Changed: it is.
    """
    expected = _EXPECTED.get()
    if expected is not None and expected.open and expected.named == named and expected.revision != revision:
        raise Changed(f"{named[0]} {named[1]!r} has changed since you read it")


def met(named: Named) -> None:
    """The change was made: further ones of the same call follow from it."""
    expected = _EXPECTED.get()
    if expected is not None and expected.named == named:
        expected.open = False
