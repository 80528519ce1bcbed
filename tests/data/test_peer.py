"""What the peer keeps, read from an export and made into calls."""

import json
from pathlib import Path

import pytest

from airegistry.core.documents import Json
from airegistry.core.errors import Invalid
from airegistry.data.peer import Step, steps
from airegistry.data.peer_files import plain, read_export, sort_of

SERVER: Json = {
    "_id": "/parcels", "server_name": "Parcels", "description": "Quotes.", "proxy_pass_url": "https://parcels.test/",
    "supported_transports": ["streamable-http"], "tags": ["post", "post"], "is_enabled": True, "license": "MIT",
    "tool_list": [{"name": "quote", "parsed_description": {"main": "A quote."}, "schema": {"type": "object"}}],
    "visibility": "public", "num_stars": 4.5, "id": "8d2f",
}  # fmt: skip


def only(sort: str, **changes: object) -> Step:
    """The step that one document makes."""
    base: dict[str, Json] = {"server": SERVER}
    document: Json = {**base.get(sort, {}), **changes}  # type: ignore[dict-item]  # JSON, as each test gives it
    (step,) = steps({sort: [document]})
    return step


def test_a_server_is_registered_live_and_else_as_the_peer_described_it() -> None:
    step = only("server")
    assert (step.tool, step.then, step.refusal) == ("register_service", [], "")
    assert step.arguments == {
        "name": "Parcels", "path": "parcels", "description": "Quotes.", "url": "https://parcels.test/mcp",
        "transport": "streamable-http", "tags": ["post"], "visibility": "public", "license": "MIT",
        "metadata": {"peer": {"id": "8d2f"}},
    }  # fmt: skip
    tools: Json = {"tools": [{"name": "quote", "description": "A quote.", "inputSchema": {"type": "object"}}]}
    assert step.otherwise == {**step.arguments, **tools, "fetch": False}
    assert step.notes == ["its endpoint is taken to be https://parcels.test/mcp, as the peer does"]


def test_an_endpoint_that_is_named_comes_first() -> None:
    assert only("server", mcp_endpoint="https://x.test/a").arguments["url"] == "https://x.test/a"
    sse = only("server", supported_transports=["sse"], proxy_pass_url="https://x.test/sse")
    assert (sse.arguments["url"], sse.arguments["transport"]) == ("https://x.test/sse", "sse")
    assert only("server", proxy_pass_url="").refusal == "it has no URL"


def test_what_is_switched_off_there_is_switched_off_here() -> None:
    assert only("server", is_enabled=False).then == [("toggle_service", {"path": "parcels", "enabled": False})]
    assert (
        "switched off there" in only("skill", _id="/skills/a", skill_md_url="https://x.test", is_enabled=False).refusal
    )


def test_who_saw_it_there_is_no_more_than_who_sees_it_here() -> None:
    group = only("server", visibility="group-restricted", allowed_groups=["staff"])
    assert (group.arguments["visibility"], group.arguments["groups"]) == ("group", ["staff"])
    for visibility in ("group-restricted", "internal", "private", "anything"):
        assert only("server", visibility=visibility).arguments["visibility"] == "private"


def test_a_version_is_registered_beside_the_default_one() -> None:
    first, second = steps({"server": [SERVER, {**SERVER, "_id": "/parcels:v2.0.0", "is_enabled": False}]})
    assert (first.arguments["path"], second.arguments["path"]) == ("parcels", "parcels")
    assert (second.arguments["version"], second.then) == ("2.0.0", [])


def test_a_local_server_is_its_recipe_without_the_values_of_its_environment() -> None:
    runtime = {"type": "npx", "package": "@acme/mcp", "args": ["--fast"], "env": {"KEY": "secret"}}
    step = only("server", deployment="local", local_runtime=runtime)
    assert {name: step.arguments[name] for name in ("transport", "command", "args", "env")} == {
        "transport": "stdio", "command": "npx", "args": ["@acme/mcp", "--fast"], "env": ["KEY"]
    }  # fmt: skip
    assert step.otherwise is None
    assert "secret" not in json.dumps(step.arguments)


def test_two_that_would_have_one_path_are_not_one() -> None:
    first, second = steps({"server": [{**SERVER, "_id": "/a/b"}, {**SERVER, "_id": "/a-b"}]})
    assert first.arguments["path"] == "a-b"
    assert second.refusal == "its path here, a-b, is that of something before it"


def test_what_comes_from_a_third_registry_is_left_out() -> None:
    assert "yet another registry" in only("server", sync_metadata={"is_federated": True}).refusal


def test_a_sealed_credential_is_spoken_of_and_not_carried() -> None:
    step = only("server", auth_scheme="bearer", auth_credential_encrypted="gAAAA")
    assert "set it anew" in step.notes[-1]
    assert "gAAAA" not in json.dumps(step.arguments)


def test_an_agent_is_its_card_in_the_spelling_of_its_specification() -> None:
    step = only(
        "agent", _id="/agents/planner", name="Planner", description="Plans.", url="https://p.test", version="1",
        protocol_version="0.3.0", default_input_modes=["text/plain"], tags=["rail"], is_enabled=True, num_stars=5,
        skills=[{"id": "plan", "name": "Plan", "tags": [], "input_modes": ["text"], "security": None}],
        security_schemes={"my_scheme": {"type": "http", "in_": None, "bearer_format": "JWT"}},
    )  # fmt: skip
    assert step.tool == "register_agent"
    assert step.arguments["card"] == {
        "name": "Planner", "description": "Plans.", "url": "https://p.test", "version": "1", "protocolVersion": "0.3.0",
        "defaultInputModes": ["text/plain"],
        "skills": [{"id": "plan", "name": "Plan", "tags": [], "inputModes": ["text"]}],
        "securitySchemes": {"my_scheme": {"type": "http", "bearerFormat": "JWT"}},
    }  # fmt: skip
    assert (step.arguments["path"], step.arguments["tags"]) == ("planner", ["rail"])


def test_a_skill_is_its_content_or_where_that_is() -> None:
    here = only("skill", _id="/skills/pdf", skill_md_content="---\n", skill_md_url="https://x.test/SKILL.md")
    assert {name: here.arguments.get(name) for name in ("path", "content", "url")} == {
        "path": "pdf", "content": "---\n", "url": None
    }  # fmt: skip
    there = only("skill", _id="/skills/pdf", skill_md_raw_url="https://raw.test/SKILL.md")
    assert there.arguments["url"] == "https://raw.test/SKILL.md"
    assert only("skill", _id="/skills/pdf").refusal == "it has neither content nor URL"


def test_types_and_their_entities() -> None:
    kind: Json = {
        "_id": "dashboard", "name": "dashboard",
        "fields": [
            {"name": "team", "datatype": "string", "required": True, "label": "Team"},
            {"name": "level", "datatype": "enum", "enum_values": ["a", "b"]},
            {"name": "since", "datatype": "date"}, {"name": "words", "datatype": "array<string>"},
        ],
    }  # fmt: skip
    record: Json = {
        "_id": "/dashboard/1b2c",
        "entity_type": "dashboard",
        "name": "Big One",
        "attributes": {"team": "x"},
    }
    defined, registered = steps({"entity": [record], "entity type": [kind]})
    assert defined.arguments["schema"] == {
        "type": "object", "required": ["team"],
        "properties": {
            "team": {"type": "string", "title": "Team"}, "level": {"enum": ["a", "b"]},
            "since": {"type": "string", "format": "date"}, "words": {"type": "array", "items": {"type": "string"}},
        },
    }  # fmt: skip
    assert {name: registered.arguments[name] for name in ("type", "path", "data")} == {
        "type": "dashboard", "path": "big-one", "data": {"team": "x"}
    }  # fmt: skip


def test_a_virtual_server_lends_no_tool_to_more_callers_than_before() -> None:
    step = only(
        "virtual server", _id="/virtual/dev", server_name="Dev", is_enabled=True, required_scopes=["dev"],
        tool_mappings=[
            {"tool_name": "quote", "alias": "ask", "backend_server_path": "/parcels", "backend_version": "v2"},
            {"tool_name": "wipe", "backend_server_path": "/parcels"},
        ],
        tool_scope_overrides=[{"tool_alias": "wipe", "required_scopes": ["admin"]}],
    )  # fmt: skip
    assert step.arguments["path"] == "dev"
    assert step.arguments["tools"] == [
        {"server": "parcels", "tool": "quote", "alias": "ask", "version": "2", "scopes": ["dev"]}
    ]
    assert "tool 'wipe' is left out" in step.notes[0]


def test_scopes_come_first_and_virtual_servers_last() -> None:
    virtual: Json = {"_id": "/virtual/v", "tool_mappings": [{"tool_name": "t", "backend_server_path": "/parcels"}]}
    found = [step.sort for step in steps({"virtual server": [virtual], "server": [SERVER], "scope": [{"_id": "s"}]})]
    assert found == ["scope", "server", "virtual server"]


@pytest.mark.parametrize(
    ("collection", "sort"),
    [
        ("mcp_servers_default", "server"), ("mcp_servers", "server"), ("mcp_agents_prod", "agent"),
        ("agent_skills_default", "skill"), ("mcp_virtual_servers_default", "virtual server"),
        ("virtual_servers", "virtual server"), ("mcp_scopes_default", "scope"), ("mcp_custom_types_x", "entity type"),
        ("mcp_custom_entities_x", "entity"), ("mcp_embeddings_384_default", None), ("audit_events_default", None),
    ],
)  # fmt: skip
def test_collections_are_known_by_their_names(collection: str, sort: str | None) -> None:
    assert sort_of(collection) == sort


def test_lines_and_arrays_of_extended_json_are_read(tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    one = {
        "_id": "/a",
        "n": {"$numberInt": "3"},
        "at": {"$date": "2026-01-01T00:00:00Z"},
        "f": {"$numberDouble": "4.5"},
    }
    (tmp_path / "db" / "mcp_servers_default.json").write_text(
        json.dumps(one) + "\n\n" + json.dumps({"_id": "/b"}) + "\n"
    )
    (tmp_path / "mcp_agents_default.json").write_text(json.dumps([{"_id": {"$oid": "64"}}]))
    (tmp_path / "other.json").write_text("not read")
    assert read_export(tmp_path) == {
        "server": [{"_id": "/a", "n": 3, "at": "2026-01-01T00:00:00Z", "f": 4.5}, {"_id": "/b"}],
        "agent": [{"_id": "64"}],
    }  # fmt: skip
    assert plain({"$date": {"$numberLong": "1"}}) is None


def test_a_folder_without_an_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no file of a collection of the peer"):
        read_export(tmp_path)
    (tmp_path / "mcp_servers_default.json").write_text("{")
    with pytest.raises(Invalid, match="is no export of a collection"):
        read_export(tmp_path)
    (tmp_path / "mcp_servers_default.json").write_text("[1]")
    with pytest.raises(Invalid, match="something that is no document"):
        read_export(tmp_path)
