"""The system's keyring, where there is one that a person unlocks: the extra `keyring` brings the way to it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE = "airegistry"


class Keyring:
    """Secrets of one service, by name. Calls block."""

    def __init__(self, backend: "KeyringBackend") -> None:
        self._backend = backend
        self.name = backend.name
        """What the system calls it."""

    def read(self, name: str) -> str | None:
        """What is kept under a name; None where there is nothing, or the keyring stays locked."""
        from keyring.errors import KeyringError

        try:
            return self._backend.get_password(SERVICE, name)
        except (KeyringError, OSError, RuntimeError):
            return None

    def write(self, name: str, secret: str) -> bool:
        """Keep a secret; False where it cannot be kept: locked, or too long for this system."""
        from keyring.errors import KeyringError

        try:
            self._backend.set_password(SERVICE, name, secret)
        except (KeyringError, OSError, RuntimeError, ValueError):
            return False
        # Some cut off what is too long, and say nothing.
        return self.read(name) == secret

    def forget(self, name: str) -> None:
        """Remove what is kept under a name, if anything is."""
        from keyring.errors import KeyringError

        try:
            self._backend.delete_password(SERVICE, name)
        except (KeyringError, OSError, RuntimeError):
            return


def system_keyring() -> Keyring | None:
    """The keyring of this session; None without the extra, and where there is none that is safe."""
    try:
        import keyring
        from keyring.core import recommended
    except ImportError:
        return None
    backend = keyring.get_keyring()
    # What is not recommended keeps secrets in the clear, or keeps none.
    return Keyring(backend) if recommended(backend) else None
