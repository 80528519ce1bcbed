"""Proof of possession (DPoP, RFC 9449): a stolen token is of no use without the key that it was made for."""

import base64
import hashlib
import secrets
import time
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey

ALGORITHM = "ES256"
_MAX_NONCES = 16
_MAX_NONCE = 512


class ProofKey:
    """The key of one grant, which signs a fresh proof for every request. `private` is what to keep: a secret JWK."""

    def __init__(self, private: dict[str, str] | None = None) -> None:
        self._key = ECKey.generate_key("P-256") if private is None else ECKey.import_key({**private})
        self.private = {name: str(value) for name, value in self._key.as_dict(private=True).items()}
        self._public = self._key.as_dict(private=False)
        self._nonces: dict[str, str] = {}

    def proof(self, method: str, url: str, token: str | None = None) -> str:
        """The DPoP header of a request; `token` is the access token that goes with it."""
        parts = urlsplit(url)
        claims: dict[str, str | int] = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": f"{parts.scheme}://{parts.netloc}{parts.path}",
            "iat": int(time.time()),
        }
        if token is not None:
            digest = hashlib.sha256(token.encode("ascii")).digest()
            claims["ath"] = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if nonce := self._nonces.get(parts.netloc):
            claims["nonce"] = nonce
        header = {"alg": ALGORITHM, "typ": "dpop+jwt", "jwk": self._public}
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])

    def learn(self, url: str, nonce: str | None) -> bool:
        """Take the nonce that a server wants in the next proof; whether it is another one than before."""
        host = urlsplit(url).netloc
        if not nonce or len(nonce) > _MAX_NONCE or self._nonces.get(host) == nonce:
            return False
        if len(self._nonces) >= _MAX_NONCES:
            self._nonces.clear()
        self._nonces[host] = nonce
        return True
