"""Ten journeys, the other five: a rug pull, an audit trail, a peer registry, a scope, and ratings. Each as the
administrator and as somebody who may less, against real servers. Pictures are kept of where each of them ends.
"""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.support.registry import Registry, serving
from tests.web.changing import NEW, OLD
from tests.web.looks import Shots, pictured
from tests.web.people import People
from tests.web.test_journeys import tab
from tests.web.waiting import start_changing
from tests.web.world import ADMIN, ANN, BOB, WebWorld


@pytest.fixture
def turncoat(world: WebWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that said one thing when it was approved, and says another now."""
    backend = start_changing(tmp_path_factory.mktemp("turncoat"))
    world.ask("POST", "/servers", {"path": "turncoat", "name": "Turncoat", "url": backend.url, "owner_team": "desk"})
    world.ask("POST", "/tools/turncoat/change/calls", {})
    world.ask("POST", "/servers/turncoat/refresh")
    yield "turncoat"
    world.ask("DELETE", "/servers/turncoat")
    backend.close()


@pytest.fixture
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Another registry, which has a server of its own."""
    with serving(tmp_path_factory.mktemp("peer"), {"AIREGISTRY_EMBEDDER": "none"}) as registry:
        world = WebWorld(registry, None)  # type: ignore[arg-type]  # nothing is called there
        world.server("harbour", "Harbour master", "Berths, tides and pilots.", owner_team="port")
        yield registry


def test_a_rug_pull_is_seen_compared_and_kept_out_and_callers_are_told(
    people: People, turncoat: str, shots: Shots
) -> None:
    other = people(ANN, f"/ui/servers/{turncoat}/try?tool=arrival")
    other.get_by_label("Parcel").fill("7")
    other.get_by_role("button", name="Call the tool").click()
    expect(other.get_by_role("region", name="Result").get_by_role("alert")).to_contain_text(
        "changed since it was approved"
    )
    pictured(other, shots, "journey-6-rug-pull-ann")
    page = people(ADMIN, "/ui/waiting")
    page.get_by_role("region", name="Changed definitions").get_by_role(
        "link", name=re.compile("Turncoat")
    ).first.click()
    diff = page.get_by_label("What changed in tools/arrival since it was approved")
    expect(diff.locator("del")).to_contain_text(OLD)
    expect(diff.locator("ins")).to_contain_text(NEW)
    pictured(page, shots, "journey-6-rug-pull-admin")
    page.get_by_role("button", name="Reject", exact=True).first.click()
    page.get_by_role("dialog").get_by_label("Reason").fill("It sends addresses on.")
    page.get_by_role("dialog").get_by_role("button", name="Reject").click()
    expect(page.get_by_text("Rejected. Its tools stay held.")).to_be_visible()
    other.get_by_label("Tool").select_option("change")
    other.get_by_role("button", name="Call the tool").click()
    expect(other.get_by_role("region", name="Result")).to_contain_text("changed")


def test_what_a_person_did_is_followed_from_the_asset_to_the_record_and_the_chain_is_intact(
    people: People, world: WebWorld, shots: Shots
) -> None:
    world.ask("POST", "/servers", {"path": "followed", "name": "Followed", "url": world.backend.url})
    other = people(ANN, "/ui/servers/followed/try?tool=fail")
    other.get_by_label("Reason").fill("no stamps")
    other.get_by_role("button", name="Call the tool").click()
    expect(other.get_by_role("region", name="Result")).to_contain_text("no stamps")
    tab(other, "Usage")
    expect(other.get_by_text("You see your own calls")).to_be_visible()
    pictured(other, shots, "journey-7-trail-ann")
    assert other.get_by_role("link", name="Audit").count() == 0
    page = people(ADMIN, "/ui/servers/followed/trail")
    act = page.get_by_role("list", name="Records of the audit trail").get_by_role("listitem").first
    expect(act).to_contain_text("fail · user:ann")
    page.get_by_role("link", name="In the audit explorer").click()
    expect(page).to_have_url(re.compile(r"/ui/audit\?asset=server"))
    records = page.get_by_role("list", name="Records").get_by_role("listitem")
    records.filter(has_text="tool error").first.get_by_role("link").click()
    detail = page.get_by_role("complementary", name="Details")
    expect(detail).to_contain_text("no stamps")
    expect(detail).to_contain_text("airegistry-web")
    pictured(page, shots, "journey-7-trail-admin")
    page.get_by_role("link", name="All of this request").click()
    expect(page).to_have_url(re.compile("correlation|request"))
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_text(re.compile(r"^Intact: [\d,]+ records hold"))).to_be_visible()
    world.ask("DELETE", "/servers/followed")


def test_a_peer_is_added_synced_and_what_it_brought_says_where_it_is_from(
    people: People, world: WebWorld, peer: Registry, shots: Shots
) -> None:
    page = people(ADMIN, "/ui/add-source/peer")
    page.get_by_role("textbox", name=re.compile("^Name")).first.fill("port-registry")
    page.get_by_label(re.compile("^URL")).fill(peer.url)
    page.get_by_label(re.compile("^Token")).fill(peer.token)
    page.get_by_label("Put before each path").fill("port-")
    page.get_by_role("button", name="Add and sync now").click()
    expect(page.get_by_text("In order").first).to_be_visible(timeout=30_000)
    pictured(page, shots, "journey-8-federate-admin")
    other = people(ANN, "/ui/?source=port-registry&disabled=true")
    other.locator(".card", has_text="Harbour master").click()
    expect(other.get_by_role("heading", name="Harbour master", level=1)).to_be_visible()
    expect(other.get_by_text("Peer registry: port-registry", exact=True)).to_be_visible()
    pictured(other, shots, "journey-8-federate-ann")
    assert other.get_by_role("navigation", name="Main").get_by_role("link", name="Sources").count() == 0
    world.ask("DELETE", "/sources/port-registry")


def test_a_scope_is_given_and_taken_while_the_person_looks(people: People, world: WebWorld, shots: Shots) -> None:
    world.server("annex", "Annex", "A back room.", groups=["keyholders"], visibility="group", owner_team="annex")
    world.ask("PUT", "/groups/keyholders", {"scopes": []})
    other = people(ANN, "/ui/?q=annex")
    expect(other.get_by_role("heading", name="Nothing matches")).to_be_visible()
    page = people(ADMIN, "/ui/access/scopes")
    page.get_by_role("link", name="Define a scope").click()
    page.get_by_label("Name").fill("back-room")
    page.get_by_label("Assets").fill("annex")
    matches = page.get_by_role("region", name="What it matches")
    expect(matches.get_by_role("link", name="Annex")).to_be_visible()
    pictured(page, shots, "journey-9-scope-admin")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="back-room", level=1)).to_be_visible()
    world.ask("PUT", "/groups/red", {"scopes": ["caller", "back-room"]})
    expect(other.locator(".card", has_text="Annex")).to_be_visible(timeout=15_000)
    pictured(other, shots, "journey-9-scope-ann")
    world.ask("PUT", "/groups/red", {"scopes": ["caller"]})
    expect(other.get_by_role("heading", name="Nothing matches")).to_be_visible(timeout=15_000)
    for place in ("scopes/back-room", "servers/annex", "groups/keyholders"):
        world.ask("DELETE", f"/{place}")


def test_two_people_rate_and_the_administrator_sees_what_they_gave(
    people: People, world: WebWorld, shots: Shots
) -> None:
    world.server("bakery", "Bakery", "Bread and cakes.", owner_team="kitchen")
    page = people(ADMIN, "/ui/servers/bakery")
    expect(page.get_by_text("Nobody has rated it yet.")).to_be_visible()
    for person, stars, so_far in ((ANN, "5 stars", "5.0 of 5, by 1"), (BOB, "2 stars", "3.5 of 5, by 2")):
        other = people(person, "/ui/servers/bakery")
        other.get_by_role("button", name=stars).click()
        expect(other.get_by_text(so_far)).to_be_visible()
        pictured(other, shots, f"journey-10-rate-{person}")
    page.reload()
    expect(page.get_by_text("3.5 of 5, by 2")).to_be_visible()
    pictured(page, shots, "journey-10-rate-admin")
    world.ask("DELETE", "/servers/bakery")
