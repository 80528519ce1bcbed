"""A store that several replicas share, as settings name it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from airegistry.core.errors import Invalid


@dataclass(frozen=True, slots=True)
class SharedStore:
    """The database of a URL, and the keys that its secrets are sealed with, newest first.

    With `streams` off, changes are asked for even where the engine has change streams.
    """

    url: str = field(repr=False)
    keys: Sequence[str] = field(repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    streams: bool = True

    def __post_init__(self) -> None:
        """Check what can be checked without the database."""
        if not self.url.startswith(("mongodb://", "mongodb+srv://")):
            raise Invalid("AIREGISTRY_STORE_URL begins with mongodb:// or mongodb+srv://", field="STORE_URL")
        if not self.keys:
            raise Invalid(
                "AIREGISTRY_SECRET_KEY is needed with AIREGISTRY_STORE_URL, the same at all replicas: it opens the "
                "secrets in the database. Make one with `openssl rand -base64 32 | tr '+/' '-_'`, and keep it safe",
                field="SECRET_KEY",
            )
