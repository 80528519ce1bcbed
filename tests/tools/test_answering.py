"""What tools answer with comes whole to clients of each era, though it goes past the models on its way."""

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import anyio
import orjson
import pytest
from fastmcp.tools.base import ToolResult
from mcp.server.context import ServerRequestContext
from mcp_types import TextContent
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airegistry.tools.answering import _STANDS_IN, Brought, answered, bring
from airegistry.tools.shapes import Shape
from tests.support.mcp import Json
from tests.tools.wiring import World

pytestmark = pytest.mark.anyio


class Odd(Shape):
    """Anything."""

    value: object


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_the_text_and_the_content_of_a_result_are_the_same_and_whole(registry: World, era: str) -> None:
    async with registry.client("operator", mode="auto" if era == "modern" else "legacy") as client:
        result = await client.call_tool("list_services", {})
    assert result.structured_content is not None
    assert json.loads(text_of(result.content)) == result.structured_content
    assert [each["path"] for each in result.structured_content["services"]] == ["vault", "weather"]


async def test_answers_of_calls_at_once_are_each_their_own(registry: World) -> None:
    found: dict[str, Json] = {}

    async def ask(path: str) -> None:
        async with registry.client("operator") as client:
            result = await client.call_tool("get_server_details", {"path": path})
            found[path] = result.structured_content or {}

    async with anyio.create_task_group() as tasks:
        for path in ("weather", "vault"):
            tasks.start_soon(ask, path)
    assert {path: each["path"] for path, each in found.items()} == {"weather": "weather", "vault": "vault"}


async def test_a_failure_is_told_and_nothing_stands_in_for_it(registry: World) -> None:
    async with registry.client("operator") as client:
        result = await client.call_tool("get_server_details", {"path": "none"}, raise_on_error=False)
    assert result.is_error
    assert _STANDS_IN not in text_of(result.content)


@pytest.mark.parametrize("value", [2**70, "half a letter \ud800", [1.5, None, "ü"]])
def test_where_nobody_brings_an_answer_the_result_is_all_of_it(value: object) -> None:
    result: ToolResult = answered(Odd(value=value))
    assert json.loads(text_of(result.content)) == result.structured_content == {"value": value}


NAMED = (b"mcp-method", b"tools/call")
JSON = [(b"content-type", b"application/json"), (b"Content-Length", b"7")]


async def handled(value: object, *, fails: bool = False) -> Any:
    """The result of a call of a tool that answers with a value, as a server's middleware hands it on."""

    async def tool(context: object) -> dict[str, Any]:
        result = answered(Odd(value=value))
        if fails:
            return {"content": [{"type": "text", "text": "it failed"}], "isError": True}
        return {"content": [{"type": "text", "text": text_of(result.content)}],
                "structuredContent": result.structured_content}  # fmt: skip

    context = cast("ServerRequestContext[Any, Any]", SimpleNamespace(method="tools/call"))
    return await bring(context, tool)


def answering(value: object, *, events: bool = False, fails: bool = False, id_: str = "one") -> ASGIApp:
    """An application that answers as the SDK does: with JSON, or with events."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        result = await handled(value, fails=fails)
        body = json.dumps({"jsonrpc": "2.0", "id": id_, "result": result}, separators=(",", ":")).encode()
        if not events:
            await send({"type": "http.response.start", "status": 200, "headers": JSON})
            await send({"type": "http.response.body", "body": body})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b": ping\r\n\r\n", "more_body": True})
        await send({"type": "http.response.body", "body": b"data: " + body + b"\r\n\r\n"})

    return app


async def sent(app: ASGIApp, *headers: tuple[bytes, bytes]) -> Sequence[Message]:
    """What an application sends in answer to a request."""
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        messages.append(message)

    await Brought(app)({"type": "http", "headers": list(headers)}, receive, send)
    return messages


def results(messages: Sequence[Message]) -> Any:
    """The result in a body."""
    body: bytes = b"".join(message.get("body", b"") for message in messages)
    return orjson.loads(body[body.index(b"{") :])["result"]


@pytest.mark.parametrize("value", ["plain", 'quoted " \\ and\nlines', {"text": _STANDS_IN[:-1]}, [None, "ü", 2**70]])
@pytest.mark.parametrize("headers", [[NAMED], []], ids=["on its way out", "in the result"])
@pytest.mark.parametrize("events", [True, False])
async def test_what_goes_out_is_the_answer_of_its_own_length(
    value: object, headers: list[tuple[bytes, bytes]], events: bool
) -> None:
    messages = await sent(answering(value, events=events), *headers)
    result = results(messages)
    assert result["structuredContent"] == json.loads(result["content"][0]["text"]) == {"value": value}
    if headers and not events:
        assert dict(messages[0]["headers"])[b"Content-Length"] == b"%d" % len(messages[1]["body"])


async def test_a_failure_goes_out_as_it_is_and_so_does_what_a_client_says() -> None:
    failed = await sent(answering("none", fails=True), NAMED)
    assert results(failed) == {"content": [{"type": "text", "text": "it failed"}], "isError": True}
    posed = await sent(answering("x", id_="structuredContent"), NAMED)
    assert orjson.loads(posed[1]["body"])["id"] == "structuredContent"


async def test_the_length_of_what_goes_on_is_left_as_it_was_told() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"6")]})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await send({"type": "http.response.body", "body": b"two"})

    begins, *_ = await sent(app, NAMED)
    assert begins["headers"] == [(b"content-length", b"6")]


async def test_a_call_within_a_call_has_its_whole_result() -> None:
    within: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def outer(context: object) -> dict[str, Any]:
            within.append(await handled("inner"))
            return {"content": [{"type": "text", "text": text_of(answered(Odd(value="outer")).content)}],
                    "structuredContent": {}}  # fmt: skip

        result = await bring(cast("ServerRequestContext[Any, Any]", SimpleNamespace(method="tools/call")), outer)
        body = json.dumps({"result": result}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    outside = results(await sent(app, NAMED))
    assert within[0]["structuredContent"] == {"value": "inner"}
    assert json.loads(outside["content"][0]["text"]) == {"value": "outer"}


async def test_what_comes_after_the_end_of_a_request_is_whole() -> None:
    late: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        late.append(await handled("late"))

    await sent(app, NAMED)
    assert late[0]["structuredContent"] == {"value": "late"}


def text_of(content: object) -> str:
    """The one text that a result has."""
    assert isinstance(content, list)
    (only,) = content
    assert isinstance(only, TextContent)
    return only.text
