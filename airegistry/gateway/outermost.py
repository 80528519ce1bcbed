"""What both applications of the data path have around a request: its body, and the answer to whatever goes wrong."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from starlette.types import Receive, Scope, Send

from airegistry.core.errors import AccessDenied, AirError, Internal
from airegistry.core.principals import Principal
from airegistry.egress.timers import Patience
from airegistry.gateway.envelope import Inbound
from airegistry.gateway.errors import Malformed, Reply
from airegistry.gateway.presence import PATIENCE
from airegistry.oauth.identity import principal_of

MAX_BODY = 16 * 2**20

_LOG = logging.getLogger(__name__)

Challenge = Callable[[Scope, Principal, Sequence[str]], bytes]
"""Makes the `WWW-Authenticate` that names the scopes a broader token would carry."""

R = TypeVar("R", bound=Reply)


class Outermost(ABC, Generic[R]):
    """An ASGI application. `max_body` is in bytes."""

    def __init__(self, max_body: int, challenge: Challenge | None) -> None:
        self._max_body = max_body
        self._challenge = challenge
        self._patience = Patience(PATIENCE)

    @abstractmethod
    def _reply(self, send: Send) -> R:
        """The answer to one request."""

    @abstractmethod
    async def _serve(self, scope: Scope, receive: Receive, reply: R) -> None:
        """Answer one request.

        Raises:
            AirError: it is refused.
        """

    def _left(self, scope: Scope) -> None:
        """A request was served, or failed by what `sys.exception` says: for those who watch."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        reply = self._reply(send)
        try:
            try:
                await self._serve(scope, receive, reply)
            finally:
                self._left(scope)
        except AirError as error:
            await reply.refuse(error, challenge=self._step_up(scope, error))
        except _ClientGone:
            pass
        except Exception:  # noqa: BLE001  # the outermost handler: a fault of ours ends one request, in the protocol's form
            _LOG.exception("the gateway failed on %s", scope["path"])
            await reply.refuse(Internal("internal error"))

    def _step_up(self, scope: Scope, error: AirError) -> bytes | None:
        """What a client is told whose person may do more than its token."""
        if self._challenge is None or not isinstance(error, AccessDenied) or not error.step_up:
            return None
        return self._challenge(scope, principal_of(scope), error.step_up)

    async def _body(self, inbound: Inbound, receive: Receive) -> bytes:
        """The body of a request.

        Raises:
            Malformed: it is longer than allowed.
        """
        parts: list[bytes] = []
        length, more = inbound.length, True
        while more and length <= self._max_body:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _ClientGone
            parts.append(message.get("body", b""))
            length, more = sum(map(len, parts)), message.get("more_body", False)
        if length > self._max_body:
            raise Malformed(f"the body is longer than {self._max_body} bytes", status=413)
        return parts[0] if len(parts) == 1 else b"".join(parts)


class _ClientGone(Exception):
    """The client closed its connection."""
