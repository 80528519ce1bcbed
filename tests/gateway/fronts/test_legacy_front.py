"""Clients of the older era over streamable HTTP: sessions, streams, questions, cancellation."""

from typing import Any

import aiohttp
import anyio
import pytest

from airegistry.core.assets import Json
from airegistry.core.errors import ConsentRequired
from tests.gateway.fronts.backends import signals
from tests.gateway.fronts.world import FrontsWorld, events, messages
from tests.gateway.world import call, until

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning"),
]

ELICITS: Json = {"elicitation": {}}
OPENS_PAGES: Json = {"elicitation": {"form": {}, "url": {}}, "roots": {}}


def response(request_id: Any, result: Json) -> Json:
    return {"jsonrpc": "2.0", "id": request_id, "result": result}


async def refused(response: aiohttp.ClientResponse) -> tuple[int, Any]:
    return response.status, (await response.json())["error"]["code"]


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [("2024-11-05",) * 2, ("2025-03-26",) * 2, ("2025-06-18",) * 2, ("1999-01-01", "2025-11-25")],
)
async def test_the_version_offered_is_agreed_on_if_it_is_known(world: FrontsWorld, offered: str, agreed: str) -> None:
    async with world.legacy("b2026", offered) as client:
        assert client.opened["protocolVersion"] == agreed
        assert client.opened["serverInfo"] == {"name": "desk", "version": "1"}
        assert await client.ask("ping") == response(1, {})


async def test_a_request_without_a_session_is_told_so(world: FrontsWorld) -> None:
    async with aiohttp.ClientSession() as http:
        client = world.raw(http, "b2026")
        async with client.post(call("tools/list")) as answer:
            assert await refused(answer) == (400, -32600)
        async with client.get() as answer:
            assert answer.status == 400
        async with client.delete() as answer:
            assert answer.status == 400
    assert world.desk.left == []


async def test_an_initialize_that_says_nothing_is_refused(world: FrontsWorld) -> None:
    async with aiohttp.ClientSession() as http, world.raw(http, "b2026").post(call("initialize")) as answer:
        assert await refused(answer) == (400, -32602)


@pytest.mark.parametrize("verb", ["post", "get", "delete"])
async def test_a_session_is_no_credential(world: FrontsWorld, verb: str) -> None:
    async with world.legacy("b2026") as ann, aiohttp.ClientSession() as http:
        bob = world.raw(http, "b2026", subject="bob")
        bob.headers["mcp-session-id"] = ann.headers["mcp-session-id"]
        requests = {"post": lambda: bob.post(call("tools/list")), "get": bob.get, "delete": bob.delete}
        async with requests[verb]() as answer:
            assert answer.status == 404
            theirs = await answer.json()
        bob.headers["mcp-session-id"] = "made-up"
        async with requests[verb]() as answer:
            assert await answer.json() == theirs
        assert (await ann.call("echo", {"text": "still"}))["id"] == 1
        assert all(who == "ann" for who, *_ in world.desk.entered)


async def test_a_session_is_good_at_one_endpoint(world: FrontsWorld) -> None:
    async with world.legacy("b2026") as client:
        client.url = client.url.replace("b2026", "b2025-06")
        async with client.post(call("tools/list")) as answer:
            assert answer.status == 404


async def test_after_delete_the_session_is_unknown(world: FrontsWorld) -> None:
    async with world.legacy("b2026") as client:
        async with client.delete() as answer:
            assert answer.status == 204
        async with client.post(call("ping")) as answer:
            assert answer.status == 404


async def test_an_idle_session_is_put_out(world: FrontsWorld) -> None:
    async with world.legacy("b2026") as client:
        world.clock.now += 3_601
        world.fronts.sweep()
        async with client.post(call("ping")) as answer:
            assert answer.status == 404


async def test_a_session_is_initialized_once_and_keeps_its_version(world: FrontsWorld) -> None:
    async with world.legacy("b2026", "2025-06-18") as client:
        async with client.post(call("initialize")) as answer:
            assert await refused(answer) == (400, -32600)
        async with client.post(call("ping"), **{"mcp-protocol-version": "2025-11-25"}) as answer:
            assert await refused(answer) == (400, -32600)


@pytest.mark.parametrize("method", ["server/discover", "subscriptions/listen"])
async def test_methods_of_the_modern_era_are_not_found(world: FrontsWorld, method: str) -> None:
    async with world.legacy("b2026") as client:
        assert (await client.ask(method))["error"]["code"] == -32601


async def test_a_method_that_the_backend_does_not_know_is_its_error(world: FrontsWorld) -> None:
    async with world.legacy("b2026") as client:
        assert (await client.ask("made/up"))["error"]["code"] == -32601
    assert world.desk.left[-1] == ("made/up", None, "error", "JSON-RPC -32601")


async def test_tasks_are_refused_with_a_reason(world: FrontsWorld) -> None:
    async with world.legacy("b2026") as client:
        for message in (call("tasks/get", {"taskId": "1"}), call("tools/call", {"name": "echo", "task": {}})):
            async with client.post(message) as answer:
                assert answer.status == 501
                assert "not bridged" in (await answer.json())["error"]["message"]


async def test_tools_are_listed_from_the_catalog_without_those_denied(world: FrontsWorld) -> None:
    world.desk.denied.add(("tools/call", "secret"))
    async with world.legacy("b2026") as client:
        result = (await client.ask("tools/list"))["result"]
        assert isinstance(result, dict)
        assert set(result) == {"tools"}
        names = {tool["name"] for tool in result["tools"]}
        assert "echo" in names
        assert "secret" not in names
        async with client.post(call("tools/list", {"cursor": "x"})) as answer:
            assert await refused(answer) == (400, -32602)
        async with client.post(call("tools/call", {"name": "secret"})) as answer:
            assert answer.status == 403


async def test_lists_of_the_backend_are_filtered_and_of_the_clients_era(world: FrontsWorld) -> None:
    world.desk.denied.add(("resources/read", "note://shut"))
    async with world.legacy("b2026") as client:
        result = (await client.ask("resources/list"))["result"]
        assert isinstance(result, dict)
        assert set(result) <= {"resources", "_meta"}
        assert [each["uri"] for each in result["resources"]] == ["note://open"]


async def test_an_unknown_resource_has_the_code_of_the_clients_era(world: FrontsWorld) -> None:
    async with world.legacy("b2026") as client:
        assert (await client.ask("resources/read", {"uri": "note://none"}))["error"]["code"] == -32002


async def test_log_messages_are_as_loud_as_the_client_wants(world: FrontsWorld) -> None:
    for path in ("b2026", "b2025-11"):
        async with world.legacy(path) as client:
            async with client.post(call("logging/setLevel", {"level": "loud"})) as answer:
                assert (await answer.json())["error"]["code"] == -32602
            assert await client.ask("logging/setLevel", {"level": "error"}) == response(1, {})
            async with client.post(call("tools/call", {"name": "logs", "arguments": {}})) as answer:
                seen = [each async for each in messages(answer)]
            assert [each["params"]["level"] for each in seen[:-1]] == ["error"]


async def test_the_answer_is_json_unless_something_comes_before_it(world: FrontsWorld) -> None:
    async with world.legacy("b2026") as client:
        async with client.post(call("tools/call", {"name": "echo", "arguments": {"text": "a"}})) as answer:
            assert answer.content_type == "application/json"
        params: Json = {"name": "paced", "arguments": {}, "_meta": {"progressToken": "mine"}}
        async with client.post(call("tools/call", params, id="x")) as answer:
            assert answer.content_type == "text/event-stream"
            stream = events(answer)
            first_id, first = await anext(stream)
            assert first["params"] == {"progressToken": "mine", "progress": 1, "total": 2}
            signals.go.set()
            rest = [each async for each in stream]
        assert len({first_id, *(each for each, _ in rest)}) == 3
        assert rest[-1][1]["id"] == "x"


async def test_a_client_that_takes_its_request_back_gets_an_end_and_the_backend_too(world: FrontsWorld) -> None:
    for path in ("b2026", "b2025-11", "b2024"):
        signals.reset()
        async with world.legacy(path) as client:
            params: Json = {"name": "hang", "arguments": {}, "_meta": {"progressToken": 1}}
            async with client.post(call("tools/call", params, id=7)) as answer:
                await signals.arrived.wait()
                cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
                assert await client.say(cancelled) == 202
                with anyio.fail_after(5):
                    *_, last = [each async for each in messages(answer)]
                    await signals.cancelled.wait()
            assert last["error"]["code"] == -32800
        assert world.desk.left[-1][1:3] == ("hang", "cancelled")


async def test_a_client_that_hangs_up_before_anything_was_sent_cancels(world: FrontsWorld) -> None:
    async with world.legacy("b2026") as client:
        waiting = client.post(call("tools/call", {"name": "hang", "arguments": {}}))
        with anyio.move_on_after(5) as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(waiting.__aenter__)
                await signals.arrived.wait()
                group.cancel_scope.cancel()
        assert not scope.cancelled_caught
        with anyio.fail_after(5):
            await signals.cancelled.wait()
        await until(lambda: world.serving == 0)
    assert world.desk.left[-1][1:3] == ("hang", "cancelled")


async def test_a_stream_that_broke_is_resumed_after_the_last_event(world: FrontsWorld) -> None:
    async with world.legacy("b2026") as client:
        params: Json = {"name": "paced", "arguments": {}, "_meta": {"progressToken": 1}}
        async with client.post(call("tools/call", params, id=5)) as answer:
            seen, _ = await anext(events(answer))
            answer.close()
        signals.go.set()
        with anyio.fail_after(5):
            async with client.get(**{"last-event-id": seen}) as answer:
                rest = [message async for message in messages(answer)]
        assert [message.get("method", message.get("id")) for message in rest] == ["notifications/progress", 5]
        async with client.get(**{"last-event-id": seen}) as answer:
            again = [message async for message in messages(answer)]
        assert again == rest
    assert world.desk.left[-1][1:3] == ("paced", "ok")


async def test_a_stream_that_nobody_resumes_is_given_up(world: FrontsWorld) -> None:
    async with world.legacy("b2026") as client:
        params: Json = {"name": "hang", "arguments": {}, "_meta": {"progressToken": 1}}
        async with client.post(call("tools/call", params)) as answer:
            await anext(messages(answer))
            answer.close()
        await anyio.sleep(0.1)  # the server has to notice
        assert not signals.cancelled.is_set()
        world.clock.now += 31
        world.fronts.sweep()
        with anyio.fail_after(5):
            await signals.cancelled.wait()
        await until(lambda: world.serving == 0)
    assert world.desk.left[-1][1:3] == ("hang", "cancelled")


async def test_event_ids_are_good_in_their_session_only(world: FrontsWorld) -> None:
    async with world.legacy("b2026") as ann, world.legacy("b2026", subject="bob") as bob:
        params: Json = {"name": "paced", "arguments": {}, "_meta": {"progressToken": 1}}
        async with ann.post(call("tools/call", params)) as answer:
            seen, _ = await anext(events(answer))
            for event_id in (seen, "made-up", "1.1", f"{seen}9" * 9):
                async with bob.get(**{"last-event-id": event_id}) as stolen:
                    assert await refused(stolen) == (400, -32602)
            signals.go.set()
            assert [message async for message in messages(answer)][-1]["id"] == 1


async def test_what_a_legacy_backend_asks_is_asked_on_the_stream_of_the_request(world: FrontsWorld) -> None:
    async with world.legacy("b2024", capabilities=ELICITS) as client:
        async with client.post(call("tools/call", {"name": "ask_twice", "arguments": {}}, id=3)) as answer:
            stream = messages(answer)
            for value in ("one", "two"):
                question = await anext(stream)
                assert question["method"] == "elicitation/create"
                reply = response(question["id"], {"action": "accept", "content": {"value": value}})
                assert await client.say(reply) == 202
                assert await client.say(reply) == 202  # one that nobody waits for is dropped
            assert "one two" in str(await anext(stream))


async def test_what_a_modern_backend_asks_becomes_requests(world: FrontsWorld) -> None:
    async with world.legacy("b2026", capabilities=OPENS_PAGES) as client:
        async with client.post(call("tools/call", {"name": "ask_many", "arguments": {}}, id=3)) as answer:
            stream = messages(answer)
            asked = {str(each["method"]): each for each in [await anext(stream), await anext(stream)]}
            page = asked["elicitation/create"]["params"]
            assert isinstance(page, dict)
            assert page["elicitationId"]
            assert (page["mode"], page["url"]) == ("url", "https://example.test/page")
            await client.say(response(asked["roots/list"]["id"], {"roots": []}))
            await client.say(response(asked["elicitation/create"]["id"], {"action": "accept"}))
            assert "page,roots" in str(await anext(stream))
    assert world.desk.left[-1][1:3] == ("ask_many", "ok")


async def test_a_question_that_the_client_answers_with_an_error_ends_the_call(world: FrontsWorld) -> None:
    async with world.legacy("b2026", capabilities=OPENS_PAGES) as client:
        async with client.post(call("tools/call", {"name": "ask_many", "arguments": {}}, id=3)) as answer:
            stream = messages(answer)
            asked = {str(each["method"]): each for each in [await anext(stream), await anext(stream)]}
            error: Json = {"code": -1, "message": "no roots today"}
            await client.say({"jsonrpc": "2.0", "id": asked["roots/list"]["id"], "error": error})
            assert (await anext(stream))["error"] == error


async def test_answers_of_others_reach_nobody(world: FrontsWorld) -> None:
    async with world.legacy("b2025-11", capabilities=ELICITS) as ann, world.legacy("b2025-11", subject="bob") as bob:
        async with ann.post(call("tools/call", {"name": "ask", "arguments": {}})) as answer:
            stream = messages(answer)
            question = await anext(stream)
            await bob.say(response(question["id"], {"action": "accept", "content": {"value": "evil"}}))
            await ann.say(response(question["id"], {"action": "accept", "content": {"value": "good"}}))
            assert "accept:good" in str(await anext(stream))


async def test_a_client_that_cannot_be_asked_gets_the_backends_error(world: FrontsWorld) -> None:
    async with world.legacy("b2025-11") as client:
        assert (await client.call("ask_roots"))["result"]["isError"] is True


async def test_the_stream_of_the_session_opens_and_ends_with_it(world: FrontsWorld) -> None:
    for path in ("b2026", "b2025-11", "b2024"):
        async with world.legacy(path) as client, client.get() as answer:
            assert answer.status == 200
            await until(lambda: world.serving == 1)
            async with client.delete():
                pass
            with anyio.fail_after(5):
                assert await answer.read() == b""
        await until(lambda: world.desk.left[-1][:3] == ("subscriptions/listen", None, "ok"))


async def test_a_newer_stream_takes_the_place_of_the_older(world: FrontsWorld) -> None:
    async with world.legacy("b2026") as client, client.get() as first, client.get() as second:
        with anyio.fail_after(5):
            assert await first.read() == b""
        assert second.status == 200


async def test_two_requests_of_one_id_are_not_mixed_up(world: FrontsWorld) -> None:
    async with world.legacy("b2026") as client:
        params: Json = {"name": "paced", "arguments": {}, "_meta": {"progressToken": 1}}
        async with client.post(call("tools/call", params, id=1)) as answer:
            stream = messages(answer)
            await anext(stream)
            async with client.post(call("ping", id=1)) as other:
                assert await refused(other) == (400, -32600)
            signals.go.set()
            assert "done" in str([each async for each in stream][-1])


async def test_a_client_that_opens_pages_is_sent_to_the_consent_page(world: FrontsWorld) -> None:
    consent = ConsentRequired("connect first", url="https://example.test/connect", id="c1")
    async with world.legacy("b2026", capabilities=OPENS_PAGES) as client, world.legacy("b2026") as plain:
        world.desk.refusal = consent
        error = (await client.call("echo"))["error"]
        async with plain.post(call("tools/call", {"name": "echo"})) as answer:
            assert (answer.status, (await answer.json())["error"]["data"]["url"]) == (403, consent.url)
    assert isinstance(error, dict)
    assert error["code"] == -32042
    assert error["data"]["elicitations"] == [
        {"mode": "url", "message": "connect first", "url": consent.url, "elicitationId": "c1"}
    ]
