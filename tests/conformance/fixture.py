"""The tools, resources and prompts that the official conformance suite calls by name, for any FastMCP server.

Names and texts are the suite's own. Never part of the product: `serve.py` adds them to it for one test run.
"""

import base64
import enum
import json
from typing import Annotated

import mcp_types as mcp
from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.prompts import Message
from fastmcp.server.completions import CompletionValues
from fastmcp.tools.function_tool import FunctionTool
from fastmcp.utilities.types import Audio, Image
from mcp.shared.exceptions import MCPError
from mcp_types.jsonrpc import MISSING_REQUIRED_CLIENT_CAPABILITY
from pydantic import BaseModel, Field

from tests.conformance.inputs import add_input_tools, elicit

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8BQDwAEgAF/pooBPQAAAABJRU5ErkJggg=="
)
WAV = base64.b64decode("UklGRiYAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQIAAAAAAA==")
CHOICES = ["option1", "option2", "option3"]
TITLED = [{"const": f"value{n}", "title": f"{word} Choice"} for n, word in enumerate(("First", "Second", "Third"), 1)]
ENUMS = {
    "untitledSingle": {"type": "string", "enum": CHOICES},
    "titledSingle": {"type": "string", "oneOf": TITLED},
    "legacyEnum": {"type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["One", "Two", "Three"]},
    "untitledMulti": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "string", "enum": CHOICES}},
    "titledMulti": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"anyOf": TITLED}},
}
SCHEMA_2020_12 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "address",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"}},
    "allOf": [{"anyOf": [{"required": ["name"]}, {"required": ["address"]}]}],
    "if": {"required": ["address"]},
    "then": {"properties": {"name": {"minLength": 1}}},
    "else": {},
    "additionalProperties": False,
}


class Status(enum.StrEnum):
    """An enum with a default (SEP-1034)."""

    active = "active"
    inactive = "inactive"
    pending = "pending"


class Contact(BaseModel):
    """What `test_elicitation` asks for."""

    username: str
    email: str


class Defaults(BaseModel):
    """A form whose every field has a default (SEP-1034)."""

    name: str = Field(default="John Doe", description="User name")
    age: int = Field(default=30, description="User age")
    score: float = Field(default=95.5, description="User score")
    status: Status = Field(default=Status.active, description="User status")
    verified: bool = Field(default=True, description="Verification status")


def embedded(uri: str, text: str, mime_type: str = "text/plain") -> mcp.EmbeddedResource:
    """A text resource inside a result."""
    contents = mcp.TextResourceContents(uri=uri, mime_type=mime_type, text=text)
    return mcp.EmbeddedResource(type="resource", resource=contents)


def image() -> mcp.ImageContent:
    """The one-pixel picture."""
    return mcp.ImageContent(type="image", data=base64.b64encode(PNG).decode(), mime_type="image/png")


def add_to(server: FastMCP) -> None:
    """Add everything the suite asks for."""
    add_content_tools(server)
    add_talking_tools(server)
    add_elicitation_tools(server)
    add_protocol_tools(server)
    add_input_tools(server)
    add_resources(server)
    add_prompts(server)


def add_content_tools(server: FastMCP) -> None:
    """Tools that differ by what their result holds."""

    @server.tool
    async def test_simple_text() -> str:
        """Answers with a text."""
        return "This is a simple text response for testing."

    @server.tool
    async def test_image_content() -> Image:
        """Answers with a picture."""
        return Image(data=PNG, format="png")

    @server.tool
    async def test_audio_content() -> Audio:
        """Answers with a sound."""
        return Audio(data=WAV, format="wav")

    @server.tool
    async def test_embedded_resource() -> list[mcp.EmbeddedResource]:
        """Answers with a resource."""
        return [embedded("test://embedded-resource", "This is an embedded resource content.")]

    @server.tool
    async def test_multiple_content_types() -> list[mcp.ContentBlock]:
        """Answers with a text, a picture and a resource."""
        resource = embedded("test://mixed-content-resource", '{"test":"data","value":123}', "application/json")
        return [mcp.TextContent(type="text", text="Multiple content types test:"), image(), resource]

    @server.tool
    async def test_error_handling() -> str:
        """Always fails."""
        raise ToolError("This tool intentionally returns an error for testing")


def add_talking_tools(server: FastMCP) -> None:
    """Tools that send the client something before they answer."""

    @server.tool
    async def test_tool_with_logging(ctx: Context) -> str:
        """Logs three times."""
        for stage in ("started", "processing data", "completed"):
            await ctx.info(f"Tool execution {stage}")
        return "Logging test complete."

    @server.tool
    async def test_tool_with_progress(ctx: Context) -> str:
        """Reports progress three times."""
        for progress in (0, 50, 100):
            await ctx.report_progress(progress, 100)
        return "Progress test complete."

    @server.tool
    async def test_reconnection(ctx: Context) -> str:
        """Closes its own event stream, so that the client must resume to get the answer (SEP-1699)."""
        await ctx.report_progress(0, 100)
        await ctx.close_sse_stream()
        return "Reconnection test complete."

    @server.tool
    async def test_sampling(prompt: str, ctx: Context) -> str:
        """Asks the client's model."""
        question = mcp.SamplingMessage(role="user", content=mcp.TextContent(type="text", text=prompt))
        answer = await ctx.session.create_message(  # of the older era
            messages=[question], max_tokens=512, related_request_id=ctx.origin_request_id
        )
        return f"LLM response: {answer.content.text if isinstance(answer.content, mcp.TextContent) else ''}"


def add_elicitation_tools(server: FastMCP) -> None:
    """Tools of the older era that ask the person."""

    @server.tool
    async def test_elicitation(message: str, ctx: Context) -> str:
        """Asks for a contact."""
        return f"User response: {await ctx.elicit(message, Contact)}"

    @server.tool
    async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
        """Asks with defaults."""
        return f"Elicitation completed: {await ctx.elicit('Please review the form', Defaults)}"

    @server.tool
    async def test_elicitation_sep1330_enums(ctx: Context) -> str:
        """Asks with every form of choice."""
        answer = await ctx.session.elicit(
            message="Please select options",
            requested_schema={"type": "object", "properties": ENUMS, "required": []},
            related_request_id=ctx.request_id,
        )
        return f"Elicitation completed: action={answer.action}, content={json.dumps(answer.content or {})}"


def add_protocol_tools(server: FastMCP) -> None:
    """Tools about headers, schemas and capabilities."""

    async def any_schema(name: str | None = None, address: dict[str, str] | None = None) -> str:
        return f"called with name={name}, address={address}"

    described = "Takes a JSON Schema 2020-12 with all its keywords (SEP-1613, SEP-2106)"
    server.add_tool(
        FunctionTool(fn=any_schema, name="json_schema_2020_12_tool", description=described, parameters=SCHEMA_2020_12)
    )

    @server.tool
    async def test_custom_headers(message: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Message"})]) -> str:
        """Has an argument that is mirrored in a header (SEP-2243)."""
        return f"Received message: {message}"

    @server.tool
    async def test_missing_capability(ctx: Context) -> str:
        """Needs a client that can sample, and says so on each request that does not (SEP-2575)."""
        client = ctx.session.client_params
        if client is not None and client.capabilities.sampling is not None:
            return "The client can sample."
        needed = mcp.ClientCapabilities.model_validate({"sampling": {}})
        data = mcp.MissingRequiredClientCapabilityErrorData(required_capabilities=needed)
        raise MCPError(
            code=MISSING_REQUIRED_CLIENT_CAPABILITY,
            message="the client did not declare sampling",
            data=data.model_dump(by_alias=True, mode="json", exclude_none=True),
        )


def add_resources(server: FastMCP) -> None:
    """Static, binary and templated resources."""

    @server.resource("test://static-text", mime_type="text/plain")
    async def static_text() -> str:
        """A text."""
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    async def static_binary() -> bytes:
        """A picture."""
        return PNG

    @server.resource("test://watched-resource", mime_type="text/plain")
    async def watched() -> str:
        """A resource to subscribe to."""
        return "Watched resource content."

    @server.resource("test://template/{id}/data", mime_type="application/json")
    async def template(id: str) -> str:
        """Data by id."""
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


def add_prompts(server: FastMCP) -> None:
    """Prompts, one of them with completion and one that asks first."""

    @server.prompt
    async def test_simple_prompt() -> str:
        """A text."""
        return "This is a simple prompt for testing."

    @server.prompt
    async def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        """Repeats its arguments."""
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt
    async def test_prompt_with_embedded_resource(resourceUri: str) -> list[Message]:  # noqa: N803  # the suite's name
        """Holds a resource."""
        return [Message(embedded(resourceUri, "Embedded resource content for testing.")), Message("Process it.")]

    @server.prompt
    async def test_prompt_with_image() -> list[Message]:
        """Holds a picture."""
        return [Message(image()), Message("Please analyze the image above.")]

    @server.prompt
    async def test_input_required_result_prompt(ctx: Context) -> str | mcp.InputRequiredResult:
        """Asks for its context first: input can be required of any request (SEP-2322)."""
        if ctx.input_responses is None:
            requests = {"user_context": elicit("What context should the prompt use?", "context")}
            return mcp.InputRequiredResult(result_type="input_required", input_requests=requests)
        return f"Prompt with {len(ctx.input_responses)} answers"


def add_completion(server: FastMCP) -> None:
    """Completes the arguments of `test_prompt_with_arguments`; only for a server that completes nothing itself."""

    @server.completion
    async def complete(
        ref: mcp.PromptReference | mcp.ResourceTemplateReference,
        argument: mcp.CompletionArgument,
        context: mcp.CompletionContext | None,
    ) -> CompletionValues:
        values = [value for value in ("paris", "park", "party") if value.startswith(argument.value)]
        return mcp.Completion(values=values, total=len(values), has_more=False)
