"""The caller of the current request, as the outermost layer established it."""

from collections.abc import Callable, MutableMapping
from typing import Any

from airegistry.core.errors import Unauthenticated
from airegistry.core.principals import Principal

PRINCIPAL = "airegistry.principal"
"""The key in an ASGI scope under which the authentication layer leaves the Principal."""

AGAIN = "airegistry.again"
"""The key of a callable that says who the caller is by now: rights change while a stream is open."""

AUDIENCE = "airegistry.audience"
"""The key of an `Audience`, where the caller of a request hears and answers what a backend says meanwhile."""


def again_of(scope: MutableMapping[str, Any]) -> Callable[[], Principal | None]:
    """Says who the caller of a request is at the time of the call; None when what it opened should not go on.

    Raises:
        Unauthenticated: see `principal_of`.
    """
    who = principal_of(scope)
    again = scope.get(AGAIN)
    return again if callable(again) else lambda: who


def principal_of(scope: MutableMapping[str, Any]) -> Principal:
    """The caller of a request.

    Raises:
        Unauthenticated: the authentication layer did not run, or found nobody: fail closed.
    """
    principal = scope.get(PRINCIPAL)
    if not isinstance(principal, Principal):
        raise Unauthenticated("no credentials")
    return principal
