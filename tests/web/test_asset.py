"""One server: what it is, what it offers, how to connect to it, and its tools tried out as oneself."""

import json
import re

from playwright.sync_api import expect

from tests.web.people import People
from tests.web.world import ADMIN, ANN, WebWorld


def test_a_server_says_what_it_is_and_each_tab_has_an_address(people: People) -> None:
    page = people(ANN, "/ui/servers/parcels")
    expect(page.get_by_role("heading", name="Parcel desk", level=1)).to_be_visible()
    assert page.title() == "Parcel desk · airegistry"
    expect(page.get_by_text("logistics", exact=True).first).to_be_visible()
    page.get_by_role("link", name=re.compile("^Tools")).click()
    expect(page).to_have_url(re.compile(r"/ui/servers/parcels/tools$"))
    page.reload()
    page.locator("summary", has_text="quote_freight").click()
    expect(page.get_by_text("destination").first).to_be_visible()
    expect(page.get_by_text("required").first).to_be_visible()


def test_the_command_for_an_assistant_is_copied_to_the_letter(people: People, world: WebWorld) -> None:
    page = people(ANN, "/ui/servers/parcels/connect")
    page.locator("figure", has_text="Run this command").get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied == f"claude mcp add --transport http parcels {world.url}/parcels/mcp"
    page.get_by_role("button", name="VS Code").click()
    document = json.loads(page.locator("figure pre").inner_text())
    assert document == {"servers": {"parcels": {"type": "http", "url": f"{world.url}/parcels/mcp"}}}
    page.reload()
    expect(page.get_by_role("button", name="VS Code")).to_have_attribute("aria-pressed", "true")


def test_a_tool_is_called_with_a_form_as_oneself(people: People, world: WebWorld) -> None:
    page = people(ANN, "/ui/servers/parcels/try?tool=quote_freight")
    call = page.get_by_role("button", name="Call the tool")
    call.click()
    expect(page.get_by_text("This is needed.").first).to_be_visible()
    page.get_by_label("Destination").fill("Oslo")
    page.get_by_label("Kilograms").fill("two")
    expect(page.get_by_text("This is no number.")).to_be_visible()
    page.get_by_label("Kilograms").fill("2")
    call.click()
    result = page.get_by_role("region", name="Result")
    expect(result.get_by_text("Answered in")).to_be_visible()
    assert json.loads(result.locator("pre").first.inner_text()) == {"destination": "Oslo", "euros": 9.0}
    events = world.ask("GET", "/audit/events?subject=user:ann&tool=quote_freight&limit=1")["events"]
    assert isinstance(events, list)
    assert events[0]["decision"] == "allow"  # type: ignore[index, call-overload]
    assert events[0]["client"] == "airegistry-web"  # type: ignore[index, call-overload]


def test_a_tool_that_fails_is_told_in_its_own_words(people: People) -> None:
    page = people(ADMIN, "/ui/servers/parcels/try?tool=fail")
    page.get_by_label("Reason").fill("out of stamps")
    page.get_by_role("button", name="Call the tool").click()
    expect(page.get_by_text("The tool answered with an error")).to_be_visible()
    expect(page.get_by_role("region", name="Result")).to_contain_text("out of stamps")


def test_what_changes_elsewhere_changes_on_screen(people: People, world: WebWorld) -> None:
    world.server("moody", "Moody", "Changes its mind.")
    page = people(ADMIN, "/ui/servers/moody")
    expect(page.get_by_text("Changes its mind.")).to_be_visible()
    world.ask("PATCH", "/servers/moody", {"description": "Made up its mind."})
    expect(page.get_by_text("Made up its mind.")).to_be_visible()
    world.ask("DELETE", "/servers/moody")


def test_what_upstreams_say_is_text_wherever_it_is_shown(people: People, world: WebWorld) -> None:
    evil = (
        "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>[x](javascript:alert(1))"
    )
    schema = {
        "type": "object",
        "properties": {evil: {"type": "string", "title": evil, "description": evil, "enum": [evil]}},
    }
    tools = [{"name": "look", "title": evil, "description": evil, "inputSchema": schema, "outputSchema": schema}]
    world.server("evil", evil, evil, tags=[evil[:60]], owner_team=evil, license=evil, tools=tools)
    page = people(ADMIN)
    try:
        for view in ("?kind=server&q=evil&disabled=true", "servers/evil", "servers/evil/tools", "servers/evil/try"):
            page.goto(f"{people.url}/ui/{view}")
            expect(page.get_by_text("onerror=").first).to_be_visible()
            for summary in page.locator("summary").all():
                summary.click()
            assert page.locator("main img, main script, main a[href^=javascript]").count() == 0
            assert "owned" not in page.title().removeprefix(evil)
    finally:
        world.ask("DELETE", "/servers/evil")


def test_signing_out_ends_the_session_and_asks_to_sign_in_again(people: People) -> None:
    page = people(None)
    people.sign_in(page, ANN)
    page.get_by_role("button", name=re.compile("^Account")).click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    page.goto(f"{people.url}/ui/servers/parcels")
    expect(page).to_have_url(re.compile(r"/login\?next="))


def test_the_theme_is_kept(people: People) -> None:
    page = people(ADMIN)
    page.get_by_role("button", name=re.compile("^Account")).click()
    page.get_by_role("button", name="Dark").click()
    page.reload()
    expect(page.locator(".card").first).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") in {"rgba(0, 0, 0, 0)", "rgb(16, 18, 22)"}
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
