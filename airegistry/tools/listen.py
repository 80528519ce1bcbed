"""Telling clients what changed: `subscriptions/listen` of 2026-07-28, and the event streams of sessions before it.

`core/changes.py` decides what each caller hears of. Here changes become notifications: of the catalog
`resources/list_changed`, of an asset `resources/updated` for each URI of it that the client asked for, of the caller's
own rights `tools/list_changed`. A URI of nothing, and of what the caller may not see, is taken like any other and stays
silent.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectSendStream
from fastmcp import FastMCP
from fastmcp.server.low_level import LowLevelServer
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel.server import NotificationOptions
from mcp.server.session import ServerSession
from mcp.shared.subscriptions import (
    SUBSCRIPTION_ID_META_KEY,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
    event_to_notification,
)
from mcp_types import (
    EmptyResult,
    PromptsCapability,
    ServerCapabilities,
    SubscribeRequestParams,
    SubscriptionFilter,
    SubscriptionsAcknowledgedNotification,
    SubscriptionsAcknowledgedNotificationParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    UnsubscribeRequestParams,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from airegistry.core.changes import CATALOG, ENTITLEMENT, Again, Changes, Watcher
from airegistry.core.errors import AirError, Invalid, RateLimited, Unauthenticated
from airegistry.oauth.identity import again_of
from airegistry.tools.protocol import Refusal
from airegistry.tools.resources import ref_of

MAX_URIS = 1_000
"""Resources that one stream or session may subscribe to."""
MAX_URI = 2_048
"""Characters of a URI to subscribe to."""
log = logging.getLogger(__name__)
_STATE = "airegistry.listening"
Context = ServerRequestContext[Any, Any]


class Subscription:
    """The URIs a client asked for, by the asset each is of."""

    def __init__(self, uris: Iterable[str] = ()) -> None:
        self._uris: dict[str, str | None] = {}
        for uri in uris:
            self.add(uri)

    @property
    def refs(self) -> set[str]:
        """The assets they are of, as far as they are of any."""
        return {ref for ref in self._uris.values() if ref is not None}

    def add(self, uri: str) -> str | None:
        """Take a URI; returns the asset it is of.

        Raises:
            Invalid: it is too long, or there are too many.
        """
        if len(uri) > MAX_URI:
            raise Invalid(f"a URI to subscribe to has at most {MAX_URI} characters", field="uri")
        if len(self._uris) >= MAX_URIS and uri not in self._uris:
            raise Invalid(f"at most {MAX_URIS} resources are subscribed to at a time", field="uri")
        self._uris[uri] = ref_of(uri)
        return self._uris[uri]

    def discard(self, uri: str) -> None:
        """Give a URI up."""
        self._uris.pop(uri, None)

    def events(self, changes: Iterable[str]) -> Iterator[ServerEvent]:
        """What the client is told of some changes."""
        for change in changes:
            if change == CATALOG:
                yield ResourcesListChanged()
            elif change == ENTITLEMENT:
                yield ToolsListChanged()
            else:
                yield from (ResourceUpdated(uri) for uri, ref in self._uris.items() if ref == change)


class Session:
    """A session of an older era: told on its event stream, by a task that lives as long as there is something to say.

    Its watcher has the token of its latest request: tokens are renewed while a session lives.
    """

    def __init__(self, session: ServerSession, again: Again, tasks: TaskGroup) -> None:
        self._session = session
        self._tasks = tasks
        self._saying: anyio.CancelScope | None = None
        self._over = False
        self.subscription = Subscription()
        self.watcher = Watcher(again, {CATALOG, ENTITLEMENT}, self._wake)

    def end(self) -> None:
        """Say no more."""
        self._over = True
        if self._saying is not None:
            self._saying.cancel()

    def _wake(self) -> None:
        if self._saying is None and not self._over:
            self._saying = anyio.CancelScope()
            self._tasks.start_soon(self._say, self._saying)

    async def _say(self, scope: anyio.CancelScope) -> None:
        """Say what there is, and what comes while the client reads slowly."""
        try:
            with scope:
                while taken := self.watcher.take():
                    for event in self.subscription.events(taken):
                        await self._session.send_notification(event_to_notification(event, {}))
        except Exception:  # whatever breaks one session: the others are told by tasks beside this one
            log.debug("a session cannot be told", exc_info=True)
        self._saying = None


class Listening:
    """The handlers over one `Changes`. Sessions of older eras are told while `run` runs."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._tasks: TaskGroup | None = None
        self._open: set[MemoryObjectSendStream[None]] = set()

    def __len__(self) -> int:
        """How many streams are open."""
        return len(self._open)

    async def run(self) -> None:
        """Tell clients, until cancelled; then streams are closed."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            try:
                await self._changes.run()
            finally:
                self._tasks = None
                self.close()

    def close(self) -> None:
        """Have every open stream end with its result, as the specification has it; does not wait for that."""
        for stream in list(self._open):
            stream.close()

    async def listen(self, context: Context, params: SubscriptionsListenRequestParams) -> SubscriptionsListenResult:
        """Serve one stream of `subscriptions/listen`, until its client goes away."""
        meta: dict[str, Any] = {SUBSCRIPTION_ID_META_KEY: context.request_id}
        asked = params.notifications
        send, receive = anyio.create_memory_object_stream[None](1)

        def wake() -> None:
            try:
                send.send_nowait(None)
            except (anyio.WouldBlock, anyio.ClosedResourceError, anyio.BrokenResourceError):
                pass  # it is awake, or it is over

        async def say(events: Iterable[ServerEvent]) -> None:
            for event in events:
                await context.session.send_notification(event_to_notification(event, meta), context.request_id)

        with refusals(), send, receive:
            again = _again(context)
            subscription = Subscription(asked.resource_subscriptions or ())
            wanted = {*subscription.refs, *_lists(asked)}
            with self._changes.watching(Watcher(again, wanted, wake)) as watcher:
                self._open.add(send)
                try:
                    await context.session.send_notification(_acknowledged(asked, meta), context.request_id)
                    async for _ in receive:
                        await say(subscription.events(watcher.take()))
                finally:
                    self._open.discard(send)
        return SubscriptionsListenResult(_meta=meta)

    async def subscribe(self, context: Context, params: SubscribeRequestParams) -> EmptyResult:
        """Tell a session of an older era when a resource changes."""
        with refusals():
            session = self._session(context)
            ref = session.subscription.add(str(params.uri))
            if ref is not None:
                self._changes.want(session.watcher, ref)
        return EmptyResult()

    async def unsubscribe(self, context: Context, params: UnsubscribeRequestParams) -> EmptyResult:
        """Tell it no more."""
        with refusals():
            session = self._session(context)
            session.subscription.discard(str(params.uri))
            session.watcher.wanted &= {CATALOG, ENTITLEMENT, *session.subscription.refs}
        return EmptyResult()

    async def follow(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        """Begin to tell a session when it is initialized, and remember the token of its latest request."""
        result = await call_next(ctx)
        if ctx.request is not None and ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            known = ctx.session._connection.state.get(_STATE)
            if isinstance(known, Session):
                known.watcher.again = again_of(ctx.request.scope)
            elif ctx.method == "notifications/initialized":
                try:
                    self._session(ctx)
                except RateLimited:
                    pass  # it may try again by `resources/subscribe`, and is told then
        return result

    def _session(self, context: Context) -> Session:
        """What is known of a session; it is forgotten when its connection ends.

        Raises:
            RateLimited, Unauthenticated: see `Changes.watching`.
        """
        connection = context.session._connection  # the SDK has no public way to what lives as long as a session
        known = connection.state.get(_STATE)
        if isinstance(known, Session):
            return known
        if self._tasks is None:
            raise Unauthenticated("no credentials")
        session = Session(context.session, _again(context), self._tasks)
        connection.exit_stack.enter_context(self._changes.watching(session.watcher))
        connection.exit_stack.callback(session.end)
        connection.state[_STATE] = session
        return session


def add_listening(mcp: FastMCP, changes: Changes) -> Listening:
    """Give a server the handlers. Whoever serves it has to run what is returned."""
    server, listening = mcp._mcp_server, Listening(changes)
    server.add_request_handler("subscriptions/listen", SubscriptionsListenRequestParams, listening.listen)
    server.add_request_handler("resources/subscribe", SubscribeRequestParams, listening.subscribe)
    server.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, listening.unsubscribe)
    server.middleware.append(listening.follow)
    _promise_no_prompts(server)
    return listening


def _promise_no_prompts(server: LowLevelServer[Any]) -> None:
    """Say that the list of prompts does not change: where `subscriptions/listen` is served the SDK says that it may."""
    promised = server.get_capabilities

    def get_capabilities(
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
        *,
        protocol_version: str | None = None,
    ) -> ServerCapabilities:
        capabilities = promised(
            notification_options, experimental_capabilities, extensions, protocol_version=protocol_version
        )
        return capabilities.model_copy(update={"prompts": PromptsCapability(list_changed=False)})

    server.get_capabilities = get_capabilities  # type: ignore[method-assign]  # there is no option for it


@contextmanager
def refusals() -> Iterator[None]:
    """Domain errors as errors of JSON-RPC."""
    try:
        yield
    except AirError as error:
        raise Refusal(error) from error


def _again(context: Context) -> Again:
    if context.request is None:
        raise Unauthenticated("no credentials")
    return again_of(context.request.scope)


def _lists(asked: SubscriptionFilter) -> set[str]:
    wanted = {CATALOG: asked.resources_list_changed, ENTITLEMENT: asked.tools_list_changed}
    return {change for change, flag in wanted.items() if flag}


def _acknowledged(asked: SubscriptionFilter, meta: dict[str, Any]) -> SubscriptionsAcknowledgedNotification:
    """Everything that was asked for, but prompts: they never change."""
    honoured = SubscriptionFilter(
        tools_list_changed=asked.tools_list_changed or None,
        resources_list_changed=asked.resources_list_changed or None,
        resource_subscriptions=asked.resource_subscriptions or None,
    )
    params = SubscriptionsAcknowledgedNotificationParams(notifications=honoured, _meta=meta)
    return SubscriptionsAcknowledgedNotification(params=params)
