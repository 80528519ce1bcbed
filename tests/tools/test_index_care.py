"""The tools for the index."""

import anyio
import pytest

from airegistry.core.grants import Grant, Scope
from airegistry.core.principals import SYSTEM
from airegistry.tools.declare import needs_of
from airegistry.tools.index_care import IndexCareTools
from tests.support.mcp import Json, call, refused
from tests.tools.wiring import World

pytestmark = pytest.mark.anyio


async def ask(world: World, tool: str, /, *, by: str = "operator", **arguments: object) -> Json:
    async with world.client(by) as client:
        return await call(client, tool, **arguments)


async def test_the_index_is_made_again_in_the_background(registry: World) -> None:
    started = await ask(registry, "reindex")
    assert {**started, "total": 0} == {
        "act": "reindex", "of": "", "state": "running", "done": 0, "total": 0, "started_at": "2026-11-20T12:00:00Z",
        "by": "operator", "error": None,
    }  # fmt: skip
    with refused("conflict"):
        await ask(registry, "reindex", asset="server/weather")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(registry.services.index_care.run)
        job = registry.services.index_care.status(SYSTEM).job
        assert job is not None
        with anyio.fail_after(20):
            await job.ended.wait()
        status = await ask(registry, "index_status")
        tasks.cancel_scope.cancel()
    assert (status["job"]["state"], status["job"]["done"]) == ("done", status["assets"])
    assert (status["embedder"], status["fingerprint"], status["missing"], status["names"]) == ("none", None, 0, [])


async def test_what_is_not_there_is_neither_made_again_nor_switched_to(registry: World) -> None:
    with refused("not_found"):
        await ask(registry, "reindex", asset="server/nobody")
    with refused("invalid"):
        await ask(registry, "switch_embedder", embedder="magic")
    assert (await ask(registry, "index_status"))["job"] is None


@pytest.mark.parametrize(
    ("tool", "arguments"), [("index_status", {}), ("reindex", {}), ("switch_embedder", {"embedder": "none"})]
)
async def test_only_administrators_have_a_say(registry: World, tool: str, arguments: Json) -> None:
    with refused("access_denied"):
        await ask(registry, tool, by="bob", **arguments)
    narrow = Scope(name="forecasts", grants=[Grant(kinds=["server"], actions=["*"])])
    await registry.services.policy.put_scope(SYSTEM, narrow)
    with refused("access_denied"):
        await ask(registry, tool, by="cat", **arguments)


async def test_every_tool_of_the_index_is_one_of_administration() -> None:
    names = ("index_status", "reindex", "switch_embedder")
    assert needs_of([IndexCareTools.__new__(IndexCareTools)]) == dict.fromkeys(names, "policy")
