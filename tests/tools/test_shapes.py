"""Assets as answers show them are made from how they are stored, and say what their models say."""

import pytest

from airegistry.core.assets import Json
from airegistry.core.ports import AnyAsset
from airegistry.core.said import body_of
from airegistry.tools.shapes import Detail, shown
from tests.core.wiring import asset

TOOL: Json = {"name": "t", "description": "It does.", "inputSchema": {"type": "object", "default": None}, "_meta": {}}
ASSETS = [
    asset("server", "s", url="https://s.test/mcp", tools=[TOOL], resources=[{"uri": "x://y", "name": "y"}]),
    asset("server", "local", transport="stdio", command="npx", args=["-y"], instructions="Ask first."),
    asset("agent", "a", card={"name": "a", "skills": []}, url="https://a.test"),
    asset("skill", "k", content="# k", files={"a.md": "b"}, frontmatter={"name": "k"}),
    asset("virtual_server", "v", follows=False),
    asset("entity", "e", type="machine", data={"x": None}),
]


def dumped(shown_: AnyAsset, detail: Detail) -> Json:
    """What the model says of what is shown."""
    hidden = {"review", *({"content", "files"} if shown_.kind == "skill" else ())}
    if detail == "brief":
        hidden |= {"card", "resources", "resource_templates", "prompts", "instructions", "server_info", "metadata"}
    body: Json = shown_.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=hidden)
    if detail == "brief" and shown_.kind == "server":
        body["tools"] = [{"name": tool.name, "description": tool.description} for tool in shown_.tools]
    return body


@pytest.mark.parametrize("given", ASSETS, ids=lambda given: given.path)
@pytest.mark.parametrize("detail", ["brief", "full"])
def test_what_is_shown_is_what_the_model_says(given: AnyAsset, detail: Detail) -> None:
    found = shown(given, body_of(given), "", detail=detail)
    del found["endpoint"]
    assert found == dumped(given, detail)


@pytest.mark.parametrize("given", ASSETS, ids=lambda given: given.path)
def test_what_an_older_version_did_not_know_is_shown_as_it_is_by_default(given: AnyAsset) -> None:
    older = {field: value for field, value in body_of(given).items() if field not in {"rating", "health", "provenance"}}
    assert shown(given, older, "") == shown(given, body_of(given), "")
