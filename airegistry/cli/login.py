"""`airegistry login` and `logout`: a person's own token instead of one in the environment."""

import sys
from typing import Annotated

import anyio
from cyclopts import Parameter

from airegistry.cli.client import ProfileName, Url, place_of
from airegistry.cli.output import note


def login(
    *,
    admin: Annotated[bool, Parameter(help="Ask for the rights to administer too.", show_default=False)] = False,
    no_browser: Annotated[
        bool, Parameter(help="Print the address of the page and open no browser.", show_default=False)
    ] = False,
    device: Annotated[
        bool | None,
        Parameter(
            negative="--no-device",
            help="Log in by a code, in a browser on any machine; so by itself over SSH and without a display.",
        ),
    ] = None,
    url: Url = None,
    profile: ProfileName = None,
) -> None:
    """Log in with a browser, here or elsewhere; later commands act as you until you log out.

    Raises:
        Usage: the URL cannot be used.
        Refused: the registry said no, or you did.
        NoAnswer: no registry answers, or nobody logged in.
    """
    from airegistry.cli.logins import log_in

    base = place_of(url, profile)[0]
    elsewhere = device if device is not None else not no_browser and _has_no_browser()
    held, kept = anyio.run(lambda: log_in(base, admin=admin, open_pages=not no_browser, device=elsewhere))
    scopes = f" with `{held.tokens.scope}`" if held.tokens.scope else ""
    note(f"the tokens are kept in {kept}")
    note(f"logged in at `{base}`{scopes}")


def logout(*, url: Url = None, profile: ProfileName = None) -> None:
    """End the login of this machine and revoke its tokens.

    Raises:
        Usage: the URL cannot be used.
        NoAnswer: the login is forgotten, but the registry could not be told.
    """
    from airegistry.cli.logins import log_out

    base = place_of(url, profile)[0]
    note(f"logged out at `{base}`" if anyio.run(log_out, base) else f"there is no login at `{base}`")


def _has_no_browser() -> bool:
    """Whether a browser that is opened here would be none that the person sees, or could not come back to here."""
    from airegistry.settings import Surroundings

    here = Surroundings()
    if here.browser is not None:
        return False
    windows = sys.platform in {"darwin", "win32"} or here.display is not None or here.wayland_display is not None
    return here.ssh_connection is not None or here.ssh_tty is not None or not windows
