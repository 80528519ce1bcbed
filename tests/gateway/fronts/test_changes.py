"""What a backend sends unasked: subscriptions and changed lists, to clients of both eras."""

import aiohttp
import anyio
import pytest

from airegistry.core.assets import Json, Server
from airegistry.core.errors import RateLimited
from airegistry.gateway.channels.exchange import Answer, Notice, Question
from airegistry.gateway.fronts.bridge import BridgeDestination
from airegistry.gateway.fronts.destination import Route
from tests.gateway.fronts.backends import signals
from tests.gateway.fronts.scripted import ScriptedChannel
from tests.gateway.fronts.world import FrontsWorld, messages, modern
from tests.gateway.world import call, server_at, until

pytestmark = pytest.mark.anyio

CHANGED: Json = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
UPDATED: Json = {"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": "note://open"}}


@pytest.fixture
def backend(world: FrontsWorld) -> ScriptedChannel:
    world.channels.scripted = ScriptedChannel()
    return world.channels.scripted


async def test_a_session_is_told_of_changes_on_its_stream(world: FrontsWorld, backend: ScriptedChannel) -> None:
    async with world.legacy("scripted", capabilities={"roots": {}}) as client, client.get() as answer:
        assert client.opened["instructions"] == "Read this."
        await until(lambda: backend.heard == 1)
        stream = messages(answer)
        await backend.tell(Notice(CHANGED))
        assert await anext(stream) == CHANGED
        await backend.tell(Question(7, "roots/list", {}))
        question = await anext(stream)
        assert question["method"] == "roots/list"
        await backend.tell(Question(8, "elicitation/create", {}))
        await client.say({"jsonrpc": "2.0", "id": question["id"], "result": {"roots": []}})
        await backend.tell(Notice(CHANGED))
        assert await anext(stream) == CHANGED
        async with client.get() as newer:
            assert newer.status == 200
            assert backend.heard == 1
    await until(lambda: world.serving == 0)
    world.clock.now += 31
    world.fronts.sweep()
    await until(lambda: backend.heard == 0)


async def test_what_comes_while_nobody_reads_is_read_later(world: FrontsWorld, backend: ScriptedChannel) -> None:
    async with world.legacy("scripted") as client:
        async with client.get():
            await until(lambda: backend.heard == 1)
        await until(lambda: world.serving == 0)
        await backend.tell(Notice(CHANGED))
        async with client.get() as answer:
            with anyio.fail_after(5):
                assert await anext(messages(answer)) == CHANGED


async def test_a_resource_is_watched_until_the_client_has_enough(world: FrontsWorld, backend: ScriptedChannel) -> None:
    async with world.legacy("scripted") as client, client.get() as answer:
        for _ in range(2):
            assert (await client.ask("resources/subscribe", {"uri": "note://open"}))["result"] == {}
        await until(lambda: backend.heard == 2)
        assert backend.listened[-1] == {"resourceSubscriptions": ["note://open"]}
        await backend.tell(Notice(UPDATED))
        assert await anext(messages(answer)) == UPDATED
        assert (await client.ask("resources/unsubscribe", {"uri": "note://open"}))["result"] == {}
        await until(lambda: backend.heard == 1)


async def test_a_backend_that_does_not_let_itself_be_watched(world: FrontsWorld, backend: ScriptedChannel) -> None:
    """A subscription fails; the stream of a session, and what a modern client listens to, stay silent."""
    backend.refuses = True
    async with world.legacy("scripted") as client, client.get() as answer:
        error = (await client.ask("resources/subscribe", {"uri": "note://open"}))["error"]
        assert error["data"]["code"] == "upstream_failed"
        assert answer.status == 200
    async with modern(world, "scripted") as newer:
        async with newer.post("subscriptions/listen", {"notifications": {"toolsListChanged": True}}) as answer:
            assert (await anext(messages(answer)))["method"] == "notifications/subscriptions/acknowledged"
    await until(lambda: all(permit.released for permit in world.desk.permits))


async def test_a_resource_that_may_not_be_read_is_not_watched(world: FrontsWorld, backend: ScriptedChannel) -> None:
    world.desk.denied.add(("resources/subscribe", "note://shut"))
    async with world.legacy("scripted") as client:
        async with client.post(call("resources/subscribe", {"uri": "note://shut"})) as answer:
            assert answer.status == 403
    async with modern(world, "scripted") as newer:
        wanted: Json = {"notifications": {"resourceSubscriptions": ["note://open", "note://shut"]}}
        async with newer.post("subscriptions/listen", wanted) as answer:
            assert answer.status == 403
    assert backend.listened == []


async def test_a_listener_hears_what_it_asked_for(world: FrontsWorld, backend: ScriptedChannel) -> None:
    async with modern(world, "scripted") as client:
        wanted: Json = {"notifications": {"resourceSubscriptions": ["note://open"]}}
        async with client.post("subscriptions/listen", wanted, id=4) as answer:
            stream = messages(answer)
            await anext(stream)
            await until(lambda: backend.heard == 1)
            for event in (Notice(CHANGED), Question(1, "roots/list", {}), Notice(UPDATED)):
                await backend.tell(event)
            told = await anext(stream)
    assert told["method"] == "notifications/resources/updated"
    assert told["params"] == {"uri": "note://open", "_meta": {"io.modelcontextprotocol/subscriptionId": 4}}


async def test_notifications_of_the_client_go_on(world: FrontsWorld, backend: ScriptedChannel) -> None:
    question = Question("q", "roots/list", {"_meta": {"progressToken": "t"}})
    backend.scripts["tools/call"] = [question, Answer({"content": []}, None)]
    async with world.legacy("scripted", capabilities={"roots": {}}) as client:
        await client.call("echo")
        for method, params in (
            ("notifications/roots/list_changed", {}), ("notifications/progress", {"progressToken": "t", "progress": 1}),
            ("notifications/cancelled", {"requestId": "nothing"}),
        ):  # fmt: skip
            assert await client.say({"jsonrpc": "2.0", "method": method, "params": params}) == 202
    assert backend.notified == ["notifications/roots/list_changed"]


async def test_a_backend_that_breaks_off_ends_the_stream_with_an_error(
    world: FrontsWorld, backend: ScriptedChannel
) -> None:
    progress: Json = {"progressToken": 1, "progress": 1}
    backend.scripts["tools/call"] = [Notice({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress})]
    params: Json = {"name": "echo", "arguments": {}}
    async with world.legacy("scripted") as older, modern(world, "scripted", capabilities={"roots": {}}) as newer:
        posts: list[aiohttp.client._RequestContextManager] = [
            older.post(call("tools/call", params)),
            newer.post("tools/call", params, meta={"progressToken": 1}),
        ]
        for post in posts:
            async with post as answer:
                *_, last = [message async for message in messages(answer)]
            assert last["error"]["data"]["code"] == "upstream_failed"
    assert [outcome for _, name, outcome, _ in world.desk.left if name == "echo"] == ["upstream_failed"] * 2


async def test_who_listens_is_told_when_the_catalog_has_other_tools_for_it(
    world: FrontsWorld, backend: ScriptedChannel
) -> None:
    asked: Json = {"notifications": {"toolsListChanged": True}}
    async with (
        modern(world, "scripted") as newer, newer.post("subscriptions/listen", asked, id=4) as listened,
        world.legacy("scripted") as older, older.get() as got,
    ):  # fmt: skip
        streams = messages(listened), messages(got)
        await anext(streams[0])
        await until(lambda: backend.heard == 2)
        await world.changed(server_at("aside", "http://127.0.0.1:1/mcp"))
        await world.changed(with_tools("echo", "more"))
        for stream, meta in zip(streams, ({"io.modelcontextprotocol/subscriptionId": 4}, None), strict=True):
            with anyio.fail_after(5):
                told = await anext(stream)
            assert told["method"] == "notifications/tools/list_changed"
            assert told.get("params") == (None if meta is None else {"_meta": meta})


async def test_who_listens_is_told_when_the_policy_has_other_tools_for_it(
    world: FrontsWorld, backend: ScriptedChannel
) -> None:
    async with world.legacy("scripted") as client, client.get() as answer:
        await until(lambda: backend.heard == 1)
        world.desk.denied.add(("tools/call", "echo"))
        world.revision += 1
        with anyio.fail_after(5):
            assert await anext(messages(answer)) == CHANGED


async def test_who_listens_to_something_else_is_not_told_of_tools(world: FrontsWorld, backend: ScriptedChannel) -> None:
    asked: Json = {"notifications": {"resourceSubscriptions": ["note://open"]}}
    async with modern(world, "scripted") as client, client.post("subscriptions/listen", asked) as answer:
        stream = messages(answer)
        await anext(stream)
        await until(lambda: backend.heard == 1)
        await world.changed(with_tools("other"))
        for _ in range(2):
            await backend.tell(Notice(UPDATED))
            assert (await anext(stream))["method"] == "notifications/resources/updated"


async def test_a_backend_that_says_that_its_tools_changed_is_looked_at(
    world: FrontsWorld, backend: ScriptedChannel
) -> None:
    asked: Json = {"notifications": {"toolsListChanged": True}}
    world.nudged.clear()
    async with modern(world, "scripted") as newer, newer.post("subscriptions/listen", asked) as answer:
        await until(lambda: backend.heard == 1)
        await backend.tell(Notice(UPDATED))
        await backend.tell(Notice(CHANGED))
        stream = messages(answer)
        assert [(await anext(stream))["method"][-12:] for _ in range(2)] == ["acknowledged", "list_changed"]
    await until(lambda: backend.heard == 0)
    async with world.legacy("scripted") as older, older.get():
        await until(lambda: backend.heard == 1)
        await backend.tell(Notice(CHANGED))
        await until(lambda: world.nudged == ["scripted"] * 2)


async def test_streams_end_properly_when_the_gateway_is_about_to_close(
    world: FrontsWorld, backend: ScriptedChannel
) -> None:
    asked: Json = {"notifications": {"toolsListChanged": True}}
    async with (
        modern(world, "scripted") as newer, newer.post("subscriptions/listen", asked, id=4) as listened,
        world.legacy("scripted") as older, older.get() as got,
    ):  # fmt: skip
        await until(lambda: backend.heard == 2)
        world.fronts.end_streams()
        with anyio.fail_after(5):
            told = [message async for message in messages(listened)]
            assert [message async for message in messages(got)] == []
    assert told[-1]["result"]["resultType"] == "complete"


def with_tools(*names: str) -> Server:
    return server_at(
        "scripted", "http://127.0.0.1:1/mcp", protocol_version="2025-11-25", tools=[{"name": name} for name in names]
    )


async def test_who_listens_is_told_when_a_server_is_switched_off(world: FrontsWorld, backend: ScriptedChannel) -> None:
    async with world.legacy("scripted") as client, client.get() as answer:
        await until(lambda: backend.heard == 1)
        off = world.desk.servers["scripted"].model_copy(update={"enabled": False})
        await world.changed(off)
        with anyio.fail_after(5):
            assert await anext(messages(answer)) == CHANGED


async def test_a_stream_that_may_not_follow_the_catalog_is_refused(
    world: FrontsWorld, backend: ScriptedChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RateLimited("too many streams", retry_after=1)

    asked: Json = {"notifications": {"toolsListChanged": True}}
    async with modern(world, "scripted") as newer, world.legacy("scripted") as older:
        with monkeypatch.context() as patch:
            patch.setattr(BridgeDestination, "changes", refuse)
            for request in (newer.post("subscriptions/listen", asked), older.get()):
                async with request as answer:
                    assert answer.status == 429
        async with older.get() as answer:
            assert answer.status == 200
    assert all(permit.released for permit in world.desk.permits[:-1])


async def test_a_list_that_cannot_be_read_ends_what_follows_it_and_nothing_else(
    world: FrontsWorld, backend: ScriptedChannel, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.legacy("scripted") as client, client.get() as answer:
        await until(lambda: backend.heard == 1)
        broken = world.desk.servers["scripted"].model_copy(update={"tools": None})
        await world.changed(broken)
        await until(lambda: "the catalog cannot be followed" in caplog.text)
        await backend.tell(Notice(CHANGED))
        with anyio.fail_after(5):
            assert await anext(messages(answer)) == CHANGED


async def test_a_stream_that_no_backend_feeds_tells_of_the_catalog_until_its_client_leaves(
    world: FrontsWorld, backend: ScriptedChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(*_: object) -> list[Route]:
        return []

    monkeypatch.setattr(BridgeDestination, "listen", nobody)
    asked: Json = {"notifications": {"toolsListChanged": True}}
    async with modern(world, "scripted") as client, client.post("subscriptions/listen", asked) as answer:
        stream = messages(answer)
        await anext(stream)
        for names in (("one",), ("one", "two")):
            await world.changed(with_tools(*names))
            with anyio.fail_after(5):
                assert (await anext(stream))["method"] == "notifications/tools/list_changed"
    await until(lambda: world.serving == 0)


async def test_the_stream_of_a_session_does_not_end_before_what_runs_in_it(world: FrontsWorld) -> None:
    async with world.legacy("b2025-11") as client, client.get() as stream, anyio.create_task_group() as tasks:
        tasks.start_soon(client.call, "paced")
        await until(lambda: any(name == "paced" for *_, name, _ in world.desk.entered))
        world.fronts.end_streams()
        assert not stream.content.at_eof()
        signals.go.set()
        with anyio.fail_after(5):
            assert [message async for message in messages(stream)] == []
