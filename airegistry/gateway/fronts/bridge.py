"""One server of another era than its client's, as a `Destination`."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from time import monotonic

from mcp_types import INVALID_PARAMS

from airegistry.core.assets import Json, Server, Tool, served_tools
from airegistry.core.calls import Call, Outcome
from airegistry.core.errors import AirError, UpstreamFailed
from airegistry.core.pleas import Plea
from airegistry.core.principals import Principal
from airegistry.gateway.channels.exchange import Client, Opening
from airegistry.gateway.channels.pool import Channels
from airegistry.gateway.entry import Entry
from airegistry.gateway.envelope import SUBJECTS
from airegistry.gateway.errors import CredentialRefused, Malformed
from airegistry.gateway.fronts.destination import Answered, Route
from airegistry.gateway.list_changes import Again, ListChanges, Lists
from airegistry.gateway.lists import LISTS, Member, filter_result
from airegistry.gateway.tool_lists import ByteLists, printed_tools

Current = Callable[[str, str | None], Awaitable[Server | None]]
"""The server at a path now, of the default version unless one is named."""


class BridgeDestination:
    """A server as one caller meets it through the bridge. `target` is the path that was asked for, with any version."""

    def __init__(
        self, entry: Entry, channels: Channels, lists: ByteLists, who: Principal, server: Server, target: str,
        *, changes: ListChanges, current: Current, again: Again,
    ) -> None:  # fmt: skip
        self._changes = changes
        self._current = current
        self._again = again
        self._entry = entry
        self._channels = channels
        self._lists = lists
        self._who = who
        self._server = server
        self._target = target

    @property
    def key(self) -> str:
        """The path that was asked for: a session outlasts a switch of the default version."""
        return self._target

    def now(self) -> Principal | None:
        """Who the caller is by now."""
        return self._again()

    async def opening(self, client: Client) -> Opening:
        """What the backend says of itself.

        Raises:
            AirError: refused, or it does not answer.
        """
        call = await self._enter("server/discover", None)
        outcome: Outcome = "cancelled"
        failure: str | None = None
        try:
            opening = await self._opened(call, client)
            if opening.instructions != call.server.instructions:  # only what was approved is shown
                opening = replace(opening, instructions=None)
            outcome = "ok"
        except AirError as error:
            outcome = "upstream_failed" if isinstance(error, UpstreamFailed) else "error"
            failure = error.message
            raise
        finally:
            self._entry.leave(call, outcome, failure)
        return opening

    async def route(self, method: str, params: Json, client: Client, plea: Plea | None = None) -> Route | Answered:
        """Admit one request. Tools are those of the catalog: nothing that was not scanned is offered.

        Raises:
            AirError: refused.
        """
        call = await self._enter(method, subject_of(method, params), plea)
        info = self._server.server_info
        if method == "tools/list":
            self._entry.leave(call, "ok")
            return Answered(self._tools(call, params), cacheable=True, server_info=info)
        filtered = partial(self._filtered, call) if method in LISTS else None
        return Route(call, method, params, filtered, server_info=info)

    async def listen(self, wanted: Json, client: Client) -> list[Route]:
        """Admit to the one backend.

        Raises:
            AirError: refused.
        """
        uris = wanted.get("resourceSubscriptions")
        for uri in uris if isinstance(uris, list) else []:
            self._entry.leave(await self._enter("resources/subscribe", str(uri)), "ok")
        call = await self._enter("subscriptions/listen", None)
        return [Route(call, "subscriptions/listen", {"notifications": wanted})]

    @asynccontextmanager
    async def changes(self, on_cut: Callable[[], None]) -> AsyncIterator[AsyncIterator[frozenset[str]]]:
        """That the tools changed, which are those of the catalog; of the other lists the backend tells itself."""
        yield self._changes.follow(self._catalogued, await self._catalogued())

    def leave(self, call: Call, outcome: Outcome, error: str | None = None) -> None:
        """Record how a call ended."""
        self._entry.leave(call, outcome, error)

    async def _catalogued(self) -> Lists:
        server = await self._current(self._server.path, self._target.partition("@")[2] or None)
        if server is None or not server.enabled or not server.callable:
            return {}
        described = frozenset(tool.name for tool in served_tools(server))
        call = Call(self._again() or self._who, server, "tools/list", None, monotonic(), described=described)
        return {"tools/list": self._tools(call, {})}

    async def _enter(self, method: str, name: str | None, plea: Plea | None = None) -> Call:
        return await self._entry.enter(self._who, self._server.path, method, name, found=self._server, plea=plea)

    async def _opened(self, call: Call, client: Client) -> Opening:
        try:
            return await self._ask(call, client)
        except CredentialRefused:
            better = await self._entry.renewed(call)
            if better is None:
                raise
        return await self._ask(better, client)

    async def _ask(self, call: Call, client: Client) -> Opening:
        owner = call.who.subject
        async with self._channels.shared(call.server, call.headers, client, owner=owner) as channel:
            return await channel.open()

    def _tools(self, call: Call, params: Json) -> bytes:
        if params.get("cursor") is not None:
            raise Malformed("no such cursor: all tools are on one page", rpc=INVALID_PARAMS)

        def kept(tool: Tool) -> bool:
            return self._entry.may_use(call, "tools", tool.name)

        return self._lists.get(call.server, self._entry.entitlement(call), partial(printed_tools, call.server, kept))

    def _filtered(self, call: Call, result: Json) -> Json:
        def kept(member: Member, name: str) -> bool:
            if member == "tasks":
                return False
            if member == "instructions":
                return name == call.server.instructions
            return self._entry.may_use(call, member, name)

        filter_result(result, kept)
        return result


def subject_of(method: str, params: Json) -> str | None:
    """The one thing that a request is about, besides its method."""
    member = SUBJECTS.get(method)
    if method == "completion/complete":
        ref = params.get("ref")
        params = ref if isinstance(ref, dict) else {}
        member = "name" if "name" in params else "uri"
    name = params.get(member) if member is not None else None
    return name if isinstance(name, str) else None
