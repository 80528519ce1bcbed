"""What the scripted planner decides, and what no planner may."""

import pytest
from airegistry_agents.planner import (
    Answer,
    Call,
    Connect,
    Found,
    Offered,
    ScriptedPlanner,
    Search,
    Seen,
    check_endpoint,
    facts_of,
)

BEST = Found(server="weather", tool="get_forecast", endpoint="http://registry/weather/mcp", match="strong")
TOOL = Offered(name="get_forecast", inputSchema={"properties": {"city": {}, "days": {}}, "required": ["city"]})


def test_it_goes_from_the_search_to_the_answer() -> None:
    planner = ScriptedPlanner({"city": "Oslo", "mood": "good"})
    assert planner.next(Seen("rain?")) == Search("rain?")
    assert planner.next(Seen("rain?", [BEST, BEST])) == Connect(BEST)
    assert planner.next(Seen("rain?", [BEST], [TOOL])) == Call("get_forecast", {"city": "Oslo"})
    assert planner.next(Seen("rain?", [BEST], [TOOL], "no")) == Answer("no")


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (Seen("rain?", []), "there is no tool"),
        (Seen("rain?", [BEST], []), "does not offer me get_forecast"),
        (Seen("rain?", [BEST], [TOOL]), "wants to be told: city"),
    ],
)
def test_it_says_why_it_goes_no_further(seen: Seen, why: str) -> None:
    act = ScriptedPlanner().next(seen)
    assert isinstance(act, Answer)
    assert why in act.text


def test_a_fact_is_json_where_it_reads_as_such() -> None:
    assert facts_of(["city=Oslo", "days=2", "exact=true", "note=a=b"]) == {
        "city": "Oslo", "days": 2, "exact": True, "note": "a=b",
    }  # fmt: skip
    with pytest.raises(ValueError, match="name=value"):
        facts_of(["Oslo"])


@pytest.mark.parametrize("elsewhere", ["http://other/weather/mcp", "http://registry.evil/x", "http://registry"])
def test_a_token_goes_nowhere_but_to_the_registry(elsewhere: str) -> None:
    assert check_endpoint("http://registry", "http://registry/weather/mcp") == "http://registry/weather/mcp"
    with pytest.raises(ValueError, match="not at the registry"):
        check_endpoint("http://registry", elsewhere)
