"""What backends send unasked, on its way to a client: several backends, one stream."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager

import anyio
from anyio.abc import TaskStatus
from pydantic import JsonValue

from airegistry.core.assets import Json, Server
from airegistry.core.calls import Outcome
from airegistry.core.errors import AirError, Quarantined, UpstreamFailed
from airegistry.gateway.channels.conversation import Conversation
from airegistry.gateway.channels.exchange import Channel, Notice, Question
from airegistry.gateway.channels.wire import printed
from airegistry.gateway.fronts.destination import Destination, Route
from airegistry.gateway.fronts.translate import CHANGES

_LOG = logging.getLogger(__name__)

Told = Callable[[Channel, Notice | Question], Awaitable[None]]

OnToolsChanged = Callable[[Server], None]
"""Is told of a backend that says that its tools have changed."""

TOOLS_CHANGED = "notifications/tools/list_changed"
_CHANGED_BY = {
    "tools/list": TOOLS_CHANGED,
    "prompts/list": "notifications/prompts/list_changed",
    "resources/list": "notifications/resources/list_changed",
    "resources/templates/list": "notifications/resources/list_changed",
}


def ignore(server: Server) -> None:
    """An OnToolsChanged for where nobody wants to know."""


async def listen(
    destination: Destination, route: Route, reached: AbstractAsyncContextManager[Channel], told: Told,
    on_cut: Callable[[], None], on_tools_changed: OnToolsChanged,
    *, rest: bool = True, task_status: TaskStatus[anyio.CancelScope] = anyio.TASK_STATUS_IGNORED,
) -> None:  # fmt: skip
    """Tell what one backend sends over the channel reached, until cancelled by the scope that is told first.

    Leaves the route's call. `rest` is as of `Channel.listen`.
    `on_cut` is called when the caller or the backend is quarantined.

    Raises:
        AirError: the backend does not let itself be listened to, or is not to be; later it just ends.
    """
    outcome: Outcome = "ok"
    failure: str | None = None
    listening = False
    wanted = route.params.get("notifications")
    with anyio.CancelScope() as scope:

        def cut() -> None:
            scope.cancel()
            on_cut()

        try:
            if route.call.permit is not None:
                route.call.permit.on_cut(cut)
            wanted = wanted if isinstance(wanted, dict) else {}
            async with reached as channel, channel.listen(wanted, rest=rest) as events:
                listening = True
                task_status.started(scope)
                async for event in events:
                    if isinstance(event, Notice) and event.message.get("method") in _CHANGED_BY.values():
                        on_tools_changed(route.server)
                    await told(channel, rewritten(event, route))
        except AirError as error:
            outcome = "upstream_failed" if isinstance(error, UpstreamFailed) else "error"
            failure = error.message
            if not listening:
                raise
        except Exception:  # noqa: BLE001  # one listener must not take down the group that all of them live in
            outcome, failure = "error", "internal"
            _LOG.exception("a listener failed")
        finally:
            destination.leave(route.call, outcome, failure)
    if not listening:
        raise Quarantined("cut off by an administrator")


async def follow(
    destination: Destination, tell: Callable[[bytes], Awaitable[None]], on_cut: Callable[[], None],
    *, task_status: TaskStatus[anyio.CancelScope] = anyio.TASK_STATUS_IGNORED,
) -> None:  # fmt: skip
    """Tell which lists of the catalog changed, as `listen` tells what a backend sends.

    Raises:
        AirError: the caller may not follow; later it just ends.
    """
    with anyio.CancelScope() as scope:
        async with destination.changes(on_cut) as changes:
            task_status.started(scope)
            try:
                async for changed in changes:
                    for notice in notices(changed):
                        await tell(printed(notice))
            except Exception:  # noqa: BLE001  # it lives in the same group
                _LOG.exception("the catalog cannot be followed")


async def respond(channel: Channel, question: Question, reply: Json) -> None:
    """Answer a question that a backend asked outside of any request: only those of the older era do."""
    if isinstance(channel, Conversation):
        await channel.tell({"jsonrpc": "2.0", "id": question.id, **reply})


def notices(changed: Iterable[str]) -> Iterator[Json]:
    """The notifications that lists have changed, by the methods that list them; each once."""
    for method in dict.fromkeys(_CHANGED_BY[each] for each in sorted(changed)):
        yield {"jsonrpc": "2.0", "method": method}


def rewritten(event: Notice | Question, route: Route) -> Notice | Question:
    """A notification in the client's own names, where the destination has others than the backend."""
    params = event.message.get("params") if isinstance(event, Notice) else None
    if route.result is None or not isinstance(event, Notice) or not isinstance(params, dict):
        return event
    return Notice({**event.message, "params": route.result(params)})


def wanted_of(params: Json) -> Json:
    """What a `subscriptions/listen` asks for, without what is not asked for; also the part that is acknowledged."""
    asked = params.get("notifications")
    known = asked if isinstance(asked, dict) else {}
    wanted: Json = {name: True for name in set(CHANGES.values()) if known.get(name) is True}
    uris = known.get("resourceSubscriptions")
    if isinstance(uris, list) and uris:
        wanted["resourceSubscriptions"] = uris
    return wanted


def is_wanted(method: JsonValue, wanted: Json) -> bool:
    """Whether a notification is among what a client listens to."""
    return isinstance(method, str) and CHANGES.get(method) in wanted
