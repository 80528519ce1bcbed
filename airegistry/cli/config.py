"""`airegistry config`: the settings in force, and where each comes from."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from pydantic import SecretStr

from airegistry.cli.output import note, one_line, show_json, show_table
from airegistry.cli.values import Json

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

config = App("config", help="Show the settings in force.")

PREFIX = "AIREGISTRY_"
HIDDEN = "********"
_SECRETS = ("_key", "_secret", "_password", "_token")
_USERINFO = re.compile(r"(?<=://)[^/@\s]*@")
_QUERY = re.compile(r"(?<=\S)\?\S+")


@config.command
def explain(
    names: Annotated[list[str] | None, Parameter(help="Only settings whose names hold one of these words.")] = None,
    /,
    *,
    changed: Annotated[bool, Parameter(help="Only those that are no defaults.", show_default=False)] = False,
    meaning: Annotated[bool, Parameter(help="Say what each is for too.", show_default=False)] = False,
    json: Annotated[bool, Parameter(help="Print them as JSON.", show_default=False)] = False,
) -> None:
    """Show every setting that a start here would have, its value and where it comes from; secrets are masked."""
    # pydantic-settings takes most of a second to import, which `--help` must not wait for.
    from airegistry.settings import ClientSettings, load

    words = [name.lower().removeprefix(PREFIX.lower()) for name in names or ()]
    found = [*_explained(load(), "airegistry.toml"), *_explained(ClientSettings(), None)]
    shown = [
        row for row in found
        if (not changed or row["from"] != "default") and (not words or any(word in _plain(row) for word in words))
    ]  # fmt: skip
    if json:
        show_json([*shown])
    elif shown:
        columns = ("name", "value", "from", *(("meaning",) if meaning else ()))
        show_table(("setting", *columns[1:]), [[row[column] for column in columns] for row in shown])
    else:
        note("no such setting" if words else "all settings have their defaults")


def _explained(settings: "BaseSettings", file: str | None) -> Iterator[Json]:
    """Name, value, origin and meaning of each setting."""
    from pydantic_settings import EnvSettingsSource, TomlConfigSettingsSource

    kind = type(settings)
    environment = EnvSettingsSource(kind).env_vars
    in_file = TomlConfigSettingsSource(kind)() if file else {}
    for name, field in kind.model_fields.items():
        variable = f"{PREFIX}{name.upper()}"
        origin = "environment" if variable.lower() in environment else file if name in in_file else "default"
        value = _shown(name, getattr(settings, name))
        yield {"name": variable, "value": value, "from": origin, "meaning": field.description}


def _shown(name: str, value: object) -> str:
    """A setting as anybody may see it: no secret, and neither user nor query of a URL."""
    if isinstance(value, SecretStr) or (isinstance(value, str) and value and name.endswith(_SECRETS)):
        return HIDDEN
    return _QUERY.sub(f"?{HIDDEN}", _USERINFO.sub(f"{HIDDEN}@", one_line(value)))


def _plain(row: Json) -> str:
    return str(row["name"]).lower().removeprefix(PREFIX.lower())
