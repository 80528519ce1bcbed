"""What a caller entitled to one tool of a server learns of the rest of it."""

import pytest

from tests.contract.acts import Desk, fresh
from tests.support import http, mcp
from tests.support.registry import Registry

pytestmark = pytest.mark.anyio


async def test_words_of_hidden_tools_do_not_move_their_server_in_search(registry: Registry, desk: Desk) -> None:
    scores = []
    for hidden in ("Dismantles zeppelins.", "Peels turnips."):
        path = fresh("airfield")
        schema = {"type": "object"}
        tools = [
            {"name": "open_tool", "description": "Greets.", "inputSchema": schema},
            {"name": "hidden_tool", "description": hidden, "inputSchema": schema},
        ]
        await desk.store(path, name="Airfield", tools=tools)
        caller = await desk.token({"assets": [path], "tools": ["open_tool"], "actions": ["call"]})
        found = await mcp.ask(
            registry.mcp, caller, "search_registry", query="dismantle zeppelin", kinds=["server"], limit=100
        )
        scores.append([hit["score"] for hit in found["results"] if hit["path"] == path])
        await desk.ask("delete_asset", kind="server", path=path)
    assert scores[0] == scores[1]


async def test_details_show_no_prompt_or_resource_that_the_gateway_hides(
    registry: Registry, desk: Desk, parcel: str
) -> None:
    caller = await desk.token({"assets": [parcel], "tools": ["echo"], "actions": ["call"]})
    for method, member in (("prompts/list", "prompts"), ("resources/list", "resources")):
        assert http.body(http.call(registry.gateway(parcel), method, token=caller))["result"][member] == []
    details = await mcp.ask(registry.mcp, caller, "get_server_details", path=parcel)
    assert (details["prompts"], details["resources"]) == ([], [])
