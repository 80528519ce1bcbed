"""A call of a marked tool waits in the queue, wherever it comes from, and reaches its backend when it is approved."""

from functools import partial
from typing import Any

import anyio
import pytest
from fastmcp.exceptions import ToolError
from mcp.shared.exceptions import MCPError

from airegistry.core.errors import AccessDenied, Conflict, NotFound
from airegistry.core.grants import Grant, Scope
from airegistry.core.principals import SYSTEM
from tests.gateway.approvals.world import World, opened
from tests.gateway.world import MODERN

pytestmark = pytest.mark.anyio
ERAS = pytest.mark.parametrize("mode", [MODERN, "legacy"])
WAYS = pytest.mark.parametrize("path", ["both", "old", "new", "desk-both", "desk-old", "desk-new", ""])
"""The gateway's ways: bytes, bridge, virtual servers, and `call_tool`."""


def words(path: str, what: str = "disk") -> tuple[str, dict[str, Any]]:
    """How a client says it at an endpoint."""
    if path == "":
        return "call_tool", {"server": "both", "tool": "wipe", "arguments": {"what": what}}
    return ("w" if path.startswith("desk") else "wipe"), {"what": what}


async def call(world: World, path: str, mode: str, what: str = "disk", subject: str = "robot") -> str:
    async with world.client(path, mode, subject) as client:
        tool, arguments = words(path, what)
        result = await client.call_tool(tool, arguments)
    return str(result.structured_content["result"])


@ERAS
@WAYS
async def test_a_call_goes_on_when_somebody_approves_it(world: World, path: str, mode: str) -> None:
    said: list[str] = []

    async def ask() -> None:
        said.append(await call(world, path, mode))

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        (request,) = await world.waiting()
        assert world.wiped == []
        assert (request.subject, request.client, request.arguments) == ("token:robot", "ci", {"what": "disk"})
        await world.decide()
    assert said == ["disk is gone"]
    assert world.wiped == ["disk"]
    used = await world.settled("used")
    assert used.decided_by == "user:bob"
    (event,) = [each for each in await world.core.events(action="tools/call") if request.id in each.reason]
    assert event.reason.endswith(f"approved by user:bob ({request.id})")


@ERAS
@WAYS
async def test_a_call_that_is_refused_reaches_nothing(world: World, path: str, mode: str) -> None:
    async def ask() -> None:
        with pytest.raises((ToolError, MCPError), match="refused: so be it"):
            await call(world, path, mode)

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await world.decide("refuse")
    assert world.wiped == []


async def test_who_asks_and_who_decides_both_stand_in_the_trail(world: World) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(call, world, "both", MODERN)
        request = await world.decide()
    assert await world.acts(request.id) == [
        ("token:robot", "approval:ask", "ok"), ("user:bob", "approval:approve", "ok"),
    ]  # fmt: skip
    (event, *_) = await world.core.events(action="approval:approve")
    assert event.reason == f"{request.id} of token:robot: so be it"


@pytest.mark.parametrize("path", ["both", "old", "desk-both"])
async def test_a_client_that_hangs_up_takes_its_request_with_it(world: World, path: str) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(call, world, path, MODERN)
        (request,) = await world.waiting()
        group.cancel_scope.cancel()
    withdrawn = await world.settled("withdrawn")
    assert withdrawn.id == request.id
    with pytest.raises(Conflict, match="withdrawn"):
        await world.approvals.decide(world.callers["bob"], request.id, "approve")
    assert world.wiped == []


@pytest.mark.parametrize("path", ["both", "new", "desk-both"])
async def test_a_call_that_its_client_takes_back_is_withdrawn(world: World, path: str) -> None:
    async with world.legacy(path, subject="robot") as client, anyio.create_task_group() as group:
        group.start_soon(partial(client.call, words(path)[0], {"what": "disk"}))
        await world.waiting()
        await client.say({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})
        await world.settled("withdrawn")
        group.cancel_scope.cancel()
    assert world.wiped == []


async def test_only_an_entitled_person_decides_and_nobody_for_itself(world: World) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(call, world, "both", MODERN)
        (request,) = await world.waiting()
        for subject, error in (("guard", AccessDenied), ("eve", NotFound), ("robot", AccessDenied)):
            with pytest.raises(error):
                await world.approvals.decide(world.callers[subject], request.id, "approve")
        for name, seen in (("eve", 0), ("robot", 1), ("bob", 1)):
            assert len((await world.approvals.list(world.callers[name]))[0]) == seen
        assert world.wiped == []
        await world.decide("refuse")
        group.cancel_scope.cancel()


async def test_of_two_approvers_one_decides(world: World) -> None:
    outcomes: list[str] = []

    async def decide(subject: str, decision: Any, id: str) -> None:
        try:
            await world.approvals.decide(world.callers[subject], id, decision)
            outcomes.append(decision)
        except Conflict:
            outcomes.append("late")

    async with world.client("both", MODERN, "robot") as client, anyio.create_task_group() as group:
        group.start_soon(lambda: client.call_tool("wipe", {"what": "disk"}, raise_on_error=False))
        (request,) = await world.waiting()
        async with anyio.create_task_group() as racing:
            racing.start_soon(decide, "bob", "approve", request.id)
            racing.start_soon(decide, "cat", "approve", request.id)
    assert sorted(outcomes) == ["approve", "late"]
    assert world.wiped == ["disk"]


@pytest.mark.parametrize("path", ["both", "desk-both"])
async def test_everything_is_decided_again_once_it_is_approved(world: World, path: str) -> None:
    guards = world.core.services.guards

    async def ask() -> None:
        with pytest.raises((ToolError, MCPError), match="cut off"):
            await call(world, path, MODERN)

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await world.waiting()
        await guards.quarantine(SYSTEM, "server", "both", "odd")
        try:
            await world.decide()
            await world.settled("approved")
        finally:
            await anyio.sleep(0.1)
            await guards.lift_quarantine(SYSTEM, "server", "both")
    assert world.wiped == []


async def test_rights_that_are_taken_away_meanwhile_are_gone(world: World) -> None:
    policy = world.core.services.policy

    async def ask() -> None:
        with pytest.raises(MCPError, match="not granted"):
            await call(world, "both", MODERN)

    kept = Scope(name="of-robot", grants=[Grant(kinds=["server", "virtual_server"], actions=["call"])])
    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await world.waiting()
        await policy.put_scope(SYSTEM, Scope(name="of-robot", grants=[Grant(tools=["echo"])]))
        try:
            await world.decide()
            await world.settled("approved")
            await anyio.sleep(0.1)
        finally:
            await policy.put_scope(SYSTEM, kept)
    assert world.wiped == []


async def test_a_token_that_ends_meanwhile_calls_nothing(world: World) -> None:
    async def ask() -> None:
        with pytest.raises(MCPError, match="the token ended"):
            await call(world, "both", MODERN)

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await world.waiting()
        world.gone.add("robot")
        await world.decide()
    assert world.wiped == []


async def test_over_the_tools_an_approver_sees_what_waits_and_decides(world: World) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(call, world, "both", MODERN)
        await world.waiting()
        async with world.client("", MODERN, "bob") as approver:
            (found,) = (await approver.call_tool("list_approvals", {})).structured_content["approvals"]
            assert (found["subject"], found["tool"], found["complete"]) == ("token:robot", "wipe", True)
            made = await approver.call_tool("approve_call", {"id": found["id"], "decision": "approve"})
            assert made.structured_content["status"] == "approved"
    assert world.wiped == ["disk"]


async def test_a_mark_of_the_virtual_server_counts_like_one_behind_it(world: World) -> None:
    async with world.client("desk-both", MODERN, "robot") as client, anyio.create_task_group() as group:
        group.start_soon(client.call_tool, "echo", {"text": "hi"})
        (request,) = await world.waiting()
        assert [(mark.kind, mark.name) for mark in request.marks] == [("virtual_server", "echo")]
        await world.decide()


async def test_no_answer_is_a_refusal_that_names_the_request_and_a_later_yes_is_good_for_one_retry() -> None:
    async with opened(paths=["both"], seconds=0.1) as world:
        async with world.modern("both", subject="robot") as client:
            params: dict[str, Any] = {"name": "wipe", "arguments": {"what": "disk"}}
            refused = await client.ask("tools/call", params)
            assert refused["error"]["data"]["code"] == "approval_required"
            (request,) = await world.requests()
            assert refused["error"]["data"]["id"] == request.id
            again = await client.ask("tools/call", params)
            assert again["error"]["data"]["id"] == request.id
            await world.decide()
            other = await client.ask("tools/call", {"name": "wipe", "arguments": {"what": "else"}})
            assert other["error"]["data"]["code"] == "approval_required"
            assert "result" in await client.ask("tools/call", params)
            assert (await client.ask("tools/call", params))["error"]["data"]["code"] == "approval_required"
        assert world.wiped == ["disk"]


async def test_while_it_waits_a_client_is_shown_that_it_lives() -> None:
    read: list[tuple[str, str, str]] = []
    async with opened(paths=["both"], seconds=0.6) as world:
        for path in ("both", "desk-both"):
            read += [(path, "waits for approval", text) for text in await _texts(world, path, {"progressToken": "t"})]
            read += [(path, ": \n\n", text) for text in await _texts(world, path, {})]
    for path, sign, text in read:
        assert sign in text
        assert f"{path} is gone" in text


async def _texts(world: World, path: str, meta: dict[str, Any]) -> list[str]:
    """What clients of either era read while a call waits, and after."""
    params: dict[str, Any] = {"name": words(path)[0], "arguments": {"what": path}}
    texts: list[str] = []
    async with world.legacy(path, subject="robot") as old, world.modern(path, subject="robot") as new:
        message = {"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": {**params, "_meta": meta}}
        for asked in (partial(old.post, message), partial(new.post, "tools/call", params, meta=meta)):
            async with anyio.create_task_group() as group:
                group.start_soon(_approve_when_told, world)
                with anyio.move_on_after(5):
                    async with asked() as response:
                        texts.append(await response.text())
    return texts


async def _approve_when_told(world: World) -> None:
    await world.waiting()
    await anyio.sleep(0.25)
    await world.decide()


async def test_what_waits_of_one_caller_is_bounded() -> None:
    async with opened(paths=["both"], seconds=0.005) as world:
        async with world.modern("both", subject="robot") as client:
            for number in range(20):
                await client.ask("tools/call", {"name": "wipe", "arguments": {"what": str(number)}})
            refused = await client.ask("tools/call", {"name": "wipe", "arguments": {"what": "more"}})
            assert refused["error"]["data"]["code"] == "rate_limited"
