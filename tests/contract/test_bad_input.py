"""Wrong URLs and backends that break the rules: a clear coded error, in time, and nothing stored."""

from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest

from tests.conftest import FETCH_TIMEOUT
from tests.contract.acts import TOOL, Desk, fresh
from tests.support import bad_backends, http, mcp
from tests.support.backends import Backend
from tests.support.bad_backends import Misbehaviour, answering, misbehaving, turning
from tests.support.processes import free_port
from tests.support.registry import Registry

pytestmark = pytest.mark.anyio

PATIENCE = FETCH_TIMEOUT * 3 + 10
"""Seconds within which a registration must be refused, whatever the backend does; generous for a busy machine."""

LARGEST = 16 * 1024 * 1024
"""Bytes of the largest request the registry takes, by default."""

WRONG_URLS = [
    "", "weather", "weather.example/mcp", "http://", "http:///mcp", "ftp://127.0.0.1/mcp", "file:///etc/passwd",
    "javascript:alert(1)", "http://user:secret@127.0.0.1:9/mcp", "http://127.0.0.1:99999/mcp", "http://[::1/mcp",
    "http://127.0.0.1:9/m cp\r\nX: y", "unix:///run/docker.sock",
]  # fmt: skip
FORBIDDEN_URLS = [
    "http://169.254.169.254/latest/meta-data/", "http://[fe80::a9fe:a9fe]/", "http://0.0.0.0:80/mcp",
    "http://2852039166/", "http://0xa9fea9fe/", "http://[::ffff:169.254.169.254]/", "http://100.100.100.200/",
    "http://10.0.0.1/mcp", "http://192.168.0.1/mcp",
]  # fmt: skip
NOT_MCP = {
    "an empty object": b"{}",
    "an empty list": b"[]",
    "null": b"null",
    "a page": b"<html><body>It works!</body></html>",
    "broken JSON": b'{"jsonrpc":"2.0","id":1,"result":',
    "bytes of no encoding": b"\xff\xfe\x00",
    "nothing at all": b"",
    "another version of JSON-RPC": b'{"jsonrpc":"1.0","id":1,"result":{}}',
    "another request's answer": b'{"jsonrpc":"2.0","id":"other","result":{"tools":[]}}',
    "tools that are no list": b'{"jsonrpc":"2.0","id":1,"result":{"tools":"all of them"}}',
    "very deep JSON": b"[" * 100_000,
}
BREACHES: dict[str, Misbehaviour] = {
    "claims more than it sends": answering(b'{"jsonrpc":"2.0"}', length=4096),
    "claims less than it sends": answering(b'{"jsonrpc":"2.0","id":1,"result":{}}', length=5),
    "claims a negative length": answering(b"{}", length=-1),
    "never answers": bad_backends.silent,
    "never ends its answer": bad_backends.dripping,
    "opens a stream and sends nothing": bad_backends.silent_body,
    "sends 50 MB": bad_backends.flooding,
    "hangs up": bad_backends.hanging_up,
    "speaks no HTTP": bad_backends.gibberish,
    "is broken": answering(b"oops", status="500 Internal Server Error"),
    "wants a login": answering(b"{}", "WWW-Authenticate: Bearer", status="401 Unauthorized"),
    "points to the metadata service": answering(b"", "Location: http://169.254.169.254/", status="307 Elsewhere"),
    "points to itself for ever": answering(b"", "Location: /mcp", status="307 Elsewhere"),
    **{f"sends {what}": answering(body) for what, body in NOT_MCP.items()},
}


async def assert_not_stored(desk: Desk, path: str) -> None:
    """Nothing of a refused registration is left."""
    with mcp.refused("not_found"):
        await desk.ask("get_server_details", path=path)
    assert path not in str(await desk.ask("search_registry", query=path, include_disabled=True))
    assert http.call(desk.registry.gateway(path), "tools/list", token=desk.registry.token).status_code == 404


@pytest.mark.parametrize("url", [*WRONG_URLS, *FORBIDDEN_URLS])
@pytest.mark.parametrize("fetch", [True, False])
async def test_a_url_that_may_not_be_is_invalid(desk: Desk, url: str, fetch: bool) -> None:
    path = fresh("wrong")
    with mcp.refused("invalid") as refusal:
        await desk.ask("register_service", name=path, path=path, url=url, tools=[TOOL], fetch=fetch)
    assert "secret" not in str(refusal.value.content)
    await assert_not_stored(desk, path)


async def test_a_backend_that_is_down_is_upstream_failed(desk: Desk) -> None:
    path = fresh("down")
    with mcp.refused("upstream_failed"):
        await desk.register(path, f"http://127.0.0.1:{free_port()}/mcp")
    await assert_not_stored(desk, path)


async def test_a_live_server_without_mcp_at_that_url_is_upstream_failed(desk: Desk, backend: Backend) -> None:
    path = fresh("elsewhere")
    with mcp.refused("upstream_failed"):
        await desk.register(path, f"{backend.origin}/no/mcp/here")
    await assert_not_stored(desk, path)


@pytest.mark.parametrize("breach", BREACHES)
async def test_a_backend_that_breaks_the_rules_is_upstream_failed(desk: Desk, breach: str) -> None:
    path = fresh("broken")
    async with misbehaving(BREACHES[breach]) as url:
        with anyio.fail_after(PATIENCE), mcp.refused("upstream_failed") as refusal:
            await desk.register(path, url)
    assert len(str(refusal.value.content)) < 2_000
    await assert_not_stored(desk, path)


async def test_fifty_megabytes_are_not_kept_in_memory(desk: Desk) -> None:
    before = peak_memory(desk.registry)
    async with misbehaving(bad_backends.flooding) as url:
        with mcp.refused("upstream_failed"):
            await desk.register(fresh("flood"), url)
    assert peak_memory(desk.registry) - before < 40 * 1024


def peak_memory(registry: Registry) -> int:
    """The most memory the process ever held, in KiB."""
    status = Path(f"/proc/{registry.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


@pytest.mark.parametrize("endpoint", ["mcp", "parcel-desk/mcp"])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_request_above_the_limit_is_refused(desk: Desk, parcel: str, endpoint: str, chunked: bool) -> None:
    before = peak_memory(desk.registry)
    request = http.message("tools/call", {"name": "echo", "arguments": {"text": "x" * LARGEST * 3}})
    content: Any = orjson.dumps(request)
    headers = {**http.modern_headers(request, desk.registry.token), "Content-Type": "application/json"}
    with http.client() as client:
        sent = (content[at : at + 65_536] for at in range(0, len(content), 65_536)) if chunked else content
        answer = client.post(f"{desk.registry.url}/{endpoint}", content=sent, headers=headers)
    assert answer.status_code == 413
    assert peak_memory(desk.registry) - before < 2 * LARGEST // 1024


async def test_others_are_served_while_a_backend_does_not_answer(desk: Desk, parcel: str) -> None:
    async with misbehaving(bad_backends.silent) as url, anyio.create_task_group() as tasks:

        async def hopeless() -> None:
            with mcp.refused("upstream_failed"):
                await desk.register(fresh("silent"), url)

        for _ in range(10):
            tasks.start_soon(hopeless)
        with anyio.fail_after(FETCH_TIMEOUT):
            assert await desk.ask("call_tool", server=parcel, tool="add", arguments={"a": 1, "b": 1}) == {"result": 2}


@pytest.mark.parametrize("breach", ["claims more than it sends", "hangs up", "speaks no HTTP", "sends a page"])
async def test_a_registered_backend_that_turns_bad_is_upstream_failed(
    registry: Registry, desk: Desk, backend: Backend, breach: str
) -> None:
    """Registered by its good URL behind a relay, which then goes bad."""
    path = fresh("turned")
    async with turning(backend.url, BREACHES[breach]) as (url, turn):
        await desk.register(path, url)
        turn()
        with anyio.fail_after(20), mcp.refused("upstream_failed"):
            await desk.ask("call_tool", server=path, tool="add", arguments={"a": 1, "b": 1})
        stored = await desk.ask("get_server_details", path=path)
        with anyio.fail_after(20), pytest.raises(mcp.ToolFailure):
            await desk.ask("refresh_service", path=path)
        assert (await desk.ask("get_server_details", path=path))["tools"] == stored["tools"]


@pytest.mark.parametrize(
    "tools",
    [
        [{"name": ""}],
        [{"description": "no name"}],
        [{"name": "x", "inputSchema": "anything"}],
        [{"name": "x"}, {"name": "x"}],
        [{"name": "x" * 5_000}],
        "all",
    ],
)
async def test_tools_by_value_that_are_none_are_refused(desk: Desk, tools: Any) -> None:
    path = fresh("toolless")
    with mcp.refused("invalid"):
        await desk.store(path, tools=tools)
    await assert_not_stored(desk, path)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "x" * 5_000},
        {"description": "x" * 200_000},
        {"version": "../../etc"},
        {"tags": ["x"] * 5_000},
        {"risk_level": "enormous"},
        {"stage": "nirvana"},
        {"on_duplicate": "shrug"},
        {"groups": "everybody"},
        {"no_such_field": 1},
    ],
)
async def test_a_field_that_does_not_fit_is_refused(desk: Desk, fields: dict[str, Any]) -> None:
    path = fresh("unfit")
    with mcp.refused("invalid"):
        await desk.store(path, **fields)
    await assert_not_stored(desk, path)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("search_registry", {"query": "x", "limit": 0}),
        ("search_registry", {"query": "x", "limit": 10**9}),
        ("search_registry", {"query": "x", "kinds": ["spaceship"]}),
        ("list_services", {"cursor": "nonsense"}),
        ("list_services", {"limit": -1}),
        ("query_audit", {"cursor": "nonsense"}),
        ("query_audit", {"since": "yesterday"}),
        ("create_token", {"name": "x", "expires_in": 0}),
        ("create_token", {"name": "x", "scopes": ["no-such-scope"]}),
        ("put_scope", {"name": "a b\n", "grants": []}),
        ("put_scope", {"name": "x", "grants": [{"effect": "maybe"}]}),
        ("define_entity_type", {"name": "bad", "schema": {"type": "no such type"}}),
    ],
)
async def test_other_input_that_does_not_fit_is_refused(desk: Desk, tool: str, arguments: dict[str, Any]) -> None:
    with mcp.refused("invalid"):
        await desk.ask(tool, **arguments)
