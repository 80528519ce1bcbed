"""URLs for push notifications: the agent is told of none that the registry itself may not call."""

from functools import partial

import pytest

from airegistry.core.assets import Json
from airegistry.core.errors import Invalid
from airegistry.egress.guard import Guard
from airegistry.gateway.a2a.callbacks import check_callback
from tests.gateway.a2a.test_policy import NEW, begun
from tests.gateway.a2a.world import World, message, old_message
from tests.support.ssrf import ALLOWED, PUBLIC, REFUSED, assert_refused

pytestmark = pytest.mark.anyio
A_FEW = [
    "http://169.254.169.254/latest/meta-data/",
    "http://127.0.0.1/",
    "http://inside.test/",
    "file:///etc/passwd",
    "",
]


async def public(host: str, port: int) -> list[str]:
    return [PUBLIC]


async def test_no_url_that_may_not_be_fetched_may_be_called_back() -> None:
    guard = Guard(resolve=public)
    await assert_refused(partial(check_callback, guard), errors=(Invalid,))
    for url in ALLOWED:
        await check_callback(guard, url)


@pytest.mark.parametrize("answers", [["10.0.0.1"], [PUBLIC, "127.0.0.1"], ["::1"], [], None])
async def test_a_name_that_leads_inside_or_nowhere_may_not_be_called_back(answers: list[str] | None) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        if answers is None:
            raise OSError("no such name")
        return answers

    with pytest.raises(Invalid):
        await check_callback(Guard(resolve=resolve), "https://hooks.test/x")


def places(task: str, url: str) -> list[tuple[str, str, Json]]:
    """Every place of a request where such a URL stands, and spellings that agents take for it."""
    push: Json = {"url": url, "token": "t"}
    old, new = {"message": old_message("say")}, {"message": message("say")}
    return [
        ("RPC", "message/send", {**old, "configuration": {"pushNotificationConfig": push}}),
        ("RPC", "message/stream", {**old, "configuration": {"push_notification_config": push}}),
        ("RPC", "message/send", {**old, "configuration": {"pushNotification": push}}),
        ("RPC", "SendMessage", {**new, "configuration": {"taskPushNotificationConfig": push}}),
        ("RPC", "SendStreamingMessage", {**new, "configuration": {"task_push_notification_config": push}}),
        ("RPC", "SendMessage", {**new, "configuration": {"x": [{"URL": url}]}}),
        ("RPC", "tasks/pushNotificationConfig/set", {"taskId": task, "pushNotificationConfig": push}),
        ("RPC", "tasks/pushNotificationConfig/set", {"task_id": task, "push_notification_config": push}),
        ("RPC", "CreateTaskPushNotificationConfig", {"taskId": task, **push}),
        ("RPC", "CreateTaskPushNotificationConfig", {"taskId": task, "config": push}),
        ("POST", "/message:send", {**new, "configuration": {"taskPushNotificationConfig": push}}),
        ("POST", "/v1/message:send", {"request": {}, "configuration": {"push_notification": push}}),
        ("POST", f"/tasks/{task}/pushNotificationConfigs", push),
        ("POST", f"/v1/tasks/{task}/pushNotificationConfigs", {"config": {"push_notification_config": push}}),
    ]


async def refused(world: World, request: tuple[str, str, Json]) -> None:
    verb, where, body = request
    headers = {} if where.startswith(("message", "tasks", "/v1")) else NEW
    answer = await (
        world.rpc(where, body, headers=headers) if verb == "RPC" else world.send(verb, where, body, headers=headers)
    )
    assert answer.status == 400, (request, answer.body)
    error = answer.json["error"]
    assert error["data"]["code"] == "invalid", (request, answer.body)


async def test_a_forbidden_url_is_refused_wherever_it_stands_and_the_agent_hears_of_none(world: World) -> None:
    task, _ = await begun(world)
    for url in A_FEW:
        for request in places(task, url):
            await refused(world, request)
    assert len(world.clerk.seen) == 1


async def test_the_whole_table_is_refused_in_a_message_and_in_a_configuration(world: World) -> None:
    task, _ = await begun(world)
    for url in REFUSED:
        for request in (places(task, url)[0], places(task, url)[12]):
            await refused(world, request)
    assert len(world.clerk.seen) == 1


async def test_a_url_that_is_no_text_is_refused(world: World) -> None:
    task, _ = await begun(world)
    for url in (5, ["http://127.0.0.1"], {"url": "http://127.0.0.1"}):
        for request in places(task, url):  # type: ignore[arg-type]  # JSON
            await refused(world, request)


async def test_a_public_url_passes_in_a_message(world: World) -> None:
    params: Json = {
        "message": message("ask"),
        "configuration": {"taskPushNotificationConfig": {"url": "https://hooks.test/x", "id": "c"}},
    }
    task = (await world.rpc("SendMessage", params, headers=NEW)).json["result"]["task"]["id"]
    shown = await world.send("GET", f"/tasks/{task}/pushNotificationConfigs/c", headers=NEW)
    assert shown.json["url"] == "https://hooks.test/x"
