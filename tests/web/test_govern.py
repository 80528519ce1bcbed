"""Those who answer for the catalog: what waits for them, how they decide, and how they see what was done."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.web import waiting
from tests.web.changing import NEW, OLD
from tests.web.looks import Shots, judged, settled
from tests.web.people import People
from tests.web.world import ADMIN, ANN, WebWorld

PLACES = ("lure", "newcomer", "arrivals", "safe", "counter", "mover", "sickly")


@pytest.fixture(scope="module")
def desk(world: WebWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebWorld]:
    """The furnished registry, with what waits for people."""
    changing = waiting.start_changing(tmp_path_factory.mktemp("changing"))
    waiting.furnish(world, changing)
    world.server("mover", "Mover", "Goes from stage to stage.", owner_team="desk")
    world.server("sickly", "Sickly", "Does not answer.", owner_team="desk")
    yield world
    for path in PLACES:
        world.ask("DELETE", f"/servers/{path}")
    changing.close()


@pytest.fixture(scope="module")
def robot(desk: WebWorld) -> str:
    """The token of a machine that calls."""
    made = desk.ask("POST", "/tokens", {"name": "robot", "scopes": ["caller"], "expires_in": 864_000})
    return str(made["token"])


def test_what_waits_for_somebody_is_on_one_page_and_comes_by_itself(people: People, desk: WebWorld, robot: str) -> None:
    page = people(ADMIN, "/ui/waiting")
    said = {
        "Changed definitions": "Arrivals", "To be reviewed": "Newcomer", "Findings": "invisible tag characters",
        "Ending soon": "robot",
    }  # fmt: skip
    for name, what in said.items():
        expect(page.get_by_role("region", name=name)).to_contain_text(what)
    expect(page.get_by_role("region", name="Calls that wait").get_by_text("No call waits")).to_be_visible()
    with waiting.calling(desk, robot, "first") as call:
        wanted = page.get_by_role("region", name="Calls that wait")
        expect(wanted.get_by_text("token:robot wants to call echo")).to_be_visible()
        wanted.get_by_role("link").click()
        refused(page)
        assert call.result(10) == 403
    expect(page.get_by_role("heading", name="No call waits")).to_be_visible()


def refused(page: Page) -> None:
    """Refuse the call that is shown, with a reason."""
    page.get_by_role("button", name="Refuse").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("Not on a Friday.")
    page.get_by_role("dialog").get_by_role("button", name="Refuse").click()


def test_a_call_is_approved_by_keys_alone_and_its_secrets_are_masked(
    people: People, desk: WebWorld, robot: str
) -> None:
    page = people(ADMIN, "/ui/approvals")
    expect(page.get_by_role("heading", name="No call waits")).to_be_visible()
    with waiting.calling(desk, robot, "hello") as call:
        request = page.get_by_role("article", name="token:robot wants to call echo of safe")
        expect(request).to_contain_text('"text": "hello"')
        assert "hush" not in request.inner_text()
        page.keyboard.press("j")
        expect(request).to_be_focused()
        page.keyboard.press("a")
        expect(page.get_by_role("dialog", name="Approve this call?")).to_be_visible()
        page.get_by_role("dialog").get_by_role("button", name="Approve").press("Enter")
        assert call.result(10) == 200
    page.get_by_role("button", name="All of the last week").click()
    expect(page.get_by_role("article").first).to_contain_text("Done")
    expect(page.get_by_text("Not on a Friday., by user:admin")).to_be_visible()


def test_a_changed_definition_is_read_as_a_diff_and_approved_with_a_reason(people: People, desk: WebWorld) -> None:
    page = people(ADMIN, "/ui/approvals/changes")
    diff = page.get_by_label("What changed in tools/arrival since it was approved")
    expect(diff.locator("del")).to_contain_text(OLD)
    expect(diff.locator("ins")).to_contain_text(NEW)
    page.get_by_role("button", name="Approve").click()
    approve = page.get_by_role("dialog").get_by_role("button", name="Approve")
    expect(approve).to_be_disabled()
    page.get_by_label("Reason").fill("Asked the publisher.")
    approve.click()
    expect(page.get_by_role("heading", name="Everything is as it was approved")).to_be_visible()
    tools = desk.ask("GET", "/servers/arrivals")["tools"]
    assert isinstance(tools, list)
    assert NEW in [tool["description"] for tool in tools if isinstance(tool, dict)]


def column(page: Page, name: str) -> "Callable[[str], object]":
    """Expects a card in a column."""
    found = page.get_by_role("region", name=re.compile(f"^{name}"))
    return lambda card: expect(found.locator(".board-card", has_text=card)).to_be_visible()


def test_a_card_goes_where_it_may_and_nowhere_else(people: People, desk: WebWorld) -> None:
    page = people(ADMIN, "/ui/lifecycle?owner=desk")
    column(page, "Approved for dev")("Mover")
    page.get_by_role("link", name="Mover", exact=True).focus()
    page.keyboard.press("m")
    dialog = page.get_by_role("dialog", name="Move Mover")
    dialog.get_by_label("In review").check()
    expect(dialog.get_by_role("button", name="Move")).to_be_disabled()
    dialog.get_by_label("Reason").fill("A second look.")
    dialog.get_by_role("button", name="Move").click()
    column(page, "In review")("Mover")
    card = page.locator(".board-card", has_text="Mover")
    card.drag_to(page.get_by_role("region", name=re.compile("^In production")))
    expect(page.get_by_role("dialog")).to_have_count(0)
    column(page, "In review")("Mover")
    card.drag_to(page.get_by_role("region", name=re.compile("^Draft")))
    expect(dialog.get_by_label("Draft")).to_be_checked()
    dialog.get_by_label("Reason").fill("Begin again.")
    dialog.get_by_role("button", name="Move").click()
    column(page, "Draft")("Mover")
    card.drag_to(page.get_by_role("region", name=re.compile("^Submitted")))  # this step takes no reason
    column(page, "Submitted")("Mover")
    waiting.move(desk, "mover", "security_review", "Behind their backs.")
    column(page, "In review")("Mover")


def test_of_a_risky_submission_the_second_person_decides(people: People, desk: WebWorld) -> None:
    page = people(ADMIN, "/ui/approvals/review")
    page.get_by_role("button", name="Decide: Newcomer").click()
    dialog = page.get_by_role("dialog", name="Move Newcomer")
    expect(dialog).to_contain_text("an approval takes a second person")
    dialog.get_by_label("Approved for dev").check()
    dialog.get_by_label("Reason").fill("It does what it says.")
    dialog.get_by_role("button", name="Move").click()
    expect(page.get_by_role("button", name="Decide: Newcomer")).to_have_count(0)
    assert desk.ask("GET", "/servers/newcomer")["stage"] == "approved_dev"


def test_a_finding_is_looked_at_with_what_nobody_sees_let_pass_and_taken_back(people: People, desk: WebWorld) -> None:
    page = people(ADMIN, "/ui/findings?path=lure")
    page.get_by_role("link", name=re.compile("zero-width|direction")).first.click()
    detail = page.get_by_role("complementary", name="Details")
    expect(detail.locator(".unseen").first).to_have_text("U+200B")
    expect(detail).to_contain_text(f"tags: {waiting.HIDDEN}")
    page.keyboard.press("Escape")
    expect(detail).to_have_count(0)
    page.get_by_role("link", name=re.compile("tag characters")).click()
    detail.get_by_role("button", name="Waive").click()
    page.get_by_label("Reason").fill("A joke of ours.")
    page.get_by_label("For").select_option("7 days")
    page.get_by_role("dialog").get_by_role("button", name="Waive").click()
    expect(page.get_by_role("link", name=re.compile("tag characters"))).to_have_count(0)
    assert [each["reason"] for each in waivers(desk)] == ["A joke of ours."]
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name=re.compile("tag characters"))).to_be_visible()
    assert waivers(desk) == []
    page.get_by_label("At least").select_option("Critical")
    expect(page).to_have_url(re.compile("severity=critical"))
    expect(page.get_by_role("row")).to_have_count(2)


def waivers(world: WebWorld) -> list[dict[str, object]]:
    """Those in force."""
    found = world.ask("GET", "/waivers")["waivers"]
    assert isinstance(found, list)
    return [dict(each) for each in found if isinstance(each, dict)]


def test_the_trail_is_narrowed_down_kept_by_a_name_verified_and_taken_along(
    people: People, desk: WebWorld, tmp_path: Path
) -> None:
    page = people(ADMIN, "/ui/audit")
    page.get_by_label("Action").fill("tools/call")
    page.get_by_label("Action").press("Enter")
    page.get_by_label("Asset").fill("server/counter")
    page.get_by_label("Asset").press("Enter")
    expect(page).to_have_url(re.compile(r"action=tools%2Fcall&asset=server%2Fcounter$"))
    lines = page.get_by_role("list", name="Records").get_by_role("listitem")
    expect(lines).to_have_count(6)
    lines.filter(has_text="tool error").first.get_by_role("link").click()
    detail = page.get_by_role("complementary", name="Details")
    expect(detail).to_contain_text('"a": "none"')
    page.reload()
    expect(detail).to_contain_text("operator")
    page.get_by_role("button", name="Saved filters").click()
    page.get_by_label("Name").fill("counter")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Clear filters").click()
    expect(lines.nth(10)).to_be_visible()
    page.get_by_role("button", name="Saved filters").click()
    page.get_by_role("button", name="counter", exact=True).click()
    expect(lines).to_have_count(6)
    for form, count in (("JSON lines", 6), ("CSV", 7)):
        page.get_by_role("button", name="Export").click()
        with page.expect_download() as download:
            page.get_by_role("button", name=re.compile(form)).click()
        download.value.save_as(tmp_path / form)
        assert len((tmp_path / form).read_text().splitlines()) == count
    records = [json.loads(line) for line in (tmp_path / "JSON lines").read_text().splitlines()]
    assert {record["asset"] for record in records} == {"counter"}
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_text(re.compile(r"^Intact: [\d,]+ records hold"))).to_be_visible()


def test_a_request_leads_from_the_trail_to_its_logs(people: People, desk: WebWorld) -> None:
    page = people(ADMIN, "/ui/audit?action=tools/call&asset=server/counter")
    page.get_by_role("button", name="Table").click()
    page.get_by_role("table", name="Records").get_by_role("link").first.click()
    page.get_by_role("link", name="All of this request").click()
    expect(page.get_by_role("table", name="Records").get_by_role("link")).to_have_count(1)
    page.goto(f"{people.url}/ui/logs")
    expect(page.get_by_role("table", name="Log records")).to_contain_text("serves")


def test_usage_is_a_picture_in_words_and_a_table(people: People, desk: WebWorld) -> None:
    page = people(ADMIN, "/ui/usage")
    expect(page.get_by_role("img", name=re.compile(r"^Calls per hour: \d+ calls, \d+ failed"))).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("counter"))).to_contain_text("33%")
    page.get_by_text("As a table").click()
    expect(page.get_by_role("table", name="Calls per hour")).to_be_visible()
    page.get_by_role("link", name="Unused").click()
    expect(page).to_have_url(re.compile("/usage/unused$"))
    expect(page.get_by_role("table", name="Usage by asset").get_by_role("link", name="calendar")).to_be_visible()
    page.get_by_role("link", name="Errors").click()
    expect(page.get_by_role("link", name="arrivals")).to_have_count(0)
    expect(page.get_by_role("link", name="counter")).to_be_visible()


def test_health_follows_a_check(people: People, desk: WebWorld) -> None:
    page = people(ADMIN, "/ui/health")
    page.get_by_role("button", name="Check Sickly now").click()
    row = page.get_by_role("row", name=re.compile("Sickly"))
    expect(page.get_by_text(re.compile("^Sickly: no connection to"))).to_be_visible()
    desk.ask("POST", "/servers/sickly/health-checks")  # two in a row make it so
    expect(row).to_contain_text("Not healthy")
    expect(row).to_contain_text("no connection to")
    page.get_by_role("button", name=re.compile("^Not healthy")).click()
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page).to_have_url(re.compile("health=unhealthy"))


def test_who_answers_for_nothing_is_led_nowhere_that_is_closed(people: People, desk: WebWorld) -> None:
    page = people(ANN, "/ui/usage")
    settled(page)
    for closed in ("Approvals", "Findings", "Lifecycle", "Audit", "Logs", "For you"):
        expect(page.get_by_role("navigation", name="Main").get_by_role("link", name=closed)).to_have_count(0)
    expect(page.get_by_text("blue-vault")).to_have_count(0)
    page.goto(f"{people.url}/ui/audit")
    expect(page.get_by_role("heading", name="You may not see this")).to_be_visible()
    page.goto(f"{people.url}/ui/health")
    expect(page.get_by_text("Blue vault")).to_have_count(0)


OPEN = {
    "findings-open": ("/ui/findings?path=lure", "tbody a[data-item]"),
    "audit-open": ("/ui/audit?asset=server/counter", ".moment-link"),
    "lifecycle-move": ("/ui/lifecycle?owner=desk", ".board-card .icon-button"),
}
"""Views with something open in them: the view, and what opens it."""


@pytest.mark.parametrize("view", OPEN)
def test_axe_finds_nothing_in_what_is_opened_in_either_theme(
    people: People, desk: WebWorld, view: str, shots: Shots
) -> None:
    path, opener = OPEN[view]
    page = people(ADMIN, path, bypass_csp=True)
    page.locator(opener).first.click()
    settled(page)
    judged(page, shots, view)
