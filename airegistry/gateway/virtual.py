"""Virtual servers as destinations: lists from the catalog, calls rewritten for the server that a tool comes from."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from functools import partial

from mcp_types import INVALID_PARAMS
from mcp_types.version import LATEST_MODERN_VERSION
from pydantic import JsonValue

from airegistry.core.access import Access
from airegistry.core.assets import Json, Server, VirtualServer
from airegistry.core.calls import Call, Outcome
from airegistry.core.errors import AirError, NotFound
from airegistry.core.events import Event
from airegistry.core.invocation import Invocation
from airegistry.core.parts import Parts, pin_of, why_not
from airegistry.core.pleas import Plea, Unapproved
from airegistry.core.ports import Clock
from airegistry.core.principals import Principal
from airegistry.core.scans import check_enabled
from airegistry.core.shelf import Shelf
from airegistry.core.versions import check_sunset
from airegistry.core.visibility import Visibility
from airegistry.gateway.channels.exchange import Client, Opening
from airegistry.gateway.errors import Malformed
from airegistry.gateway.fronts.destination import Answered, Route
from airegistry.gateway.list_changes import Again, ListChanges, Lists
from airegistry.gateway.tool_lists import ByteLists
from airegistry.gateway.virtual_calls import (
    Asked,
    asked_by,
    neutral,
    notice_back,
    refusal_of,
    result_back,
    rewritten,
    unknown,
)
from airegistry.gateway.virtual_lists import LISTS, Index, Item, Offer

INDEXED = 1024
"""Virtual servers whose index is kept."""


class VirtualServers:
    """Makes destinations. `on_event` must hear of the catalog's events. `stamp` differs when rights may."""

    def __init__(
        self, shelf: Shelf, access: Access, visibility: Visibility, invocation: Invocation, parts: Parts, clock: Clock,
        *, stamp: Callable[[], object] | None = None,
    ) -> None:  # fmt: skip
        self.shelf = shelf
        self.access = access
        self.visibility = visibility
        self.invocation = invocation
        self.parts = parts
        self.clock = clock
        self.lists = ByteLists()
        self.changes = ListChanges(stamp or (lambda: access.revision))
        self._indexes: OrderedDict[tuple[str, str], Index] = OrderedDict()

    def destination(
        self, who: Principal, path: str, version: str | None = None, *, again: Again | None = None
    ) -> "VirtualDestination":
        """The virtual server at a path as one caller meets it. What the caller may is decided at each request, and
        with `again` who the caller is whenever something may have changed for it."""
        return VirtualDestination(self, who, path, version, again or (lambda: who))

    async def call(self, who: Principal, path: str, tool: str, plea: Plea | None = None) -> Call:
        """Admit a call of a tool, to the server that it comes from.

        Raises:
            AirError: refused; recorded already.
        """
        return await self.destination(who, path).tool_call(tool, plea)

    async def on_event(self, event: Event) -> None:
        """Follow what happens to assets."""
        if event.asset.kind in {"server", "virtual_server"}:
            self._indexes.pop((event.asset.path, event.asset.version), None)
            await self.changes.on_event(event)

    def index(self, virtual: VirtualServer) -> Index:
        """A virtual server by names: the same object while it does not change."""
        key = virtual.path, virtual.version
        index = self._indexes.get(key)
        if index is None or index.virtual is not virtual:
            index = self._indexes[key] = Index.of(virtual)
            if len(self._indexes) > INDEXED:
                self._indexes.popitem(last=False)
        return index

    async def offer(self, virtual: VirtualServer) -> Offer:
        """All that a virtual server offers now."""
        index = self.index(virtual)
        return index.offers({pin: await self.parts.of(pin) for pin in index.pins})


class VirtualDestination:
    """One virtual server as one caller meets it."""

    def __init__(self, servers: VirtualServers, who: Principal, path: str, version: str | None, again: Again) -> None:
        self._again = again
        self._servers = servers
        self._access = servers.access
        self._invocation = servers.invocation
        self._who = who
        self._path = path
        self._version = version

    @property
    def key(self) -> str:
        """Names the endpoint and its version."""
        return self._path if self._version is None else f"{self._path}@{self._version}"

    def now(self) -> Principal | None:
        """Who the caller is by now."""
        return self._again()

    async def opening(self, client: Client) -> Opening:
        """What the virtual server says of itself: as much of it as this caller may use.

        Raises:
            AirError: refused; recorded already.
        """
        virtual = await self._admitted("server/discover")
        offer = await self._servers.offer(virtual)
        has = {method for method in LISTS if self._printed(offer, method) != offer.printed(method, _nothing)}
        capabilities: Json = {"logging": {}, "tools": {"listChanged": True}}
        if "prompts/list" in has:
            capabilities["prompts"] = {"listChanged": True}
        if has & {"resources/list", "resources/templates/list"}:
            capabilities["resources"] = {"listChanged": True, "subscribe": True}
        if has & {"prompts/list", "resources/templates/list"}:
            capabilities["completions"] = {}
        return Opening(capabilities, info(virtual), virtual.description or None, LATEST_MODERN_VERSION)

    async def route(self, method: str, params: Json, client: Client, plea: Plea | None = None) -> Route | Answered:
        """Answer from the catalog, or say which server it is for, and in which words.

        Raises:
            UnknownTool: there is nothing of that name, or nothing that the caller may use: both read the same.
            AirError: refused otherwise; recorded already.
        """
        started = self._servers.clock.monotonic()
        if method in LISTS:
            virtual = await self._admitted(method, params.get("cursor") is not None)
            printed = self._printed(await self._servers.offer(virtual), method)
            return Answered(printed, cacheable=True, server_info=info(virtual))
        if method.startswith("notifications/"):
            virtual = await self._admitted(method)
            return Answered(b"{}", server_info=info(virtual))
        virtual = await self._found(method, started)
        call = await self._called(virtual, method, params, started, plea)
        back = partial(result_back, call.server.path) if method == "resources/read" else None
        return Route(call, method, rewritten(method, params, call.name), back, server_info=info(virtual))

    async def tool_call(self, tool: str, plea: Plea | None = None) -> Call:
        """Admit a call of one tool.

        Raises:
            AirError: refused; recorded already.
        """
        started = self._servers.clock.monotonic()
        virtual = await self._found("tools/call", started)
        return await self._called(virtual, "tools/call", {"name": tool}, started, plea)

    async def listen(self, wanted: Json, client: Client) -> list[Route]:
        """A route for each server that has one of the resources to watch. Changed lists are told by `changes`.

        Raises:
            AirError: one of them may not be watched; recorded already, and nothing is left open.
        """
        started = self._servers.clock.monotonic()
        virtual = await self._admitted("subscriptions/listen")
        uris = wanted.get("resourceSubscriptions")
        watched: dict[str, tuple[Server, list[JsonValue]]] = {}
        for uri in uris if isinstance(uris, list) else ():
            call = await self._called(virtual, "resources/subscribe", {"uri": uri})
            self.leave(call, "ok")
            watched.setdefault(call.server.path, (call.server, []))[1].append(call.name)
        routes: list[Route] = []
        for path, (server, names) in watched.items():
            try:
                call = await self._admit(
                    virtual, server, "subscriptions/listen", None, "a resource", started=started, reason="watched"
                )
            except AirError:
                for route in routes:
                    self.leave(route.call, "cancelled")
                raise
            params: Json = {"notifications": {"resourceSubscriptions": names}}
            routes.append(Route(call, call.method, params, partial(notice_back, path)))
        return routes

    def leave(self, call: Call, outcome: Outcome, error: str | None = None) -> None:
        """Record how an admitted call ended."""
        self._invocation.leave(call, outcome, error)

    @asynccontextmanager
    async def changes(self, on_cut: Callable[[], None]) -> AsyncIterator[AsyncIterator[frozenset[str]]]:
        """The lists that change for this caller from now on, by method, each time that some do.

        Raises:
            Quarantined, RateLimited: it may have no further stream.
        """
        permit = self._invocation.watching(self._who, await self._virtual())
        try:
            permit.on_cut(on_cut)
            yield self._servers.changes.follow(self._lists, await self._lists())
        finally:
            permit.release("ok")

    async def _lists(self) -> Lists:
        self._who = self._again() or self._who
        try:
            offer = await self._servers.offer(await self._virtual())
        except AirError:
            return {}
        return {method: self._printed(offer, method) for method in LISTS}

    async def _virtual(self) -> VirtualServer:
        """The virtual server, if it is there for this caller.

        Raises:
            NotFound: it is not, or it is switched off.
            ScanFailed, Retired: it takes no calls.
        """
        shelf, visibility = self._servers.shelf, self._servers.visibility
        found = head = await shelf.get("virtual_server", self._path)
        if head is not None and self._version not in (None, head[0].version):
            found = await shelf.get("virtual_server", self._path, self._version)
        for each in (head,) if found is head else (head, found):
            if each is None or not visibility.shows(self._who, each[0]) or not visibility.serves(each[0]):
                raise NotFound(f"no server named {self._path!r}")
            check_enabled(each[0])
        if found is None or not isinstance(found[0], VirtualServer):
            raise NotFound(f"no virtual server named {self._path!r}")
        check_sunset(found[0], self._servers.clock.now())
        return found[0]

    async def _found(self, method: str, started: float) -> VirtualServer:
        try:
            return await self._virtual()
        except AirError as error:
            self._invocation.refused(self._who, f"server/{self._path}", method, None, error, started=started)
            raise

    async def _admitted(self, method: str, cursor: bool = False) -> VirtualServer:
        """Admit what is answered without a backend; lists are in one page, so that no `cursor` was ever given out."""
        started = self._servers.clock.monotonic()
        virtual = await self._found(method, started)
        try:
            reason = self._access.require(self._who, "read", virtual, method=method).reason
            if cursor:
                raise Malformed("no such cursor", rpc=INVALID_PARAMS)
            self._invocation.answered(self._who, virtual, method, started=started, reason=reason)
        except AirError as error:
            self._refused(virtual, method, None, error, started)
            raise
        return virtual

    def _printed(self, offer: Offer, method: str) -> bytes:
        """A list as this caller sees it, printed once for all who are entitled to the same."""
        owns = tuple(
            part.server is not None and part.server.created_by == self._who.subject for part in offer.parts.values()
        )
        entitlement: Hashable = self._access.entitlement(self._who, offer.virtual), owns, method
        allowed = partial(self._allowed, offer.virtual)
        return self._servers.lists.get(offer, entitlement, lambda: offer.printed(method, allowed))

    def _allowed(self, virtual: VirtualServer, item: Item, method: str) -> bool:
        why = why_not(
            self._access, self._who, virtual, item.entry, item.server, shown=item.shown, name=item.name, method=method
        )
        return why is None

    async def _called(
        self, virtual: VirtualServer, method: str, params: Json, started: float | None = None, plea: Plea | None = None
    ) -> Call:
        """Admit what goes to a server. Refusals are recorded on the server and tool behind, and told without them."""
        started = self._servers.clock.monotonic() if started is None else started
        try:
            return await self._decided(virtual, method, params, started, plea)
        except Unapproved as error:
            try:
                self._who = await self._invocation.approvals.obtain(error, plea)
            except AirError as refusal:
                self._unapproved(virtual, method, error, refusal, started)
                raise
        try:
            return await self._decided(await self._found(method, started), method, params, started, plea)
        except Unapproved as error:
            self._unapproved(virtual, method, error, error, started)
            raise

    async def _decided(
        self, virtual: VirtualServer, method: str, params: Json, started: float, plea: Plea | None
    ) -> Call:
        """Decide as things are now.

        Raises:
            Unapproved: it has to be approved, and is not; not recorded yet.
            AirError: refused otherwise; recorded already.
        """
        name = None
        try:
            asked = await self._asked(virtual, method, params)
            name = asked.shown
            reason = self._access.require(self._who, "call", virtual, tool=name, method=method).reason
            if asked.entry is None:
                raise unknown(virtual, asked)
            part = await self._servers.parts.of(pin_of(asked.entry))
            refusal = refusal_of(self._access, self._who, virtual, method, asked, part)
        except AirError as error:
            self._refused(virtual, method, name, error, started)
            raise
        if refusal is not None:
            self._refused(virtual, method, name, refusal.true, started, asked.name, part.server)
            raise refusal.told
        assert part.server is not None  # or there were a refusal
        return await self._admit(
            virtual, part.server, method, asked.name, name, started=started, reason=reason, plea=plea
        )

    async def _admit(
        self, virtual: VirtualServer, server: Server, method: str, name: str | None, shown: str, *,
        started: float, reason: str, plea: Plea | None = None,
    ) -> Call:  # fmt: skip
        try:
            return await self._invocation.admit(
                self._who, server, method, name, started=started, reason=reason, via=virtual, shown=shown, plea=plea
            )
        except Unapproved:
            raise
        except AirError as error:
            self._refused(virtual, method, shown, error, started, name, server)
            raise neutral(error, virtual, shown) from None

    async def _asked(self, virtual: VirtualServer, method: str, params: Json) -> Asked:
        """What a request is about.

        Raises:
            Malformed: it names nothing, or virtual servers have no such method.
        """
        asked = asked_by(self._servers.index(virtual), method, params)
        if not asked.is_plain_uri:
            return asked
        # A link in a tool's result has the URI that its server knows: followed where it can mean one thing only.
        return asked.resolved(await self._servers.offer(virtual), partial(self._allowed, virtual))

    def _unapproved(
        self, virtual: VirtualServer, method: str, wanted: Unapproved, refusal: AirError, started: float
    ) -> None:
        behind = wanted.matter.behind
        assert isinstance(behind.asset, Server)
        self._refused(virtual, method, wanted.matter.name, refusal, started, behind.name, behind.asset)

    def _refused(
        self, virtual: VirtualServer, method: str, shown: str | None, error: AirError, started: float,
        name: str | None = None, server: Server | None = None,
    ) -> None:  # fmt: skip
        """Write down a refusal: on the server and what it calls the tool, where it is known what was meant."""
        note = partial(self._invocation.refused, self._who, started=started)
        if server is None:
            note(f"{virtual.kind}/{virtual.path}", method, shown, error, asset=virtual)
        else:
            note(f"{server.kind}/{server.path}", method, name, error, asset=server, via=virtual)


def info(virtual: VirtualServer) -> Json:
    """What a virtual server says it is: `serverInfo`."""
    told: Json = {"name": virtual.name, "version": virtual.version}
    if virtual.title:
        told["title"] = virtual.title
    if virtual.icons:
        told["icons"] = [*virtual.icons]
    return told | ({"websiteUrl": virtual.documentation_url} if virtual.documentation_url else {})


def _nothing(item: Item, method: str) -> bool:
    return False
