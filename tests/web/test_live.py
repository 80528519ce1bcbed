"""What happens when the line breaks, or the session ends, while somebody looks; and the way in by an address."""

import re

from playwright.sync_api import Page, expect

from tests.web.looks import settled
from tests.web.people import People
from tests.web.world import ADMIN, ANN, WebWorld

BANNER = "Live updates are paused"


def test_a_banner_says_that_updates_are_paused_and_what_was_missed_is_read_when_they_are_back(
    people: People, world: WebWorld
) -> None:
    world.server("tide", "Tide table", "High water at noon.")
    page = people(ADMIN)
    page.route("**/api/v1/events", lambda route: route.abort())
    page.goto(f"{world.url}/ui/servers/tide")
    expect(page.get_by_text("High water at noon.")).to_be_visible()
    expect(page.get_by_text(BANNER)).to_have_count(0)
    expect(page.get_by_text(BANNER)).to_be_visible(timeout=15_000)
    world.ask("PATCH", "/servers/tide", {"description": "High water at one."})
    page.unroute("**/api/v1/events")
    expect(page.get_by_text("High water at one.")).to_be_visible(timeout=15_000)
    expect(page.get_by_text(BANNER)).to_have_count(0)
    assert [each for each in people.wrong if "ERR_FAILED" not in each] == []
    people.wrong.clear()  # Chromium says of each try that it failed, which is what was wanted
    world.ask("DELETE", "/servers/tide")


def signed_in(people: People, path: str) -> Page:
    """A window with a session of its own, which may be ended."""
    page = people(None, path)
    people.sign_in(page, ANN)
    settled(page)
    return page


def test_a_session_that_was_ended_elsewhere_is_seen_and_one_is_back_after_signing_in(
    people: People, world: WebWorld
) -> None:
    page = signed_in(people, "/ui/servers/parcels/tools")
    expect(page.get_by_role("heading", name="Parcel desk")).to_be_visible()
    world.ask("DELETE", f"/users/{ANN}/sessions")
    expect(page).to_have_url(re.compile(r"/login\?next=%2Fui%2Fservers%2Fparcels%2Ftools$"), timeout=20_000)
    people.sign_in(page, ANN)
    expect(page).to_have_url(re.compile(r"/ui/servers/parcels/tools$"))
    expect(page.get_by_role("heading", name="Parcel desk")).to_be_visible()
    people.forget(ANN)


def test_signing_out_everywhere_ends_the_other_windows_too(people: People) -> None:
    first, second = signed_in(people, "/ui/"), signed_in(people, "/ui/servers/weather")
    first.get_by_role("button", name=re.compile("^Account")).click()
    first.get_by_role("button", name="Sign out everywhere").click()
    first.get_by_role("dialog").get_by_role("button", name="Sign out everywhere").click()
    expect(first.get_by_role("heading", name="You are signed out")).to_be_visible()
    expect(second).to_have_url(re.compile(r"/login\?next="), timeout=20_000)
    people.forget(ANN)


def test_any_address_leads_to_its_view_after_signing_in(people: People) -> None:
    for path, heading in (
        ("/ui/access/preview?who=group:red&path=vault", "Access"),
        ("/ui/tokens/clients", "Tokens"),
        ("/ui/servers/parcels/try?tool=quote_freight", "Parcel desk"),
    ):
        page = people(None, path)
        people.sign_in(page, ADMIN)
        expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
        assert page.url.endswith(path), page.url
