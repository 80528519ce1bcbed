"""Definitions that are well-formed and far too large."""

import pytest

from tests.contract.acts import Desk, fresh
from tests.support import mcp

pytestmark = pytest.mark.anyio


async def test_a_tool_of_twenty_thousand_parameters_is_refused(desk: Desk) -> None:
    properties = {f"p{number}": {"type": "string"} for number in range(20_000)}
    tool = {"name": "wide", "description": "d", "inputSchema": {"type": "object", "properties": properties}}
    with mcp.refused("invalid", "upstream_failed"):
        await desk.store(fresh("wide"), tools=[tool])
