"""What stands behind an endpoint whose client is answered message by message: a bridged server, a virtual one."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from airegistry.core.assets import Json, Server
from airegistry.core.calls import Call, Outcome
from airegistry.core.pleas import Plea
from airegistry.core.principals import Principal
from airegistry.gateway.channels.exchange import Client, Opening


@dataclass(frozen=True, slots=True)
class Route:
    """An admitted request on its way to one backend.

    `method` and `params` are what the backend gets: a virtual server has rewritten the name. `params` hold the client's
    `_meta` as it came. `result` rewrites the backend's result before it goes to the client, None leaves it alone.
    `headers` are the client's own that go on (`mcp-param-*`, `traceparent`). `server_info` is what a modern result says
    of its server; None leaves it to the backend. A route to listen to has a `result` that rewrites the params of each
    notification.
    """

    call: Call
    method: str
    params: Json
    result: Callable[[Json], Json] | None = None
    headers: Mapping[str, str] | None = None
    server_info: Json | None = None

    @property
    def server(self) -> Server:
        """The backend."""
        return self.call.server


@dataclass(frozen=True, slots=True)
class Answered:
    """A request that the gateway answers by itself: `result` as printed JSON, an object without era members.

    `cacheable` is whether `ttlMs` and `cacheScope` belong to it in the modern era, `server_info` what it says of its
    server there.
    """

    result: bytes
    cacheable: bool = False
    server_info: Json | None = None


class Destination(Protocol):
    """One endpoint as one caller meets it. Every admitted call is left by the front, exactly once."""

    @property
    def key(self) -> str:
        """Names the endpoint and its version: sessions and parked requests are bound to it."""
        ...

    def now(self) -> Principal | None:
        """Who the caller is by now; None when what it opened should not go on."""
        ...

    async def opening(self, client: Client) -> Opening:
        """For `initialize` and `server/discover`.

        Raises:
            AirError: refused, or the backend of a bridged server does not answer.
        """
        ...

    async def route(self, method: str, params: Json, client: Client, plea: Plea | None = None) -> Route | Answered:
        """Admit one request or notification and say where it goes; with a `plea` it waits for an approval it needs.

        Raises:
            AirError: refused; recorded already.
        """
        ...

    async def listen(self, wanted: Json, client: Client) -> list[Route]:
        """Admit `subscriptions/listen`, a GET stream or a `resources/subscribe`: a route for each backend to listen to,
        its params `{"notifications": …}` in the backend's own URIs."""
        ...

    def changes(self, on_cut: Callable[[], None]) -> AbstractAsyncContextManager[AsyncIterator[frozenset[str]]]:
        """Inside, the list methods whose answers from the catalog change for this caller, each time that some do.

        `on_cut` is called when the caller or the endpoint is quarantined.

        Raises:
            AirError: refused.
        """
        ...

    def leave(self, call: Call, outcome: Outcome, error: str | None = None) -> None:
        """Record how an admitted call ended."""
        ...
