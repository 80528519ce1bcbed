"""The suite's tools that need more input before they answer (SEP-2322): elicitation, sampling, roots, over rounds."""

from collections.abc import Callable

import mcp_types as mcp
from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError

Requests = dict[str, mcp.InputRequest]
PREFIX = "test_input_required_result_"


def elicit(message: str, field: str, kind: str = "string") -> mcp.ElicitRequest:
    """Asks the person for one field."""
    schema = {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}
    params = mcp.ElicitRequestFormParams.model_validate({"message": message, "requestedSchema": schema})
    return mcp.ElicitRequest(method="elicitation/create", params=params)


def sample(text: str) -> mcp.CreateMessageRequest:
    """Asks the client's model."""
    question = mcp.SamplingMessage(role="user", content=mcp.TextContent(type="text", text=text))
    params = mcp.CreateMessageRequestParams(messages=[question], max_tokens=100)
    return mcp.CreateMessageRequest(method="sampling/createMessage", params=params)


def roots() -> mcp.ListRootsRequest:
    """Asks for the client's roots."""
    return mcp.ListRootsRequest(method="roots/list")


def required(requests: Requests, state: str | None = None) -> mcp.InputRequiredResult:
    """The answer that asks."""
    return mcp.InputRequiredResult(result_type="input_required", input_requests=requests, request_state=state)


def answer(ctx: Context, key: str, field: str) -> str:
    """What the person gave for a field; empty when it was declined."""
    given = (ctx.input_responses or {}).get(key)
    return str(given.content.get(field, "")) if isinstance(given, mcp.ElicitResult) and given.content else ""


def sampled(ctx: Context, key: str) -> str:
    """What the client's model said."""
    given = (ctx.input_responses or {}).get(key)
    content = given.content if isinstance(given, mcp.CreateMessageResult) else None
    return content.text if isinstance(content, mcp.TextContent) else ""


def listed(ctx: Context, key: str) -> str:
    """The client's roots, comma-separated."""
    given = (ctx.input_responses or {}).get(key)
    return ", ".join(str(root.uri) for root in given.roots) if isinstance(given, mcp.ListRootsResult) else ""


def add_one_round(
    server: FastMCP, name: str, requests: Requests, say: Callable[[Context], str], state: str | None = None
) -> None:
    """A tool that asks until every one of `requests` is answered, and then says something."""

    async def tool(ctx: Context) -> str | mcp.InputRequiredResult:
        missing = requests.keys() - (ctx.input_responses or {}).keys()
        return required(requests, state) if missing else say(ctx)

    server.tool(tool, name=PREFIX + name, description=f"Asks for {', '.join(requests)} before it answers.")


def say_state(ctx: Context) -> str:
    """Confirms the sealed state that came back."""
    if ctx.request_state != "conformance-state":
        raise ToolError("requestState was not echoed back intact")
    return "state-ok: requestState round-tripped"


def add_input_tools(server: FastMCP) -> None:
    """Add them all."""
    name = elicit("What is your name?", "name")
    capital = sample("What is the capital of France?")
    everything: Requests = {"user_name": name, "greeting": sample("Generate a greeting"), "client_roots": roots()}
    confirm: Requests = {"confirm": elicit("Please confirm", "ok", "boolean")}

    add_one_round(server, "elicitation", {"user_name": name}, lambda ctx: f"Hello, {answer(ctx, 'user_name', 'name')}!")
    add_one_round(server, "sampling", {"capital_question": capital}, lambda ctx: sampled(ctx, "capital_question"))
    add_one_round(server, "list_roots", {"client_roots": roots()}, lambda ctx: listed(ctx, "client_roots"))
    add_one_round(server, "request_state", confirm, say_state, state="conformance-state")
    add_one_round(server, "tampered_state", confirm, say_state, state="conformance-state")
    add_one_round(server, "multiple_inputs", everything, lambda ctx: "Collected all three", state="conformance-multi")
    add_multi_round(server)
    add_by_capability(server, {"sampling": capital, "elicitation": name, "roots": roots()})


def add_multi_round(server: FastMCP) -> None:
    """A tool whose second question depends on the first answer."""

    @server.tool(name=f"{PREFIX}multi_round")
    async def multi_round(ctx: Context) -> str | mcp.InputRequiredResult:
        """Asks for a name, then for a colour."""
        given = ctx.input_responses or {}
        if "step2" in given:
            return f"{ctx.request_state} likes {answer(ctx, 'step2', 'color')}"
        if "step1" in given:
            question = elicit("Step 2: What is your favorite color?", "color")
            return required({"step2": question}, state=answer(ctx, "step1", "name"))
        return required({"step1": elicit("Step 1: What is your name?", "name")}, state="nobody")


def add_by_capability(server: FastMCP, requests: Requests) -> None:
    """A tool that asks only what the client declared it can answer."""

    @server.tool(name=f"{PREFIX}capabilities")
    async def capabilities(ctx: Context) -> str | mcp.InputRequiredResult:
        """Asks as the client's capabilities allow."""
        client = ctx.session.client_params
        able: Requests = {
            name: request
            for name, request in requests.items()
            if client is not None and getattr(client.capabilities, name) is not None
        }
        if ctx.input_responses is not None or not able:
            return f"Collected {len(ctx.input_responses or {})} responses"
        return required(able)
