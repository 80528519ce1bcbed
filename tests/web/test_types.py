"""Types of one's own: a schema that is checked as it is written, and entities by the form that it makes."""

import json
import re

from playwright.sync_api import expect

from tests.web.people import People
from tests.web.world import ADMIN, ANN, WebWorld


def test_a_type_is_made_field_by_field_and_its_first_entity_by_its_form(people: People, world: WebWorld) -> None:
    page = people(ADMIN, "/ui/types")
    page.get_by_role("link", name="New type").first.click()
    page.get_by_role("textbox", name=re.compile("^Name")).first.fill("dashboard")
    schema = page.get_by_role("textbox", name="JSON Schema")
    schema.fill("{")
    expect(page.get_by_text("This is no JSON").first).to_be_visible()
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    schema.fill('{"type": "object", "properties": {"name": {"type": "string"}}}')
    page.get_by_label("Field", exact=True).fill("charts")
    page.get_by_label("Type", exact=True).select_option("integer")
    page.get_by_role("checkbox", name="Required").check()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("region", name="The form it makes").get_by_label("Charts")).to_be_visible()
    assert json.loads(schema.input_value())["required"] == ["charts"]
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("None of them yet")).to_be_visible()
    page.get_by_role("link", name="Register a dashboard").first.click()
    page.get_by_label("Name", exact=True).fill("Sales at a glance")
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_text("This is needed.")).to_be_visible()
    page.get_by_label("Charts").fill("7")
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_text("The scan found nothing that matters.")).to_be_visible()
    page.get_by_role("button", name="Register", exact=True).click()
    expect(page).to_have_url(re.compile("/ui/entities/sales-at-a-glance$"))
    assert world.ask("GET", "/entities/sales-at-a-glance")["data"] == {"name": "Sales at a glance", "charts": 7}
    page.goto(f"{people.url}/ui/types/dashboard")
    expect(page.get_by_role("link", name="Sales at a glance")).to_be_visible()
    page.get_by_role("button", name="Remove the type").click()
    expect(page.get_by_text("Somebody else was faster").or_(page.get_by_text("sales-at-a-glance").last)).to_be_visible()
    world.ask("DELETE", "/entities/sales-at-a-glance")
    page.get_by_role("button", name="Remove the type").click()
    expect(page).to_have_url(re.compile("/ui/types$"))
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name=re.compile("^dashboard"))).to_be_visible()
    world.ask("DELETE", "/entity-types/dashboard")


def test_a_schema_that_the_registry_refuses_is_told_beside_it(people: People) -> None:
    page = people(ADMIN, "/ui/new-type")
    page.get_by_role("textbox", name=re.compile("^Name")).first.fill("broken")
    page.get_by_role("textbox", name="JSON Schema").fill('{"type": "object", "properties": {"a": {"type": "strnig"}}}')
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".field .error")).to_contain_text("strnig")


def test_who_does_not_administer_reads_the_schema(people: People) -> None:
    page = people(ANN, "/ui/types/dataset?tab=schema")
    expect(page.get_by_text("Whoever administers policy changes it.")).to_be_visible()
    expect(page.get_by_text("rows")).to_be_visible()
    assert page.get_by_role("button", name="Remove the type").count() == 0
