"""What is said of a match, and which tools together do a task."""

import pytest

from airegistry.core.answers import (
    COPIES,
    FAIR,
    STRONG,
    Hit,
    absolute,
    complementary,
    is_called,
    reasons,
    typed_names,
    without_copies,
)
from airegistry.core.assets import Server, Tool
from airegistry.core.ports import Match
from tests.core.wiring import asset

WORDS = (("name", "invoice"), ("tags", "billing"), ("schema", "overdue"), ("body", "late"))


def hit(server: str, name: str, description: str, score: float, good: float | None = None) -> Hit:
    found = asset("server", server, tools=[{"name": name, "description": description}])
    assert isinstance(found, Server)
    return Hit(found, found.tools[0], score, score if good is None else good)


def names(hits: list[Hit]) -> list[str]:
    return [f"{hit.asset.path}/{hit.tool.name}" for hit in hits if hit.tool]


@pytest.mark.parametrize(("good", "match"), [(STRONG, "strong"), (FAIR, "fair"), (FAIR - 0.01, "weak"), (0.0, "weak")])
def test_how_good_a_match_is_by_itself_is_told_in_a_word(good: float, match: str) -> None:
    assert Hit(asset("agent", "a"), None, 1.0, good).match == match


def test_a_match_without_a_vector_is_judged_by_its_words_alone() -> None:
    assert absolute(Match("a", 1.0, 20.0, 0.0)) == pytest.approx(0.5)
    assert absolute(Match("a", 1.0, 20.0, 0.5)) == pytest.approx(0.5)
    assert absolute(Match("a", 1.0, 0.0, 0.5)) == pytest.approx(0.25)


def test_reasons_are_words_by_field_and_meaning_where_it_counted() -> None:
    server = asset("server", "books", tools=[{"name": "list_invoices"}, {"name": "pay"}])
    words = ("name: invoice", "tag: billing", "details: overdue", "text: late")
    assert reasons(Match("server/books", 1, 9, 0.2, WORDS), server) == words
    assert reasons(Match("server/books", 1, 9, 0.6, WORDS), server) == (*words, "meaning")
    assert reasons(Match("server/books", 1, 9, 0.6, WORDS[:1], 1), server) == ("name: invoice", "tool: pay", "meaning")
    assert reasons(Match("server/books", 1, 0, 0.1), server) == ("meaning",)
    assert reasons(Match("server/books", 1, 0, 0.0), server) == ()


def test_a_part_is_named_where_it_has_a_name() -> None:
    agent = asset("agent", "desk", skills=[{"id": "a", "name": "Refunds"}])
    virtual = asset("virtual_server", "all", tools=[{"server": "x", "tool": "get", "alias": "fetch"}])
    skill = asset("skill", "folding", content="x")
    assert reasons(Match("agent/desk", 1, 0, 0.6, (), 0), agent) == ("skill: Refunds", "meaning")
    assert reasons(Match("agent/desk", 1, 0, 0.6, (), 1), agent) == ("meaning",)
    assert reasons(Match("virtual_server/all", 1, 0, 0.6, (), 0), virtual) == ("tool: fetch", "meaning")
    assert reasons(Match("skill/folding", 1, 0, 0.6, (), 0), skill) == ("meaning",)


def test_the_document_without_hidden_parts_names_none() -> None:
    server = asset("server", "books", tools=[{"name": "list_invoices"}])
    assert reasons(Match("server/books!bare", 1, 0, 0.6, (), 0), server) == ("meaning",)


def test_reasons_are_few_and_short_whatever_strangers_wrote() -> None:
    words = tuple(("body", f"{number}\n" * 100) for number in range(8))
    found = reasons(Match("skill/folding", 1, 9, 0.6, words), asset("skill", "folding"))
    assert len(found) == 6
    assert found[-1] == "meaning"
    assert all(len(reason) <= 60 and "\n" not in reason for reason in found)


def test_a_name_is_recognised_however_its_words_are_joined() -> None:
    tool = Tool(name="list_invoices", title="Invoices, listed")
    server = asset("server", "books-1", name="Books One")
    assert is_called(server, tool, "listInvoices")
    assert is_called(server, tool, "invoices listed")
    assert is_called(server, None, "books one")
    assert is_called(server, None, "BOOKS_1")
    assert not is_called(server, tool, "books-1")
    assert not is_called(server, None, "…")


def test_what_may_be_a_typed_name_is_all_of_it_and_words_like_identifiers() -> None:
    assert typed_names("use get_wether for Bern") == ["use get_wether for Bern", "get_wether"]
    assert typed_names("listInvoyces") == ["listInvoyces"]
    assert typed_names("abc") == []
    assert typed_names(f"{'long ' * 50}") == []


def test_of_near_identical_tools_two_come_first_and_the_others_last() -> None:
    copies = [hit(f"copy-{n}", "get_weather", "The weather of a city.", 0.9 - n / 100) for n in range(4)]
    other = hit("mail", "send_mail", "Send a letter to somebody.", 0.1)
    assert names(without_copies([*copies, other], 5)) == [
        "copy-0/get_weather", "copy-1/get_weather", "mail/send_mail", "copy-2/get_weather", "copy-3/get_weather",
    ]  # fmt: skip
    assert len(without_copies([*copies, other], 3)) == 3
    assert COPIES == 2


def test_tools_for_a_task_of_several_steps_are_one_for_each_step_before_a_second_for_any() -> None:
    weather = [hit(f"weather-{n}", f"forecast_{n}", f"Weather forecast {n} of a city.", 0.9 - n / 50) for n in range(5)]
    mail = [hit("post", "send_mail", "Send a letter.", 0.5), hit("chat", "post_message", "Tell a channel.", 0.4)]
    chosen = complementary([*weather, *mail], [weather, mail], 3)
    assert names(chosen)[:2] == ["weather-0/forecast_0", "post/send_mail"]
    assert len(names(complementary([*weather, *mail], [weather, mail], 10))) == 7


def test_a_tool_that_only_a_step_finds_is_among_them() -> None:
    whole = [hit("weather", "forecast", "Weather of a city.", 1.0, 0.5)]
    step = [hit("mail", "send_mail", "Send a letter.", 1.0, 0.6)]
    assert set(names(complementary(whole, [whole, step], 2))) == {"weather/forecast", "mail/send_mail"}


def test_beyond_the_first_the_order_is_that_of_the_scores() -> None:
    many = [hit(f"s-{n}", f"tool_{n}", f"word{n} other{n}", 1 - n / 1000) for n in range(60)]
    chosen = names(complementary(many, [many[:3]], 60))
    assert len(set(chosen)) == 60
    assert chosen[-1] == "s-59/tool_59"
