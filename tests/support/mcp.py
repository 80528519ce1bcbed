"""MCP clients of both eras, and tool calls that answer with structured content or with a coded failure."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.client import CallToolResult

from tests.support.tls import TLS

ERAS = ("2026-07-28", "legacy")
Json = dict[str, Any]


class ToolFailure(Exception):
    """A tool answered with `isError`; `code` is the one in its structured content."""

    def __init__(self, tool: str, result: CallToolResult) -> None:
        self.content: Json = result.structured_content or {}
        self.code: str = self.content.get("code", "")
        self.result = result
        super().__init__(f"{tool}: {self.code or 'no code'}: {text_of(result)}")


def connect(url: str, token: str, mode: str = "2026-07-28") -> "Client[Any]":
    """A client of one era with a bearer token; enter it with `async with`."""
    return Client(url, auth=token, mode=mode, timeout=60, init_timeout=60, verify=TLS)


def text_of(result: CallToolResult) -> str:
    """The text blocks of a result, joined."""
    return "".join(getattr(block, "text", "") for block in result.content)


async def call(client: "Client[Any]", tool: str, /, **arguments: object) -> Json:
    """The structured content of a tool's answer.

    Raises:
        ToolFailure: the tool answered with `isError`.
    """
    result = await client.call_tool(tool, arguments, raise_on_error=False)
    if result.is_error:
        raise ToolFailure(tool, result)
    assert result.structured_content is not None, f"{tool} answered without structured content: {text_of(result)}"
    return result.structured_content


async def ask(url: str, token: str, tool: str, /, **arguments: object) -> Json:
    """One call over a connection of its own, as a caller that holds `token`."""
    async with connect(url, token) as client:
        return await call(client, tool, **arguments)


@contextmanager
def refused(*codes: str) -> Iterator["pytest.ExceptionInfo[ToolFailure]"]:
    """Expects a tool call to fail with one of some codes."""
    with pytest.raises(ToolFailure) as failure:
        yield failure
    assert failure.value.code in codes, f"wanted {codes}: {failure.value}"
