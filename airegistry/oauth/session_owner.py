"""Binds sessions of the older era to their caller: the MCP SDK compares this user with the one that opened one."""

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken

from airegistry.core.principals import Principal


def owner_of_sessions(principal: Principal) -> AuthenticatedUser:
    """The user the SDK keys sessions by. No token goes along: nothing behind this layer needs it."""
    return AuthenticatedUser(
        AccessToken(token="", client_id=principal.client or principal.subject, subject=principal.subject, scopes=[])
    )
