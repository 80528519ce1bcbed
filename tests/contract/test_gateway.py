"""The gateway in front of a live backend of both eras, as CONTRACTS.md states it."""

from typing import Any

import anyio
import httpx2
import pytest

from tests.contract.acts import Desk, fresh
from tests.support import http, mcp
from tests.support.backends import Backend, start_python
from tests.support.registry import Registry

pytestmark = pytest.mark.anyio

TOOLS = {"quote_freight", "echo", "add", "fail", "secret", "headers", "paced", "hang", "greet"}
both_eras = pytest.mark.parametrize("mode", mcp.ERAS)


@both_eras
async def test_everything_of_a_backend_passes_through(registry: Registry, parcel: str, mode: str) -> None:
    async with mcp.connect(registry.gateway(parcel), registry.token, mode) as client:
        assert {tool.name for tool in await client.list_tools()} == TOOLS
        assert await mcp.call(client, "quote_freight", destination="Oslo", kilograms=2) == {
            "destination": "Oslo",
            "euros": 9.0,
        }
        failed = await client.call_tool("fail", {"reason": "no stamps"}, raise_on_error=False)
        assert (failed.is_error, mcp.text_of(failed)) == (True, "no stamps")
        assert {str(resource.uri) for resource in await client.list_resources()} == {
            "parcel://tariff",
            "parcel://vault",
        }
        assert "4 euros" in str(await client.read_resource("parcel://tariff"))
        assert "complaint about parcel 7" in str(await client.get_prompt("complaint", {"parcel": "7"}))


@both_eras
async def test_progress_arrives_while_the_tool_still_runs(
    registry: Registry, backend: Backend, parcel: str, mode: str
) -> None:
    steps: list[float] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        steps.append(progress)  # the tool goes on only after this has arrived
        async with httpx2.AsyncClient(trust_env=False) as outside:
            await outside.post(f"{backend.origin}/release")

    async with mcp.connect(registry.gateway(parcel), registry.token, mode) as client:
        with anyio.fail_after(20):
            done = await client.call_tool("paced", {"steps": 3}, progress_handler=on_progress)
    assert steps == [1, 2, 3]
    assert mcp.text_of(done) == "3 steps done"


@both_eras
async def test_a_client_that_goes_away_cancels_the_tool(
    registry: Registry, backend: Backend, parcel: str, mode: str
) -> None:
    started = anyio.Event()

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        started.set()

    async with mcp.connect(registry.gateway(parcel), registry.token, mode) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: client.call_tool("hang", {}, progress_handler=on_progress))
            with anyio.fail_after(20):
                await started.wait()
            tasks.cancel_scope.cancel()
        async with httpx2.AsyncClient(trust_env=False, timeout=20) as outside:
            assert (await outside.get(f"{backend.origin}/cancelled")).status_code == 204


@both_eras
async def test_lists_hold_what_the_caller_may_use(registry: Registry, desk: Desk, parcel: str, mode: str) -> None:
    caller = await desk.token({"assets": [parcel], "tools": ["echo", "parcel://tariff"]})
    async with mcp.connect(registry.gateway(parcel), caller, mode) as client:
        assert [tool.name for tool in await client.list_tools()] == ["echo"]
        assert [str(resource.uri) for resource in await client.list_resources()] == ["parcel://tariff"]
        assert await client.list_prompts() == []


async def test_a_filtered_list_is_private_to_its_caller(registry: Registry, desk: Desk, parcel: str) -> None:
    caller = await desk.token({"assets": [parcel], "tools": ["echo"]})
    result = http.body(http.call(registry.gateway(parcel), "tools/list", token=caller))["result"]
    assert result["cacheScope"] == "private"
    assert "ttlMs" in result


@both_eras
async def test_the_callers_token_and_cookies_never_reach_the_backend(
    registry: Registry, desk: Desk, parcel: str, mode: str
) -> None:
    caller = await desk.token({"assets": [parcel]})
    async with mcp.connect(registry.gateway(parcel), caller, mode) as client:
        received = await mcp.call(client, "headers")
    through_tool = await mcp.ask(registry.mcp, caller, "call_tool", server=parcel, tool="headers", arguments={})
    for headers in (received, through_tool):
        assert not headers.keys() & {"authorization", "cookie", "origin", "x-forwarded-for", "forwarded"}
        assert caller not in str(headers)


async def test_headers_of_the_backends_own_login_do_not_come_back(registry: Registry, parcel: str) -> None:
    answer = http.call_tool(registry.gateway(parcel), "echo", {"text": "x"}, token=registry.token)
    assert not answer.headers.keys() & {"set-cookie", "www-authenticate", "server"} - {"server"}
    assert answer.headers.get("server", "") in {"", "uvicorn", "airegistry"}


async def test_the_modern_era_is_stateless(registry: Registry, parcel: str) -> None:
    url = registry.gateway(parcel)
    answer = http.call_tool(url, "echo", {"text": "x"}, token=registry.token)
    assert answer.status_code == 200
    assert "mcp-session-id" not in answer.headers


async def test_an_unknown_session_is_404_and_the_client_starts_anew(registry: Registry, parcel: str) -> None:
    url = registry.gateway(parcel)
    answer = http.legacy_call(url, "tools/list", {}, token=registry.token, session="0123456789abcdef" * 2)
    assert answer.status_code == 404
    session = http.session(url, registry.token)
    assert http.legacy_call(url, "tools/list", {}, token=registry.token, session=session).status_code == 200


async def test_an_unknown_session_of_the_registrys_own_server_is_404(registry: Registry) -> None:
    answer = http.legacy_call(registry.mcp, "tools/list", {}, token=registry.token, session="0" * 32)
    assert answer.status_code == 404


async def test_a_session_belongs_to_who_opened_it(registry: Registry, desk: Desk, parcel: str) -> None:
    first, second = await desk.token({"assets": [parcel]}), await desk.token({"assets": [parcel]})
    url = registry.gateway(parcel)
    session = http.session(url, first)
    assert http.legacy_call(url, "tools/list", {}, token=first, session=session).status_code == 200
    assert http.legacy_call(url, "tools/list", {}, token=second, session=session).status_code == 404


async def test_a_session_ends_when_the_client_says_so(registry: Registry, parcel: str) -> None:
    url = registry.gateway(parcel)
    session = http.session(url, registry.token)
    with http.client() as client:
        ended = client.delete(url, headers=http.legacy_headers(registry.token, session))
    assert ended.status_code in {200, 202, 204}
    assert http.legacy_call(url, "tools/list", {}, token=registry.token, session=session).status_code == 404


async def test_the_person_is_asked_through_the_gateway_in_the_older_era(registry: Registry, parcel: str) -> None:
    async def on_elicitation(message: str, response_type: Any, params: object, context: object) -> dict[str, str]:
        return {"name": "Ada"}

    client = mcp.connect(registry.gateway(parcel), registry.token, "legacy")
    client.set_elicitation_callback(on_elicitation)
    async with client:
        with anyio.fail_after(20):
            assert mcp.text_of(await client.call_tool("greet", {})) == "Hello, Ada!"


@both_eras
async def test_large_bodies_go_and_come(registry: Registry, parcel: str, mode: str) -> None:
    text = "ä€" * 40_000  # comes back twice, and clients take events up to 1 MiB
    async with mcp.connect(registry.gateway(parcel), registry.token, mode) as client:
        assert await mcp.call(client, "echo", text=text) == {"result": text}


async def test_megabytes_go_and_come(registry: Registry, parcel: str) -> None:
    text = "x" * 3_000_000
    answer = http.call_tool(registry.gateway(parcel), "echo", {"text": text}, token=registry.token)
    assert http.body(answer)["result"]["structuredContent"] == {"result": text}


async def test_many_calls_at_once_do_not_mix(registry: Registry, parcel: str) -> None:
    async with mcp.connect(registry.gateway(parcel), registry.token) as client, anyio.create_task_group() as tasks:

        async def one(number: int) -> None:
            assert await mcp.call(client, "add", a=number, b=1000) == {"result": number + 1000}

        for number in range(40):
            tasks.start_soon(one, number)


async def test_a_server_is_live_the_moment_it_is_registered_and_gone_when_deleted(
    registry: Registry, desk: Desk, backend: Backend
) -> None:
    path = fresh("moment")
    url = registry.gateway(path)
    assert http.call(url, "tools/list", token=registry.token).status_code == 404
    await desk.register(path, backend.url)
    assert http.call_tool(url, "add", {"a": 1, "b": 1}, token=registry.token).status_code == 200
    await desk.ask("delete_asset", kind="server", path=path)
    assert http.call(url, "tools/list", token=registry.token).status_code == 404


async def test_a_disabled_server_is_not_called(registry: Registry, desk: Desk, backend: Backend) -> None:
    path = fresh("off")
    await desk.register(path, backend.url)
    await desk.ask("toggle_service", path=path, enabled=False)
    answer = http.call_tool(registry.gateway(path), "add", {"a": 1, "b": 1}, token=registry.token)
    assert answer.status_code >= 400
    assert answer.json()["error"]["data"]["code"]
    await desk.ask("toggle_service", path=path, enabled=True)
    assert http.call_tool(registry.gateway(path), "add", {"a": 1, "b": 1}, token=registry.token).status_code == 200


async def test_a_version_can_be_named_in_the_path(registry: Registry, desk: Desk, backend: Backend) -> None:
    path = fresh("versioned")
    await desk.register(path, backend.url, version="2.1.0")
    url = f"{registry.url}/{path}@2.1.0/mcp"
    assert http.call_tool(url, "add", {"a": 1, "b": 1}, token=registry.token).status_code == 200
    assert http.call(f"{registry.url}/{path}@9.9.9/mcp", "tools/list", token=registry.token).status_code == 404


async def test_a_backend_that_went_away_is_upstream_failed_and_comes_back(
    registry: Registry, desk: Desk, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path, folder = fresh("flaky"), tmp_path_factory.mktemp("flaky")
    backend = start_python(folder)
    port = int(backend.origin.rsplit(":", 1)[1])
    await desk.register(path, backend.url)
    backend.process.kill()
    url = registry.gateway(path)
    answer = http.call_tool(url, "add", {"a": 1, "b": 1}, token=registry.token)
    assert answer.status_code >= 500
    assert answer.json()["error"]["data"]["code"] == "upstream_failed"
    with mcp.refused("upstream_failed"):
        await desk.ask("call_tool", server=path, tool="add", arguments={"a": 1, "b": 1})
    backend = start_python(folder, port)
    try:
        assert http.call_tool(url, "add", {"a": 1, "b": 1}, token=registry.token).status_code == 200
    finally:
        backend.close()
