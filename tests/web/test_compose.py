"""A virtual server put together: tools picked across servers, renamed, tried, checked, saved and called."""

import json
import re

from playwright.sync_api import expect

from tests.web.people import People
from tests.web.world import ADMIN, WebWorld


def test_tools_are_picked_by_search_named_checked_and_called(people: People, world: WebWorld) -> None:
    page = people(ADMIN, "/ui/compose")
    page.get_by_label("Name", exact=True).or_(page.get_by_label("Name (required)")).fill("Shipping and sky")
    page.get_by_role("textbox", name="Find tools").fill("quote freight")
    page.get_by_role("button", name="Add quote_freight of parcels").click()
    page.get_by_role("textbox", name="Find tools").fill("weather look")
    expect(page.get_by_role("button", name="Add weather_look of weather")).to_be_enabled()
    page.get_by_role("textbox", name="Find tools").press("Enter")
    members = page.get_by_role("region", name="Tools of this server")
    expect(members.get_by_role("listitem")).to_have_count(2)
    freight, sky = (page.get_by_label(f"Name for clients, of {name}") for name in (
        "quote_freight of parcels", "weather_look of weather",
    ))  # fmt: skip
    freight.fill("price")
    sky.fill("PRICE")
    expect(members.get_by_text("2 names clash").or_(members.get_by_text("1 name clashes"))).to_be_visible()
    expect(page.get_by_role("button", name="Create")).to_be_disabled()
    sky.fill("sky")
    members.get_by_role("button", name="Test price").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Destination").fill("Oslo")
    dialog.get_by_label("Kilograms").fill("2")
    dialog.get_by_role("button", name="Call the tool").click()
    expect(dialog.get_by_text("Answered in")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Check it").click()
    expect(page.get_by_role("region", name="Preview").locator("summary", has_text="price")).to_be_visible()
    page.get_by_role("button", name="Create").click()
    expect(page).to_have_url(re.compile("/ui/virtual-servers/shipping-and-sky/tools$"))
    called = world.ask("POST", "/tools/shipping-and-sky/price/calls", {
        "arguments": {"destination": "Oslo", "kilograms": 2},
    })  # fmt: skip
    assert json.loads(json.dumps(called["structuredContent"])) == {"destination": "Oslo", "euros": 9.0}
    world.ask("DELETE", "/virtual-servers/shipping-and-sky")


def test_what_stands_keeps_its_name_and_what_is_taken_out_comes_back(people: People, world: WebWorld) -> None:
    lent = [{"server": "weather", "tool": "weather_look", "alias": "look", "description": "Looks up."}]
    world.ask("POST", "/virtual-servers", {"path": "kept", "name": "Kept", "tools": lent})
    page = people(ADMIN, "/ui/virtual-servers/kept/compose")
    expect(page.get_by_label("Name for clients, of weather_look of weather")).to_have_attribute("placeholder", "look")
    page.locator("summary", has_text="maps").first.click()
    page.get_by_role("button", name="Add maps_look of maps").click()
    members = page.get_by_role("region", name="Tools of this server")
    members.get_by_role("button", name="Take look out").click()
    expect(members.get_by_role("listitem")).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(members.get_by_role("listitem")).to_have_count(2)
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile("/ui/virtual-servers/kept/tools$"))
    tools = world.ask("GET", "/virtual-servers/kept")["tools"]
    assert isinstance(tools, list)
    assert [(each["name"], each["description"]) for each in tools if isinstance(each, dict)] == [
        ("look", "Looks up."), ("maps_look", "Looks at Maps and places."),
    ]  # fmt: skip
    world.ask("DELETE", "/virtual-servers/kept")
