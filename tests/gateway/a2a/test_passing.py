"""Real clients of the A2A SDK reach a real agent through the registry, in either binding and version."""

import anyio
import pytest
from a2a.client import Client
from a2a.helpers.proto_helpers import get_stream_response_text, new_text_message
from a2a.types.a2a_pb2 import (
    CancelTaskRequest,
    DeleteTaskPushNotificationConfigRequest,
    GetExtendedAgentCardRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTaskPushNotificationConfigsRequest,
    ListTasksRequest,
    Role,
    SendMessageRequest,
    StreamResponse,
    SubscribeToTaskRequest,
    TaskPushNotificationConfig,
    TaskState,
)

from tests.gateway.a2a.world import World, message, old_message

pytestmark = pytest.mark.anyio
ways = pytest.mark.parametrize(
    ("binding", "path"),
    [("JSONRPC", "clerk"), ("HTTP+JSON", "clerk"), ("JSONRPC", "older"), ("HTTP+JSON", "older")],
)
bindings = pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])


def told(said: str, **ids: str) -> SendMessageRequest:
    return SendMessageRequest(message=new_text_message(said, role=Role.ROLE_USER, **ids))


async def all_of(client: Client, request: SendMessageRequest) -> list[StreamResponse]:
    with anyio.fail_after(5):
        return [event async for event in client.send_message(request)]


@ways
@pytest.mark.parametrize("streaming", [True, False])
async def test_a_message_is_answered(world: World, binding: str, path: str, streaming: bool) -> None:
    async with world.client(binding, path=path, streaming=streaming) as client:
        (event,) = await all_of(client, told("say"))
    assert get_stream_response_text(event) == "said"
    card, call = await world.events(2)
    assert (card.action, card.decision) == ("card", "allow")
    assert call.action == ("message/stream" if streaming else "message/send")
    assert (call.subject, call.asset, call.outcome) == ("ann", path, "ok")


@ways
async def test_a_task_is_begun_read_and_ended(world: World, binding: str, path: str) -> None:
    async with world.client(binding, path=path, streaming=False) as client:
        (event,) = await all_of(client, told("work"))
        assert event.task.status.state == TaskState.TASK_STATE_COMPLETED
        again = await client.get_task(GetTaskRequest(id=event.task.id))
    assert again.artifacts[0].parts[0].text == "work is done"


@ways
async def test_events_of_a_stream_arrive_one_by_one(world: World, binding: str, path: str) -> None:
    states: list[int] = []
    async with world.client(binding, path=path) as client:
        with anyio.fail_after(5):
            async for event in client.send_message(told("wait")):
                if event.HasField("status_update"):
                    states.append(event.status_update.status.state)
                    world.clerk.go.set()  # the agent goes on only after this has arrived
    assert states == [TaskState.TASK_STATE_WORKING, TaskState.TASK_STATE_COMPLETED]


@ways
async def test_a_running_task_is_followed_from_a_second_stream_and_cancelled(
    world: World, binding: str, path: str
) -> None:
    seen: list[int] = []
    subscribed = anyio.Event()

    async def follow(client: Client, task: str) -> None:
        async for event in client.subscribe(SubscribeToTaskRequest(id=task)):
            subscribed.set()
            seen.append(event.status_update.status.state)

    async with world.client(binding, path=path) as client, anyio.create_task_group() as group:
        with anyio.fail_after(5):
            begun = client.send_message(told("wait"))
            task = (await anext(begun)).task.id
            group.start_soon(follow, client, task)
            await subscribed.wait()
            ended = await client.cancel_task(CancelTaskRequest(id=task))
            await world.clerk.cancelled.wait()
            await begun.aclose()  # type: ignore[attr-defined]  # it is a generator
    assert ended.status.state == TaskState.TASK_STATE_CANCELED
    assert seen[-1] == TaskState.TASK_STATE_CANCELED


@ways
async def test_a_conversation_goes_on_in_its_task_and_context(world: World, binding: str, path: str) -> None:
    async with world.client(binding, path=path, streaming=False) as client:
        (asked,) = await all_of(client, told("ask"))
        task, context = asked.task.id, asked.task.context_id
        assert asked.task.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
        (done,) = await all_of(client, told("work", task_id=task, context_id=context))
    assert (done.task.id, done.task.status.state) == (task, TaskState.TASK_STATE_COMPLETED)


@bindings
async def test_push_notifications_are_configured(world: World, binding: str) -> None:
    async with world.client(binding, streaming=False) as client:
        (asked,) = await all_of(client, told("ask"))
        task = asked.task.id
        wanted = TaskPushNotificationConfig(task_id=task, id="c", url="https://hooks.test/x", token="t")
        made = await client.create_task_push_notification_config(wanted)
        assert (made.id, made.url) == ("c", "https://hooks.test/x")
        read = await client.get_task_push_notification_config(
            GetTaskPushNotificationConfigRequest(task_id=task, id="c")
        )
        assert read.token == "t"
        every = ListTaskPushNotificationConfigsRequest(task_id=task)
        assert len((await client.list_task_push_notification_configs(every)).configs) == 1
        await client.delete_task_push_notification_config(DeleteTaskPushNotificationConfigRequest(task_id=task, id="c"))
        assert not (await client.list_task_push_notification_configs(every)).configs


@bindings
async def test_the_list_of_tasks_holds_those_of_the_caller(world: World, binding: str) -> None:
    async with world.client(binding, streaming=False) as ann, world.client(binding, subject="bob") as bob:
        mine = [(await all_of(ann, told("work")))[0].task.id for _ in range(2)]
        assert (await bob.list_tasks(ListTasksRequest())).total_size == 0
        listed = await ann.list_tasks(ListTasksRequest())
    assert {task.id for task in listed.tasks} == {*mine}
    assert listed.total_size == 2


@bindings
async def test_the_extended_card_is_the_one_that_was_scanned(world: World, binding: str) -> None:
    async with world.client(binding) as client:
        card = await client.get_extended_agent_card(GetExtendedAgentCardRequest())
    assert [skill.id for skill in card.skills] == ["say", "work"]
    assert {interface.url for interface in card.supported_interfaces} == {f"{world.url}/agents/clerk"}


async def test_a_client_that_goes_away_ends_its_stream_at_the_agent_too(world: World) -> None:
    async with world.client() as client:
        begun = client.send_message(told("wait"))
        with anyio.fail_after(5):
            await anext(begun)
            await begun.aclose()  # type: ignore[attr-defined]  # it is a generator
            assert [event.outcome for event in await world.events(2)] == ["ok", "ok"]
    world.clerk.go.set()


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("message/send", {"message": old_message("say")}),
        ("SendMessage", {"message": message("say")}),
    ],
)
async def test_nothing_of_the_callers_credentials_reaches_the_agent(
    world: World, method: str, params: dict[str, object]
) -> None:
    headers = {
        "authorization": "Bearer x", "cookie": "a=b", "x-forwarded-for": "1.2.3.4", "x-user": "root", "origin": "null",
        "a2a-version": "1.0" if method == "SendMessage" else "0.3", "a2a-extensions": "https://x.test/e",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "accept": "application/json",
    }  # fmt: skip
    answer = await world.rpc(method, params, headers=headers)  # type: ignore[arg-type]  # JSON
    assert "result" in answer.json
    (seen,) = world.clerk.seen
    own = {"host", "content-length"}
    assert {*seen} - own == {"a2a-version", "a2a-extensions", "traceparent", "accept", "content-type"}
