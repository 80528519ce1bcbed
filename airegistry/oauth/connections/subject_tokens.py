"""Who is calling, said to the authorization server of a backend: what token exchange (RFC 8693) begins with."""

import math
import uuid

from airegistry.core.assets import Json
from airegistry.core.ports import Clock
from airegistry.core.principals import Principal
from airegistry.oauth.tokens.keys import SigningKeys

TYPE = "JWT"
"""Not that of access tokens: at this registry such a token opens nothing."""
SECONDS = 120


class SubjectTokens:
    """Makes them. The public keys are those of the registry's JWK set."""

    def __init__(self, keys: SigningKeys, clock: Clock, issuer: str) -> None:
        self._keys = keys
        self._clock = clock
        self._issuer = issuer

    def mint(self, who: Principal, audience: str) -> str:
        """A JWT that names a caller for one authorization server, good for two minutes."""
        now = math.floor(self._clock.now().timestamp())
        claims: Json = {
            "iss": self._issuer, "sub": who.subject, "aud": audience, "iat": now, "nbf": now, "exp": now + SECONDS,
            "jti": uuid.uuid4().hex,
        }  # fmt: skip
        if who.actor:
            claims["act"] = {"sub": who.actor}
        return self._keys.sign(claims, TYPE)
