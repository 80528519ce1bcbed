"""Probes of the reference server from npm: sessions, tasks, links, and the completions and updates it has itself."""

from typing import Any

import anyio
import mcp_types as mcp

from tests.gateway.probes.quiet import raw
from tests.gateway.probes.side import Json, Side, dumped, outcome
from tests.gateway.probes.talking import answering
from tests.support import http

NOT_FOR_EVERY_CLIENT = {"trigger-url-elicitation"}
"""Shown to clients with a capability that this one has not: see intended."""
TEXT = "demo://resource/dynamic/text/1"


async def opening(side: Side) -> object:
    """What it says of itself."""
    async with side.client() as client:
        assert client.initialize_result is not None
        return dumped(client.initialize_result)


async def lists(side: Side) -> object:
    """All lists there are, for a client that can do everything: the server has tools for such clients only."""
    client, _ = answering(side)
    async with client:
        tools = [dumped(tool) for tool in await client.list_tools() if tool.name not in NOT_FOR_EVERY_CLIENT]
        resources, templates = await client.list_resources(), await client.list_resource_templates()
        found = [dumped(item) for items in (resources, templates, await client.list_prompts()) for item in items]
    assert {"echo", "get-sum"} <= {tool["name"] for tool in tools}
    return sorted(tools, key=lambda tool: str(tool["name"])), found


async def results(side: Side) -> object:
    """Texts, annotations, pictures, links, structure; and arguments that do not fit."""
    given: list[tuple[str, Json]] = [
        ("echo", {"message": "ä€😀"}), ("get-sum", {"a": 2, "b": 40}), ("get-tiny-image", {}),
        ("get-annotated-message", {"messageType": "error", "includeImage": True}), ("get-resource-links", {"count": 3}),
        ("get-structured-content", {"location": "Chicago"}), ("get-sum", {"a": "two"}),
    ]  # fmt: skip
    async with side.client() as client:
        return [await outcome(client.call_tool_mcp(name, arguments)) for name, arguments in given]


async def reading(side: Side) -> object:
    """Resources, one that is not there, prompts, and a completion."""
    async with side.client() as client:
        first = (await client.list_resources())[0].uri
        found = [await outcome(client.read_resource_mcp(uri)) for uri in (str(first), "demo://no/such")]
        found.append(await outcome(client.get_prompt_mcp("args-prompt", {"city": "Oslo"})))
    asked = {
        "ref": {"type": "ref/prompt", "name": "completable-prompt"},
        "argument": {"name": "department", "value": "E"},
    }
    return found, await raw(side, "completion/complete", asked)


async def progress(side: Side) -> object:
    """Reports of a running tool."""
    steps: list[tuple[float, float | None]] = []

    async def on_progress(value: float, total: float | None, message: str | None) -> None:
        steps.append((value, total))

    async with side.client() as client:
        done = await client.call_tool_mcp(
            "trigger-long-running-operation", {"duration": 0.2, "steps": 2}, progress_handler=on_progress
        )
    assert [value for value, _ in steps] == [1, 2]
    return steps, dumped(done)


async def subscribing(side: Side) -> object:
    """An update of a resource that was subscribed to."""
    told = anyio.Event()
    heard: list[str] = []

    async def on_message(message: Any) -> None:
        if isinstance(message, mcp.ResourceUpdatedNotification):
            heard.append(str(message.params.uri))
            told.set()

    async with side.client(message_handler=on_message) as client:
        await client.session.subscribe_resource(TEXT)
        await client.call_tool("toggle-subscriber-updates", {})
        await told.wait()
        await client.call_tool("toggle-subscriber-updates", {})
        await client.session.unsubscribe_resource(TEXT)
    return heard[0]


async def tasks(side: Side) -> object:
    """A task of 2025-11-25: begun, looked at, listed, cancelled."""
    return await anyio.to_thread.run_sync(_tasks, side)


def _tasks(side: Side) -> object:
    token = side.token or ""
    session = http.session(side.url, token)

    def ask(method: str, params: Json) -> Json:
        answer = http.body(http.legacy_call(side.url, method, params, token=token, session=session))
        assert "result" in answer, (method, answer)
        result: Json = answer["result"]
        return result

    arguments = {"topic": "tides", "ambiguous": False}
    begun = ask("tools/call", {"name": "simulate-research-query", "arguments": arguments, "task": {"ttl": 60_000}})
    task = {"taskId": begun["task"]["taskId"]}
    looked, listed = ask("tasks/get", task), ask("tasks/list", {})["tasks"]
    cancelled = ask("tasks/cancel", task)
    assert [one["taskId"] for one in listed if one["taskId"] == task["taskId"]]
    return begun["task"]["status"], looked["status"], cancelled["status"], ask("tasks/get", task)["status"]


ALL = (opening, lists, results, reading, progress, subscribing, tasks)
