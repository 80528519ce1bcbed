"""Registries that a person uses, each under a name: one file that only they can read."""

import json
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from airegistry.cli.errors import Usage

_NAME = "profiles.json"


class Profile(BaseModel):
    """Where a registry is. `token_file` holds a bearer token for it; without one its login is used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    token_file: Path | None = None


class Profiles(BaseModel):
    """What the file holds. `current` is used where nothing else is named."""

    model_config = ConfigDict(extra="forbid")

    current: str | None = None
    profiles: dict[str, Profile] = Field(default_factory=dict)

    def named(self, name: str | None) -> Profile | None:
        """The profile of a name, else the current one, else None.

        Raises:
            Usage: there is none of that name.
        """
        name = name or self.current
        if name is None:
            return None
        if name not in self.profiles:
            known = ", ".join(f"`{each}`" for each in sorted(self.profiles)) or "none"
            raise Usage(
                f"there is no profile `{name}`", f"known: {known}; `airegistry profile set {name} URL` makes it"
            )
        return self.profiles[name]


def load_profiles(folder: Path) -> Profiles:
    """The profiles in a folder; those of an absent file are none.

    Raises:
        Usage: the file cannot be read.
    """
    try:
        return Profiles.model_validate_json((folder / _NAME).read_bytes())
    except FileNotFoundError:
        return Profiles()
    except OSError as error:
        raise Usage(f"cannot read the profiles in `{folder / _NAME}`: {error.strerror}") from None
    except ValidationError:
        raise Usage(f"`{folder / _NAME}` holds no profiles", "mend it, or remove it and set them anew") from None


def save_profiles(folder: Path, profiles: Profiles) -> None:
    """Put the file in the place of the one before, readable by its owner only.

    Raises:
        Usage: it cannot be written.
    """
    path = folder / _NAME
    fresh = path.with_suffix(".new")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(json.dumps(profiles.model_dump(mode="json"), indent=2) + "\n")
        fresh.replace(path)
    except OSError as error:
        raise Usage(f"cannot write `{path}`: {error.strerror}") from None
