"""Settings from files: a folder with one file a setting, as Kubernetes, systemd and Docker hand secrets over."""

from pathlib import Path

from pydantic_settings import BaseSettings, SecretsSettingsSource, SettingsConfigDict

from airegistry.core.errors import Invalid


class _Where(BaseSettings):
    """Which folder, from the environment alone."""

    model_config = SettingsConfigDict(env_prefix="AIREGISTRY_", frozen=True, extra="ignore", env_ignore_empty=True)

    secrets_folder: Path | None = None


def secret_files(settings: type[BaseSettings]) -> SecretsSettingsSource:
    """What the files of AIREGISTRY_SECRETS_FOLDER say, each named as the variable it stands for.

    Raises:
        Invalid: there is no such folder.
    """
    folder = _Where().secrets_folder
    if folder is not None and not folder.is_dir():
        raise Invalid(f"AIREGISTRY_SECRETS_FOLDER: no folder {folder}", field="SECRETS_FOLDER")
    return SecretsSettingsSource(settings, secrets_dir=folder)
