"""Probes of what is asked and answered: lists, results, errors."""

import anyio
import orjson
from mcp.shared.exceptions import MCPError

from tests.gateway.probes.intended import IN_LISTS, without
from tests.gateway.probes.side import Json, Side, dumped, outcome
from tests.support import http

CONTENT = (
    "test_simple_text", "test_image_content", "test_audio_content", "test_embedded_resource",
    "test_multiple_content_types", "test_error_handling",
)  # fmt: skip
MEGABYTES = 5_000_000


async def opening(side: Side) -> object:
    """What a server says of itself first."""
    async with side.client() as client:
        if side.modern:
            return without(dumped(await client.session.discover()), IN_LISTS)
        assert client.initialize_result is not None
        return dumped(client.initialize_result)


async def tools(side: Side) -> object:
    """Every tool with schemas and annotations; and the result around them."""
    async with side.client() as client:
        found = [dumped(tool) for tool in await client.list_tools()]
        assert {"weather", "add"} <= {tool["name"] for tool in found}
        around = without(dumped(await client.list_tools_mcp()), IN_LISTS | {"tools": "compared above"})
        return found, around


async def resources(side: Side) -> object:
    """Resources and templates."""
    async with side.client() as client:
        listed = await client.list_resources(), await client.list_resource_templates()
        assert all(listed)
        return [[dumped(item) for item in items] for items in listed]


async def prompts(side: Side) -> object:
    """Prompts with their arguments."""
    async with side.client() as client:
        found = await client.list_prompts()
        assert found
        return [dumped(prompt) for prompt in found]


async def reading(side: Side) -> object:
    """Texts, bytes, templates, and what is not there."""
    async with side.client() as client:
        uris = ("test://static-text", "test://static-binary", "test://template/7/data", "test://nowhere")
        found = [await outcome(client.read_resource_mcp(uri)) for uri in uris]
        assert "content of the static text" in str(found[0])
        return [without(one, IN_LISTS) for one in found]


async def prompting(side: Side) -> object:
    """Prompts of every sort, and requests for one that fail."""
    async with side.client() as client:
        given: list[tuple[str, Json]] = [
            ("test_simple_prompt", {}),
            ("test_prompt_with_arguments", {"arg1": "a", "arg2": "ä€😀"}),
            ("test_prompt_with_embedded_resource", {"resourceUri": "test://x"}),
            ("test_prompt_with_image", {}),
            ("test_prompt_with_arguments", {}),
            ("no_such_prompt", {}),
        ]
        found = [await outcome(client.get_prompt_mcp(name, arguments)) for name, arguments in given]
        assert "ä€😀" in str(found[1])
        return found


async def completing(side: Side) -> object:
    """Completion of an argument."""
    reference = {"type": "ref/prompt", "name": "test_prompt_with_arguments"}
    asked = {"ref": reference, "argument": {"name": "arg1", "value": "par"}}
    answer = await raw(side, "completion/complete", asked)
    assert answer["result"]["completion"]["values"] == ["paris", "park", "party"]
    return answer


async def content(side: Side) -> object:
    """Results of every sort of content."""
    async with side.client() as client:
        found = [dumped(await client.call_tool_mcp(name, {})) for name in CONTENT]
        assert found[-1]["isError"] is True
        return found


async def structure(side: Side) -> object:
    """Structured content, checked by the client against the output schema."""
    async with side.client() as client:
        await client.list_tools()
        found = await client.call_tool("weather", {"place": "Tromsø"})
        assert found.structured_content is not None
        assert found.structured_content["tags"] == ["cold", "ä€😀"]
        return found.structured_content, [dumped(block) for block in found.content]


async def wrong_calls(side: Side) -> object:
    """A tool that is not there, arguments that do not fit, tools that fail."""
    async with side.client() as client:
        given: list[tuple[str, Json]] = [
            ("add", {"a": "one"}), ("add", {"a": 1, "b": 2, "c": 3}), ("fail", {"reason": "no stamps"}),
            ("protocol_error", {"code": -32050}), ("test_missing_capability", {}),
        ]  # fmt: skip
        return [await outcome(client.call_tool_mcp(name, arguments)) for name, arguments in given]


async def unknown_tool(side: Side) -> object:
    """Whether a tool that does not exist fails as the protocol's error or as the tool's own."""
    async with side.client() as client:
        try:
            result = await client.call_tool_mcp("no_such_tool", {})
        except MCPError:
            return "refused"
        return "refused" if result.is_error else "answered"


async def raw_requests(side: Side) -> object:
    """Statuses and codes of requests that no client library sends."""
    given: list[tuple[str, Json]] = [
        ("no/such/method", {}), ("tools/call", {"arguments": {}}), ("resources/read", {}), ("ping", {}),
        ("prompts/list", {"cursor": 7}), ("logging/setLevel", {"level": "debug"}), ("resources/subscribe", {}),
    ]  # fmt: skip
    found = []
    for method, params in given:
        answer = await raw(side, method, params)
        # The status is the gateway's own in the older era: see intended.
        found.append((method, answer.get("error", {}).get("code"), answer["status"] if side.modern else None))
    return found


async def megabytes(side: Side) -> object:
    """A result of 5 MB."""
    answer = await raw(side, "tools/call", {"name": "big", "arguments": {"size": MEGABYTES}})
    text = answer["result"]["content"][0]["text"]
    assert text == "x" * MEGABYTES
    return answer["result"].keys(), answer["result"]["structuredContent"]["result"] == text


async def state(side: Side) -> object:
    """What a session remembers: in the older era all of its calls, in the modern one nothing."""
    found = []
    async with side.client() as client:
        for _ in range(3):
            found.append((await client.call_tool("count", {})).data)
    async with side.client() as client:
        found.append((await client.call_tool("count", {})).data)
    assert found == ([1, 1, 1, 1] if side.modern else [1, 2, 3, 1])
    return found


async def equal_ids(side: Side) -> object:
    """Two clients that count their requests alike, twenty calls at once: nobody gets another's answer."""
    found: dict[tuple[int, int], object] = {}
    async with side.client() as first, side.client() as second, anyio.create_task_group() as tasks:
        for number in range(10):
            for which, client in enumerate((first, second)):

                async def one(number: int = number, which: int = which, client: object = client) -> None:
                    answer = await client.call_tool("add", {"a": 1000 * which, "b": number})  # type: ignore[attr-defined]  # bound by the loop
                    found[which, number] = answer.data

                tasks.start_soon(one)
    assert found == {(which, number): 1000 * which + number for which in (0, 1) for number in range(10)}
    return sorted(found.items(), key=str)


async def raw(side: Side, method: str, params: Json) -> Json:
    """The JSON-RPC answer to one message beside every client library, with its HTTP `status`."""
    return await anyio.to_thread.run_sync(_raw, side, method, params)


def _raw(side: Side, method: str, params: Json) -> Json:
    if side.modern:
        request = http.message(method, params)
        headers = http.modern_headers({**request, "params": {"name": "", "uri": "", **request["params"]}}, side.token)
        response = http.post(side.url, request, headers)
    else:
        session = http.session(side.url, side.token or "")
        response = http.legacy_call(side.url, method, params, token=side.token or "", session=session)
    answer = http.body(response) if response.content else {}
    answer.pop("id", None)
    orjson.dumps(answer)
    return {"status": response.status_code, **answer}


ALL = (
    opening, tools, resources, prompts, reading, prompting, completing, content, structure, wrong_calls, unknown_tool,
    raw_requests, megabytes, state, equal_ids,
)  # fmt: skip
