"""The key secrets are sealed with at rest, in a file of the data folder that only its owner may read."""

import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from airegistry.core.errors import Internal, Invalid, Unsupported

KEY_NAME = "secret.key"


class FernetCipher:
    """The core's `Cipher` and `KeyRing` (AES-128-CBC with HMAC-SHA-256). The first key seals, all of them open.

    `path` is the file that the keys are in, if there is one. A key that is dropped still opens until the process ends:
    something may be held in memory that it sealed.
    """

    def __init__(self, keys: Sequence[str], path: Path | None = None) -> None:
        self._keys = list(keys)
        self._path = path
        self._dropped: list[str] = []
        self._use()

    @property
    def keys(self) -> int:
        """How many keys there are: more than one while they are changed."""
        return len(self._keys)

    def add_key(self) -> None:
        """Seal under a new key from now on; it is in the file before it is used."""
        keys = [Fernet.generate_key().decode(), *self._keys]
        self._write(keys)
        self._keys = keys
        self._use()

    def drop_old_keys(self) -> None:
        """Keep the newest key alone in the file."""
        self._write(self._keys[:1])
        self._dropped, self._keys = [*self._keys[1:], *self._dropped], self._keys[:1]
        self._use()

    def outdated(self, sealed: str) -> bool:
        """Whether it opens, but not under the newest key."""
        try:
            self._newest.decrypt(sealed.encode())
        except InvalidToken:
            return self._opens(sealed)
        return False

    def _opens(self, sealed: str) -> bool:
        try:
            self._fernet.decrypt(sealed.encode())
        except InvalidToken:
            return False
        return True

    def _write(self, keys: Sequence[str]) -> None:
        if self._path is not None:
            _write(self._path, "".join(f"{key}\n" for key in keys).encode())

    def _use(self) -> None:
        try:
            self._newest = Fernet(self._keys[0].encode()) if self._keys else MultiFernet([])
            self._fernet = MultiFernet([Fernet(key.encode()) for key in (*self._keys, *self._dropped)])
        except ValueError:
            raise Invalid("a secret key is 32 bytes in URL-safe base64, as `Fernet.generate_key` makes it") from None

    def encrypt(self, text: str) -> str:
        """A printable form that only these keys open."""
        return self._fernet.encrypt(text.encode()).decode("ascii")

    def decrypt(self, sealed: str) -> str:
        """The text.

        Raises:
            Internal: it was sealed under another key, or altered.
        """
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise Internal("a stored secret does not open with this registry's key") from None


class SharedCipher(FernetCipher):
    """Keys that replicas share by a setting: whoever changes it changes them, at all replicas."""

    def add_key(self) -> None:
        """Not here.

        Raises:
            Unsupported: always.
        """
        raise Unsupported(
            "the keys are those of AIREGISTRY_SECRET_KEY: append a new one there and restart all replicas, then put it "
            "first and restart them again"
        )


def open_cipher(data: Path | None) -> FernetCipher:
    """The cipher of a data folder, its key made when there is none; None is memory. One key to a line, newest first.

    Raises:
        Invalid: the file holds no keys.
    """
    if data is None:
        return FernetCipher([Fernet.generate_key().decode()])
    path = data / KEY_NAME
    if not path.exists():
        _write(path, Fernet.generate_key() + b"\n")
    return FernetCipher(path.read_text("ascii").split(), path)


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, whatever happens in between."""
    part = path.with_suffix(".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
