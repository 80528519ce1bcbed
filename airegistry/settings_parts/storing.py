"""Settings: where the registry keeps what it knows."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from airegistry.settings_parts.section import Section
from airegistry.stores.shared import SharedStore


def default_data() -> Path:
    """The data folder where none is named: `~/.airegistry`."""
    return Path.home() / ".airegistry"


class Storing(Section):
    """Where the registry keeps what it knows."""

    data: Path = Field(default_factory=default_data, description="Folder of catalog, policy, tokens and audit trail.")
    store_url: SecretStr | None = Field(
        None,
        description="URL (mongodb://, mongodb+srv://) of a MongoDB or Amazon DocumentDB, in place of the data folder.",
    )
    store_username: str | None = Field(None, description="User of that database, in place of the URL's.")
    store_password: SecretStr | None = Field(None, description="Password of that user, as it is, without escapes.")
    store_changes: Literal["auto", "poll"] = Field(
        "auto", description="How changes of other replicas are seen: by change streams where there are any, or asked."
    )
    secret_key: SecretStr | None = Field(
        None,
        description="Keys (32 bytes in URL-safe base64, separated by commas, the newest first) that seal the secrets "
        "in a shared database; the same at all replicas.",
    )

    @property
    def shared_store(self) -> SharedStore | None:
        """The database that is named in place of the data folder.

        Raises:
            Invalid: it cannot be used so.
        """
        if self.store_url is None:
            return None
        keys = self.secret_key.get_secret_value().replace(",", " ").split() if self.secret_key else []
        password = self.store_password.get_secret_value() if self.store_password else None
        streams = self.store_changes == "auto"
        return SharedStore(self.store_url.get_secret_value(), keys, self.store_username, password, streams=streams)

    @property
    def kept_in(self) -> str:
        """Where everything is kept, in words without secrets."""
        return str(self.data) if self.store_url is None else "the database of AIREGISTRY_STORE_URL"
