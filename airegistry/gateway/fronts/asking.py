"""One request of a modern client, and the answer to it."""

from dataclasses import dataclass
from typing import Final

import orjson
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    INVALID_PARAMS,
    LOG_LEVEL_META_KEY,
    METHOD_NOT_FOUND,
    UNSUPPORTED_PROTOCOL_VERSION,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from airegistry.core.assets import Json
from airegistry.core.errors import AirError, ConsentRequired
from airegistry.core.pleas import InputWanted, input_required
from airegistry.core.principals import Principal
from airegistry.gateway.channels.exchange import Client
from airegistry.gateway.channels.wire import printed
from airegistry.gateway.envelope import Envelope, Inbound
from airegistry.gateway.errors import Malformed, Reply, RequestId, error_body
from airegistry.gateway.fronts import translate
from airegistry.gateway.fronts.consent import consent_refusal, has_opened
from airegistry.gateway.fronts.destination import Destination
from airegistry.gateway.fronts.streams import JSON_HEADERS, KEEP_ALIVE, SSE_HEADERS, event

_GONE: Final = frozenset(("initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"))


class UnknownVersion(Malformed):
    """The client speaks a version that is not known here; it is told which are."""

    def __init__(self, requested: str | None) -> None:
        super().__init__("unsupported protocol version", rpc=UNSUPPORTED_PROTOCOL_VERSION)
        self._requested = requested

    @staticmethod
    def is_(version: str | None) -> bool:
        """Whether a version is an unknown one."""
        return version not in MODERN_PROTOCOL_VERSIONS

    def details(self) -> dict[str, object]:
        return {"supported": list(MODERN_PROTOCOL_VERSIONS), "requested": self._requested}


@dataclass(slots=True, eq=False)
class Asking:
    """One request of a modern client and the answer to it, which is JSON until something comes before the result."""

    who: Principal
    destination: Destination
    id: RequestId
    method: str
    params: Json
    client: Client
    reply: Reply
    streaming: bool = False
    finished: bool = False
    """Whether the response was sent: from then on the client seems to have hung up, and has not."""

    @property
    def level(self) -> str | None:
        """The log level that the client wants, None for no log messages."""
        level = translate.meta_of(self.params).get(LOG_LEVEL_META_KEY)
        return level if isinstance(level, str) else None

    async def notice(self, message: Json) -> None:
        """Send a backend's notification, if the client wants it."""
        shown = translate.notice_for_modern(message, translate.meta_of(self.params).get("progressToken"), self.level)
        if shown is not None:
            await self._stream()
            await self.reply.body(event(printed(shown)), more=True)

    async def keep_alive(self) -> None:
        """Show that the request is still being worked on."""
        await self._stream()
        await self.reply.body(KEEP_ALIVE, more=True)

    async def _stream(self) -> None:
        if not self.streaming:
            self.streaming = True
            await self.reply.start(200, SSE_HEADERS)

    async def finish(self, body: bytes, status: int = 200) -> None:
        """Send the response."""
        self.finished = True
        if self.streaming:
            await self.reply.body(event(body), more=False)
        else:
            await self.reply.whole(status, JSON_HEADERS, body)

    async def result(self, result: Json) -> None:
        """Send a result."""
        await self.finish(printed({"jsonrpc": "2.0", "id": self.id, "result": result}))

    @property
    def has_opened(self) -> bool:
        """Whether the client was asked to open a URL for this request already: asking again might go on for ever."""
        return has_opened(self.params.get("inputResponses"))

    async def refuse(self, error: AirError) -> None:
        """Answer with a refusal.

        Raises:
            AirError: it is to be refused whole, as nothing was sent.
        """
        if isinstance(error, InputWanted):
            await self.result(translate.result_for_modern(self.method, input_required(error), None))
            return
        if isinstance(error, ConsentRequired) and not self.has_opened:
            refusal = consent_refusal(error, self.id, self.client.capabilities, "modern")
            if refusal is not None:
                await self.finish(refusal)
                return
        if not self.streaming:
            raise error
        await self.finish(error_body(error, self.id))


def read(
    who: Principal, destination: Destination, inbound: Inbound, envelope: Envelope, body: bytes, reply: Reply
) -> Asking:
    """Read a modern request.

    Raises:
        Malformed: it lacks what every request has to say, or is one that the era does not have.
    """
    if UnknownVersion.is_(inbound.version):
        raise UnknownVersion(inbound.version)
    params = params_in(body)
    meta = translate.meta_of(params)
    capabilities = meta.get(CLIENT_CAPABILITIES_META_KEY)
    if envelope.version is None or not isinstance(capabilities, dict):
        raise Malformed("_meta must state protocolVersion and clientCapabilities", rpc=INVALID_PARAMS)
    if envelope.method in _GONE:
        raise Malformed(f"{envelope.method} is not of this era", rpc=METHOD_NOT_FOUND, status=404)
    translate.check_no_task(envelope.method, params)
    info = meta.get(CLIENT_INFO_META_KEY)
    client = Client(info if isinstance(info, dict) else {"name": "unknown", "version": "0"},
                    translate.capabilities_told(capabilities))  # fmt: skip
    return Asking(who, destination, envelope.id, envelope.method, params, client, reply)


def message_of(body: bytes) -> Json:
    """A message that was checked before."""
    message = orjson.loads(body)
    assert isinstance(message, dict)
    return message


def params_in(body: bytes) -> Json:
    """The parameters of a message that was checked before."""
    params = message_of(body).get("params")
    return params if isinstance(params, dict) else {}
