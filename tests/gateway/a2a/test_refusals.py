"""Requests that two parsers could read differently, and those that are no requests of A2A, go nowhere."""

import json

import pytest

from airegistry.core.assets import Json
from tests.gateway.a2a.test_policy import NEW, begun
from tests.gateway.a2a.world import World, clerk_card, message, old_message
from tests.gateway.stub import Stub

pytestmark = pytest.mark.anyio
SAY = old_message("say")
CALL: Json = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": SAY}}


def text(**members: object) -> bytes:
    return json.dumps({**CALL, **members}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        json.dumps([CALL]).encode(),
        text(jsonrpc="1.0"),
        text(id=None),
        text(id=True),
        text(method=5),
        text(method=""),
        text(params=[]),
        text(params=None),
        text(params={"message": "say"}),
        text(params={"message": {**SAY, "contextId": 5}}),
        text(params={"message": {**SAY, "contextId": "x" * 513}}),
        text(params={"message": {**SAY, "referenceTaskIds": "x"}}),
        text(params={"message": {**SAY, "referenceTaskIds": [5]}}),
        text(params={"message": {**SAY, "referenceTaskIds": ["x"] * 101}}),
        text(params={"message": {**SAY, "metadata": []}}),
        text(params={"message": SAY, "request": SAY}),
        text(params={"message": {**SAY, "taskId": "a", "task_id": "b"}}),
        text(params={"message": {**SAY, "TaskId": "a"}}),
        text(params={"message": {**SAY, "taskid": "a"}}),
        text(params={"message": {**SAY, "context_Id": "a"}}),
        text(params={"Message": SAY, "message": SAY}),
        text(Method="tasks/get"),
        text(method="tasks/get", params={}),
        text(method="tasks/get", params={"id": ""}),
        text(method="tasks/get", params={"id": "a", "taskId": "b"}),
        text(method="tasks/get", params={"id": "a", "name": "tasks/b"}),
        text(method="GetTaskPushNotificationConfig", params={"id": "c"}),
        text(method="tasks/pushNotificationConfig/set", params={"taskId": "a", "parent": "tasks/b"}),
        text(method="tasks/pushNotificationConfig/set", params={"taskId": "a", "config": {"name": "tasks/b/x/y"}}),
        text(
            method="tasks/pushNotificationConfig/set", params={"taskId": "a", "pushNotificationConfig": {"taskId": "b"}}
        ),
        text().replace(b'"method":', b'"method": "tasks/get", "method":'),
        text().replace(b'"messageId":', b'"taskId": "a", "taskId": "b", "messageId":'),
        b'{"jsonrpc":"2.0","method":"message/send","params":{}}',
        b'{"jsonrpc":"2.0","id":1,"result":{}}',
        b'{"jsonrpc":"2.0","id":1,"method":"message/send","params":{}}',
    ],
)
async def test_a_body_that_is_no_single_clear_request_is_refused(world: World, body: bytes) -> None:
    answer = await world.send("POST", "", body, headers={"content-type": "application/json"})
    assert answer.status == 400
    assert answer.json["error"]["data"]["code"] == "invalid"
    assert world.clerk.seen == []


async def test_a_method_that_a2a_does_not_have_is_refused(world: World) -> None:
    for method in ("tools/call", "message/Send", "sendMessage", "agent/card", "a2a"):
        answer = await world.rpc(method, {"message": SAY})
        assert (answer.status, answer.json["error"]["code"], answer.json["id"]) == (404, -32601, 7)


@pytest.mark.parametrize(
    ("verb", "rest", "body"),
    [
        ("POST", "/message:send", {}),
        ("POST", "/message:send", {"message": message("say"), "tenant": 5}),
        ("POST", "/v1/message:send", {"request": {"task_id": "a", "taskId": "b"}}),
        ("POST", "/tasks/a:cancel", {"id": "b"}),
        ("POST", "/tasks/a:cancel", {"name": "tasks/b"}),
        ("POST", "/tasks/a/pushNotificationConfigs", {"taskId": "b", "url": "https://hooks.test"}),
        ("POST", "/v1/tasks/a/pushNotificationConfigs", {"parent": "tasks/b"}),
        ("POST", "/v1/tasks/a/pushNotificationConfigs", {"config": {"name": "tasks/b/pushNotificationConfigs/c"}}),
        ("GET", "/tasks/a?id=b", None),
        ("GET", "/tasks/a?historyLength=1&historyLength=2", None),
        ("GET", "/tasks?context_id=a", None),
        ("GET", "/tasks?contextId=a&contextId=b", None),
        ("GET", "/tasks/a?x", None),
        ("GET", "/tasks?A2A-Version=0.3", None),
        ("POST", "?x=y", CALL),
    ],
)
async def test_a_request_of_http_that_could_be_read_in_two_ways_is_refused(
    world: World, verb: str, rest: str, body: Json | None
) -> None:
    answer = await world.send(verb, rest, body, headers=NEW)
    assert answer.status == 400
    error = answer.json["error"]
    assert (error.get("data") or error["details"][0])["code"] == "invalid"
    assert world.clerk.seen == []


@pytest.mark.parametrize(
    ("verb", "rest", "status"),
    [
        ("GET", "", 405),
        ("DELETE", "", 405),
        ("GET", "/message:send", 405),
        ("PUT", "/tasks/a", 405),
        ("DELETE", "/tasks/a", 405),
        ("POST", "/tasks/a", 405),
        ("GET", "/tasks/a:cancel", 405),
        ("POST", "/tasks/a/pushNotificationConfigs/c", 405),
        ("POST", "/v1/card", 405),
        ("GET", "/tasks/a:delete", 404),
        ("GET", "/tasks/..", 404),
        ("GET", "/tasks/.:cancel", 404),
        ("GET", "/tasks/a%2fb", 404),
        ("GET", "/tasks/%61", 404),
        ("GET", "//tasks", 404),
        ("GET", "/v2/x/tasks", 404),
        ("GET", "/.well-known/other.json", 404),
        ("GET", "/v1", 404),
        ("GET", "/tasks/a/artifacts", 404),
        ("GET", "/tasks/a%c3%a4", 404),
    ],
)
async def test_a_path_that_a2a_does_not_have_is_not_served(world: World, verb: str, rest: str, status: int) -> None:
    answer = await world.send(verb, rest, headers=NEW)
    assert answer.status == status
    assert world.clerk.seen == []


async def test_bodies_are_json_of_limited_length(world: World) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json-seq", ""):
        answer = await world.send("POST", "", text(), headers={"content-type": kind})
        assert answer.status == 415
        answer = await world.send("POST", "/message:send", text(), headers={"content-type": kind})
        assert answer.status == 415
    long = text(params={"message": {**SAY, "metadata": {"x": "y" * 2**20}}})
    assert (await world.send("POST", "", long, headers={"content-type": "application/json"})).status == 413


async def test_headers_that_are_there_twice_or_disagree_are_refused(world: World) -> None:
    answer = await world.send("POST", "?A2A-Version=0.3", text(), headers={**NEW, "content-type": "application/json"})
    assert answer.status == 400
    answer = await world.rpc("message/send", {"message": SAY}, headers={"a2a-extensions": "\u00e4"})
    assert answer.status == 400
    assert world.clerk.seen == []


async def test_a_version_in_the_query_counts_as_one_in_the_header(world: World, stub: Stub) -> None:
    stub.body = b'{"message":{"messageId":"1"}}'
    answer = await world.send("POST", "/message:send?A2A-Version=1.0", {"message": message("say")}, path="stub")
    assert answer.status == 200
    assert stub.requests[0][1]["a2a-version"] == "1.0"


async def test_a_tenant_is_one_of_an_interface_of_the_card(world: World, stub: Stub) -> None:
    stub.body = b'{"message":{"messageId":"1"}}'
    card = clerk_card("http://127.0.0.1:9")
    (agent, _) = (await world.core.shelf.get("agent", "stub")) or (None, 0)
    assert agent is not None
    base = str(getattr(agent, "url", "")).removesuffix("/rpc")
    interfaces: list[Json] = [
        {"url": f"{base}/{tenant}", "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0", "tenant": tenant}
        for tenant in ("north", "south")
    ]
    await world.put("shop", {**card, "supportedInterfaces": interfaces})  # type: ignore[dict-item]  # JSON
    sent: Json = {"message": message("say"), "tenant": "south"}
    assert (await world.send("POST", "/south/message:send", sent, path="shop", headers=NEW)).status == 200
    assert (await world.send("POST", "/message:send", sent, path="shop", headers=NEW)).status == 200
    assert len(stub.requests) == 2
    for rest, tenant in (("/north", "south"), ("/west", "west"), ("", "west"), ("", "")):
        other: Json = {"message": message("say"), "tenant": tenant}
        answer = await world.send("POST", f"{rest}/message:send", other, path="shop", headers=NEW)
        assert answer.status == 400
    assert len(stub.requests) == 2


async def test_an_interface_that_the_agent_does_not_have_is_unsupported(world: World) -> None:
    card = clerk_card(world.agent)
    interfaces: list[Json] = card["supportedInterfaces"]  # type: ignore[assignment]  # JSON
    await world.put("rpc-only", {**card, "supportedInterfaces": [interfaces[0]]})
    answer = await world.send("POST", "/message:send", {"message": message("say")}, path="rpc-only", headers=NEW)
    assert (answer.status, answer.json["error"]["status"]) == (501, "UNIMPLEMENTED")


async def test_one_record_is_written_of_each_request(world: World) -> None:
    task, _ = await begun(world)
    await world.send("GET", f"/tasks/{task}", headers=NEW)
    await world.rpc("GetTask", {"id": "absent"}, headers=NEW)
    await world.rpc("GetTask", {"id": task}, subject="cleo", headers=NEW)
    recorded = [(event.action, event.decision, event.outcome) for event in await world.events(4)]
    assert recorded == [
        ("message/send", "allow", "ok"), ("tasks/get", "allow", "ok"), ("tasks/get", "allow", "error"),
        ("tasks/get", "deny", "refused"),
    ]  # fmt: skip
