"""The id of each request: the client's own where it is well-formed, else a new one.

An answer tells it to a client that chose it, and where the registry failed. Other answers do not: what is hidden from a
caller and what is absent are answered alike, to the last header.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airegistry.core.correlation import begin_request, end_request, is_request_id
from airegistry.core.principals import Principal
from airegistry.core.random_ids import random_id
from airegistry.oauth.identity import PRINCIPAL

HEADER = b"x-request-id"
Watch = Callable[[Scope], Callable[[int], None]]
"""Told of a request as it begins; what it gives back is told the status of the answer, 0 where there was none."""
log = logging.getLogger(__name__)


class HttpRequest:
    """A request by its scope, in which it is known who makes it once that is established."""

    __slots__ = ("_scope", "id")

    def __init__(self, id: str, scope: Scope) -> None:
        self.id = id
        self._scope = scope

    @property
    def subject(self) -> str:
        """Who makes it, as far as known by now; else empty."""
        who = self._scope.get(PRINCIPAL)
        return who.subject if isinstance(who, Principal) else ""


class RequestIds:
    """The outermost layer of all: what is logged and recorded further in carries the id. At level debug each answer is
    logged, too; and a `watch` that was set sees every request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.watch: Watch | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = _given(scope["headers"])
        request = HttpRequest(given or random_id(), scope)
        answer = _Answer(send, request.id, told=given is not None)
        token = begin_request(request)
        began = time.monotonic() if log.isEnabledFor(logging.DEBUG) else None
        ended = None if self.watch is None else self.watch(scope)
        try:
            await self._app(scope, receive, answer)
        finally:
            if ended is not None:
                ended(answer.status)
            if began is not None:
                spent = (time.monotonic() - began) * 1000
                log.debug(
                    "%s %s: %s after %.1f ms", scope["method"], scope["path"], answer.status or "no answer", spent
                )
            end_request(token)


class _Answer:
    """An ASGI `send` that tells the id with the head of the answer, where it is `told` or the registry failed."""

    __slots__ = ("_header", "_send", "_told", "status")

    def __init__(self, send: Send, id: str, *, told: bool) -> None:
        self._send = send
        self._told = told
        self._header = HEADER, id.encode()
        self.status = 0

    def __call__(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            # A backend may have told an id of its own.
            headers = [each for each in message.get("headers", ()) if each[0] != HEADER]
            if self._told or self.status >= 500:
                headers.append(self._header)
            message = {**message, "headers": headers}
        return self._send(message)


def _given(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The id that the client chose, if it named exactly one that is well-formed."""
    found = [value for name, value in headers if name == HEADER]
    text = found[0].decode("latin-1") if len(found) == 1 else ""
    return text if is_request_id(text) else None
