"""Finds sealed secrets in documents, wherever they lie, and those that a key does not open."""

import re
from collections.abc import Callable, Iterator

from pydantic import JsonValue

from airegistry.core.errors import Internal
from airegistry.core.ports import Cipher

Opens = Callable[[str], bool]
"""Whether the key at hand opens a sealed text."""

# A Fernet token: version 0x80, a time in this epoch's first 2^32 seconds, and at least a block and a MAC.
_SEALED = re.compile(r"gAAAA[AB][A-Za-z0-9_-]{90,}={0,2}")


def sealed_texts(value: JsonValue) -> Iterator[str]:
    """Every sealed text in a body."""
    if isinstance(value, str):
        if value.startswith("gAAAA") and _SEALED.fullmatch(value):
            yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from sealed_texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from sealed_texts(member)


def all_open(body: JsonValue, opens: Opens) -> bool:
    """Whether the key opens every secret in a body."""
    return all(map(opens, sealed_texts(body)))


def opener(cipher: Cipher) -> Opens:
    """Whether a cipher opens a text."""

    def opens(sealed: str) -> bool:
        try:
            cipher.decrypt(sealed)
        except Internal:
            return False
        return True

    return opens
