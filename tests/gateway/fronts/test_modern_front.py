"""Clients of the modern era: what legacy backends ask becomes `input_required`, all is told in their words."""

from typing import Any

import anyio
import pytest

from airegistry.core.assets import Json
from airegistry.core.errors import AccessDenied, ConsentRequired
from tests.gateway.fronts.backends import signals
from tests.gateway.fronts.world import FrontsWorld, messages, modern
from tests.gateway.world import MODERN, until

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning"),
]

ELICITS: Json = {"elicitation": {}}
OPENS_PAGES: Json = {"elicitation": {"form": {}, "url": {}}}


def accept(value: str) -> Json:
    return {"action": "accept", "content": {"value": value}}


async def result(answer: Any) -> Any:
    assert "result" in answer, answer
    return answer["result"]


@pytest.mark.parametrize("path", ["b2024", "b2025-06"])
async def test_results_have_what_the_era_requires(world: FrontsWorld, path: str) -> None:
    info = {"name": "desk", "version": "1"}
    async with modern(world, path) as client:
        found = await result(await client.ask("server/discover"))
        assert found["supportedVersions"] == [MODERN]
        assert found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "desk"
        for method in ("tools/list", "resources/list", "prompts/list"):
            listed = await result(await client.ask(method))
            assert (listed["resultType"], listed["ttlMs"], listed["cacheScope"]) == ("complete", 0, "private")
            assert listed["_meta"]["io.modelcontextprotocol/serverInfo"] == info
        said = await result(await client.call("echo", {"text": "hi"}))
        assert said["resultType"] == "complete"
        assert "ttlMs" not in said


@pytest.mark.parametrize(
    ("method", "params", "meta", "status", "code"),
    [
        ("made/up", {}, {}, 404, -32601),
        ("ping", {}, {}, 404, -32601),
        ("initialize", {}, {}, 404, -32601),
        ("resources/read", {"uri": "note://none"}, {}, 400, -32602),
        ("tools/list", {"cursor": "x"}, {}, 400, -32602),
        ("tools/list", {}, {"io.modelcontextprotocol/clientCapabilities": None}, 400, -32602),
        ("tasks/get", {"taskId": "1"}, {}, 501, -32003),
        ("tools/call", {"name": "echo", "requestState": "made-up"}, {}, 400, -32602),
    ],
)
async def test_errors_have_the_status_of_the_era(
    world: FrontsWorld, method: str, params: Json, meta: Json, status: int, code: int
) -> None:
    async with modern(world, "b2025-06") as client, client.post(method, params, meta=meta) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (status, code)


async def test_a_version_that_is_unknown_is_answered_with_those_that_are(world: FrontsWorld) -> None:
    async with modern(world, "b2025-06") as client:
        client.version = "2027-01-01"
        async with client.post("tools/list") as answer:
            error = (await answer.json())["error"]
            assert (answer.status, error["code"]) == (400, -32022)
            assert error["data"]["supported"] == [MODERN]
            assert error["data"]["requested"] == "2027-01-01"


async def test_only_posts_are_served_and_notifications_are_dropped(world: FrontsWorld) -> None:
    headers = {"mcp-protocol-version": MODERN, "content-type": "application/json"}
    async with modern(world, "b2025-06") as client:
        for verb in ("GET", "DELETE"):
            async with client.http.request(verb, client.url, headers=headers) as answer:
                assert answer.status == 405
        for body, status in (
            (b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}', 202),
            (b'{"jsonrpc":"2.0","id":1,"result":{}}', 400),
        ):
            async with client.http.post(client.url, headers=headers, data=body) as answer:
                assert answer.status == status
    assert world.desk.entered == []


async def test_a_question_is_answered_by_calling_again(world: FrontsWorld) -> None:
    async with modern(world, "b2025-06", capabilities=ELICITS) as client:
        asked = await result(await client.call("ask_twice"))
        for value in ("one", "two"):
            assert asked["resultType"] == "input_required"
            [(key, question)] = asked["inputRequests"].items()
            assert question["method"] == "elicitation/create"
            again: Json = {"requestState": asked["requestState"], "inputResponses": {key: accept(value)}}
            asked = await result(await client.call("ask_twice", **again))
        assert asked["content"][0]["text"] == "one two"
    assert [outcome for method, _, outcome, _ in world.desk.left] == ["ok"] * 3


async def test_several_questions_are_asked_at_once_and_may_be_answered_one_by_one(world: FrontsWorld) -> None:
    async with modern(world, "b2025-11", capabilities=ELICITS) as client:
        asked = await result(await client.call("ask_both"))
        keys = {each["params"]["message"]: key for key, each in asked["inputRequests"].items()}
        assert set(keys) == {"left?", "right?"}
        again: Json = {"requestState": asked["requestState"], "inputResponses": {keys["right?"]: accept("r")}}
        asked = await result(await client.call("ask_both", **again))
        assert list(asked["inputRequests"]) == [keys["left?"]]
        again = {"requestState": asked["requestState"], "inputResponses": {keys["left?"]: accept("l")}}
        assert (await result(await client.call("ask_both", **again)))["content"][0]["text"] == "l r"


@pytest.mark.parametrize(
    ("tool", "answer", "said"),
    [
        ("ask_roots", {"roots": [{"uri": "file:///home"}]}, "file:///home"),
        ("ask_sample", {"role": "assistant", "content": {"type": "text", "text": "it"}, "model": "m"}, "it"),
    ],
)
async def test_roots_and_sampling_are_asked_for_alike(world: FrontsWorld, tool: str, answer: Json, said: str) -> None:
    async with modern(world, "b2025-06", capabilities={"roots": {}, "sampling": {}}) as client:
        asked = await result(await client.call(tool))
        [key] = asked["inputRequests"]
        again: Json = {"requestState": asked["requestState"], "inputResponses": {key: answer}}
        assert (await result(await client.call(tool, **again)))["content"][0]["text"] == said


async def test_what_a_client_did_not_declare_is_not_asked(world: FrontsWorld) -> None:
    declared: list[Json] = [{}, {"roots": {}}, {"elicitation": {"url": {}}}]
    for capabilities in declared:
        async with modern(world, "b2025-06", capabilities=capabilities) as client:
            assert (await result(await client.call("ask")))["isError"] is True


async def test_a_request_state_is_good_for_its_caller_and_its_request(world: FrontsWorld) -> None:
    async with (
        modern(world, "b2025-06", capabilities=ELICITS) as ann,
        modern(world, "b2025-06", capabilities=ELICITS, subject="bob") as bob,
        modern(world, "b2025-11", capabilities=ELICITS) as elsewhere,
    ):
        asked = await result(await ann.call("ask", {}))
        [key] = asked["inputRequests"]
        again: Json = {"requestState": asked["requestState"], "inputResponses": {key: accept("good")}}
        evil: Json = {**again, "inputResponses": {key: accept("evil")}}
        assert (await bob.call("ask", {}, **evil))["error"]["code"] == -32602
        assert (await elsewhere.call("ask", {}, **evil))["error"]["code"] == -32602
        assert (await ann.call("ask", {"x": 1}, **evil))["error"]["code"] == -32602
        assert (await ann.call("ask_twice", {}, **evil))["error"]["code"] == -32602
        assert (await result(await ann.call("ask", {}, **again)))["content"][0]["text"] == "accept:good"
        assert (await ann.call("ask", {}, **again))["error"]["code"] == -32602


async def test_an_answer_that_does_not_come_ends_the_exchange(world: FrontsWorld) -> None:
    async with modern(world, "b2025-06", capabilities=ELICITS) as client:
        asked = await result(await client.call("ask"))
        world.clock.now += 301
        world.fronts.sweep()
        again: Json = {"requestState": asked["requestState"], "inputResponses": {}}
        assert (await client.call("ask", **again))["error"]["code"] == -32602


async def test_a_retry_that_is_refused_ends_the_exchange(world: FrontsWorld) -> None:
    async with modern(world, "b2025-06", capabilities=ELICITS) as client:
        asked = await result(await client.call("ask"))
        again: Json = {"requestState": asked["requestState"], "inputResponses": {}}
        world.desk.refusal = AccessDenied("not any more")
        assert (await client.call("ask", **again))["error"]["code"] == -32003
        world.desk.refusal = None
        assert (await client.call("ask", **again))["error"]["code"] == -32602


async def test_too_many_parked_requests_cost_their_caller_the_oldest(world: FrontsWorld) -> None:
    async with modern(world, "b2025-06", capabilities=ELICITS) as client:
        states = [(await result(await client.call("ask")))["requestState"] for _ in range(17)]
        kept = []
        for state in states:
            answer = await client.call("ask", requestState=state, inputResponses={})
            kept.append("result" in answer)
        assert kept == [False] + [True] * 16
    world.clock.now += 301
    world.fronts.sweep()


async def test_progress_of_a_retry_has_the_token_of_the_retry(world: FrontsWorld) -> None:
    async with modern(world, "b2025-06") as client:
        params: Json = {"name": "canary", "arguments": {"text": "x"}}
        async with client.post("tools/call", params, meta={"progressToken": "p"}) as answer:
            assert answer.content_type == "text/event-stream"
            first, last = [each async for each in messages(answer)]
        assert first["params"]["progressToken"] == "p"
        assert last["id"] == 1


async def test_log_messages_come_when_they_are_asked_for(world: FrontsWorld) -> None:
    for path in ("b2024", "b2025-11"):
        async with modern(world, path) as client:
            expected: dict[str | None, list[str]] = {None: [], "error": ["error"], "debug": ["debug", "error"]}
            for level, seen in expected.items():
                meta: Json = {} if level is None else {"io.modelcontextprotocol/logLevel": level}
                async with client.post("tools/call", {"name": "logs", "arguments": {}}, meta=meta) as answer:
                    got = [each async for each in messages(answer)]
                assert [each["params"]["level"] for each in got[:-1]] == seen


async def test_a_client_that_hangs_up_cancels_at_the_backend(world: FrontsWorld) -> None:
    nothing: Json = {}
    for capabilities in (nothing, ELICITS):
        for path in ("b2024", "b2025-06"):
            signals.reset()
            async with modern(world, path, capabilities=capabilities) as client:
                async with anyio.create_task_group() as group:
                    group.start_soon(client.call, "hang")
                    await signals.arrived.wait()
                    group.cancel_scope.cancel()
                with anyio.fail_after(5):
                    await signals.cancelled.wait()
            await until(lambda: world.serving == 0)
            assert world.desk.left[-1][1:3] == ("hang", "cancelled")


async def test_a_consent_page_is_opened_and_asked_for_once(world: FrontsWorld) -> None:
    world.desk.refusal = ConsentRequired("connect first", url="https://example.test/connect", id="c1")
    async with modern(world, "b2025-06", capabilities=OPENS_PAGES) as client, modern(world, "b2025-06") as plain:
        asked = await result(await client.call("echo", {"text": "x"}))
        [(key, question)] = asked["inputRequests"].items()
        assert question["params"] == {"mode": "url", "message": "connect first", "url": "https://example.test/connect"}
        again: Json = {"inputResponses": {key: {"action": "accept"}}}
        assert (await client.call("echo", {"text": "x"}, **again))["error"]["data"]["url"]
        assert (await plain.call("echo", {"text": "x"}))["error"]["data"]["url"]
        world.desk.refusal = None
        said = await result(await client.call("echo", {"text": "x"}, **again))
        assert said["content"][0]["text"] == "x"


async def test_a_backend_that_sends_to_a_page_first_has_its_page_opened(world: FrontsWorld) -> None:
    async with modern(world, "b2025-11", capabilities=OPENS_PAGES) as client, modern(world, "b2025-11") as plain:
        asked = await result(await client.call("page_first"))
        [question] = asked["inputRequests"].values()
        assert question["params"]["url"] == "https://example.test/first"
        assert (await plain.call("page_first"))["error"]["code"] == -32042


@pytest.mark.parametrize("path", ["b2024", "b2025-06", "b2026"])
async def test_a_listener_is_acknowledged_and_told_when_the_gateway_closes(world: FrontsWorld, path: str) -> None:
    wanted: Json = {"toolsListChanged": True, "promptsListChanged": False}
    async with modern(world, path) as client:
        async with client.post("subscriptions/listen", {"notifications": wanted}, id="sub") as answer:
            stream = messages(answer)
            first = await anext(stream)
            meta = {"io.modelcontextprotocol/subscriptionId": "sub"}
            assert first["method"] == "notifications/subscriptions/acknowledged"
            assert first["params"] == {"notifications": {"toolsListChanged": True}, "_meta": meta}
            world.fronts.end_streams()
            with anyio.fail_after(5):
                last = await anext(stream)
            assert (last["id"], last["result"]) == ("sub", {"resultType": "complete", "_meta": meta})
    await until(lambda: world.serving == 0)
    assert world.desk.left[-1][:3] == ("subscriptions/listen", None, "ok")


async def test_what_is_quarantined_is_cut(world: FrontsWorld) -> None:
    """Whatever goes on: a call, a stream that listens, a session's stream."""
    async with modern(world, "b2025-06", capabilities=ELICITS) as client, world.legacy("b2026") as older:

        async def cut() -> None:
            with anyio.fail_after(5):
                await signals.arrived.wait()
            world.desk.permits[-1].cut()

        async with anyio.create_task_group() as group:
            group.start_soon(cut)
            with anyio.fail_after(2):
                assert (await client.call("hang"))["error"]["data"]["code"] == "quarantined"
        assert world.desk.left[-1][1:] == ("hang", "cancelled", "quarantined")
        signals.reset()
        async with anyio.create_task_group() as group:
            group.start_soon(cut)
            with anyio.fail_after(2):
                assert (await older.call("hang"))["error"]["data"]["code"] == "quarantined"
        async with client.post("subscriptions/listen", {"notifications": {"toolsListChanged": True}}) as answer:
            await anext(messages(answer))
            world.desk.permits[-1].cut()
            with anyio.fail_after(2):
                assert [each async for each in messages(answer)] == []
        async with older.get() as answer:
            await until(lambda: bool(world.desk.permits[-1].cuts))
            world.desk.permits[-1].cut()
            with anyio.fail_after(2):
                assert await answer.read() == b""
