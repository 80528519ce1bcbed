"""Host and Origin of every request, checked before anything else: the defence against DNS rebinding."""

import re
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

_REMEMBERED = 100
_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")


class OriginGuard:
    """Lets requests through that name one of our hosts, and come from one of our origins or from no page at all.

    The address the connection came in at counts as a host too: nobody can rebind a name to make a browser send it.
    """

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str], origins: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._origins = frozenset(origin.lower().encode() for origin in origins)
        self._seen: set[bytes] = set()
        """Spellings of our hosts, as they came."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await _refuse(send, *refusal)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _refusal(self, scope: Scope) -> tuple[int, bytes] | None:
        hosts: list[bytes] = []
        origins: list[bytes] = []
        for name, value in scope["headers"]:
            if name == b"host":
                hosts.append(value)
            elif name == b"origin":
                origins.append(value)
        if not origins and len(hosts) == 1 and hosts[0] in self._seen:
            return None
        match = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if match is None or len(origins) > 1:
            return 400, b"exactly one Host, and at most one Origin"
        host = match[1].decode().lower().strip("[]")
        own = scope.get("server")
        if host not in self._hosts and not (own and host == own[0]):
            return 421, b"this is another host"
        if origins and origins[0].lower() not in self._origins:
            return 403, b"foreign origin"
        if host in self._hosts and len(self._seen) < _REMEMBERED:
            self._seen.add(hosts[0])
        return None


async def _refuse(send: Send, status: int, detail: bytes) -> None:
    body = b'{"type":"about:blank","status":%d,"code":"invalid","detail":"%s"}' % (status, detail)
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
