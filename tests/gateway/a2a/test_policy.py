"""Who may ask an agent for what: skills are what is granted, and one record is written of each call."""

import pytest

from airegistry.core.assets import Json
from airegistry.core.grants import Grant
from airegistry.core.principals import SYSTEM
from airegistry.gateway.a2a.handles import Handles
from tests.gateway.a2a.world import SAY, Answer, World, message, old_message

pytestmark = pytest.mark.anyio
NEW = {"a2a-version": "1.0"}


async def say(
    world: World, metadata: Json | None = None, *, subject: str = "dan", beside: Json | None = None
) -> Answer:
    params: Json = {"message": old_message("say", metadata=metadata or {}), "metadata": beside or {}}
    return await world.rpc("message/send", params, subject=subject)


@pytest.fixture
async def dan(world: World) -> None:
    """A caller who may use the skill `say` and no other."""
    await world.let("dan", SAY)


@pytest.mark.usefixtures("dan")
async def test_a_message_that_names_no_skill_needs_all_of_them_and_is_told_so(world: World) -> None:
    answer = await say(world)
    assert answer.status == 403
    error = answer.json["error"]
    assert (error["code"], error["data"]["code"]) == (-32000, "access_denied")
    assert "skillId in its metadata" in error["message"]
    assert world.clerk.ran == 0
    (event,) = await world.events(1)
    assert (event.decision, event.action, event.tool) == ("deny", "message/send", None)


@pytest.mark.usefixtures("dan")
@pytest.mark.parametrize("where", ["message", "params"])
@pytest.mark.parametrize("name", ["skillId", "skill"])
async def test_a_message_that_names_a_granted_skill_passes(world: World, where: str, name: str) -> None:
    named: Json = {name: "say"}
    answer = await (say(world, named) if where == "message" else say(world, beside=named))
    assert answer.json["result"]["parts"][0]["text"] == "said"
    (event,) = await world.events(1)
    assert (event.decision, event.tool, event.outcome) == ("allow", "say", "ok")


@pytest.mark.usefixtures("dan")
async def test_a_skill_that_is_not_granted_is_denied_and_one_that_is_not_there_is_unknown(world: World) -> None:
    denied = await say(world, {"skillId": "work"})
    assert (denied.status, denied.json["error"]["data"]["code"]) == (403, "access_denied")
    absent = await say(world, {"skillId": "sing"}, subject="ann")
    assert (absent.status, absent.json["error"]["data"]["code"]) == (400, "not_found")
    assert (await say(world, {"skillId": "sing"})).status == 403
    assert world.clerk.ran == 0


async def test_two_skills_in_one_message_are_refused(world: World) -> None:
    for answer in (
        await say(world, {"skillId": "say"}, subject="ann", beside={"skillId": "work"}),
        await say(world, {"skillId": "say", "skill": "work"}, subject="ann"),
        await say(world, {"skillId": ["say"]}, subject="ann"),
        await say(world, {"skillId": ""}, subject="ann"),
    ):
        assert (answer.status, answer.json["error"]["data"]["code"]) == (400, "invalid")
    assert world.clerk.ran == 0


async def test_who_may_call_nothing_reads_the_card_alone(world: World) -> None:
    card = await world.send("GET", "/.well-known/agent-card.json", subject="cleo")
    assert (card.status, card.json["skills"]) == (200, [])
    assert (await say(world, {"skillId": "say"}, subject="cleo")).status == 403
    assert (await world.send("GET", "/tasks", subject="cleo", headers=NEW)).status == 403
    assert world.clerk.seen == []


@pytest.mark.parametrize("rest", ["", "/.well-known/agent-card.json", "/v1/tasks/x", "/message:send"])
async def test_a_hidden_agent_reads_as_one_that_does_not_exist(world: World, rest: str) -> None:
    await world.let("eve", Grant(kinds=["agent"], assets=["clerk"], effect="deny"), Grant(kinds=["agent"]))
    verb = "GET" if rest.startswith(("/.well", "/v1")) else "POST"
    body: Json | None = None
    if verb == "POST":
        body = {"message": message("say")}
        body = body if rest else {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": body}
    hidden = await world.send(verb, rest, body, subject="eve", headers=NEW)
    absent = await world.send(verb, rest, body, subject="eve", path="nothing", headers=NEW)
    assert hidden.status == absent.status == 404
    assert hidden.body == absent.body


async def test_a_disabled_agent_is_not_served(world: World) -> None:
    await world.core.services.catalog.toggle(SYSTEM, "agent", "clerk", False)
    assert (await say(world, subject="ann")).status == 404
    assert (await world.send("GET", "/.well-known/agent-card.json")).status == 404


async def test_a_skill_that_needs_approval_is_refused_and_so_is_all_at_once(world: World) -> None:
    card = (await world.core.services.catalog.get(SYSTEM, "agent", "clerk")).model_dump()["card"]
    await world.put("careful", card, requires_approval=["work"])
    cases: list[tuple[Json, int]] = [({"skillId": "say"}, 200), ({"skillId": "work"}, 403), ({}, 403)]
    for metadata, status in cases:
        params: Json = {"message": old_message("say", metadata=metadata)}
        answer = await world.rpc("message/send", params, path="careful")
        assert answer.status == status
        if status == 403:
            assert answer.json["error"]["data"]["code"] == "approval_required"


async def begun(world: World, *, subject: str = "ann", skill: str | None = None, said: str = "ask") -> tuple[str, str]:
    """A task of somebody's, and its context."""
    metadata: Json = {"skillId": skill} if skill else {}
    params: Json = {"message": message(said, metadata=metadata)}
    answer = await world.rpc("SendMessage", params, subject=subject, headers=NEW)
    task = answer.json["result"]["task"]
    return task["id"], task["contextId"]


@pytest.mark.usefixtures("dan")
async def test_a_task_goes_on_under_the_skill_it_was_begun_with(world: World) -> None:
    task, _ = await begun(world, subject="dan", skill="say")
    assert (await world.rpc("tasks/get", {"id": task}, subject="dan")).json["result"]["id"] == task
    listed = await world.send("GET", "/tasks", subject="dan", headers=NEW)
    assert [each["id"] for each in listed.json["tasks"]] == [task]
    other: Json = {"message": message("say", taskId=task, metadata={"skillId": "work"})}
    assert (await world.rpc("SendMessage", other, subject="dan", headers=NEW)).status == 400
    assert (await world.rpc("SendMessage", other, subject="ann", headers=NEW)).json["error"]["code"] == -32001
    assert world.clerk.ran == 1
    await world.let("dan", Grant(kinds=["agent"], tools=["work"]))
    assert (await world.rpc("tasks/get", {"id": task}, subject="dan")).status == 403
    assert (await world.send("GET", "/tasks", subject="dan", headers=NEW)).json["tasks"] == []


@pytest.mark.usefixtures("dan")
async def test_a_message_may_not_refer_to_a_task_of_a_skill_that_was_withdrawn(world: World) -> None:
    task, _ = await begun(world, subject="dan", skill="say")
    await world.let("dan", Grant(kinds=["agent"], tools=["work"]))
    params: Json = {"message": message("work", referenceTaskIds=[task], metadata={"skillId": "work"})}
    assert (await world.rpc("SendMessage", params, subject="dan", headers=NEW)).json["error"]["code"] == -32001


def about(task: str) -> list[tuple[str, str, Json | None]]:
    """Every request about one task: verb and path of HTTP+JSON, or `RPC` and a method."""
    push: Json = {"url": "https://hooks.test/x"}
    return [
        ("RPC", "tasks/get", {"id": task}),
        ("RPC", "tasks/cancel", {"id": task}),
        ("RPC", "tasks/resubscribe", {"id": task}),
        ("RPC", "tasks/pushNotificationConfig/set", {"taskId": task, "pushNotificationConfig": push}),
        ("RPC", "tasks/pushNotificationConfig/get", {"id": task}),
        ("RPC", "tasks/pushNotificationConfig/list", {"id": task}),
        ("RPC", "tasks/pushNotificationConfig/delete", {"id": task, "pushNotificationConfigId": "c"}),
        ("RPC", "message/send", {"message": old_message("say", taskId=task)}),
        ("RPC", "message/stream", {"message": old_message("say", taskId=task)}),
        ("RPC", "message/send", {"message": old_message("say", referenceTaskIds=[task])}),
        ("RPC", "GetTask", {"id": task}),
        ("RPC", "CancelTask", {"id": task}),
        ("RPC", "SubscribeToTask", {"id": task}),
        ("RPC", "CreateTaskPushNotificationConfig", {"taskId": task, **push}),
        ("RPC", "GetTaskPushNotificationConfig", {"taskId": task, "id": "c"}),
        ("RPC", "ListTaskPushNotificationConfigs", {"taskId": task}),
        ("RPC", "DeleteTaskPushNotificationConfig", {"taskId": task, "id": "c"}),
        ("RPC", "SendMessage", {"message": message("say", taskId=task)}),
        ("RPC", "SendStreamingMessage", {"message": message("say", task_id=task)}),
        ("GET", f"/tasks/{task}", None),
        ("GET", f"/v1/tasks/{task}", None),
        ("POST", f"/tasks/{task}:cancel", {}),
        ("POST", f"/v1/tasks/{task}:cancel", None),
        ("POST", f"/tasks/{task}:subscribe", None),
        ("GET", f"/v1/tasks/{task}:subscribe", None),
        ("POST", f"/tasks/{task}/pushNotificationConfigs", push),
        ("POST", f"/v1/tasks/{task}/pushNotificationConfigs", {"config": {"push_notification_config": push}}),
        ("GET", f"/tasks/{task}/pushNotificationConfigs", None),
        ("GET", f"/tasks/{task}/pushNotificationConfigs/c", None),
        ("DELETE", f"/tasks/{task}/pushNotificationConfigs/c", None),
        ("POST", "/message:send", {"message": message("say", taskId=task)}),
        ("POST", "/v1/message:stream", {"request": {"task_id": task}}),
    ]


async def ask(world: World, request: tuple[str, str, Json | None], subject: str) -> Answer:
    verb, where, body = request
    headers = {} if "/" in where and not where.startswith(("/tasks", "/message")) else NEW
    if verb == "RPC":
        return await world.rpc(where, body or {}, subject=subject, headers=headers)
    return await world.send(verb, where, body, subject=subject, headers=headers)


async def test_the_task_of_another_caller_reads_as_one_that_does_not_exist_and_nothing_happens(world: World) -> None:
    task, _ = await begun(world)
    requests = zip(about(task), about("absent"), strict=True)
    for count, (theirs, absent) in enumerate(requests):
        foreign, unknown = await ask(world, theirs, "bob"), await ask(world, absent, "bob")
        assert (foreign.status, foreign.body) == (unknown.status, unknown.body), theirs
        if theirs[0] == "RPC":
            assert (foreign.status, foreign.json["error"]["code"]) == (200, -32001), theirs
        else:
            assert foreign.status == 404, theirs
            assert foreign.json["error"]["details"][0]["reason"] == "TASK_NOT_FOUND"
        assert len(await world.events(1 + 2 * (count + 1))) > 0
    assert world.clerk.ran == 1
    assert not world.clerk.cancelled.is_set()
    assert len(world.clerk.seen) == 1


async def test_the_tasks_of_a_caller_are_known_after_a_restart(world: World) -> None:
    task, context = await begun(world)
    world.handles = world.gateway._handles = Handles(world.core.store, world.core.clock)
    assert (await world.rpc("GetTask", {"id": task}, headers=NEW)).json["result"]["id"] == task
    for params in ({"message": message("say", taskId=task)}, {"message": message("say", contextId=context)}):
        answer = await world.rpc("SendMessage", params, subject="bob", headers=NEW)  # type: ignore[arg-type]  # JSON
        assert answer.json["error"]["code"] == -32001


async def test_the_context_of_another_caller_is_none_for_sending_and_listing(world: World) -> None:
    _, context = await begun(world)
    for rest in (f"/tasks?contextId={context}", "/tasks?contextId=absent"):
        assert (await world.send("GET", rest, subject="bob", headers=NEW)).status == 404
    for params in ({"contextId": context}, {"contextId": "absent"}, {"context_id": context}):
        answer = await world.rpc("ListTasks", params, subject="bob", headers=NEW)  # type: ignore[arg-type]  # JSON
        assert answer.json["error"]["code"] == -32001
    mine = await world.send("GET", f"/tasks?contextId={context}", headers=NEW)
    assert len(mine.json["tasks"]) == 1


async def test_a_context_that_a_client_makes_up_is_whose_it_was_first(world: World) -> None:
    params: Json = {"message": old_message("say", contextId="trip-1")}
    first = await world.rpc("message/send", params)
    assert first.json["result"]["contextId"] == "trip-1"
    assert "result" in (await world.rpc("message/send", params)).json
    assert (await world.rpc("message/send", params, subject="bob")).json["error"]["code"] == -32001
    assert "result" in (await world.rpc("message/send", params, path="older", subject="bob")).json
    assert world.clerk.ran == 3
