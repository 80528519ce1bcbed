"""What the registry's tools answer fits the output schemas they state; strict clients refuse what does not."""

import jsonschema
import pytest

from tests.contract.acts import Desk, Json, fresh
from tests.contract.test_registry_tools import CARD, SKILL
from tests.support import mcp
from tests.support.backends import Backend
from tests.support.registry import Registry

pytestmark = pytest.mark.anyio


def calls(path: str, url: str) -> list[tuple[str, Json]]:
    """Calls in an order in which each succeeds, over one path of every kind."""
    server: Json = {"kind": "server", "path": path}
    return [
        ("register_service", {"name": path, "path": path, "url": url}),
        ("register_agent", {"path": path, "card": CARD}),
        ("register_skill", {"path": path, "content": SKILL.format(name=path)}),
        ("define_entity_type", {"name": path, "schema": {"type": "object"}}),
        ("register_entity", {"type": path, "path": path, "data": {}}),
        ("search_registry", {"query": "parcel"}),
        ("intelligent_tool_finder", {"task": "parcel"}),
        *((f"list_{kind}", {}) for kind in ("services", "agents", "skills", "virtual_servers", "entities")),
        ("get_server_details", {"path": path}),
        ("get_service_tools", {"path": path}),
        ("get_skill_content", {"path": path}),
        ("toggle_service", {"path": path, "enabled": True}),
        ("refresh_service", {"path": path}),
        ("update_asset", {**server, "changes": {"tags": ["x"]}}),
        ("rate_asset", {**server, "stars": 4}),
        ("set_lifecycle_stage", {**server, "stage": "approved_production", "reason": "tested"}),
        ("scan_asset", server),
        ("get_scan_report", server),
        ("put_scope", {"name": path, "grants": [{"assets": [path]}]}),
        ("put_group", {"name": path, "scopes": [path]}),
        ("create_token", {"name": path, "groups": [path]}),
        ("explain_access", {"subject": f"token:{path}", "action": "call", "asset": f"server/{path}", "tool": "add"}),
        ("query_audit", {"limit": 20}),
        ("healthcheck", {}),
        ("delete_asset", server),
    ]


@pytest.mark.parametrize("mode", mcp.ERAS)
async def test_answers_fit_their_output_schemas(registry: Registry, backend: Backend, mode: str) -> None:
    async with mcp.connect(registry.mcp, registry.token, mode) as client:
        schemas = {tool.name: tool.output_schema for tool in await client.list_tools()}
        for tool, arguments in calls(fresh("schemed"), backend.url):
            schema = schemas[tool]
            assert schema is not None, tool
            jsonschema.Draft202012Validator(schema).validate(await mcp.call(client, tool, **arguments))


async def test_names_of_the_protocol_are_spelled_as_in_the_protocol(desk: Desk, parcel: str) -> None:
    tools = (await desk.ask("get_service_tools", path=parcel))["tools"]
    assert all(tool.keys() >= {"name", "description", "inputSchema"} for tool in tools)
    kind = fresh("kind")
    defined = await desk.ask("define_entity_type", name=kind, schema={"type": "object"})
    assert defined["schema"] == {"type": "object"}
