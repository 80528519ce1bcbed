"""`search` and `call`."""

import io
import json
import sys

import pytest
from fastmcp.tools.base import ToolResult
from mcp_types import ContentBlock, ImageContent, ResourceLink, TextContent

from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry, Json

FOUND: Json = {
    "results": [
        {"kind": "tool", "path": "parcel", "server": "parcel", "tool": "quote", "score": 0.91234,
         "description": "Quotes."},
        {"kind": "server", "path": "parcel", "server": None, "tool": None, "score": 0.5, "description": "Ships."},
    ],
    "total": 9,
}  # fmt: skip


def answers(fake: FakeRegistry, *content: ContentBlock, structured: Json | None = None, error: bool = False) -> None:
    """What the tool that is called answers."""
    fake.answer = ToolResult(content=list(content), structured_content=structured, is_error=error)


def text(value: str) -> TextContent:
    """A text block."""
    return TextContent(type="text", text=value)


def test_search_prints_the_hits_best_first(fake: FakeRegistry, run: Run) -> None:
    fake.says(FOUND)
    ran = run("search", "freight price")
    assert ran.out.splitlines() == [
        "KIND    PATH          SCORE  DESCRIPTION",
        "tool    parcel quote  0.912  Quotes.",
        "server  parcel        0.500  Ships.",
    ]
    assert ran.err == "2 of 9 results; see more with `--limit`\n"
    assert fake.calls == [("search_registry", {"query": "freight price"})]


def test_search_passes_every_option_on(fake: FakeRegistry, run: Run) -> None:
    fake.says({"results": [], "total": 0})
    narrow = ("--kind", "tool", "--kind", "skill", "--tag", "eu", "--limit", "3", "--include-disabled")
    assert run("search", "rain", *narrow) == (0, "", "nothing found for `rain`\n")
    arguments = {"query": "rain", "kinds": ["tool", "skill"], "tags": ["eu"], "limit": 3, "include_disabled": True}
    assert fake.calls == [("search_registry", arguments)]


def test_search_passes_filters_on(fake: FakeRegistry, run: Run) -> None:
    fake.says({"results": [], "total": 0})
    narrow = ("--owner", "sky", "--owner", "sea", "--environment", "prod", "--stage", "monitored", "--source", "peer")
    assert run("search", "rain", *narrow, "--health", "healthy").status == 0
    assert fake.calls == [("search_registry", {
        "query": "rain", "owner": ["sky", "sea"], "environment": ["prod"], "stage": ["monitored"], "source": ["peer"],
        "health": ["healthy"],
    })]  # fmt: skip


def test_search_by_kind_prints_one_kind_after_the_other(fake: FakeRegistry, run: Run) -> None:
    tool, server = FOUND["results"]
    fake.says({"results": [], "total": 2, "suggestions": [], "groups": {"server": [server], "tool": [tool]}})
    ran = run("search", "freight", "--by-kind")
    assert [line.split()[0] for line in ran.out.splitlines()] == ["KIND", "server", "tool"]
    assert fake.calls == [("search_registry", {"query": "freight", "by_kind": True})]


def test_search_asks_whether_a_similar_name_was_meant(fake: FakeRegistry, run: Run) -> None:
    fake.says({"results": [], "total": 0, "suggestions": ["get_rain", "set_rain\x1b"], "groups": None})
    ran = run("search", "get_rian")
    assert ran.err == "did you mean: get_rain, set_rain\\x1b\nnothing found for `get_rian`\n"


def test_search_with_json_prints_exactly_what_the_registry_answered(fake: FakeRegistry, run: Run) -> None:
    fake.says(FOUND)
    ran = run("search", "freight price", "--json")
    assert (json.loads(ran.out), ran.err) == (FOUND, "")


@pytest.mark.parametrize(
    ("given", "arguments"),
    [
        ([], {}),
        (["--arg", "city=Bern"], {"city": "Bern"}),
        (["--arg", "n=3", "--arg", "f=-1.5", "--arg", "b=true"], {"n": 3, "f": -1.5, "b": True}),
        (["--arg", "z=null"], {"z": None}),
        (["--arg", 'n="3"', "--arg", 'l=["a"]', "--arg", 'o={"k": 1}'], {"n": "3", "l": ["a"], "o": {"k": 1}}),
        (["--arg", "e=", "--arg", "q=a=b", "--arg", "x=NaN"], {"e": "", "q": "a=b", "x": "NaN"}),
        (["--args", '{"a": 1, "b": 2}', "--arg", "b=3"], {"a": 1, "b": 3}),
        (["--args", "-"], {"from": "stdin"}),
    ],
)  # fmt: skip
def test_call_makes_the_arguments(
    fake: FakeRegistry, run: Run, monkeypatch: pytest.MonkeyPatch, given: list[str], arguments: Json
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"from": "stdin"}'))
    assert run("call", "parcel", "quote", *given).status == 0
    assert fake.calls == [("call_tool", {"server": "parcel", "tool": "quote", "arguments": arguments})]


@pytest.mark.parametrize(
    "given",
    [("--arg", "x"), ("--arg", "=1"), ("--args", "[]"), ("--args", "{"), ("--args", '{"a": Infinity}'), ("extra",)],
)
def test_arguments_that_are_none_are_a_usage_error(fake: FakeRegistry, run: Run, given: tuple[str, ...]) -> None:
    ran = run("call", "parcel", "quote", *given)
    assert (ran.status, ran.out, fake.calls) == (2, "", [])
    assert ran.err.startswith("error: ")


def test_call_prints_the_text_of_the_result(fake: FakeRegistry, run: Run) -> None:
    answers(fake, text("line one\nline two"), text("[red]\x1b[1m"), structured={"ignored": True})
    assert run("call", "parcel", "quote") == (0, "line one\nline two\n[red]\x1b[1m\n", "")


def test_call_prints_structured_content_when_there_is_no_text(fake: FakeRegistry, run: Run) -> None:
    answers(fake, structured={"euros": 9})
    assert json.loads(run("call", "parcel", "quote").out) == {"euros": 9}


def test_call_names_what_it_cannot_print(fake: FakeRegistry, run: Run) -> None:
    image = ImageContent(type="image", data="aGk=", mime_type="image/png")
    answers(fake, text("see"), image, ResourceLink(type="resource_link", name="x", uri="parcel://tariff"))
    ran = run("call", "parcel", "quote")
    assert ran.out == "see\n"
    assert ran.err == (
        "not shown: image image/png; see it with `--json`\n"
        "not shown: resource_link parcel://tariff; see it with `--json`\n"
    )


def test_call_with_json_prints_the_structured_content(fake: FakeRegistry, run: Run) -> None:
    answers(fake, text("nine"), structured={"euros": 9})
    assert json.loads(run("call", "parcel", "quote", "--json").out) == {"euros": 9}


def test_call_with_json_prints_the_content_of_a_result_without_structure(fake: FakeRegistry, run: Run) -> None:
    answers(fake, text("nine"))
    shown = json.loads(run("call", "parcel", "quote", "--json").out)
    assert shown == {"content": [{"type": "text", "text": "nine"}]}


def test_a_tool_that_fails_ends_with_1_and_its_own_words(fake: FakeRegistry, run: Run) -> None:
    answers(fake, text("no such street"), error=True)
    assert run("call", "parcel", "quote") == (1, "", "error: no such street\n")


def test_a_refused_call_shows_the_code(fake: FakeRegistry, run: Run) -> None:
    fake.refuses("access_denied", "may not call secret", missing=["vault"])
    assert run("call", "parcel", "secret") == (1, "", "error[access_denied]: may not call secret\n")
