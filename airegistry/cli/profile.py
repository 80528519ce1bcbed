"""`airegistry profile`: names for the registries that a person uses."""

import re
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from airegistry.cli.client import check_url
from airegistry.cli.errors import Usage
from airegistry.cli.output import note, show_json, show_table

profile = App("profile", help="Name the registries you use, and choose the one that commands talk to.")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
Name = Annotated[str, Parameter(help="Name of the profile.")]


@profile.command(name="list")
def list_profiles(*, json: Annotated[bool, Parameter(help="Print them as JSON.", show_default=False)] = False) -> None:
    """List profiles; the current one is marked."""
    from airegistry.cli.profiles import load_profiles
    from airegistry.settings import config_folder

    known = load_profiles(config_folder())
    if json:
        show_json(known.model_dump(mode="json"))
    elif known.profiles:
        rows = [["*" if name == known.current else "", name, each.url, each.token_file]
                for name, each in sorted(known.profiles.items())]  # fmt: skip
        show_table(("current", "name", "url", "token file"), rows)
    else:
        note("no profiles; `airegistry profile set NAME URL` makes one")


@profile.command(name="set")
def set_profile(
    name: Name,
    url: Annotated[str, Parameter(help="URL of the registry.")],
    /,
    *,
    token_file: Annotated[
        Path | None, Parameter(help="File that holds its bearer token, else its login is used.")
    ] = None,
) -> None:
    """Make a profile, or change all of it. The first one is the current one."""
    from airegistry.cli.profiles import Profile, load_profiles, save_profiles
    from airegistry.settings import config_folder

    if not _NAME.fullmatch(name):
        raise Usage(f"`{name}` is no name for a profile", "choose one of letters, digits, `.`, `-` and `_`")
    known = load_profiles(config_folder())
    file = None if token_file is None else token_file.expanduser().absolute()
    known.profiles[name] = Profile(url=check_url(url), token_file=file)
    known.current = known.current or name
    save_profiles(config_folder(), known)
    note(f"profile `{name}` is `{known.profiles[name].url}`{', and the current one' if known.current == name else ''}")


@profile.command(name="use")
def use_profile(name: Name, /) -> None:
    """Have commands talk to the registry of a profile, where nothing else is said."""
    from airegistry.cli.profiles import load_profiles, save_profiles
    from airegistry.settings import config_folder

    known = load_profiles(config_folder())
    found = known.named(name)
    assert found is not None, "a name leads to a profile or to an error"
    known.current = name
    save_profiles(config_folder(), known)
    note(f"commands talk to `{found.url}`")


@profile.command(name="remove")
def remove_profile(name: Name, /) -> None:
    """Remove a profile; the login at its registry stays, `airegistry logout` ends that."""
    from airegistry.cli.profiles import load_profiles, save_profiles
    from airegistry.settings import config_folder

    known = load_profiles(config_folder())
    known.named(name)
    del known.profiles[name]
    if known.current == name:
        known.current = None
    save_profiles(config_folder(), known)
    note(f"removed profile `{name}`")
