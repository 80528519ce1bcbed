"""Probes of what a server sends while a request is under way: progress, logs, questions, changes."""

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import mcp_types as mcp
from fastmcp import Client
from fastmcp.client.elicitation import ElicitResult
from fastmcp.client.logging import LogMessage
from mcp.client.subscriptions import listen

from tests.gateway.probes.intended import IN_LISTS, without
from tests.gateway.probes.side import Side, dumped, outcome

WATCHED = "test://watched-resource"
HELLO = "Paris, of course"
FORM: dict[str, Any] = {"age": 36, "score": 1.5, "status": "inactive", "verified": False, "ok": True}
ASKING = "test_input_required_result_"


async def progress(side: Side) -> object:
    """Values, in order, with totals and texts."""
    steps: list[tuple[float, float | None, str | None]] = []

    async def on_progress(value: float, total: float | None, message: str | None) -> None:
        steps.append((value, total, message))

    async with side.client() as client:
        done = await client.call_tool_mcp("test_tool_with_progress", {}, progress_handler=on_progress)
    assert [value for value, _, _ in steps] == [0, 50, 100]
    return steps, dumped(done)


async def progress_at_once(side: Side) -> object:
    """Each report arrives while the tool waits for word that it did."""
    steps: list[float] = []

    async def on_progress(value: float, total: float | None, message: str | None) -> None:
        steps.append(value)
        await side.release()

    async with side.client() as client:
        done = await client.call_tool("paced", {"steps": 3}, progress_handler=on_progress)
    assert steps == [1, 2, 3]
    return done.data


async def logging(side: Side) -> object:
    """Log messages of a tool."""
    logged: list[tuple[str, object]] = []

    async def on_log(message: LogMessage) -> None:
        logged.append((message.level, message.data))

    async with side.client(log_handler=on_log) as client:
        if not side.modern:
            await client.set_logging_level("debug")
        await client.call_tool("test_tool_with_logging", {})
    assert side.modern or len(logged) == 3
    return logged


async def cancelling(side: Side) -> object:
    """A client that gives up: the backend's tool is cancelled."""
    started = anyio.Event()

    async def on_progress(value: float, total: float | None, message: str | None) -> None:
        started.set()

    async with side.client() as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: client.call_tool("hang", {}, progress_handler=on_progress))
            await started.wait()
            tasks.cancel_scope.cancel()
        cancelled = await side.cancelled()
    assert cancelled
    return cancelled


def answering(side: Side) -> "tuple[Client[Any], list[object]]":
    """A client that can answer whatever it is asked; what it was asked is in the second value."""
    asked: list[object] = []

    async def on_elicitation(message: str, kind: Any, params: Any, context: Any) -> Any:
        asked.append((message, dumped(params)))
        schema = params.requested_schema["properties"]
        if "please decline" in message:
            return ElicitResult(action="decline")
        return {name: FORM.get(name, "Ada") for name in schema}

    async def on_sampling(messages: Any, params: Any, context: Any) -> str:
        asked.append([dumped(message) for message in messages])
        return HELLO

    client = side.client(
        elicitation_handler=on_elicitation, sampling_handler=on_sampling, roots=["file:///home/ada/project"]
    )
    return client, asked


def asking(*calls: tuple[str, dict[str, Any]]) -> Callable[[Side], Awaitable[object]]:
    """A probe of tools that ask before they answer: what was asked and what was answered."""

    async def probe(side: Side) -> object:
        client, asked = answering(side)
        async with client:
            found = [await outcome(client.call_tool_mcp(name, arguments)) for name, arguments in calls]
        assert asked
        assert not [one for one in found if "error" in one or one.get("isError")], found
        return asked, found

    return probe


elicitation = asking(
    ("test_elicitation", {"message": "Who are you?"}), ("test_elicitation", {"message": "please decline"}),
    ("test_elicitation_sep1034_defaults", {}),
)  # fmt: skip
sampling = asking(("test_sampling", {"prompt": "What is the capital of France?"}))
roots = asking(("test_sampling", {"prompt": "warm"}), ("whereabouts", {}))
multi_round_trips = asking(
    *((ASKING + name, {}) for name in (
        "elicitation", "sampling", "list_roots", "request_state", "multiple_inputs", "multi_round", "capabilities",
    ))
)  # fmt: skip


async def asking_prompt(side: Side) -> object:
    """A prompt that asks before it answers."""
    client, asked = answering(side)
    async with client:
        found = await outcome(client.get_prompt_mcp(ASKING + "prompt", {}))
    assert asked
    return asked, found


async def official_client(side: Side) -> object:
    """The official SDK's client instead of FastMCP's: a list, results, a resource, a prompt, and a question."""

    async def on_elicitation(context: Any, params: Any) -> mcp.ElicitResult:
        return mcp.ElicitResult(
            action="accept", content={"username": "ada", "email": "ada@example.test", "name": "Ada"}
        )

    async with side.sdk(elicitation_callback=on_elicitation) as client:
        question = ASKING + "elicitation" if side.modern else "test_elicitation"
        found = [
            await client.list_tools(), await client.call_tool("weather", {"place": "Tromsø"}),
            await client.read_resource("test://static-text"), await client.get_prompt("test_simple_prompt"),
            await client.call_tool(question, {} if side.modern else {"message": "Who are you?"}),
        ]  # fmt: skip
        assert "da" in str(found[-1])
        return client.server_info, [without(dumped(one), IN_LISTS) for one in found]


async def listening(side: Side) -> object:
    """`subscriptions/listen`: what was granted, and what is heard."""
    async with side.client() as client:
        async with listen(client.session, tools_list_changed=True, resource_subscriptions=[WATCHED]) as stream:
            await client.call_tool("touch", {"uri": WATCHED})
            heard = [await anext(stream), await anext(stream)]
            return dumped(stream.honored), sorted(repr(event) for event in heard)


async def subscribing(side: Side) -> object:
    """`resources/subscribe` of the older era: an update is heard, and none after unsubscribing."""
    heard: list[str] = []
    told = anyio.Event()

    async def on_message(message: Any) -> None:
        if isinstance(message, mcp.ResourceUpdatedNotification):
            heard.append(str(message.params.uri))
            told.set()

    async with side.client(message_handler=on_message) as client:
        await client.session.subscribe_resource(WATCHED)
        await client.call_tool("touch", {"uri": WATCHED})
        await told.wait()
        await client.session.unsubscribe_resource(WATCHED)
        after = (await client.call_tool("touch", {"uri": WATCHED})).data
    return heard, after


BOTH = (progress, progress_at_once, logging, cancelling, official_client)
LEGACY = (elicitation, sampling, roots, subscribing)
MODERN = (multi_round_trips, asking_prompt, listening)
NAMES = {elicitation: "elicitation", sampling: "sampling", roots: "roots", multi_round_trips: "multi_round_trips"}
