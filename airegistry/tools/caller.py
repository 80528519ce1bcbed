"""Who calls a tool: the principal of the very request that carries the call."""

from fastmcp.server.dependencies import get_http_request

from airegistry.core.errors import Unauthenticated
from airegistry.core.principals import Principal
from airegistry.oauth.identity import principal_of


def current_principal() -> Principal:
    """The caller of the current message.

    In a session of the older era the request is that of this message, not the one that opened the session.

    Raises:
        Unauthenticated: there is no request, or nobody was established for it: fail closed.
    """
    try:
        request = get_http_request()
    except RuntimeError:
        raise Unauthenticated("no credentials") from None
    return principal_of(request.scope)
