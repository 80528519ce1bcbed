"""Tells OAuth clients at the registry's own tools that a broader token would do, by HTTP 403 and a challenge.

A tool error does not make a client ask its person again, an HTTP 403 with `insufficient_scope` does (MCP step-up).
"""

from collections.abc import Callable, Mapping, Sequence

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.grants import Action
from airegistry.core.invocation import Invocation
from airegistry.core.lifecycle import STEPS
from airegistry.core.principals import Principal
from airegistry.oauth.identity import principal_of
from airegistry.tools.protocol import REFUSED

APPROVED = frozenset(step.to for steps in STEPS.values() for step in steps if step.approves)
"""Stages that it takes an approval to come to."""
MAX_BODY = 4 * 2**20
"""As many bytes of a request as the tools take."""

Challenge = Callable[[Scope, Principal, Sequence[str]], bytes]


class StepUp:
    """In front of the tools: looks into calls whose token carries less than its subject holds."""

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        invocation: Invocation,
        audit: Audit,
        needs: Mapping[str, Action],
        challenge: Challenge,
    ) -> None:
        self._app = app
        self._access = access
        self._invocation = invocation
        self._audit = audit
        self._needs = needs
        self._challenge = challenge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        who = principal_of(scope) if scope["type"] == "http" else None
        if who is None or scope["method"] != "POST" or (who.administers and not who.withheld):
            await self._app(scope, receive, send)
            return
        messages, body = await _read(receive)
        missing = await self._missing(who, body)
        if missing:
            await self._refuse(scope, send, who, missing, _request_id(body))
            return
        await self._app(scope, _again(messages, receive), send)

    async def _missing(self, who: Principal, body: bytes) -> Sequence[str]:
        """The scopes that a broader token would carry and this call needs."""
        name, arguments = _tool_call(body)
        about_others = name == "explain_access" and arguments.get("subject") not in {"me", who.subject}
        if name in self._needs or about_others:
            return self._access.decide(who, self._needs.get(name, "policy")).step_up
        if name == "approve_definition" or (name == "set_lifecycle_stage" and arguments.get("stage") in APPROVED):
            kind, path = arguments.get("kind", "server"), arguments.get("path")
            if isinstance(kind, str) and isinstance(path, str):
                return self._access.decide(who, "approve", target=(kind, path.removeprefix("/"))).step_up
        if name == "call_tool" and who.withheld:
            server, tool = arguments.get("server"), arguments.get("tool")
            if isinstance(server, str) and isinstance(tool, str):
                return await self._invocation.step_up(who, server, tool)
        return ()

    async def _refuse(
        self, scope: Scope, send: Send, who: Principal, missing: Sequence[str], request_id: str | int | None
    ) -> None:
        event = self._audit.event(
            who, "token:step_up", None, None, decision="deny", outcome="refused",
            reason=f"access_denied: the token does not carry {' '.join(missing)}",
        )  # fmt: skip
        self._audit.note(event)
        data = {"code": "access_denied", "missing": list(missing)}
        error = {"code": REFUSED, "message": "the token does not carry what this takes", "data": data}
        body = orjson.dumps({"jsonrpc": "2.0", "id": request_id, "error": error})
        headers = [
            (b"www-authenticate", self._challenge(scope, who, missing)),
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": 403, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _read(receive: Receive) -> tuple[list[Message], bytes]:
    """A request's messages up to its end, or up to more than a tool call may have: then its body counts as empty."""
    messages: list[Message] = []
    size = 0
    while True:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        if size > MAX_BODY:
            return messages, b""
        if message["type"] != "http.request" or not message.get("more_body", False):
            return messages, b"".join(message.get("body", b"") for message in messages)


def _again(messages: Sequence[Message], receive: Receive) -> Receive:
    """Gives what was read once more, then what comes."""
    left = list(reversed(messages))

    async def replay() -> Message:
        return left.pop() if left else await receive()

    return replay


def _request_id(body: bytes) -> str | int | None:
    id_ = orjson.loads(body).get("id")
    return id_ if isinstance(id_, str | int) else None


def _tool_call(body: bytes) -> tuple[str, Mapping[str, object]]:
    """Name and arguments of a `tools/call`; what is none of it the tools themselves refuse."""
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "", {}
    if not isinstance(message, dict) or message.get("method") != "tools/call":
        return "", {}
    params = message.get("params")
    params = params if isinstance(params, dict) else {}
    name, arguments = params.get("name"), params.get("arguments")
    return (name if isinstance(name, str) else ""), (arguments if isinstance(arguments, dict) else {})
