"""What failed in a group of tasks."""

from typing import TypeVar

E = TypeVar("E", bound=BaseException)


def first(group: BaseExceptionGroup[E]) -> E:
    """The first failure in a group, however deep."""
    error = group.exceptions[0]
    return first(error) if isinstance(error, BaseExceptionGroup) else error
