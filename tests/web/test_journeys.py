"""Ten journeys, the first five: finding, registering, approving, building, and being refused. Each as somebody who may
and as somebody who may less, through the real gateway to real servers. Pictures are kept of where each of them ends.
"""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
from playwright.sync_api import Page, expect

from tests.support import mcp
from tests.web.looks import Shots, pictured, settled
from tests.web.outside import Outside, outside
from tests.web.people import People
from tests.web.waiting import calling
from tests.web.world import ADMIN, ANN, PASSWORD, Json, WebWorld

MIA = "mia"
"""Registers servers, and no more: what she registers others judge."""


@pytest.fixture(scope="module")
def harmful() -> Iterator[Outside]:
    with outside() as server:
        yield server


@pytest.fixture(scope="module")
def maker(world: WebWorld) -> Iterator[str]:
    """Somebody of a team that registers."""
    grants = [{"kinds": ["*"], "assets": ["*"], "actions": ["register"]}]
    world.ask("PUT", "/scopes/registering", {"grants": grants})
    world.ask("PUT", "/groups/makers", {"scopes": ["registering"]})
    world.ask("PUT", f"/users/{MIA}", {"name": "Mia", "groups": ["makers"]})
    world.ask("PUT", f"/users/{MIA}/password", {"password": PASSWORD})
    yield MIA
    for place in (f"users/{MIA}", "groups/makers", "scopes/registering"):
        world.ask("DELETE", f"/{place}")


def call(url: str, token: str, tool: str, **arguments: object) -> Json:
    """What an assistant gets that is connected to an endpoint. In another thread: Playwright holds this one's loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: anyio.run(lambda: mcp.ask(url, token, tool, **arguments))).result(60)


def tab(page: Page, name: str) -> None:
    """Go to a tab of an asset."""
    page.get_by_role("navigation", name="Sections").get_by_role("link", name=re.compile(f"^{name}")).click()


def make_token(page: Page, name: str) -> str:
    """A token of one's own, from one's account."""
    page.get_by_role("button", name=re.compile("^Account")).click()
    page.get_by_role("link", name="Your account").click()
    page.get_by_role("button", name="Create a token").click()
    page.get_by_role("dialog").get_by_label("Name").fill(name)
    page.get_by_role("button", name="Create the token").click()
    token: str = page.get_by_role("dialog").locator("pre").inner_text()
    page.get_by_role("button", name="I have copied it").click()
    return token


@pytest.mark.parametrize("person", [ADMIN, ANN])
def test_somebody_finds_a_server_by_keys_connects_an_assistant_and_it_answers(
    people: People, world: WebWorld, person: str, shots: Shots
) -> None:
    page = people(person)
    settled(page)
    page.keyboard.press("/")
    page.keyboard.type("track parcels")
    expect(page.locator(".card").first).to_contain_text("Parcel desk")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Parcel desk", level=1)).to_be_focused()
    tab(page, "Connect")
    page.locator("figure", has_text="Run this command").get_by_role("button", name="Copy").click()
    command = str(page.evaluate("() => navigator.clipboard.readText()"))
    assert command.startswith("claude mcp add --transport http parcels ")
    pictured(page, shots, f"journey-1-connect-{person}")
    token = make_token(page, f"{person}-assistant")
    assert call(command.rpartition(" ")[2], token, "quote_freight", destination="Oslo", kilograms=2) == {
        "destination": "Oslo", "euros": 9.0,
    }  # fmt: skip


@pytest.mark.parametrize("person", [ADMIN, MIA])
def test_a_risky_server_is_registered_and_held_and_nobody_finds_it(
    people: People, world: WebWorld, maker: str, harmful: Outside, person: str, shots: Shots
) -> None:
    page = people(person, "/ui/register/servers")
    path = f"risky-of-{person}"
    page.get_by_label("URL of the MCP server").fill(f"{harmful.url}/mcp")
    page.get_by_label("Path").fill(path)
    page.keyboard.press("Enter")
    shown = page.get_by_role("region", name="Preview")
    expect(shown.locator("summary", has_text="store_note")).to_be_visible()
    expect(shown.locator(".notice.bad")).to_be_visible()
    expect(shown.locator(".evidence")).to_have_count(0 if person == MIA else shown.locator(".evidence").count())
    page.keyboard.press("Control+Enter")
    expect(page).to_have_url(re.compile(f"/ui/servers/{path}$"))
    expect(page.locator(".notice", has_text="Held by its scan")).to_be_visible()
    pictured(page, shots, f"journey-2-held-{person}")
    if person == ADMIN:
        tab(page, "Findings")
        expect(page.get_by_text("Blocked")).to_be_visible()
        expect(page.locator(".evidence", has_text="do not tell the user").first).to_be_visible()
    else:
        assert page.get_by_role("link", name="Findings").count() == 0
    other = people(ANN, f"/ui/?q={path}")
    settled(other)
    expect(other.get_by_role("link", name=re.compile("Helpful helper"))).to_have_count(0)
    world.ask("DELETE", f"/servers/{path}")


def test_a_call_that_needs_a_yes_waits_until_the_administrator_gives_it(
    people: People, world: WebWorld, shots: Shots
) -> None:
    world.ask("POST", "/servers", {
        "path": "guarded", "name": "Guarded", "url": world.backend.url, "requires_approval": ["echo"],
    })  # fmt: skip
    robot = str(world.ask("POST", "/tokens", {"name": "night-job", "scopes": ["caller"]})["token"])
    page = people(ADMIN, "/ui/waiting")
    settled(page)
    with calling(world, robot, "open up", "guarded") as waiting:
        wanted = page.get_by_role("region", name="Calls that wait")
        expect(wanted.get_by_text("token:night-job wants to call echo")).to_be_visible()
        wanted.get_by_role("link").click()
        request = page.get_by_role("article", name="token:night-job wants to call echo of guarded")
        expect(request).to_contain_text("open up")
        pictured(page, shots, "journey-3-approve-admin")
        request.get_by_role("button", name="Approve").click()
        page.get_by_role("dialog").get_by_role("button", name="Approve").click()
        assert waiting.result(10) == 200
    expect(page.get_by_role("heading", name="No call waits")).to_be_visible()
    events = world.ask("GET", "/audit/events?action=approval:approve&asset=server/guarded&limit=1")["events"]
    assert isinstance(events, list)
    assert isinstance(events[0], dict)
    assert events[0]["subject"] == "user:admin"
    world.ask("DELETE", "/servers/guarded")


def test_a_restricted_person_is_asked_about_their_own_call_and_sees_nobody_elses(
    people: People, world: WebWorld, shots: Shots
) -> None:
    world.ask("POST", "/servers", {
        "path": "guarded", "name": "Guarded", "url": world.backend.url, "requires_approval": ["echo"],
    })  # fmt: skip
    page = people(ANN, "/ui/servers/guarded/try?tool=echo")
    for answer, outcome in (("Decline", "you refused it"), ("Agree", "good morning")):
        page.get_by_label("Text").fill("good morning")
        page.get_by_role("button", name="Call the tool").click()
        expect(
            page.get_by_role("region", name="Result").get_by_role("heading", name=re.compile("asks you"))
        ).to_be_focused()
        if answer == "Decline":
            pictured(page, shots, "journey-3-approve-ann")
        page.get_by_role("button", name=answer).click()
        expect(page.get_by_role("region", name="Result")).to_contain_text(outcome)
    assert page.get_by_role("navigation", name="Main").get_by_role("link", name="Approvals").count() == 0
    page.goto(f"{world.url}/ui/approvals")
    expect(page.get_by_role("article")).to_have_count(0)
    world.ask("DELETE", "/servers/guarded")


def test_a_virtual_server_is_built_of_two_servers_and_a_restricted_person_calls_it(
    people: People, world: WebWorld, shots: Shots
) -> None:
    page = people(ADMIN, "/ui/compose")
    page.get_by_role("textbox", name=re.compile("^Name")).first.fill("Front desk")
    for words, tool in (("quote freight", "quote_freight of parcels"), ("free times", "calendar_look of calendar")):
        page.get_by_role("textbox", name="Find tools").fill(words)
        page.get_by_role("button", name=f"Add {tool}").click()
    page.get_by_label("Name for clients, of quote_freight of parcels").fill("price")
    page.get_by_role("button", name="Check it").click()
    expect(page.get_by_role("region", name="Preview").locator("summary", has_text="price")).to_be_visible()
    pictured(page, shots, "journey-4-compose-admin")
    page.get_by_role("button", name="Create").click()
    expect(page).to_have_url(re.compile("/ui/virtual-servers/front-desk/tools$"))
    other = people(ANN, "/ui/?q=front+desk")
    other.locator(".card", has_text="Front desk").click()
    tab(other, "Try a tool")
    other.get_by_label("Tool").select_option("price")
    other.get_by_label("Destination").fill("Oslo")
    other.get_by_label("Kilograms").fill("2")
    other.get_by_role("button", name="Call the tool").click()
    expect(other.get_by_role("region", name="Result")).to_contain_text('"euros": 9')
    pictured(other, shots, "journey-4-compose-ann")
    assert other.get_by_role("link", name="Edit").count() == 0
    world.ask("DELETE", "/virtual-servers/front-desk")


def test_why_somebody_may_not_call_a_tool_is_read_by_them_and_by_the_administrator(
    people: People, world: WebWorld, shots: Shots
) -> None:
    world.ask("POST", "/servers", {"path": "strongroom", "name": "Strong room", "url": world.backend.url})
    denied = {"assets": ["strongroom"], "tools": ["secret"], "actions": ["call"], "effect": "deny"}
    world.ask("PUT", "/scopes/no-secrets", {"grants": [denied]})
    world.ask("PUT", "/groups/red", {"scopes": ["caller", "no-secrets"]})
    page = people(ANN, "/ui/servers/strongroom/try?tool=secret")
    page.get_by_role("button", name="Call the tool").click()
    expect(
        page.get_by_role("region", name="Result").get_by_role("heading", name="The call was refused")
    ).to_be_visible()
    page.get_by_role("link", name="See by which rule").click()
    expect(page.get_by_label("With the tool")).to_have_value("secret")
    answer = page.get_by_role("region", name="Answer")
    expect(answer.locator(".notice.bad")).to_be_visible()
    pictured(page, shots, "journey-5-denied-ann")
    page = people(ADMIN, "/ui/access/why")
    for name, said in (
        ("Who", f"user:{ANN}"), ("Action or MCP method", "call"), ("Asset", "server/strongroom"), ("Tool", "secret"),
    ):  # fmt: skip
        page.get_by_role("textbox", name=name).fill(said)
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_text("Not allowed", exact=True)).to_be_visible()
    pictured(page, shots, "journey-5-denied-admin")
    page.get_by_role("link", name="Grant 1 of scope no-secrets (deny)").click()
    expect(page.get_by_role("heading", name="no-secrets", level=1)).to_be_visible()
    world.ask("PUT", "/groups/red", {"scopes": ["caller"]})
    for place in ("scopes/no-secrets", "servers/strongroom"):
        world.ask("DELETE", f"/{place}")
