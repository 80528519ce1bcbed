"""What a newer version of the registry wrote, and this one does not know: left out when a document is read, and put
back when it is written. So two versions work side by side over one store while an upgrade rolls through the replicas.

Versions that follow each other may only add fields. A new value of a known field is written one version after it can be
read.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import TypeVar

from pydantic import JsonValue, ValidationError

M = TypeVar("M")
_Json = dict[str, JsonValue]
_UNKNOWN = "extra_forbidden"


class Newer:
    """What was left out of documents, by the place that each was read from."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[_Json, _Json]] = {}
        """As it was stored, and as far as it is known here."""

    def read(self, place: str, body: _Json, parse: Callable[[_Json], M]) -> M:
        """What `parse` makes of a document, without the fields that it refuses as unknown.

        Raises:
            ValidationError: something else is wrong with it.
        """
        try:
            model, known = parse(body), None
        except ValidationError as error:
            known = _known(body, error)
            if known is None:
                raise
            model = parse(known)
        self.note(place, body, known)
        return model

    def known(self, place: str, body: _Json) -> _Json:
        """A document that was read last from a place, as far as it is known here."""
        return self._left[place][1] if place in self._left else body

    def note(self, place: str, body: _Json, known: _Json | None) -> None:
        """Remember of a document that was read how much of it is `known`; None means all."""
        if known is not None:
            self._left[place] = body, known
        elif self._left:
            self._left.pop(place, None)

    def written(self, place: str, body: _Json) -> _Json:
        """A document to write in place of one that was read there, with what was left out of that."""
        if place not in self._left:
            return body
        stored, known = self._left[place]
        whole = deepcopy(body)
        _put_back(whole, stored, known)
        return whole


def _known(body: _Json, error: ValidationError) -> _Json | None:
    """A document without the fields that were refused as unknown; None where anything else was."""
    known = deepcopy(body)
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        if each["type"] != _UNKNOWN or not _removed(known, each["loc"]):
            return None
    return known


def _removed(value: JsonValue, location: tuple[int | str, ...]) -> bool:
    """Remove what is at a location, where the tags of unions stand beside fields and indexes; False: nothing is."""
    for step in location[:-1]:
        if isinstance(value, dict) and step in value:
            value = value[str(step)]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
    last = str(location[-1])
    if not isinstance(value, dict) or last not in value:
        return False
    del value[last]
    return True


def _put_back(body: JsonValue, stored: JsonValue, known: JsonValue) -> None:
    """Give `body` what `stored` has beyond `known`; of elements of lists, those that are still as they were known."""
    if isinstance(body, dict) and isinstance(stored, Mapping) and isinstance(known, Mapping):
        for name, value in stored.items():
            if name not in known:
                body.setdefault(name, value)
            elif name in body:
                _put_back(body[name], value, known[name])
    elif isinstance(body, list) and isinstance(stored, list) and isinstance(known, list):
        for element, beyond, before in zip(body, stored, known, strict=False):
            if element == before:
                _put_back(element, beyond, before)
