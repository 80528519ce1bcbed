"""What a registered server may send us while we ask it what it offers: bounded, uncompressed, without redirects.

The MCP SDK reads answers without a limit and turns HTTP failures into general errors, and it does so in tasks of its
own. This transport stands below it: it counts, it remembers what really happened, and it ends the whole conversation
at the first thing that cannot be mended.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Self

import anyio
import httpx2

from airegistry.core.errors import AirError, CredentialRefused, UpstreamFailed
from airegistry.egress.guard import Target, parse_url
from airegistry.egress.http import describe_status, explain
from airegistry.egress.messages import printable

MAX_ANSWER = 20 * 2**20
"""Bytes of one answer."""
MAX_TOTAL = 64 * 2**20
"""Bytes of one conversation."""
_FAREWELL_SECONDS = 2.0
_FAREWELL = {"connect": _FAREWELL_SECONDS, "read": _FAREWELL_SECONDS, "write": _FAREWELL_SECONDS, "pool": 1.0}


class Wire(httpx2.AsyncBaseTransport):
    """A transport for one conversation with `target`, which it ends through `scope` when something breaks.

    It does nothing before it is put around another transport. `headers` are the server's own credential: they go with
    every request to the target, and to no other address.
    `failure` is what broke; `status` describes the last answer when it was 400 or above, `unauthorized` is whether that
    was 401; `content_type` is its type.
    `event_stream` says that GET carries the conversation (the older HTTP+SSE transport).
    """

    def __init__(
        self, target: Target, scope: anyio.CancelScope, *, event_stream: bool, headers: Mapping[str, str] | None = None
    ) -> None:
        self.target = target
        self.failure: AirError | None = None
        self.status: str | None = None
        self.unauthorized = False
        self.content_type = ""
        self._headers = headers or {}
        self._inner = httpx2.AsyncBaseTransport()
        self._scope = scope
        self._event_stream = event_stream
        self._left = MAX_TOTAL

    def around(self, inner: httpx2.AsyncBaseTransport) -> Self:
        """Put this transport around another."""
        self._inner = inner
        return self

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self._headers and parse_url(str(request.url.copy_with(fragment=None))) == self.target:
            request.headers.update(self._headers)
        if request.method == "GET" and not self._event_stream:
            # A stream for messages of the server's own: nothing here would read them.
            return httpx2.Response(405, request=request)
        if request.method == "DELETE":
            request.extensions = {**request.extensions, "timeout": _FAREWELL}
            return await self._inner.handle_async_request(request)
        try:
            answer = await self._inner.handle_async_request(request)
        except AirError as error:
            self.fail(error)
            raise
        except httpx2.TransportError as error:
            raise self.fail(explain(error, self.target)) from error
        answer.request = request
        refusal = self._look_at(answer)
        if refusal is not None:
            await answer.aclose()
            kind = CredentialRefused if self.unauthorized else UpstreamFailed
            raise self.fail(kind(f"{self.target} {refusal}"))
        return httpx2.Response(
            answer.status_code, headers=answer.headers, stream=_Counted(answer, self), extensions=answer.extensions
        )

    async def aclose(self) -> None:
        await self._inner.aclose()

    def fail(self, error: AirError) -> AirError:
        """Remember the first failure and end the conversation."""
        self.failure = self.failure or error
        self._scope.cancel()
        return self.failure

    def take(self, size: int) -> None:
        """Count bytes of the conversation."""
        self._left -= size
        if self._left < 0:
            raise self.too_large(MAX_TOTAL)

    def too_large(self, limit: int) -> AirError:
        """The failure of an answer beyond the limit."""
        return self.fail(UpstreamFailed(f"{self.target} sent more than {limit // 2**20} MB"))

    def _look_at(self, answer: httpx2.Response) -> str | None:
        """Note what the answer is, and say why it cannot be read at all, if so."""
        self.status = describe_status(answer) if answer.status_code >= 400 else None
        self.unauthorized = answer.status_code == 401
        self.content_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        encoding = answer.headers.get("content-encoding", "identity")
        length = answer.headers.get("content-length", "")
        if answer.has_redirect_location:
            return f"answered {describe_status(answer)}"
        if encoding.lower() != "identity":
            return f"answered with content encoding {printable(encoding)}, which it was not offered"
        if length.isdigit() and int(length) > MAX_ANSWER:
            return f"wants to send {int(length) // 2**20} MB, more than {MAX_ANSWER // 2**20}"
        if self._event_stream and self.status is not None:
            return f"answered {self.status}"
        if answer.request.method == "GET" and self.content_type != "text/event-stream":
            return f"answered with content type {printable(self.content_type) or 'none'}, not with an event stream"
        return None


class _Counted(httpx2.AsyncByteStream):
    """A body that counts against the conversation, and tells it when it breaks."""

    def __init__(self, answer: httpx2.Response, wire: Wire) -> None:
        self._answer = answer
        self._wire = wire

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_ANSWER
        try:
            async for chunk in self._answer.aiter_raw():
                left -= len(chunk)
                if left < 0:
                    raise self._wire.too_large(MAX_ANSWER)
                self._wire.take(len(chunk))
                yield chunk
        except httpx2.TransportError as error:
            raise self._wire.fail(explain(error, self._wire.target)) from error

    async def aclose(self) -> None:
        await self._answer.aclose()
