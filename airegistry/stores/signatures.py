"""Ed25519 signatures (RFC 8032) for the audit trail; keys and signatures in URL-safe base64."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class Ed25519:
    """The core's `Signatures`."""

    def make(self) -> str:
        """See `Signatures`."""
        return urlsafe_b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()

    def public(self, private: str) -> str:
        """See `Signatures`."""
        return urlsafe_b64encode(_private(private).public_key().public_bytes_raw()).decode()

    def sign(self, private: str, text: bytes) -> str:
        """See `Signatures`."""
        return urlsafe_b64encode(_private(private).sign(text)).decode()

    def holds(self, public: str, text: bytes, signature: str) -> bool:
        """See `Signatures`; what is no key or signature at all holds nothing."""
        try:
            decoded = urlsafe_b64decode(signature)
            if urlsafe_b64encode(decoded).decode() != signature:  # else one signature could be written in many ways
                return False
            Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(public)).verify(decoded, text)
        except (InvalidSignature, ValueError):
            return False
        return True


def _private(key: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(urlsafe_b64decode(key))
