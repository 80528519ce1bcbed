"""Which assets the documents of a corpus become."""

from airegistry.core.assets import Agent, Server, Skill
from airegistry.core.search_texts import texts_of
from airegistry.evaluation.corpus import Document
from airegistry.evaluation.drafts import TOOLS, Drafts, drafts_of


def doc(id_: str, kind: str, **fields: object) -> Document:
    """A document."""
    return Document.model_validate({"id": id_, "type": kind, **fields})


def servers(drafts: Drafts) -> list[Server]:
    """The servers among the assets."""
    return [asset for asset in drafts.assets if isinstance(asset, Server)]


def ids(drafts: Drafts) -> dict[str, str]:
    """Document ids by the ids that search has for them."""
    return {name: document.id for name, document in drafts.documents.items()}


def test_a_tool_joins_the_server_of_its_name_with_its_own_schema() -> None:
    listed = [{"name": "rain", "description": "old"}, {"name": "sun"}]
    drafts = drafts_of([
        doc("w", "server", name="Weather", tags=["sky"], description="Skies", body="Ask.", tools=listed),
        doc("r", "tool", name="rain", server="Weather", description="Rain", params=["city"]),
        doc("s", "tool", name="snow", server="Weather"),
    ])  # fmt: skip
    (server,) = servers(drafts)
    assert (server.name, server.description, server.instructions, server.tags) == ("Weather", "Skies", "Ask.", ["sky"])
    assert [(tool.name, tool.description) for tool in server.tools] == [("rain", "Rain"), ("sun", ""), ("snow", "")]
    assert server.tools[0].input_schema == {"type": "object", "properties": {"city": {}}}
    assert ids(drafts) == {"server/d0": "w", "tool/d0/rain": "r", "tool/d0/snow": "s"}


def test_a_tool_without_such_a_server_gets_one_that_is_no_document() -> None:
    drafts = drafts_of([
        doc("a", "tool", name="/v1/x", server="Far", tags=["t"]),
        doc("b", "tool", name="y", server="Far", tags=["t"]),
        doc("c", "tool", name="z", server="Far"),
        doc("d", "tool", name=""),
    ])  # fmt: skip
    assert [(server.name, server.tags, len(server.tools)) for server in servers(drafts)] == [
        ("Far", ["t"], 2), ("Far", [], 1), ("", [], 1),
    ]  # fmt: skip
    assert ids(drafts) == {"tool/d0//v1/x": "a", "tool/d0/y": "b", "tool/d1/z": "c", "tool/d2/": "d"}


def test_a_tool_with_other_tags_than_its_server_keeps_them() -> None:
    drafts = drafts_of([doc("w", "server", name="W", tags=["sky"]), doc("r", "tool", name="r", server="W", tags=["x"])])
    assert [(server.tags, len(server.tools)) for server in servers(drafts)] == [(["sky"], 0), (["x"], 1)]


def test_names_that_come_again_lose_no_document() -> None:
    drafts = drafts_of([
        doc("a", "server", name="Same"), doc("b", "server", name="Same"),
        doc("c", "tool", name="t", server="Same"), doc("d", "tool", name="t", server="Same"),
        doc("e", "skill", name="k"), doc("f", "skill", name="k"),
    ])  # fmt: skip
    assert sorted(ids(drafts).values()) == ["a", "b", "c", "d", "e", "f"]
    assert len(drafts.assets) == 6


def test_a_repeated_tool_of_a_servers_own_is_put_beside_it() -> None:
    twice = [doc(id_, "tool", name="t", server="W", description=id_) for id_ in "xy"]
    drafts = drafts_of([doc("w", "server", name="W"), *twice])
    assert ids(drafts) == {"server/d0": "w", "tool/d0/t": "x", "tool/d1/t": "y"}


def test_many_tools_of_one_server_are_spread_over_several() -> None:
    drafts = drafts_of([doc(str(number), "tool", name=f"t{number}", server="W") for number in range(TOOLS + 1)])
    assert [len(server.tools) for server in servers(drafts)] == [TOOLS, 1]


def test_names_are_taken_as_they_are_whatever_the_rules() -> None:
    long, names = "x" * 5_000, ["", "Not A Slug!", "mcp"]
    drafts = drafts_of([doc(str(n), "skill", name=name) for n, name in enumerate([long, *names])])
    assert [asset.name for asset in drafts.assets] == [long, *names]


def test_bodies_and_skills_are_where_search_reads_them() -> None:
    drafts = drafts_of([
        doc("a", "agent", name="A", body="Plan the trip.", tools=[{"name": "book", "description": "Books trains"}]),
        doc("k", "skill", name="K", body="Fill in the form."),
    ])  # fmt: skip
    agent, skill = drafts.assets
    assert isinstance(agent, Agent)
    assert isinstance(skill, Skill)
    told = texts_of(agent)[0].fields
    assert (told["body"], told["tools"]) == ("Plan the trip.", "book")
    assert texts_of(skill)[0].fields["body"] == "Fill in the form."
