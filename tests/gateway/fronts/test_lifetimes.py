"""What is held, for how long, and that nothing stays: credentials, connections, tasks, sessions."""

from contextlib import AsyncExitStack

import aiohttp
import anyio
import pytest

from airegistry.core.assets import Json
from tests.gateway.fronts.backends import signals
from tests.gateway.fronts.world import FrontsWorld, messages, modern
from tests.gateway.world import call, until

pytestmark = pytest.mark.anyio

ELICITS: Json = {"elicitation": {}}


@pytest.mark.parametrize("path", ["b2024", "b2025-06", "b2026"])
async def test_a_refused_credential_is_replaced_once(world: FrontsWorld, path: str) -> None:
    async with world.legacy(path) as older, modern(world, path, capabilities=ELICITS) as newer:
        await older.call("echo", {"text": "x"})
        world.backends[path].token = "new"
        world.desk.headers["authorization"] = "Bearer old"
        for client in (older, newer):
            world.desk.next_headers = {"authorization": "Bearer new"}
            assert "result" in await client.call("echo", {"text": "x"})
        assert [outcome for _, name, outcome, _ in world.desk.left if name == "echo"] == ["ok"] * 3


@pytest.mark.parametrize("path", ["b2025-06", "b2026"])
async def test_without_another_credential_the_backend_failed(world: FrontsWorld, path: str) -> None:
    async with world.legacy(path) as older, modern(world, path) as newer:
        world.backends[path].token = "new"
        world.desk.headers["authorization"] = "Bearer old"
        for client in (older, newer):
            answer = await client.call("echo", {"text": "x"})
            assert answer["error"]["data"]["code"] == "upstream_failed"
            assert "www-authenticate" not in str(answer).lower()
    assert [outcome for _, name, outcome, _ in world.desk.left if name == "echo"] == ["upstream_failed"] * 2


async def test_whatever_clients_leave_behind_is_given_back(world: FrontsWorld) -> None:
    """Calls, parked requests, listeners, sessions and streams of clients that all vanish at once."""
    hang: Json = {"name": "hang", "arguments": {}, "_meta": {"progressToken": 1}}
    before = world.connections
    async with AsyncExitStack() as stack:
        for path in ("b2024", "b2025-06", "b2026"):
            older = await stack.enter_async_context(world.legacy(path, capabilities=ELICITS))
            newer = await stack.enter_async_context(modern(world, path, capabilities=ELICITS))
            for opening in (
                older.get(), older.post(call("tools/call", hang, id=2)),
                newer.post("tools/call", hang, meta={"progressToken": 1}),
                newer.post("subscriptions/listen", {"notifications": {"toolsListChanged": True}}),
            ):  # fmt: skip
                with anyio.fail_after(5):
                    answer = await opening.__aenter__()
                stack.callback(answer.close)
            if path != "b2026":
                asked = await newer.call("ask")
                assert "requestState" in str(asked)

    def swept() -> bool:
        world.clock.now += 31
        world.fronts.sweep()
        return world.serving == 0

    await until(swept)
    world.clock.now += 3_601
    world.fronts.sweep()
    assert len(world.fronts.registry) == len(world.fronts.parking) == 0
    await until(
        lambda: all(call in {c for c, *_ in world.desk.left} for call in ("tools/call", "subscriptions/listen"))
    )
    await until(lambda: [len(permit.released) for permit in world.desk.permits] == [1] * len(world.desk.permits))
    # Channels of modern clients are pooled, and that over HTTP+SSE holds its one stream.
    await until(lambda: world.connections <= before + 1)


async def test_each_client_gets_its_own_answers_under_equal_ids(world: FrontsWorld) -> None:
    """40 sessions and 40 modern clients, all with the same request id and progress token."""
    found: list[tuple[str, set[str]]] = []
    slots = anyio.CapacityLimiter(16)

    async def ask(path: str, number: int, era: str) -> None:
        text = f"{path}-{era}-{number}"
        # mcp 2.3 breaks modern answers off, without any gateway, when progress and result come together under load.
        params: Json = {"name": "echo" if path == "b2026" else "canary", "arguments": {"text": text}}
        async with slots, AsyncExitStack() as stack:
            if era == "older":
                older = await stack.enter_async_context(world.legacy(path, subject=f"user-{number % 5}"))
                post = older.post(call("tools/call", {**params, "_meta": {"progressToken": 1}}))
            else:
                newer = await stack.enter_async_context(modern(world, path, subject=f"user-{number % 5}"))
                post = newer.post("tools/call", params, meta={"progressToken": 1})
            answer = await stack.enter_async_context(post)
            seen = [message async for message in messages(answer)]
            assert len(seen) == (1 if path == "b2026" else 2)
            found.append((text, {text for message in seen if text in str(message)}))

    async with anyio.create_task_group() as group:
        for path in ("b2024", "b2025-06", "b2025-11", "b2026"):
            for number in range(10):
                for era in ("older", "newer"):
                    group.start_soon(ask, path, number, era)
    assert len(found) == 80
    assert all(seen == {text} for text, seen in found)


async def test_a_flood_of_sessions_costs_its_author_first(world: FrontsWorld) -> None:
    async with world.legacy("b2026", subject="bob") as bob, aiohttp.ClientSession() as http:
        first = world.raw(http, "b2026", subject="flood")
        await first.initialize("2025-06-18", {})
        for _ in range(200):
            await world.raw(http, "b2026", subject="flood").initialize("2025-06-18", {})
        async with first.post(call("ping")) as answer:
            assert answer.status == 404
        assert (await bob.ask("ping"))["result"] == {}
    assert not signals.arrived.is_set()
