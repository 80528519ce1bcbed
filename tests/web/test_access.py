"""Who may do what, as administrators look after it: scopes with what they match, people, groups, tokens, protection."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.web.looks import settled
from tests.web.people import People
from tests.web.world import ADMIN, ANN, WebWorld


def picks(page: Page, *names: str) -> None:
    """Choose names in the dialog that is open."""
    for name in names:
        page.get_by_role("dialog").get_by_label(name, exact=True).check()


def test_a_scope_is_written_while_one_sees_what_it_matches_and_then_given_to_a_group(
    people: People, world: WebWorld
) -> None:
    page = people(ADMIN, "/ui/access/scopes")
    page.get_by_role("link", name="Define a scope").click()
    page.get_by_label("Name").fill("carrier-quotes")
    matches = page.get_by_role("region", name="What it matches")
    expect(matches.get_by_text("These grants match nothing that you may see.")).to_be_visible()
    page.get_by_label("Assets").fill("parcels, red-*")
    expect(matches.get_by_role("link", name="Parcel desk")).to_be_visible()
    expect(matches.get_by_role("link", name="Red vault")).to_be_visible()
    expect(matches.get_by_text(re.compile(r"^all \d+$")).first).to_be_visible()
    page.get_by_label("Tools").fill("quote_*")
    page.get_by_role("button", name="Call", exact=True).click()
    expect(matches.locator("tr", has_text="Parcel desk").get_by_text(re.compile(r"^1 of \d+$"))).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="carrier-quotes", level=1)).to_be_visible()
    stored = world.ask("GET", "/policy")["scopes"]
    assert isinstance(stored, list)
    grants = next(each["grants"] for each in stored if each["name"] == "carrier-quotes")  # type: ignore[index, call-overload]
    assert grants == [{
        "kinds": ["*"], "assets": ["parcels", "red-*"], "methods": ["*"], "tools": ["quote_*"], "actions": ["call"],
        "effect": "allow",
    }]  # fmt: skip
    page.get_by_role("link", name="Access").click()
    page.get_by_role("link", name="Groups").click()
    page.get_by_role("button", name="Add a group").click()
    page.get_by_label("Name").fill("freight")
    picks(page, "carrier-quotes")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="As this person: freight").click()
    page.get_by_label("With this in the path").fill("vault")
    expect(page.locator("tr", has_text="Red vault")).to_contain_text("granted by scope carrier-quotes")
    for path in ("/groups/freight", "/scopes/carrier-quotes"):
        world.ask("DELETE", path)


def test_what_a_person_may_see_and_why_not_more_is_answered_as_if_they_asked(people: People) -> None:
    page = people(ADMIN, "/ui/access")
    page.get_by_role("link", name=f"As this person: {ANN}").click()
    expect(page.get_by_text(re.compile(r"^May see \d+, may call something of \d+$"))).to_be_visible()
    page.get_by_label("With this in the path").fill("vault")
    expect(page.get_by_role("link", name="Red vault", exact=True)).to_be_visible()
    expect(page.get_by_text("Blue vault")).to_have_count(0)
    page.get_by_label("With this in the path").fill("parcels")
    page.get_by_role("link", name="Why? Parcel desk").click()
    expect(page.get_by_text("Allowed", exact=True)).to_be_visible()
    expect(page.get_by_text("Grant 1 of scope caller (allow)")).to_be_visible()
    page.get_by_label("Asset").fill("server/blue-vault")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_text("Not allowed", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_text("Not allowed", exact=True)).to_be_visible()


def test_somebody_is_added_given_a_password_that_is_shown_once_and_removed(people: People, world: WebWorld) -> None:
    page = people(ADMIN, "/ui/access")
    page.get_by_role("button", name="Add a person").click()
    page.get_by_label("Id").fill("cleo")
    page.get_by_label("Name").fill("Cleo")
    picks(page, "red")
    page.get_by_role("button", name="Save").click()
    row = page.locator("tr", has_text="Cleo")
    expect(row).to_contain_text("No password yet")
    row.get_by_role("button", name="Change cleo").click()
    page.get_by_role("button", name="New password").click()
    page.get_by_role("dialog").get_by_role("button", name="New password").click()
    secret = page.get_by_role("dialog").locator("pre")
    assert len(secret.inner_text()) >= 12
    page.get_by_role("button", name="I have copied it").click()
    expect(row).to_contain_text("May sign in")
    row.get_by_role("button", name="Change cleo").click()
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.locator("tr", has_text="Cleo")).to_have_count(0)


def test_a_group_that_was_removed_is_brought_back(people: People, world: WebWorld) -> None:
    world.ask("PUT", "/groups/short-lived", {"scopes": ["caller"], "description": "For a day"})
    page = people(ADMIN, "/ui/access/groups")
    page.get_by_role("button", name="Remove short-lived").click()
    expect(page.get_by_role("button", name="Group short-lived")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("tr", has_text="short-lived")).to_contain_text("caller")
    world.ask("DELETE", "/groups/short-lived")


def test_a_token_is_shown_once_to_copy_works_and_is_revoked(people: People, world: WebWorld) -> None:
    page = people(ADMIN, "/ui/tokens")
    page.get_by_role("button", name="Create a token").first.click()
    page.get_by_label("Name").fill("nightly")
    picks(page, "caller")
    page.get_by_label("Ends after").select_option("1 hour")
    page.get_by_role("button", name="Create the token").click()
    dialog = page.get_by_role("dialog", name="Your token")
    dialog.get_by_role("button", name="Copy", exact=True).click()
    token = page.evaluate("() => navigator.clipboard.readText()")
    assert token == dialog.locator("pre").inner_text()
    answer = page.request.get(f"{world.url}/api/v1/me", headers={"authorization": f"Bearer {token}"})
    assert (answer.json()["subject"], answer.json()["scopes"]) == ("token:nightly", ["caller"])
    page.get_by_role("button", name="I have copied it").click()
    assert token not in page.content()
    page.get_by_role("button", name="Revoke nightly").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("button", name="Revoke nightly")).to_have_count(0)
    assert page.request.get(f"{world.url}/api/v1/me", headers={"authorization": f"Bearer {token}"}).status == 401
    page.get_by_text("Show those that ended").click()
    expect(page.locator("tr", has_text="nightly")).to_contain_text("Revoked")


def test_limits_are_set_and_who_is_cut_off_is_let_in_again(people: People, world: WebWorld) -> None:
    page = people(ADMIN, "/ui/protection")
    page.get_by_role("button", name="Set a limit").click()
    page.get_by_label("Name").fill("daily")
    page.get_by_label("Calls").fill("500")
    page.get_by_label("In", exact=True).select_option("a day")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("tr", has_text="daily")).to_contain_text("500 calls in a day")
    page.get_by_role("link", name="Quarantine").click()
    page.get_by_role("button", name="Cut off").click()
    page.get_by_label("Subject or path").fill("token:runaway")
    page.get_by_label("Reason").fill("calls in a loop")
    page.get_by_role("dialog").get_by_role("button", name="Cut off").click()
    page.get_by_role("button", name="Let in again: token:runaway").click()
    expect(page.get_by_role("heading", name="Nobody is cut off")).to_be_visible()
    assert world.ask("GET", "/quarantine") == {"quarantines": []}
    world.ask("DELETE", "/limits/daily")


def test_everybody_sees_and_ends_their_own_sessions_and_makes_a_narrower_token(people: People) -> None:
    first, second = people(None), people(None)
    for page in (first, second):
        people.sign_in(page, ANN)
        settled(page)
    first.get_by_role("button", name=re.compile("^Account")).click()
    first.get_by_role("link", name="Your account").click()
    expect(first.get_by_text("This browser")).to_have_count(1)
    first.get_by_role("button", name="Sign out there").first.click()
    expect(first.get_by_text("Signed out there.")).to_be_visible()
    first.get_by_role("button", name="Create a token").click()
    first.get_by_label("Name").fill("own-job")
    first.get_by_role("button", name="Create the token").click()
    expect(first.get_by_role("dialog").locator("pre")).to_contain_text("air_")
    people.forget(ANN)


@pytest.mark.parametrize("path", ["/ui/access", "/ui/tokens", "/ui/protection"])
def test_who_may_not_is_shown_no_way_there_and_a_refusal_in_words(people: People, path: str) -> None:
    page = people(ANN, path)
    expect(page.get_by_role("alert").get_by_role("heading", name="You may not see this")).to_be_visible()
    expect(page.get_by_role("navigation", name="Main").get_by_role("link", name="Access")).to_have_count(0)
