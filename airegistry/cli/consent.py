"""The question before what cannot be taken back."""

import sys
from typing import Annotated

from cyclopts import Parameter

from airegistry.cli.errors import Refused
from airegistry.cli.output import printable

Yes = Annotated[bool, Parameter(name=["--yes", "-y"], help="Do not ask first.", show_default=False)]
OnlyLook = Annotated[
    bool, Parameter(name="--dry-run", help="Say what would be done, and do nothing.", show_default=False)
]


def make_sure(question: str, yes: bool) -> None:
    """Ask the person at the terminal; where there is none, nobody is asked.

    Raises:
        Refused: the answer is not yes.
    """
    if yes or not sys.stdin.isatty():
        return
    print(printable(f"{question} [y/N] "), end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Refused("declined", "nothing is changed")
