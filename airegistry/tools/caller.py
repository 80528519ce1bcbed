"""Who calls a tool: the principal of the very request that carries the call."""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from fastmcp.server.dependencies import get_http_request

from airegistry.core.errors import Unauthenticated
from airegistry.core.principals import Principal
from airegistry.oauth.identity import principal_of

Scope = MutableMapping[str, Any]
_ACTING: ContextVar[Scope | None] = ContextVar("airegistry.acting", default=None)


@contextmanager
def acting_as(scope: Scope) -> Iterator[None]:
    """Have tools inside called by the principal of a request that is none of MCP."""
    token = _ACTING.set(scope)
    try:
        yield
    finally:
        _ACTING.reset(token)


def current_scope() -> Scope:
    """The ASGI scope of the request that carries the current call.

    In a session of the older era the request is that of this message, not the one that opened the session.

    Raises:
        Unauthenticated: there is no request.
    """
    acting = _ACTING.get()
    if acting is not None:
        return acting
    try:
        return get_http_request().scope
    except RuntimeError:
        raise Unauthenticated("no credentials") from None


def current_principal() -> Principal:
    """The caller of the current message.

    Raises:
        Unauthenticated: there is no request, or nobody was established for it: fail closed.
    """
    return principal_of(current_scope())
