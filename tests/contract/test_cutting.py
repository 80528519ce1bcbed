"""What an administrator cuts off, and what a client abandons, ends at once, properly, and is no fault in the log."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import anyio
import httpx2
import orjson
import pytest

from tests.contract.acts import Desk, Json, fresh
from tests.support import http, mcp
from tests.support.backends import Backend
from tests.support.registry import Registry

pytestmark = pytest.mark.anyio
LISTEN: Json = {"notifications": {"toolsListChanged": True}}
HANG: Json = {"name": "hang", "arguments": {}}


@pytest.fixture
async def server(registry: Registry, backend: Backend, desk: Desk) -> AsyncIterator[str]:
    """The path of a server; that of a virtual one with its tools is `v-` and the same. No fault is logged meanwhile."""
    path = fresh("cut")
    await desk.register(path, backend.url)
    tools = [{"server": path, "tool": "*"}]
    await desk.ask("create_virtual_server", name=path, path=f"v-{path}", tools=tools)
    before = registry.process.output()
    yield path
    lines = registry.process.output().removeprefix(before).splitlines()
    assert [line for line in lines if " ERROR " in line or "Traceback" in line] == []


@asynccontextmanager
async def opened(registry: Registry, token: str, path: str, method: str, params: Json) -> AsyncIterator[
    aiohttp.ClientResponse
]:  # fmt: skip
    """An event stream of the modern era that has begun."""
    message = http.message(method, params)
    message["params"]["_meta"]["progressToken"] = 1
    headers = {**http.modern_headers(message, token), "content-type": "application/json"}
    url = registry.url + path
    async with aiohttp.ClientSession() as client, client.post(url, data=orjson.dumps(message), headers=headers) as got:
        assert (got.status, got.content_type) == (200, "text/event-stream")
        yield got


@asynccontextmanager
async def got(registry: Registry, token: str, path: str) -> AsyncIterator[aiohttp.ClientResponse]:
    """The stream of a session of the older era."""
    session = await anyio.to_thread.run_sync(http.session, registry.url + path, token)
    headers = http.legacy_headers(token, session)
    async with aiohttp.ClientSession() as client, client.get(registry.url + path, headers=headers) as stream:
        assert stream.status == 200
        yield stream


async def test_a_quarantined_caller_is_403_everywhere_and_its_streams_end(
    registry: Registry, desk: Desk, server: str
) -> None:
    scope, name = fresh("scope"), fresh("caller")
    await desk.ask("put_scope", name=scope, grants=[{"kinds": ["server", "virtual_server"], "assets": ["*"]}])
    made = await desk.ask("create_token", name=name, scopes=[scope], groups=[], expires_in=3600)
    token, caller = made["token"], f"token:{name}"
    async with (
        opened(registry, token, "/mcp", "subscriptions/listen", LISTEN) as own,
        got(registry, token, "/mcp") as own_older,
        opened(registry, token, f"/v-{server}/mcp", "subscriptions/listen", LISTEN) as virtual,
        got(registry, token, f"/{server}/mcp") as bytes_,
        opened(registry, token, f"/{server}/mcp", "tools/call", HANG) as call,
    ):  # fmt: skip
        await desk.ask("quarantine", kind="caller", id=caller, reason="a test")
        with anyio.fail_after(2):
            for stream in (own, own_older, virtual, bytes_, call):
                await stream.read()
    served = (f"/{server}/mcp", f"/v-{server}/mcp", f"/{server}/sse")
    for path in ("/mcp", *served, "/agents/x", "/v0.1/servers", "/nowhere"):
        answer = await anyio.to_thread.run_sync(ask_as, registry, path, token)
        assert (answer.status_code, answer.json()["code"]) == (403, "quarantined"), path
    (turned_away,) = (await desk.ask("query_audit", subject=caller, action="quarantine:refuse"))["events"]
    assert (turned_away["decision"], turned_away["target"], turned_away["kind"]) == ("deny", "/mcp", "caller")
    await desk.ask("lift_quarantine", kind="caller", id=caller)
    assert await mcp.ask(registry.mcp, token, "search_registry", query="freight")


async def test_the_operator_cannot_be_cut_off(registry: Registry, desk: Desk, server: str) -> None:
    scope = fresh("scope")
    await desk.ask("put_scope", name=scope, grants=[{"actions": ["policy"]}])
    made = await desk.ask("create_token", name=fresh("other"), scopes=[scope], groups=[], expires_in=3600)
    with mcp.refused("conflict"):
        await mcp.ask(registry.mcp, made["token"], "quarantine", kind="caller", id="operator", reason="mine")
    assert await desk.ask("list_quarantine") is not None


async def test_what_goes_to_a_quarantined_server_ends(registry: Registry, desk: Desk, server: str) -> None:
    async with (
        opened(registry, registry.token, f"/{server}/mcp", "tools/call", HANG) as call,
        got(registry, registry.token, f"/{server}/mcp") as stream,
        opened(registry, registry.token, f"/v-{server}/mcp", "subscriptions/listen", LISTEN) as virtual,
    ):  # fmt: skip
        await desk.ask("quarantine", kind="server", id=server, reason="a test")
        with anyio.fail_after(2):
            await call.read()
            await stream.read()
        await desk.ask("quarantine", kind="virtual_server", id=f"v-{server}", reason="a test")
        with anyio.fail_after(2):
            await virtual.read()


async def test_a_stream_ends_with_its_token_or_its_client(registry: Registry, desk: Desk, server: str) -> None:
    scope = fresh("scope")
    await desk.ask("put_scope", name=scope, grants=[{"assets": ["*"]}])
    made = await desk.ask("create_token", name=fresh("brief"), scopes=[scope], groups=[], expires_in=3600)
    async with (
        opened(registry, made["token"], f"/{server}/mcp", "tools/call", HANG) as call,
        got(registry, made["token"], f"/{server}/mcp") as stream,
    ):
        await desk.ask("revoke_token", id=made["id"])
        with anyio.fail_after(3):
            await call.read()
            await stream.read()
    for path in (f"/{server}/mcp", f"/v-{server}/mcp", "/mcp"):
        async with got(registry, registry.token, path) as abandoned:
            abandoned.close()
    async with opened(registry, registry.token, f"/{server}/mcp", "tools/call", HANG) as abandoned:
        abandoned.close()


def ask_as(registry: Registry, path: str, token: str) -> httpx2.Response:
    """A plain GET."""
    with http.client() as client:
        return client.get(registry.url + path, headers=http.bearer(token))
