"""Every setting: `AIREGISTRY_*`, then files of secrets, then `airegistry.toml`, then its default; nowhere else."""

import tomllib
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from airegistry.core.errors import Invalid
from airegistry.settings_parts.callers import Callers
from airegistry.settings_parts.cataloguing import Cataloguing
from airegistry.settings_parts.checking import Checking
from airegistry.settings_parts.following import Following
from airegistry.settings_parts.forwarding import Forwarding
from airegistry.settings_parts.logs import Logging
from airegistry.settings_parts.recording import Recording
from airegistry.settings_parts.secret_files import secret_files
from airegistry.settings_parts.serving import Serving
from airegistry.settings_parts.storing import Storing
from airegistry.settings_parts.telemetry import Telling, standard

LISTS = (
    "egress_allow", "client_document_hosts", "trusted_proxies", "git_hosts", "aws_registries", "public_tags",
    "scim_groups",
)  # fmt: skip
"""Settings that are read from one text with commas."""


# Listed from the last to the first: so pydantic keeps the fields, and the documentation shows them, in reading order.
class Settings(
    Telling, Logging, Recording, Following, Checking, Forwarding, Cataloguing, Callers, Storing, Serving,
    BaseSettings,
):  # fmt: skip
    """What an operator may choose. Each default is safe on a laptop."""

    model_config = SettingsConfigDict(
        env_prefix="AIREGISTRY_",
        toml_file="airegistry.toml",
        extra="forbid",
        frozen=True,
        validate_default=True,
        defer_build=False,
    )

    @field_validator(*LISTS, mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @property
    def takes_client_documents(self) -> bool:
        """Whether client metadata documents name clients here."""
        if self.client_documents != "auto":
            return self.client_documents == "on"
        return self.client_document_loopback or self.public_url is not None or not self.loopback

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line, environment, files of secrets, airegistry.toml, and what OpenTelemetry's variables say."""
        file, otel = TomlConfigSettingsSource(settings_cls), InitSettingsSource(settings_cls, standard())
        return init_settings, env_settings, secret_files(settings_cls), file, otel


class ClientSettings(BaseSettings):
    """What the command line's client side needs: where the registry is, and as whom."""

    model_config = SettingsConfigDict(env_prefix="AIREGISTRY_", frozen=True, extra="ignore")

    url: str = Field("http://127.0.0.1:8080", description="The registry the commands talk to.")
    token: SecretStr | None = Field(None, description="The bearer token they use.")
    profile: str | None = Field(None, description="The profile of `airegistry profile` that names the registry.")


class Surroundings(BaseSettings):
    """What a session tells of itself: where configuration goes (XDG), and whether a browser can be shown."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    xdg_config_home: Path | None = None
    ssh_connection: str | None = None
    ssh_tty: str | None = None
    display: str | None = None
    wayland_display: str | None = None
    browser: str | None = None


def config_folder() -> Path:
    """Where the command line keeps logins and profiles of this person."""
    base = Surroundings().xdg_config_home
    # The specification has relative ones ignored.
    return (base if base is not None and base.is_absolute() else Path.home() / ".config") / "airegistry"


def load(**given: object) -> Settings:
    """The settings in force; `given` (the command line) comes first, None counts as not given.

    Raises:
        Invalid: a value does not fit; the message names the setting.
    """
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]  # checked by pydantic
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise Invalid(f"AIREGISTRY_{name}: {first['msg']}", field=name) from None
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"airegistry.toml: {error}") from None
    if not settings.loopback and not settings.tls_terminated:
        raise Invalid(
            f"refusing to listen on {settings.host}: without TLS tokens would travel in the clear. "
            "Put TLS in front and set AIREGISTRY_TLS_TERMINATED=true, or listen on 127.0.0.1",
            field="HOST",
        )
    return settings
