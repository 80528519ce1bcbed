"""Registering: looked at first and stored then; changed, switched, deleted, and each of these taken back."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.web.outside import Outside, outside
from tests.web.people import People
from tests.web.world import ADMIN, ANN, WebWorld


@pytest.fixture(scope="module")
def harmful() -> Iterator[Outside]:
    with outside() as server:
        yield server


def test_a_risky_server_is_seen_with_its_tools_and_findings_before_anything_is_stored(
    people: People, world: WebWorld, harmful: Outside
) -> None:
    page = people(ADMIN, "/ui/")
    page.get_by_role("link", name="Register").last.click()
    expect(page.get_by_role("heading", name="Register", level=1)).to_be_focused()
    page.get_by_label("URL of the MCP server").fill(f"{harmful.url}/mcp")
    page.get_by_label("Path").fill("helper")
    page.keyboard.press("Enter")
    shown = page.get_by_role("region", name="Preview")
    expect(shown.get_by_text("The scan")).to_be_visible()
    expect(shown.get_by_text("Helpful helper 0.3.1")).to_be_visible()
    expect(shown.locator("summary", has_text="store_note")).to_be_visible()
    expect(shown.locator(".evidence", has_text="do not tell the user").first).to_be_visible()
    assert page.get_by_label("Name", exact=True).input_value() == "Helpful helper"
    found = world.ask("GET", "/catalog?query=Helpful+helper&kinds=server&include_disabled=true")["results"]
    assert isinstance(found, list)
    assert "helper" not in [each["path"] for each in found if isinstance(each, dict)]
    page.get_by_label("Path").fill("helper-2")
    expect(shown.get_by_text("Look again to see what would be stored")).to_be_visible()
    page.get_by_label("Path").fill("helper")
    page.get_by_role("button", name=re.compile("^Register")).click()
    expect(page).to_have_url(re.compile("/ui/servers/helper$"))
    expect(page.get_by_text("is registered")).to_be_visible()
    world.ask("DELETE", "/servers/helper")


def test_a_server_that_does_not_answer_is_told_in_words_and_not_stored(people: People) -> None:
    page = people(ADMIN, "/ui/register/servers")
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_text("This is needed.").first).to_be_visible()
    page.get_by_label("URL of the MCP server").fill("http://127.0.0.1:9/silent/mcp")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The server behind did not do it")


def test_a_pasted_skill_is_registered_by_keys_alone(people: People, world: WebWorld) -> None:
    page = people(ADMIN, "/ui/register/skills")
    page.get_by_role("button", name="Pasted").click()
    page.get_by_label("SKILL.md").fill("---\nname: origami\ndescription: Folds cranes.\n---\nCrease, turn, crease.")
    page.keyboard.press("Control+Enter")
    expect(page).to_have_url(re.compile("/ui/skills/origami$"))
    expect(page.get_by_role("heading", name="origami", level=1)).to_be_focused()
    page.keyboard.press("e")
    expect(page.get_by_role("heading", name="Edit origami")).to_be_visible()
    expect(page.get_by_label("SKILL.md")).to_have_value(re.compile("Crease, turn"))
    page.get_by_label("Tags").fill("paper, birds")
    page.get_by_label("Owner team").fill("crafts")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("crafts")).to_be_visible()
    assert world.ask("GET", "/skills/origami")["tags"] == ["paper", "birds"]
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Taken back.")).to_be_visible()
    assert (world.ask("GET", "/skills/origami")["tags"], world.ask("GET", "/skills/origami").get("owner_team")) == (
        [], None,
    )  # fmt: skip
    world.ask("DELETE", "/skills/origami")


def test_an_agent_card_is_pasted_and_what_it_lacks_is_said(people: People, world: WebWorld) -> None:
    page = people(ADMIN, "/ui/register/agents")
    page.get_by_role("button", name="Pasted").click()
    card = page.get_by_role("textbox", name=re.compile("^Agent card"))
    card.fill("{")
    expect(page.get_by_text("This is no JSON")).to_be_visible()
    card.fill(
        '{"name": "Errand runner", "description": "Runs errands.", "version": "1.0.0", "protocolVersion": "0.3.0",'
        ' "url": "http://127.0.0.1:9/a2a", "skills": [{"id": "run", "name": "Run an errand", "description": "Runs.",'
        ' "tags": ["run"]}]}'
    )
    page.get_by_role("button", name="Look at it").click()
    shown = page.get_by_role("region", name="Preview")
    expect(shown.get_by_text("Run an errand")).to_be_visible()
    expect(shown.get_by_text("The card leaves out")).to_be_visible()
    page.get_by_role("button", name="Register", exact=True).click()
    expect(page).to_have_url(re.compile("/ui/agents/errand-runner$"))
    world.ask("DELETE", "/agents/errand-runner")


def test_switching_off_and_deleting_are_taken_back_from_the_message(people: People, world: WebWorld) -> None:
    world.server("fragile", "Fragile", "Breaks easily.", owner_team="glass", tags=["glass"])
    page = people(ADMIN, "/ui/servers/fragile")
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("Switched off: nobody can call it.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Switched off: nobody can call it.")).to_be_hidden()
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Delete…").click()
    dialog = page.get_by_role("dialog", name="Delete Fragile?")
    expect(dialog.get_by_text("ratings, approvals", exact=False)).to_be_visible()
    dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(page).to_have_url(re.compile(r"/ui/\?kind=server$"))
    page.get_by_role("button", name="Undo").last.click()
    expect(page.get_by_role("heading", name="Fragile")).to_be_visible()
    back = world.ask("GET", "/servers/fragile")
    assert (back["owner_team"], back["tags"], back["description"]) == ("glass", ["glass"], "Breaks easily.")
    assert [each["name"] for each in back["tools"] if isinstance(each, dict)] == ["fragile_look"]  # type: ignore[union-attr]
    world.ask("DELETE", "/servers/fragile")


def test_what_somebody_else_changed_meanwhile_is_not_written_over_unseen(people: People, world: WebWorld) -> None:
    world.server("shared", "Shared", "One thing.")
    page = people(ADMIN, "/ui/servers/shared/edit")
    page.get_by_label("Description").fill("Mine.")
    world.ask("PATCH", "/servers/shared", {"description": "Theirs."})
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Somebody changed it while you did")).to_be_visible()
    assert world.ask("GET", "/servers/shared")["description"] == "Theirs."
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile("/ui/servers/shared$"))
    assert world.ask("GET", "/servers/shared")["description"] == "Mine."
    world.ask("DELETE", "/servers/shared")


def test_who_may_not_register_or_change_is_shown_no_way_to(people: People) -> None:
    page = people(ANN, "/ui/servers/parcels")
    expect(page.get_by_role("heading", name="Parcel desk")).to_be_visible()
    assert page.get_by_role("link", name=re.compile("Register|Edit")).count() == 0
    assert page.get_by_role("button", name="More").count() == 0
