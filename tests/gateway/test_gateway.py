"""Real clients of both eras through the gateway to a real backend."""

from typing import Any

import anyio
import pytest
from fastmcp.exceptions import ToolError
from mcp.shared.exceptions import MCPError

from airegistry.core.invocation import Invocation
from airegistry.gateway.entry import Entry
from tests.gateway.desk import signals
from tests.gateway.world import LEGACY, MODERN, World, until

pytestmark = pytest.mark.anyio


def the_core_is_an_entry(invocation: Invocation) -> Entry:
    """For the type checker: the core's class and the gateway's protocol agree."""
    return invocation


both_eras = pytest.mark.parametrize("mode", [MODERN, "legacy"])
both_backends = pytest.mark.parametrize("path", ["full", "plain"])


@both_backends
@both_eras
async def test_a_tool_is_called_and_the_call_recorded(world: World, mode: str, path: str) -> None:
    async with world.client(mode, path=path) as client:
        assert client.protocol_version == (MODERN if mode == MODERN else LEGACY)
        assert (await client.call_tool("echo", {"text": "grüße"})).data == "grüße"
    assert ("tools/call", "echo", "ok", None) in world.desk.left
    assert ("ann", path, "tools/call", "echo") in [entered[:4] for entered in world.desk.entered]


async def test_a_client_that_discovers_the_era_finds_the_modern_one(world: World) -> None:
    async with world.client("auto") as client:
        assert client.protocol_version == MODERN


@both_eras
async def test_resources_and_prompts_pass(world: World, mode: str) -> None:
    async with world.client(mode) as client:
        assert (await client.read_resource("note://open"))[0].text == "open"
        prompt = await client.get_prompt("greet", {"name": "Bo"})
    assert "Greet Bo" in str(prompt.messages[0].content)
    assert ("resources/read", "note://open", "ok", None) in world.desk.left
    assert ("prompts/get", "greet", "ok", None) in world.desk.left


@both_eras
async def test_progress_arrives_while_the_tool_still_runs(world: World, mode: str) -> None:
    signals.reset()
    seen: list[float] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        seen.append(progress)
        # The backend waits for this: were progress held back until the end, the call would never end.
        signals.go.set()

    with anyio.fail_after(5):
        async with world.client(mode, progress_handler=on_progress) as client:
            assert (await client.call_tool("paced", {})).data == "done"
    assert seen == [1, 2]


async def test_a_backend_of_the_older_era_asks_the_user_in_the_middle_of_a_call(world: World) -> None:
    async def answer(message: str, response_type: Any, params: Any, context: Any) -> object:
        return {"value": "Ann"}

    with anyio.fail_after(5):
        async with world.client("legacy", elicitation_handler=answer) as client:
            assert (await client.call_tool("ask", {})).data == "accept:Ann"


async def test_a_modern_backend_asks_the_user_by_its_answer(world: World) -> None:
    async def answer(message: str, response_type: Any, params: Any, context: Any) -> object:
        return {"value": "Ann"}

    with anyio.fail_after(5):
        async with world.client(MODERN, elicitation_handler=answer) as client:
            assert (await client.call_tool("ask_modern", {})).data == "accept:{'value': 'Ann'}"


async def test_sessions_of_the_older_era_keep_their_state_apart(world: World) -> None:
    async with world.client("legacy") as one, world.client("legacy") as two:
        assert [(await one.call_tool("counter", {})).data for _ in range(3)] == [1, 2, 3]
        assert (await two.call_tool("counter", {})).data == 1


async def give_up_a_call(world: World, mode: str) -> None:
    """Call a tool that never returns, give up once it runs, and see that it learns of that."""
    signals.reset()
    async with world.client(mode) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(client.call_tool, "hang", {})
            with anyio.fail_after(5):
                await signals.arrived.wait()
            group.cancel_scope.cancel()
        with anyio.fail_after(5):
            await signals.cancelled.wait()


async def test_closing_a_modern_call_cancels_the_tool(world: World) -> None:
    await give_up_a_call(world, MODERN)
    await until(lambda: ("tools/call", "hang", "cancelled", None) in world.desk.left)


async def test_an_older_client_cancels_by_a_notification(world: World) -> None:
    await give_up_a_call(world, "legacy")


@both_eras
async def test_lists_show_what_the_caller_may_use_and_nothing_else(world: World, mode: str) -> None:
    world.desk.denied |= {
        ("tools/call", "secret"),
        ("prompts/get", "curse"),
        ("resources/read", "note://shut"),
        ("resources/read", "page://{number}"),
    }
    for path in ("full", "plain"):
        async with world.client(mode, path=path) as client:
            tools = {tool.name for tool in await client.list_tools()}
            assert "secret" not in tools
            assert {"echo", "hang"} <= tools
            assert [prompt.name for prompt in await client.list_prompts()] == ["greet"]
            assert [str(resource.uri) for resource in await client.list_resources()] == ["note://open"]
            assert await client.list_resource_templates() == []


@both_eras
async def test_a_denied_tool_is_an_error_with_its_code(world: World, mode: str) -> None:
    world.desk.denied.add(("tools/call", "secret"))
    async with world.client(mode) as client:
        with pytest.raises(MCPError) as denied:
            await client.call_tool("secret", {})
        assert denied.value.error.data == {"missing": ["tools-all"], "code": "access_denied"}
        assert (await client.call_tool("echo", {"text": "still"})).data == "still"


@both_eras
async def test_a_failing_tool_is_recorded_as_one(world: World, mode: str) -> None:
    async with world.client(mode) as client:
        with pytest.raises(ToolError):
            await client.call_tool("fail", {})
    assert ("tools/call", "fail", "tool_error", None) in world.desk.left


@both_eras
async def test_a_real_backend_gets_and_gives_bodies_as_big_as_it_accepts(world: World, mode: str) -> None:
    text = "ß" * 1_500_000
    async with world.client(mode, path="plain") as client:
        assert (await client.call_tool("echo", {"text": text})).data == text


@both_eras
async def test_nothing_of_the_caller_but_the_protocol_reaches_the_backend(world: World, mode: str) -> None:
    world.desk.headers["Authorization"] = "Bearer of-the-backend"
    sent = {"authorization": "Bearer of-the-caller", "cookie": "id=1", "x-user": "root", "forwarded": "for=1"}
    async with world.client(mode, headers=sent) as client:
        seen = (await client.call_tool("headers", {})).data
    assert seen["authorization"] == "Bearer of-the-backend"
    assert "of-the-caller" not in str(seen)
    assert not {"cookie", "forwarded", "x-user", "x-test-subject", "origin", "accept-encoding"} & set(seen)
    assert not [name for name in seen if name.startswith("x-")]


async def test_a_version_in_the_path_reaches_the_core(world: World) -> None:
    async with world.client(path="full@2.1.0") as client:
        await client.call_tool("echo", {"text": "v"})
    assert ("ann", "full", "tools/call", "echo", "2.1.0") in world.desk.entered
