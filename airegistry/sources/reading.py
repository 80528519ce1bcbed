"""What drivers have in common: how a source is configured, and which paths and versions its assets get."""

from hashlib import sha256
from typing import TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from airegistry.core.assets import Json
from airegistry.core.canonical import digest
from airegistry.core.errors import Invalid
from airegistry.core.server_json import path_of
from airegistry.core.validation import invalid

Shape = TypeVar("Shape", bound=BaseModel)
FORM = 1
"""Counted up when the same record becomes another asset than before: then all of them have changed."""


def read(shape: type[Shape], fields: Json) -> Shape:
    """Options or secrets of a source in their form.

    Raises:
        Invalid: one is missing, unknown or malformed; `field` names it. No message holds a value.
    """
    try:
        return shape.model_validate(fields)
    except ValidationError as error:
        refusal = invalid(error)
    raise refusal


def text(value: JsonValue) -> str:
    """A text; anything else is an empty one."""
    return value if isinstance(value, str) else ""


def object_(value: JsonValue) -> Json:
    """An object; anything else is an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: JsonValue) -> list[Json]:
    """The objects of a list; anything else has none."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def digest_of(record: Json) -> str:
    """A digest that is equal as long as the source says the same, and the registry reads it in the same way."""
    return digest({"form": FORM, "record": record})


def version_of(said: str) -> str:
    """A version as assets have them, of one in any form."""
    kept = "".join(char if char.isascii() and (char.isalnum() or char in "._+-") else "-" for char in said.strip())
    return kept.lstrip("._+-")[:64] or "1.0.0"


class Paths:
    """The paths that a source wishes for in one pass, each once. `kind` stands before a name that no path can be."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._taken: dict[str, str] = {}

    def of(self, id: str, name: str, *more: str) -> str:
        """A path of a name: with as many of the words `more` as tell it from others, and at last with a hash of its id.

        Asked again for an id, it answers the same.
        """
        names = ["-".join((name, *more[:count])) for count in range(len(more) + 1)]
        names.append(f"{name[:40]}-{sha256(id.encode(errors='replace')).hexdigest()[:8]}")
        for wish in (path for one in names if (path := self._path(one)) is not None):
            if self._taken.setdefault(wish, id) == id:
                return wish
        return path_of(f"{self._kind}-{sha256(id.encode(errors='replace')).hexdigest()[:16]}")

    def _path(self, name: str) -> str | None:
        for one in (name, f"{self._kind}-{name}"):
            try:
                return path_of(one)
            except Invalid:
                continue
        return None
