"""What comes from elsewhere and what is told elsewhere: sources with their passes, webhooks with their deliveries."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.web.outside import Outside, outside
from tests.web.people import People
from tests.web.world import ADMIN, ANN, WebWorld


@pytest.fixture(scope="module")
def beyond() -> Iterator[Outside]:
    with outside() as server:
        yield server


def test_a_source_is_tried_first_then_synced_and_says_what_it_refused(
    people: People, world: WebWorld, beyond: Outside
) -> None:
    page = people(ADMIN, "/ui/sources")
    page.get_by_role("link", name="Add a source").first.click()
    page.get_by_role("link", name=re.compile("^MCP Registry")).last.click()
    page.get_by_role("textbox", name=re.compile("^Name")).first.fill("examples")
    page.get_by_label(re.compile("^URL")).fill("not a url")
    page.get_by_role("button", name="Add it switched off and try").click()
    expect(page.locator(".error").first).to_be_visible()
    page.get_by_label(re.compile("^URL")).fill(beyond.url)
    page.get_by_label("Put before each path").fill("ex-")
    page.get_by_role("button", name="Add it switched off and try").click()
    expect(page.get_by_role("heading", name="examples", level=1)).to_be_visible()
    plan = page.get_by_role("table", name="What a pass would do")
    expect(plan.get_by_text("org.example/almanac", exact=True)).to_be_visible()
    expect(page.get_by_text("Off", exact=True).first).to_be_visible()
    page.get_by_text("Switched on", exact=True).click()
    page.get_by_role("button", name="Sync now").click()
    expect(page.get_by_text("In order").first).to_be_visible(timeout=30_000)
    refused = page.get_by_role("table", name="Refused")
    expect(refused.get_by_text("org.example/nowhere")).to_be_visible()
    found = world.ask("GET", "/servers?detail=brief&limit=200")["services"]
    assert isinstance(found, list)
    paths = {str(each["path"]) for each in found if isinstance(each, dict)}
    assert {path for path in paths if path.startswith("ex-")} == {"ex-org.example-almanac", "ex-org.example-tides"}
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Remove…").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove source and assets").click()
    expect(page).to_have_url(re.compile("/ui/sources$"))
    assert world.ask("GET", "/catalog?source=examples")["total"] == 0


def test_a_webhook_is_added_tested_and_what_it_missed_is_sent_again(
    people: People, world: WebWorld, beyond: Outside
) -> None:
    page = people(ADMIN, "/ui/webhooks")
    page.get_by_role("button", name="Add a webhook").click()
    dialog = page.get_by_role("dialog", name="Add a webhook")
    dialog.get_by_label(re.compile("^Name")).fill("chat")
    dialog.get_by_label(re.compile("^URL")).fill(f"{beyond.url}/hook")
    dialog.get_by_label("Events").fill("server:*")
    dialog.get_by_label("Paths").fill("told-*")
    dialog.get_by_role("button", name="Add", exact=True).click()
    secret = page.get_by_role("dialog", name="The secret, shown this once")
    expect(secret.locator("pre")).to_contain_text("whsec_")
    secret.get_by_role("button", name="I have kept it").click()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("The subscriber answered 200")).to_be_visible()
    world.server("told-one", "Told", "Is told of.")
    table = page.get_by_role("table", name="Deliveries")
    page.get_by_role("button", name="Read again").click()
    expect(table.get_by_role("button", name="server:register", exact=True)).to_be_visible()
    page.get_by_role("button", name="Send server:register again").click()
    expect(page.get_by_text("1 event is sent again.")).to_be_visible()
    table.get_by_role("button", name="server:register", exact=True).click()
    expect(page.get_by_role("dialog").locator("pre")).to_contain_text('"told-one"')
    page.keyboard.press("Escape")
    page.get_by_text("Active", exact=True).last.click()
    expect(page.get_by_text("chat is paused; events wait for it.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".view-line").get_by_text("Active")).to_be_visible()
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Remove…").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("link", name="quiet")).to_be_visible()
    expect(page.get_by_role("link", name="chat")).to_have_count(0)
    world.ask("DELETE", "/servers/told-one")


def test_both_are_for_those_who_administer(people: People) -> None:
    page = people(ANN, "/ui/sources")
    expect(page.get_by_role("heading", name="You may not see this")).to_be_visible()
    assert page.get_by_role("link", name="Webhooks").count() == 0
