"""The challenge that makes a client ask its person for a broader token (RFC 6750 section 3.1, MCP step-up)."""

from collections.abc import Sequence

from starlette.types import Scope

from airegistry.core.principals import Principal
from airegistry.oauth.authenticate import bearer_challenge
from airegistry.oauth.model import ADMIN_SCOPE, MCP_SCOPE
from airegistry.oauth.resources import Resources


class StepUpChallenges:
    """Makes the value of `WWW-Authenticate` for an answer of 403."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def challenge(self, scope: Scope, who: Principal, missing: Sequence[str]) -> bytes:
        """Names what the token carries and what is missing together: a client asks for just what it is told."""
        carried = sorted(who.scopes) if who.withheld else [MCP_SCOPE]
        if who.administers:
            carried.append(ADMIN_SCOPE)
        scopes = " ".join(dict.fromkeys((*carried, *missing)))
        return bearer_challenge(self._resources, scope, scopes=scopes, error="insufficient_scope")
