"""Which request something belongs to that is done, logged or recorded: for correlation alone, never for access."""

import re
from contextvars import ContextVar, Token
from typing import Protocol

_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
Trace = tuple[str, str]
"""Ids of a trace and of the span in it, in hexadecimal."""


class Request(Protocol):
    """A request that is being answered."""

    @property
    def id(self) -> str:
        """Its id, well-formed."""
        ...

    @property
    def subject(self) -> str:
        """Who makes it, as far as known by now; else empty."""
        ...


_CURRENT: ContextVar[Request | None] = ContextVar("airegistry.request", default=None)


def is_request_id(text: str) -> bool:
    """Whether a text may be the id of a request: 1 to 128 letters, digits and `._:-`, the first a letter or digit."""
    return _FORM.fullmatch(text) is not None


def begin_request(request: Request) -> Token[Request | None]:
    """Have what follows in this task belong to a request, until `end_request`."""
    return _CURRENT.set(request)


def end_request(token: Token[Request | None]) -> None:
    """Belong again to what was before."""
    _CURRENT.reset(token)


def current_request() -> Request | None:
    """The request that this is done for; None for what the registry does by itself."""
    return _CURRENT.get()


def current_request_id() -> str | None:
    """Its id."""
    request = _CURRENT.get()
    return None if request is None else request.id
