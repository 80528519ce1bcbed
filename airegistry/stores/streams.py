"""Names of log streams."""

import re

from airegistry.core.errors import Invalid

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def check_stream(name: str) -> None:
    """Whether a stream may be called so; a name is also that of a folder.

    Raises:
        Invalid: it may not.
    """
    if not NAME.fullmatch(name):
        raise Invalid(f"{name!r} is no name of a log stream: lower-case letters, digits, _ and -")
