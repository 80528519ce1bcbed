"""The ways on which messages are read and written anew: to virtual servers, and to backends of another era."""

from collections.abc import Mapping
from typing import Protocol

from airegistry.core.assets import Server, VirtualServer
from airegistry.core.errors import AirError
from airegistry.core.principals import Principal
from airegistry.gateway.channels.eras import Eras
from airegistry.gateway.channels.exchange import Era
from airegistry.gateway.channels.pool import Channels
from airegistry.gateway.direct import Request
from airegistry.gateway.entry import Entry
from airegistry.gateway.errors import Reply
from airegistry.gateway.fronts.bridge import BridgeDestination, Current
from airegistry.gateway.fronts.destination import Destination
from airegistry.gateway.fronts.front import Fronts
from airegistry.gateway.presence import Presence
from airegistry.gateway.tool_lists import ByteLists
from airegistry.gateway.virtual import VirtualServers


class Holder(Entry, Protocol):
    """An `Entry` that has the credential of a backend before a call to it is admitted."""

    async def credential(self, who: Principal, asset: Server) -> Mapping[str, str]:
        """The headers that a backend knows the gateway by, on behalf of a caller.

        Raises:
            AirError: see `Credentials.headers` of the core.
        """
        ...


class Ways:
    """Decides who is served message by message, and hands them to the fronts."""

    def __init__(
        self, entry: Holder, channels: Channels, eras: Eras, fronts: Fronts, virtual_servers: VirtualServers,
        current: Current,
    ) -> None:  # fmt: skip
        self._current = current
        self._entry = entry
        self._channels = channels
        self._eras = eras
        self._fronts = fronts
        self._virtual_servers = virtual_servers
        self._lists = ByteLists()

    async def leads(self, who: Principal, asset: Server | VirtualServer, *, modern: bool) -> bool:
        """Whether a client of an era reaches this asset by messages, not by bytes."""
        if isinstance(asset, VirtualServer):
            return True
        if asset.transport == "sse":
            return True
        if not asset.enabled or not asset.callable:
            return False  # it is refused, and not asked for its era before
        era: Era = "modern" if modern else "legacy"
        known = self._eras.known(asset, era)
        if known is not None:
            return not known
        try:
            return not await self._eras.speaks(asset, await self._entry.credential(who, asset), era)
        except AirError:
            return False  # the call itself will tell why, and be recorded

    def doubt(self, asset: Server, modern: bool) -> None:
        """Have the backend asked again what it speaks: it refused a message that should have been of its era."""
        self._eras.doubt(asset, "modern" if modern else "legacy")

    async def serve(self, request: Request, asset: Server | VirtualServer, reply: Reply, presence: Presence) -> None:
        """Answer one message.

        Raises:
            AirError: it is refused.
        """
        await self._fronts.serve(
            request.who, self._destination(request, asset), request.inbound, request.verb,
            request.envelope, request.body, reply, presence,
        )  # fmt: skip

    async def serve_sse(
        self, request: Request, asset: Server | VirtualServer, reply: Reply, presence: Presence, session: str | None
    ) -> None:
        """Answer one request of the transport of 2024-11-05; `session` is the one that its URL names.

        Raises:
            AirError: it is refused.
        """
        envelope = request.envelope if request.verb == "POST" else None
        await self._fronts.serve_sse(
            request.who, self._destination(request, asset), request.verb, envelope, request.body,
            reply, presence, endpoint=f"/{request.target}/sse", session=session,
        )  # fmt: skip

    def _destination(self, request: Request, asset: Server | VirtualServer) -> Destination:
        if isinstance(asset, VirtualServer):
            return self._virtual_servers.destination(request.who, asset.path, asset.version, again=request.again)
        return BridgeDestination(
            self._entry, self._channels, self._lists, request.who, asset, request.target,
            changes=self._virtual_servers.changes, current=self._current, again=request.again,
        )  # fmt: skip
