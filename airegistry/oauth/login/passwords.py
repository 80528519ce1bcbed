"""Passwords hashed with argon2id (RFC 9106)."""

import base64
import os
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MEMORY_KIB, PASSES, LANES = 32 * 1024, 3, 1
SALT, TAG = 16, 32


class Argon2Passwords:
    """The core's `PasswordHasher` port: 32 MiB and three passes a hash, so that a small server bears a few at once."""

    def __init__(self, *, memory_kib: int = MEMORY_KIB, passes: int = PASSES, lanes: int = LANES) -> None:
        self._hasher = PasswordHasher(passes, memory_kib, lanes, TAG, SALT)
        # A hash of no password: nothing is known that hashes to these random bytes.
        salt, tag = (base64.b64encode(os.urandom(size)).decode().rstrip("=") for size in (SALT, TAG))
        self._nobodys = f"$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${tag}"

    def hash(self, password: str) -> str:
        """A PHC string; a different one each time."""
        return self._hasher.hash(_bytes(password))

    def verify(self, kept: str | None, password: str) -> bool:
        """Whether it is that password; with None, or what is no hash, it takes as long, and is not."""
        try:
            return self._hasher.verify(self._nobodys if kept is None else kept, _bytes(password))
        except InvalidHashError:
            return self.verify(None, password)
        except VerificationError:
            return False

    def outdated(self, kept: str) -> bool:
        """Whether it was hashed under other parameters than those in force."""
        return self._hasher.check_needs_rehash(kept)


def _bytes(password: str) -> bytes:
    """The same password typed on another keyboard has the same bytes (NFC, as in RFC 8265)."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
