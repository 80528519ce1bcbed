"""One implementation for two clients: methods are coroutines, and a blocking client runs each to its end at once.

That works because a coroutine of this package awaits nothing but its `IO` (`transport.py`): the IO of a blocking
client blocks where that of an asynchronous one suspends, so its coroutines never do.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from typing import Concatenate, Generic, ParamSpec, TypeVar, overload

from airegistry_client.connection import Connection

P = ParamSpec("P")
T = TypeVar("T")


class Mode:
    """How the methods of a group are called."""


class Blocking(Mode):
    """Marks groups whose methods block: `registry.servers.get(...)`."""


class Asynchronous(Mode):
    """Marks groups whose methods are awaited: `await registry.servers.get(...)`."""


M = TypeVar("M", bound=Mode)


class Group(Generic[M]):
    """Methods that belong together, over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection


G = TypeVar("G")


class operation(Generic[P, T]):  # noqa: N801  # a decorator
    """A method that answers once: a coroutine function in an asynchronous group, a function in a blocking one."""

    def __init__(self, function: Callable[Concatenate[G, P], Coroutine[object, None, T]]) -> None:
        self.function: Callable[..., Coroutine[object, None, T]] = function
        self.__doc__ = function.__doc__

    @overload
    def __get__(self, group: Group[Blocking], owner: object = None) -> Callable[P, T]: ...
    @overload
    def __get__(self, group: Group[Asynchronous], owner: object = None) -> Callable[P, Coroutine[object, None, T]]: ...
    @overload
    def __get__(self, group: None, owner: object = None) -> "operation[P, T]": ...
    def __get__(
        self, group: "Group[Blocking] | Group[Asynchronous] | None", owner: object = None
    ) -> "Callable[P, T] | Callable[P, Coroutine[object, None, T]] | operation[P, T]":
        if group is None:
            return self

        @wraps(self.function)
        def begun(*args: P.args, **kwargs: P.kwargs) -> Coroutine[object, None, T]:
            return self.function(group, *args, **kwargs)

        @wraps(self.function)
        def done(*args: P.args, **kwargs: P.kwargs) -> T:
            return run(self.function(group, *args, **kwargs))

        return done if group._connection.io.blocks else begun


class iterated(Generic[P, T]):  # noqa: N801  # a decorator
    """A method that answers piece by piece: an async iterator in an asynchronous group, else an iterator."""

    def __init__(self, function: Callable[Concatenate[G, P], AsyncGenerator[T, None]]) -> None:
        self.function: Callable[..., AsyncGenerator[T, None]] = function
        self.__doc__ = function.__doc__

    @overload
    def __get__(self, group: Group[Blocking], owner: object = None) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, group: Group[Asynchronous], owner: object = None) -> Callable[P, AsyncIterator[T]]: ...
    @overload
    def __get__(self, group: None, owner: object = None) -> "iterated[P, T]": ...
    def __get__(
        self, group: "Group[Blocking] | Group[Asynchronous] | None", owner: object = None
    ) -> "Callable[P, Iterator[T]] | Callable[P, AsyncIterator[T]] | iterated[P, T]":
        if group is None:
            return self

        @wraps(self.function)
        def begun(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
            return self.function(group, *args, **kwargs)

        @wraps(self.function)
        def stepped(*args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
            return _each(self.function(group, *args, **kwargs))

        return stepped if group._connection.io.blocks else begun


def run(coroutine: Coroutine[object, None, T]) -> T:
    """What a coroutine comes to that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        found: T = end.value
        return found
    coroutine.close()
    raise RuntimeError("a coroutine of a blocking client was suspended")


def _each(found: AsyncGenerator[T, None]) -> Iterator[T]:
    try:
        while True:
            try:
                piece = run(found.__anext__())
            except StopAsyncIteration:
                return
            yield piece
    finally:
        run(found.aclose())
