"""Asks the person at the client before a tool does what cannot be undone, where the client can ask."""

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ParamSpec, TypeVar

import anyio
import mcp_types
from fastmcp import Context
from fastmcp.server.dependencies import get_context
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from airegistry.core.errors import ApprovalRequired

P = ParamSpec("P")
R = TypeVar("R")
Question = Callable[[Mapping[str, Any]], str]
"""What to ask, from a call's arguments; empty where the call needs no question."""

WAIT = 600.0
"""Seconds that a call of the older eras, which waits inside one request, gives its person."""
LONGEST = 200
"""Characters of an argument that are shown."""
_KEY = "confirm"
_NOTHING_TO_FILL_IN: mcp_types.ElicitRequestedSchema = {"type": "object", "properties": {}}


def asking_first(method: Callable[P, Awaitable[R]], question: Question) -> Callable[P, Awaitable[R]]:
    """The method, run when the person says yes. A client that cannot ask is served without.

    It raises ApprovalRequired when the person says no, or nothing.
    """
    signature = inspect.signature(method)

    @functools.wraps(method)
    async def ask_first(*args: P.args, **kwargs: P.kwargs) -> R | mcp_types.InputRequiredResult:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        text = question({name: _shown(value) for name, value in bound.arguments.items()})
        asked = await _ask(get_context(), text) if text else None
        return await method(*args, **kwargs) if asked is None else asked

    return ask_first  # type: ignore[return-value]  # FastMCP takes a request for input in place of any result


def _shown(value: object) -> object:
    """An argument as the person is to see it: models write them."""
    return value.encode("unicode_escape").decode()[:LONGEST] if isinstance(value, str) else value


async def _ask(context: Context, text: str) -> mcp_types.InputRequiredResult | None:
    """The question as a result, where the client asks and calls again; None once the person said yes."""
    request = context.request_context
    declared = None if request is None else context.session.client_capabilities
    ability = None if declared is None else declared.elicitation
    if request is None or ability is None or (ability.form is None and ability.url is not None):
        return None
    if request.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        _check(await _answer(context, text))
        return None
    answer = (context.input_responses or {}).get(_KEY)
    if answer is None or context.request_state != text:  # an answer to another question is none to this
        params = mcp_types.ElicitRequestFormParams(message=text, requested_schema=dict(_NOTHING_TO_FILL_IN))
        return mcp_types.InputRequiredResult(
            input_requests={_KEY: mcp_types.ElicitRequest(params=params)}, request_state=text
        )
    _check(answer.action if isinstance(answer, mcp_types.ElicitResult) else "cancel")
    return None


async def _answer(context: Context, text: str) -> str:
    with anyio.move_on_after(WAIT):
        try:
            return (await context.session.elicit_form(text, dict(_NOTHING_TO_FILL_IN), context.request_id)).action
        except MCPError:
            return "cancel"
    return "cancel"


def _check(action: str) -> None:
    if action != "accept":
        said = "said no" if action == "decline" else "did not answer"
        raise ApprovalRequired(f"the person at the client {said}: nothing was changed")
