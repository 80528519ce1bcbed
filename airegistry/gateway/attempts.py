"""A request to a backend is tried again where that is safe: what reached nobody, and what changes nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from airegistry.core import errors
from airegistry.core.calls import Outcome, failed_as
from airegistry.core.errors import AirError, UpstreamFailed
from airegistry.egress.stream import Dropped, NotSent
from airegistry.gateway.errors import Reply

RETRIES = (0.05, 0.2, 0.5)
"""Seconds to wait before a request is tried again that reached no backend: it may be restarting."""


class Result(NamedTuple):
    """How an exchange ended, for audit and metrics. `task` is the id of a task that the answer tells of, `state` the
    `requestState` with which a backend that asks for input wants the request again, empty where it wants none."""

    outcome: Outcome
    error: str | None = None
    task: str | None = None
    state: str | None = None


CANCELLED = Result("cancelled")
OK = Result("ok")


class Again(Exception):  # it is handled here, always
    """The request goes out once more, and is another one by now."""


async def attempts(attempt: Callable[[], Awaitable[Result]], reply: Reply, *, safe: bool) -> Result:
    """What an attempt gives, or how the last one failed; that is answered to the client as well.

    `safe` is whether the request may be run twice. An attempt raises `Again` to have another one at once.
    """
    waits = iter(RETRIES)
    while True:
        try:
            return await attempt()
        except Again:
            continue
        except NotSent as error:
            wait = next(waits, None)
            if wait is None:
                return await _refused(reply, error)
            await asyncio.sleep(wait)
        except AirError as error:
            if not isinstance(error, Dropped) or not safe or reply.started:
                # Whatever it is, also an address that the guard forbids: the caller is not the one who chose it.
                return await _refused(reply, error)
            safe = False


async def _refused(reply: Reply, error: AirError) -> Result:
    if not isinstance(error, UpstreamFailed):  # nothing was sent: that says nothing of the backend
        error = errors.CallRefused(error.message)
    await reply.refuse(error)
    return Result(failed_as(error), error.message)
