"""People of two teams have nothing in common that they may see: in no view, no answer, no count and no suggestion."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Error, Page, Response, expect

from tests.web.crawl import crawl
from tests.web.looks import settled
from tests.web.people import People
from tests.web.world import ANN, BOB, CARD, SKILL, Json, WebWorld

WORDS = {"red": "okapi", "blue": "quetzal"}
"""A word in every text of what only a team may see."""
TEAMS = [pytest.param(ANN, "red", "blue", id="ann"), pytest.param(BOB, "blue", "red", id="bob")]


def furnish(world: WebWorld, team: str) -> None:
    """An asset of each kind for one team, of which every text and value has its word."""
    word = WORDS[team]
    named: Json = {"groups": [team], "tags": [f"{word}-tag"]}
    governed: Json = {"visibility": "group", "owner_team": word}
    only, more = {**named, **governed}, {**named, "governance": governed}
    tools = [{"name": f"{word}_feed", "description": f"Feeds the {word}."}]
    world.server(f"{word}-server", f"{word} house", f"Keeps the {word}.", tools=tools, **only)
    world.ask("POST", "/agents", {"path": f"{word}-agent", "card": {**CARD, "name": f"{word} keeper"}, **more})
    about = f"Feeds the {word}"
    world.ask("POST", "/skills", {
        "path": f"{word}-skill", "content": SKILL.format(name=f"{word}-skill", about=about), **more,
    })  # fmt: skip
    lent = [{"server": f"{word}-server", "tool": f"{word}_feed", "alias": f"{word}_meal"}]
    world.ask("POST", "/virtual-servers", {"path": f"{word}-virtual", "name": f"{word} park", "tools": lent, **only})
    world.ask("POST", "/entities", {"type": "dataset", "path": f"{word}-data", "data": {"format": word}, **more})


@pytest.fixture(scope="module")
def teams(world: WebWorld) -> Iterator[WebWorld]:
    """The furnished registry with assets of each kind for either team alone."""
    for team in WORDS:
        furnish(world, team)
    yield world
    for word in WORDS.values():
        for place in ("virtual-servers/{}-virtual", "servers/{}-server", "agents/{}-agent", "skills/{}-skill",
                      "entities/{}-data"):  # fmt: skip
            world.ask("DELETE", f"/{place.format(word)}")


class Answers:
    """Everything that the registry answered a window."""

    def __init__(self, page: Page) -> None:
        self._found: list[Response] = []
        page.on("response", lambda answer: self._found.append(answer) if "/api/v1/" in answer.url else None)

    def naming(self, word: str) -> list[str]:
        """The addresses of those with a word in them; its own address may have it."""
        return [each.url for each in self._found if not each.url.endswith("/events") and word in _body(each)]

    def __len__(self) -> int:
        return len(self._found)


def _body(answer: Response) -> str:
    try:
        return answer.text()
    except Error:  # a request that was given up has no body
        return ""


@pytest.mark.parametrize(("person", "own", "other"), TEAMS)
def test_no_view_and_no_answer_names_anything_of_the_other_team(
    people: People, teams: WebWorld, person: str, own: str, other: str
) -> None:
    page = people(person, "/ui/account")
    answers, seen = Answers(page), ""
    for view in crawl(page, teams.url, lambda path: path.startswith(tuple(WORDS.values())), f"/ui/?q={WORDS[own]}"):
        text = page.locator("body").inner_text()
        assert WORDS[other] not in text, view
        seen += text
    for name in ("house", "keeper", "park"):
        assert f"{WORDS[own]} {name}" in seen
    assert f"{WORDS[own]}_feed" in seen
    assert len(answers) > 20
    assert answers.naming(WORDS[other]) == []


@pytest.mark.parametrize(("person", "own", "other"), TEAMS)
def test_neither_search_nor_suggestions_nor_the_palette_know_the_other_team(
    people: People, teams: WebWorld, person: str, own: str, other: str
) -> None:
    page = people(person)
    settled(page)
    answers, theirs = Answers(page), WORDS[other]
    for typed in (theirs, theirs[:-1], f"{theirs}-server", f"{theirs}_feed", f"Feeds the {theirs}"):
        page.keyboard.press("/")
        page.get_by_label("Search the registry").fill(typed)
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(r"\?q="))
        settled(page)
        assert theirs not in page.locator("main .find-main").inner_text()
        page.keyboard.press("Control+k")
        page.get_by_role("combobox").fill(typed)
        page.wait_for_timeout(200)  # longer than it waits for the next letter
        assert theirs not in "".join(page.get_by_role("option").all_inner_texts())
        page.keyboard.press("Escape")
    assert answers.naming(theirs) == []
    page.get_by_label("Search the registry").fill(WORDS[own])
    expect(page.locator(".card", has_text=f"{WORDS[own]} house")).to_be_visible()


@pytest.mark.parametrize(("person", "own", "other"), TEAMS)
def test_no_address_of_the_other_team_is_anything_but_missing(
    people: People, teams: WebWorld, person: str, own: str, other: str
) -> None:
    page = people(person, "/ui/account")
    answers = Answers(page)
    for place in ("servers/{}-server", "agents/{}-agent", "skills/{}-skill", "virtual-servers/{}-virtual/tools",
                  "entities/{}-data", "servers/{}-server/try"):  # fmt: skip
        page.goto(f"{teams.url}/ui/{place.format(WORDS[other])}")
        expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
        assert answers.naming(f"{WORDS[other]}_") == []
    assert len(answers) > 6


def test_counts_do_not_move_with_what_others_register(people: People, teams: WebWorld) -> None:
    pages = {person: people(person) for person in (ANN, BOB)}
    for page in pages.values():
        expect(page.locator(".card").first).to_be_visible()
    before = {person: counts(page) for person, page in pages.items()}
    results = pages[BOB].locator(".view-below").inner_text()
    teams.server("quetzal-more", "quetzal nest", "One more.", visibility="group", groups=["blue"], owner_team="quetzal")
    expect(pages[BOB].locator(".view-below")).not_to_have_text(results)
    assert counts(pages[BOB]) != before[BOB]
    pages[ANN].reload()
    expect(pages[ANN].locator(".card").first).to_be_visible()
    assert counts(pages[ANN]) == before[ANN]
    teams.ask("DELETE", "/servers/quetzal-more")


def counts(page: Page) -> str:
    """Every number of Find: of results, on tabs and beside facets."""
    return json.dumps(page.locator(".view-below, .tabs .count, .facet .check").all_inner_texts())
