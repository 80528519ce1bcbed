import numpy as np
import pytest
from pydantic import JsonValue

from airegistry.core.assets import Agent, AgentSkill, Entity, Json, Provenance, Server, Skill, Tool, VirtualServer
from airegistry.core.assets import VirtualTool as Slot
from airegistry.core.ports import Vectors
from airegistry.core.search_texts import SearchText, texts_of

FORECAST = Tool(
    name="get_dailyForecast",
    title="Forecast",
    description="The weather of a day.",
    inputSchema={"type": "object", "properties": {"city": {"description": "Where"}, "day": {"type": "string"}}},
)


def weather(**changes: object) -> Server:
    plain: dict[str, object] = {"path": "weather", "name": "Weather", "description": "Forecasts.", "tools": [FORECAST]}
    return Server.model_validate(plain | changes)


def skill(name: str) -> AgentSkill:
    return AgentSkill(id=name, name=name, description="Does it.")


def test_a_server_is_found_by_its_own_words_and_those_of_its_tools() -> None:
    text = texts_of(weather(title="Sky", tags=["rain", "sun"], instructions="Ask politely"))[0]
    assert (text.id, text.kind) == ("server/weather", "server")
    assert dict(text.fields) == {
        "name": "Weather",
        "title": "Sky",
        "description": "Forecasts.",
        "tags": "rain sun",
        "tools": "get_dailyForecast",
        "parameters": "city day",
        "schema": "The weather of a day.",
        "body": "Ask politely",
    }
    assert text.head == "Sky: Forecasts. Tools: get_dailyForecast"


def test_each_tool_of_a_server_is_a_text_of_its_own() -> None:
    text = texts_of(weather(tags=["rain"]))[1]
    assert (text.id, text.kind) == ("tool/weather/get_dailyForecast", "tool")
    assert text.head == "Weather - get daily forecast: The weather of a day. Parameters: city, day"
    assert text.fields["schema"] == "Where "
    assert text.facets["server"] == "weather"
    assert text.facets["kind"] == "tool"
    assert text.facets["tags"] == ("rain",)


def test_the_parts_of_a_server_are_its_tools_heads() -> None:
    server, *tools = texts_of(weather(tools=[FORECAST, Tool(name="now")]))
    assert list(server.parts) == [tool.head for tool in tools]
    assert server.dense == [server.head, *server.parts]


def test_a_server_names_30_tools_in_its_head_and_has_40_parts() -> None:
    server, *tools = texts_of(weather(tools=[Tool(name=f"tool{n}") for n in range(50)]))
    assert server.head.endswith(", tool29")
    assert len(server.parts) == 40
    assert len(tools) == 50


@pytest.mark.parametrize("properties", [None, [], "x", {"city": True}, {"city": {"description": 3}}])
def test_a_tool_with_a_strange_schema_is_still_found(properties: JsonValue) -> None:
    tool = texts_of(weather(tools=[Tool(name="now", inputSchema={"properties": properties})]))[1]
    assert tool.fields["schema"] == ""


def test_prompts_and_resources_are_words_of_their_server() -> None:
    server = weather(
        prompts=[{"name": "plan", "description": "Plan a hike"}],
        resources=[{"name": "map", "uri": "map://x"}],
        resource_templates=[{"name": "radar", "uriTemplate": "radar://{place}"}],
    )
    assert set(texts_of(server)[0].fields["body"].split()) >= {"plan", "hike", "map", "radar"}


def test_facets_name_who_owns_an_asset_and_where_it_stands() -> None:
    asset = weather(owner_team="sky", environment="dev", enabled=False, provenance=Provenance(source="peer"))
    assert texts_of(asset)[0].facets == {
        "kind": "server",
        "path": "weather",
        "tags": (),
        "enabled": "false",
        "stage": "approved_dev",
        "source": "peer",
        "health": "unknown",
        "owner": "sky",
        "environment": "dev",
    }


def test_an_agent_is_found_by_its_skills_and_the_prose_of_its_card() -> None:
    card: Json = {"name": "Pilot", "protocolVersion": "1.0", "notes": {"guide": ["Flies by night"]}}
    skill = AgentSkill(id="f", name="book-flight", description="Books flights.", tags=["air"], examples=["To Rome"])
    (text,) = texts_of(
        Agent(path="pilot", name="Pilot", description="Travels.", tags=["go"], card=card, skills=[skill])
    )
    assert text.fields["tags"] == "go air"
    assert text.fields["tools"] == "book-flight"
    assert text.fields["schema"] == "Books flights. To Rome"
    assert text.fields["body"] == "Flies by night"
    assert text.head == "Pilot: Travels."
    assert text.parts == ["Pilot - book flight: Books flights.", "Flies by night"]


def test_a_skill_is_found_by_its_body_without_the_frontmatter() -> None:
    content = "---\nname: s\ndescription: d\n---\n# Title\n" + "word " * 1000
    (text,) = texts_of(Skill(path="s", name="S", content=content))
    assert text.fields["body"].startswith("# Title")
    assert [len(part) for part in text.parts] == [700, 700, 700]


def test_a_skill_without_content_has_no_parts() -> None:
    assert texts_of(Skill(path="s", name="S"))[0].parts == []


def test_a_virtual_server_is_found_by_the_names_its_clients_see() -> None:
    slots = [Slot(server="a", tool="x", alias="send_mail", description="Sends."), Slot(server="b", tool="y")]
    (text,) = texts_of(VirtualServer(path="v", name="Office", tools=slots))
    assert text.fields["tools"] == "send_mail y"
    assert text.parts == ["Office - send mail: Sends.", "Office - y: "]


def test_an_entity_is_found_by_every_string_it_holds() -> None:
    data: Json = {"a": "one", "b": [{"c": "two", "d": 3}], "e": None}
    (text,) = texts_of(Entity(path="e", name="E", type="dataset", data=data))
    assert text.id == "entity/e"
    assert text.fields["body"] == "one\ntwo"
    assert text.fields["tags"] == "dataset"


def rows(text: SearchText) -> dict[str, Vectors]:
    """A direction of its own for each text."""
    return dict(zip(text.embedded, np.eye(len(text.embedded), dtype=np.float32), strict=True))


def test_a_vector_is_of_the_whole_the_description_and_the_name_of_a_thing() -> None:
    tool = texts_of(weather())[1]
    assert tool.embedded == [tool.head, "The weather of a day.", "get daily forecast"]
    (vector,) = tool.vectors(rows(tool))
    assert vector == pytest.approx(np.array([0.5, 0.3, 0.2]) / np.sqrt(0.38))


def test_a_tool_and_its_servers_part_have_one_vector() -> None:
    server, tool = texts_of(weather())
    known = rows(server)
    assert server.vectors(known)[1].tolist() == tool.vectors(known)[0].tolist()


def test_a_piece_of_a_text_has_its_own_vector() -> None:
    (text,) = texts_of(Skill(path="s", name="S", description="Says.", content="a body"))
    assert text.vectors(rows(text))[1].tolist() == rows(text)["a body"].tolist()


def test_equal_texts_are_embedded_once() -> None:
    (text,) = texts_of(Agent(path="a", name="A", description="Books.", skills=[skill("pay"), skill("pay")]))
    assert len(text.dense) == 3
    assert text.embedded == [text.head, "A - pay: Does it.", "Books.", "a", "Does it.", "pay"]


def test_for_a_missing_description_or_name_the_whole_text_stands_in() -> None:
    (text,) = texts_of(Skill(path="s", name="fillForms"))
    assert text.embedded == ["fillForms: ", "fill forms"]
    assert text.vectors(rows(text))[0] == pytest.approx(np.array([0.8, 0.2]) / np.sqrt(0.68))
    (nameless,) = texts_of(Skill(path="s", name="__", description="Says."))
    assert nameless.embedded == ["__: Says.", "Says."]


def test_vectors_that_cancel_each_other_give_none() -> None:
    (text,) = texts_of(Skill(path="s", name="S", description="Says."))
    nothing = dict.fromkeys(text.embedded, np.zeros(2, np.float32))
    assert text.vectors(nothing).tolist() == [[0, 0]]


def test_a_text_becomes_a_document_with_its_vectors() -> None:
    (text,) = texts_of(Skill(path="s", name="S"))
    vectors = np.ones((1, 3), np.float32)
    document = text.indexed(vectors)
    assert (document.id, document.kind, document.vectors is vectors) == ("skill/s", "skill", True)
    assert document.fields == text.fields
    assert document.facets == text.facets
