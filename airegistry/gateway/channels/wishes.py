"""What a client set in a session of the older era, so that it can be set again in the next one."""

from collections import Counter
from collections.abc import Iterator

from airegistry.core.assets import Json


class Wishes:
    """The log level, the resources that requests subscribed to, and those that listeners watch."""

    def __init__(self) -> None:
        self._level: Json | None = None
        self._subscribed: set[str] = set()
        self._watched: Counter[str] = Counter()

    def granted(self, method: str, params: Json) -> None:
        """Remember what a request that succeeded set."""
        uri = params.get("uri")
        if method == "logging/setLevel":
            self._level = params
        elif method == "resources/subscribe" and isinstance(uri, str):
            self._subscribed.add(uri)
        elif method == "resources/unsubscribe" and isinstance(uri, str):
            self._subscribed.discard(uri)

    def again(self) -> Iterator[tuple[str, Json]]:
        """The requests, method and params, that set everything in a new session."""
        if self._level is not None:
            yield "logging/setLevel", self._level
        for uri in self._subscribed | self._watched.keys():
            yield "resources/subscribe", {"uri": uri}

    def subscribed(self, uri: str) -> bool:
        """Whether the backend knows that a resource is watched."""
        return uri in self._subscribed or uri in self._watched

    def watch(self, uri: str) -> None:
        """Count a listener in."""
        self._watched[uri] += 1

    def unwatch(self, uri: str) -> None:
        """Count a listener out."""
        self._watched[uri] -= 1
        if not self._watched[uri]:
            del self._watched[uri]
