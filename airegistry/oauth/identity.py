"""The caller of the current request, as the outermost layer established it."""

from collections.abc import MutableMapping
from typing import Any

from airegistry.core.errors import Unauthenticated
from airegistry.core.principals import Principal

PRINCIPAL = "airegistry.principal"
"""The key in an ASGI scope under which the authentication layer leaves the Principal."""


def principal_of(scope: MutableMapping[str, Any]) -> Principal:
    """The caller of a request.

    Raises:
        Unauthenticated: the authentication layer did not run, or found nobody: fail closed.
    """
    principal = scope.get(PRINCIPAL)
    if not isinstance(principal, Principal):
        raise Unauthenticated("no credentials")
    return principal
