"""Ways around the agents' gateway: skills named where policy does not look, lists passed unread, breakers tripped."""

# ruff: noqa: F811  # fixtures are imported

import json

import anyio
import pytest

from airegistry.core.assets import Json
from airegistry.core.principals import SYSTEM
from airegistry.gateway.a2a.handles import COLLECTION, Handles
from tests.gateway.a2a.conftest import anyio_backend, built, client, stub, stubbed, world  # noqa: F401  # fixtures
from tests.gateway.a2a.test_hostile import event, result, task
from tests.gateway.a2a.test_policy import NEW
from tests.gateway.a2a.world import SAY, World, message
from tests.gateway.stub import JSON, SSE, Stub

pytestmark = pytest.mark.anyio


@pytest.fixture
async def dan(world: World) -> str:
    """Who may use the skill `say` and no other."""
    await world.let("dan", SAY)
    return "dan"


async def send(world: World, metadata: Json, parts: Json | None = None, **options: str) -> int:
    said = message("say", metadata=metadata)
    if parts is not None:
        said["parts"] = [{"text": "say", "metadata": parts}]
    return (await world.rpc("SendMessage", {"message": said}, headers=NEW, **options)).status


@pytest.mark.parametrize("name", ["skill_id", "SkillId", "skillID", "SKILL", "Skill", "skill_Id"])
async def test_a_skill_is_not_named_twice_by_another_spelling(world: World, dan: str, name: str) -> None:
    assert await send(world, {"skillId": "say"}, subject=dan) == 200
    ran = world.clerk.ran
    assert await send(world, {"skillId": "say", name: "work"}, subject=dan) == 400
    assert world.clerk.ran == ran


@pytest.mark.parametrize("name", ["skillId", "skill", "skill_id"])
async def test_a_part_of_a_message_names_no_other_skill(world: World, dan: str, name: str) -> None:
    assert await send(world, {"skillId": "say"}, {"skillId": "say"}, subject=dan) == 200
    ran = world.clerk.ran
    assert await send(world, {"skillId": "say"}, {name: "work"}, subject=dan) == 400
    assert world.clerk.ran == ran


@pytest.mark.parametrize("value", [["say", "work"], {"id": "work"}, 1, ""])
async def test_a_skill_is_one_name(world: World, dan: str, value: object) -> None:
    assert await send(world, {"skillId": "say", "skill": value}, subject=dan) == 400  # type: ignore[dict-item]  # JSON


async def test_a_list_that_comes_as_a_stream_is_not_passed_on_unread(world: World, stub: Stub) -> None:
    stub.headers = [SSE]
    stub.body = event({"tasks": [task("of-bob")], "nextPageToken": "", "pageSize": 50, "totalSize": 1})
    answer = await world.rpc("ListTasks", {}, path="stub", headers={**NEW, "accept": "text/event-stream"})
    assert b"of-bob" not in answer.body


@pytest.mark.parametrize("page", [[task("of-bob")], {"tasks": {"a": task("of-bob")}}])
async def test_a_list_of_another_form_is_not_passed_on_unread(
    world: World, stub: Stub, page: object
) -> None:  # fmt: skip
    stub.headers, stub.body = [JSON], result(page)
    answer = await world.rpc("tasks/list", {}, path="stub")
    assert b"of-bob" not in answer.body


async def rested(world: World) -> bool:
    """Whether the breaker of the agent `stub` keeps others from it."""
    answer = await world.rpc("SendMessage", {"message": message("say")}, path="stub", headers=NEW, subject="bob")
    return answer.status == 503


@pytest.mark.parametrize(
    ("verb", "rest", "sent"),
    [
        ("POST", "/message:send?A2A-Version=1.0%0d%0aHost:%20evil.test", {}),
        ("GET", f"/tasks?pageToken={'x' * 3000}", {}),
        ("GET", "/tasks?pageToken=%00", {}),
    ],
    ids=["a line break in the version", "a long query", "a zero byte"],
)
async def test_one_caller_does_not_trip_the_breaker_by_what_cannot_be_sent(
    world: World, stub: Stub, verb: str, rest: str, sent: dict[str, str]
) -> None:  # fmt: skip
    stub.body = result(task("t"))
    body: Json | None = {"message": message("say")} if verb == "POST" else None
    for _ in range(6):
        answer = await world.send(verb, rest, body, path="stub", headers=sent)
        assert answer.status != 503
    assert not await rested(world)


@pytest.mark.parametrize("status", [401, 403])
async def test_one_caller_whom_an_agent_refuses_does_not_trip_the_breaker_for_others(
    world: World, stub: Stub, status: int
) -> None:  # fmt: skip
    stub.status, stub.body, stub.headers = status, b"no", [(b"content-type", b"text/plain")]
    for _ in range(6):
        await world.rpc("SendMessage", {"message": message("say")}, path="stub", headers=NEW)
    stub.status, stub.body, stub.headers = 200, result(task("t")), [JSON]
    assert not await rested(world)


async def test_an_agent_in_quarantine_hands_out_no_card(world: World) -> None:
    assert (await world.send("GET", "/.well-known/agent-card.json")).status == 200
    await world.core.services.guards.quarantine(SYSTEM, "agent", "clerk", "lies")
    for rest in ("/.well-known/agent-card.json", "/v1/card", "/extendedAgentCard"):
        answer = await world.send("GET", rest)
        assert (answer.status, b"skills" in answer.body) == (403, False), rest
    assert json.loads((await world.rpc("GetExtendedAgentCard", {}, headers=NEW)).body)["error"]["code"] == -32000


@pytest.mark.parametrize("place", ["pushNotificationConfig", "config", "push_notification_config"])
async def test_a_message_brings_no_address_of_the_inside_along_beside_its_configuration(
    world: World, place: str
) -> None:
    params: Json = {"message": message("say"), place: {"url": "https://inside.test/hook"}}
    answer = await world.rpc("SendMessage", params, headers=NEW)
    assert answer.status == 400
    assert world.clerk.ran == 0


async def test_ids_that_a_caller_makes_up_do_not_pile_up_until_the_next_hour(world: World) -> None:
    handles = Handles(world.core.store, world.core.clock, limit=100)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(handles.run)
            for number in range(300):
                await handles.claim("clerk", "context", f"c-{number}", "ann", None)
            while len([each async for each in world.core.store.find(COLLECTION)]) > 110:  # noqa: ASYNC110  # the store
                await anyio.sleep(0.005)
            tasks.cancel_scope.cancel()
