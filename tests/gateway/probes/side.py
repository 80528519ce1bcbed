"""One side of a comparison: the backend itself, or the gateway in front of it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import httpx2
from fastmcp import Client
from mcp.client.client import Client as SdkClient
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from tests.support.http import bearer
from tests.support.tls import TLS

Json = dict[str, Any]


@dataclass(frozen=True)
class Side:
    """Where the calls of a probe go, in which era; `origin` is always the backend's own."""

    url: str
    token: str | None
    origin: str
    era: str

    @property
    def modern(self) -> bool:
        return self.era != "legacy"

    def client(self, **handlers: Any) -> "Client[Any]":
        """A client of the era; enter it with `async with`."""
        return Client(self.url, auth=self.token, mode=self.era, timeout=20, init_timeout=20, verify=TLS, **handlers)

    @asynccontextmanager
    async def sdk(self, **callbacks: Any) -> "AsyncIterator[SdkClient]":
        """A client of the official SDK."""
        async with self._http(bearer(self.token)) as http:
            transport = streamable_http_client(self.url, http_client=http)
            async with SdkClient(transport, mode=self.era, cache=None, **callbacks) as client:
                yield client

    async def release(self) -> None:
        """Let `paced` go on."""
        async with self._http() as http:
            await http.post(f"{self.origin}/release")

    async def cancelled(self) -> bool:
        """Whether the latest `hang` was cancelled; waits for it."""
        async with self._http() as http:
            return (await http.get(f"{self.origin}/cancelled")).status_code == 204

    @staticmethod
    def _http(headers: Mapping[str, str] | None = None) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(trust_env=False, timeout=10, verify=TLS, headers=headers)


Probe = Callable[[Side], Awaitable[object]]


def dumped(model: Any) -> Json:
    """A result as it is on the wire."""
    found: Json = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return found


async def outcome(call: Awaitable[Any]) -> Json:
    """A result, or the protocol's error in its place."""
    try:
        return dumped(await call)
    except MCPError as error:
        return {"error": {"code": error.error.code, "message": error.error.message, "data": error.error.data}}


async def seen(probe: Probe, side: Side) -> object:
    """What a probe found, within bounds."""
    with anyio.fail_after(20):
        return await probe(side)
