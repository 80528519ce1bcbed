"""The names that a virtual server's tools and prompts are shown by: fixed when it is composed, and never ambiguous."""

import hashlib
import re
from collections.abc import Sequence

from airegistry.core.errors import Conflict, Invalid

LONGEST = 64
"""Characters that clients allow in a name."""
_NAME = re.compile(rf"[A-Za-z0-9_.-]{{1,{LONGEST}}}")
_OTHERS = re.compile(r"[^A-Za-z0-9_.-]+")
_DIGEST = 8


class Names:
    """The names taken in one virtual server. Those that differ by case alone count as one: some clients fold them."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, name: str) -> str:
        """Take a name that somebody chose.

        Raises:
            Invalid: clients would not accept it.
            Conflict: it is taken.
        """
        if not _NAME.fullmatch(name):
            raise Invalid(
                f"{name[:80]!r} is not of the form [A-Za-z0-9_.-]{{1,{LONGEST}}}, which clients allow", field="alias"
            )
        if name.casefold() in self._taken:
            raise Conflict(f"two of them would be named {name!r}; give one another alias")
        self._taken.add(name.casefold())
        return name

    def choose(self, wishes: Sequence[str], *, origin: str) -> str:
        """Take the first of some names that is free, made acceptable; else one with a digest of `origin` in it."""
        tried = [_acceptable(wish, origin) for wish in wishes]
        count = 0
        while (name := next((each for each in tried if each.casefold() not in self._taken), None)) is None:
            count += 1
            tried = [_marked(tried[-1], f"{origin}\0{count}")]
        return self.take(name)


def _acceptable(wish: str, origin: str) -> str:
    """The name itself where clients accept it; else what is left of it, marked so that no other comes out the same."""
    return wish if _NAME.fullmatch(wish) else _marked(_OTHERS.sub("_", wish), f"{origin}\0{wish}")


def _marked(name: str, origin: str) -> str:
    digest = hashlib.sha256(origin.encode(errors="surrogatepass")).hexdigest()[:_DIGEST]
    return f"{name[: LONGEST - _DIGEST - 1]}_{digest}"
