"""`airegistry login` and `logout`: a person's own token instead of one in the environment."""

from typing import Annotated

import anyio
from cyclopts import Parameter

from airegistry.cli.client import REGISTRY, check_url
from airegistry.cli.output import note

Url = Annotated[
    str | None,
    Parameter(help="URL of the registry, else AIREGISTRY_URL, else http://127.0.0.1:8080.", group=REGISTRY),
]


def login(
    *,
    admin: Annotated[bool, Parameter(help="Ask for the rights to administer too.", show_default=False)] = False,
    no_browser: Annotated[
        bool, Parameter(help="Print the address of the page and open no browser.", show_default=False)
    ] = False,
    url: Url = None,
) -> None:
    """Log in with a browser; later commands act as you until you log out.

    Raises:
        Usage: the URL cannot be used.
        Refused: the registry said no, or you did.
        NoAnswer: no registry answers, or nobody logged in.
    """
    from airegistry.cli.logins import log_in

    base = base_of(url)
    held = anyio.run(lambda: log_in(base, admin=admin, open_pages=not no_browser))
    scopes = f" with `{held.tokens.scope}`" if held.tokens.scope else ""
    note(f"logged in at `{base}`{scopes}")


def logout(*, url: Url = None) -> None:
    """End the login of this machine and revoke its tokens.

    Raises:
        Usage: the URL cannot be used.
        NoAnswer: the login is forgotten, but the registry could not be told.
    """
    from airegistry.cli.logins import log_out

    base = base_of(url)
    note(f"logged out at `{base}`" if anyio.run(log_out, base) else f"there is no login at `{base}`")


def base_of(url: str | None) -> str:
    """The base URL of the registry that is named, or of the environment's.

    Raises:
        Usage: it cannot be used.
    """
    # pydantic-settings takes long to import: `--help` must not wait for it.
    from airegistry.settings import ClientSettings

    return check_url(ClientSettings().url if url is None else url)
