"""Whether a live server still lists the tools that were fetched, scanned and approved.

A tool that changed is held until a refresh has scanned it: a backend that turns bad after its approval is a known
attack. One that is gone is held until it is back as it was.
"""

import json
from collections.abc import Mapping, Sequence

from airegistry.core.assets import Json, Server, Tool

GONE = "the server does not list it any more"
CHANGED = "changed since it was approved"


def held_after(server: Server, live: Sequence[Tool]) -> dict[str, str]:
    """The tools of a server to hold, with the reason, when it lists `live` now. Tools that are new are not served
    anyhow before a refresh.

    What changed once stays held although it may have been changed back.
    """
    listed = {tool.name: tool for tool in live}
    held: dict[str, str] = {}
    for tool in server.tools:
        before = server.held.get(tool.name)
        if before is not None and before != GONE:
            held[tool.name] = before
        elif tool.name not in listed:
            held[tool.name] = GONE
        elif changed := _changed(_definition(tool), _definition(listed[tool.name])):
            held[tool.name] = f"{CHANGED}: {', '.join(changed)}"
    return held


def _definition(tool: Tool) -> Json:
    """A tool as the store has it: absent members and defaults look the same before and after."""
    return tool.model_dump(mode="json", by_alias=True, exclude_none=True)


def _changed(before: Json, now: Json) -> Sequence[str]:
    """The members that differ, whatever the order in which they or their own members come."""
    return [name for name in sorted({*before, *now}) if _canonical(before, name) != _canonical(now, name)]


def _canonical(definition: Mapping[str, object], name: str) -> str:
    """A member as text; numbers that JSON knows as one, like 1 and 1.0, stay two: a schema may mean either."""
    return json.dumps(definition[name], sort_keys=True) if name in definition else ""
