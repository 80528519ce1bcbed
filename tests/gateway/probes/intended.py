"""Where an answer through the gateway is meant to differ from the backend's own, and why. Everything else is equal.

- Session ids are the gateway's to give, and belong to one caller.
- A malformed request is refused in the gateway's own words and, in the older era too, with an HTTP status; the codes
  of JSON-RPC are the same.
- A tool that was not described when the server was fetched is refused, also when the backend would know it: it was
  never scanned.
- Tools are listed from the catalog, as the server showed them to the registry, which has every capability of a client:
  a server with tools for able clients only shows them to all. Order is the catalog's. A cursor that the gateway did not
  give is refused, where a server without pages may not look at it.
- A call of a tool that does not exist is an error of the protocol, where some backends answer with one of the tool.
"""

from typing import Any

IN_LISTS = {
    "cacheScope": "lists hold what this caller may use, so they are never public",
    "ttlMs": "the gateway knows how long its own list holds",
    "nextCursor": "a list from the catalog needs no pages",
}
"""Members of the results of list methods, by reason."""


def without(result: dict[str, Any], members: dict[str, str]) -> dict[str, Any]:
    """A result without the members that are meant to differ."""
    return {name: value for name, value in result.items() if name not in members}
