"""Members of JSON objects as any parser might read them.

A2A 1.0 is protobuf written as JSON, whose parsers take `taskId` and `task_id` alike; others look away from case. So
both spellings count here, one of them at a time, and what merely resembles a member that matters is refused.
"""

import re
from collections.abc import Iterable, Mapping

from mcp_types import INVALID_PARAMS
from pydantic import JsonValue

from airegistry.gateway.envelope import Members
from airegistry.gateway.errors import Malformed

MAX_ID = 512
_HUMP = re.compile(r"([A-Z])")


def folded(name: str) -> str:
    """What spellings of one name have in common."""
    return name.replace("_", "").lower()


def spellings(names: Iterable[str]) -> Mapping[str, str]:
    """Names in camelCase by each way to write them that a parser of A2A takes."""
    return {way: name for name in names for way in (name, _HUMP.sub(r"_\1", name).lower())}


class Known:
    """The members of one sort of object that matter here, under their names in camelCase."""

    def __init__(self, *names: str) -> None:
        self._spelled = spellings(names)
        self._folded = {folded(name) for name in names}

    def of(self, members: Members) -> Members:
        """Those members that are there; null counts as absent.

        Raises:
            Malformed: one of them is spelled in two ways at once, or in a way that only some parsers take for it.
        """
        found: Members = {}
        for given, value in members.items():
            if folded(given) not in self._folded:
                continue
            name = self._spelled.get(given)
            if name is None or name in found:
                raise Malformed(f"the member {given[:40]!r} passes for another", rpc=INVALID_PARAMS)
            found[name] = value
        return {name: value for name, value in found.items() if value is not None}


def text(members: Members, name: str) -> str | None:
    """A member that is an id or the like; the empty one counts as absent.

    Raises:
        Malformed: it is no text, or over 512 characters long.
    """
    value = members.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > MAX_ID:
        raise Malformed(f"{name} must be a string of at most {MAX_ID} characters", rpc=INVALID_PARAMS)
    return value


def child(members: Members, name: str) -> Members:
    """A member that is an object; the absent one counts as empty.

    Raises:
        Malformed: it is no object.
    """
    value = members.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed(f"{name} must be an object", rpc=INVALID_PARAMS)
    return value


def urls_in(value: JsonValue) -> tuple[str, ...]:
    """Every URL that stands anywhere in a value, in a member named as one.

    Raises:
        Malformed: such a member is no text.
    """
    found: list[str] = []
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += each
        elif isinstance(each, dict):
            for name, inner in each.items():
                if not folded(name).endswith(("url", "uri")) or inner is None:
                    waiting.append(inner)
                elif isinstance(inner, str):
                    found.append(inner)
                else:
                    raise Malformed(f"{name[:40]} must be a string", rpc=INVALID_PARAMS)
    return tuple(found)
