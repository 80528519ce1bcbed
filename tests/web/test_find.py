"""Find: everything that one may see, searched, counted, narrowed down and kept in the address."""

import re

import pytest
from playwright.sync_api import Route, expect

from tests.web.people import PHONE, People
from tests.web.world import ADMIN, ANN, BOB, WebWorld


def test_whoever_is_not_signed_in_signs_in_and_is_back_at_the_view_they_wanted(people: People) -> None:
    page = people(None, "/ui/?kind=server&owner=office")
    people.sign_in(page, ANN)
    expect(page).to_have_url(re.compile(r"/ui/\?kind=server&owner=office$"))
    expect(page.get_by_role("link", name=re.compile("Mailbox"))).to_be_visible()
    assert page.title() == "Find · airegistry"


def test_what_is_typed_is_found_as_one_types_and_stands_in_the_address(people: People) -> None:
    page = people(ADMIN)
    expect(page.locator(".card").first).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("forecast")
    expect(page.locator(".card").first).to_contain_text("Weather")
    expect(page).to_have_url(re.compile(r"\?q=forecast$"))
    page.reload()
    expect(page.get_by_label("Search the registry")).to_have_value("forecast")
    page.get_by_label("Clear the search").click()
    expect(page).to_have_url(re.compile(r"/ui/$"))


def test_a_word_that_is_nearly_a_name_is_put_right(people: People) -> None:
    page = people(ADMIN, "/ui/?q=wether")
    page.locator(".suggestions").get_by_role("link").click()
    expect(page.locator(".card").first).to_contain_text("Weather")


def test_each_step_is_one_request(people: People) -> None:
    page = people(ADMIN)
    expect(page.locator(".card").first).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("link", name=re.compile("^Servers")).last.click()
    expect(page).to_have_url(re.compile("kind=server"))
    page.get_by_label("office").check()
    expect(page.locator(".card")).to_have_count(2)
    page.get_by_role("button", name="Table").click()
    expect(page.get_by_role("row")).to_have_count(3)
    assert len([each for each in asked if "/api/" in each]) == 2, asked


def test_facets_narrow_down_say_how_many_and_go_back_with_the_browser(people: People) -> None:
    page = people(ADMIN, "/ui/?kind=server")
    page.get_by_label("geo").check()
    expect(page.locator(".card")).to_have_count(2)
    expect(page.get_by_text("2 results")).to_be_visible()
    page.get_by_role("button", name="Remove the filter Tags: geo").click()
    expect(page.get_by_text("2 results")).to_be_hidden()
    page.locator(".card", has_text="Ledger").click()
    expect(page.get_by_role("heading", name="Ledger")).to_be_focused()
    page.go_back()
    expect(page).to_have_url(re.compile(r"kind=server$"))


@pytest.mark.parametrize(("person", "own", "other"), [(ANN, "red", "blue"), (BOB, "blue", "red")])
def test_people_of_different_teams_see_disjoint_catalogs_counts_and_suggestions(
    people: People, person: str, own: str, other: str
) -> None:
    page = people(person, "/ui/?kind=server")  # all of them fit on the screen: of a longer list there is what one sees
    expect(page.locator(".card", has_text=f"{own.capitalize()} vault")).to_be_visible()
    expect(page.get_by_text(f"{other.capitalize()} vault")).to_have_count(0)
    page.get_by_role("button", name=re.compile("Show all")).first.click()
    expect(page.get_by_label(f"only-{own}")).to_be_visible()
    expect(page.get_by_label(f"only-{other}")).to_have_count(0)
    hidden = people(person, f"/ui/servers/{other}-vault")
    expect(hidden.get_by_text("There is nothing here")).to_be_visible()
    typo = people(person, f"/ui/?q={other}-vaul")
    expect(typo.locator(".find-main")).to_be_visible()
    expect(typo.get_by_role("link", name=f"{other}-vault")).to_have_count(0)


def test_the_keyboard_goes_anywhere(people: People) -> None:
    page = people(ADMIN)
    expect(page.locator(".card").first).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(".card").nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(page.locator(".card").first).to_be_focused()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").fill("parcel")
    expect(page.get_by_role("option", name=re.compile("Parcel desk"))).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Parcel desk", level=1)).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_what_is_registered_elsewhere_appears_without_a_reload(people: People, world: WebWorld) -> None:
    page = people(ADMIN, "/ui/?q=lighthouse")
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    world.server("lighthouse", "Lighthouse", "Shows ships the way.")
    expect(page.locator(".card", has_text="Lighthouse")).to_be_visible()
    world.ask("DELETE", "/servers/lighthouse")
    expect(page.locator(".card", has_text="Lighthouse")).to_have_count(0)


def test_on_a_phone_the_menu_and_the_filters_are_a_touch_away(people: People) -> None:
    page = people(ADMIN, size=PHONE)
    expect(page.locator(".card").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Open the menu").click()
    page.get_by_role("dialog").get_by_role("link", name="Skills").click()
    expect(page).to_have_url(re.compile("kind=skill"))
    page.get_by_role("button", name="Filters").click()
    expect(page.get_by_label(re.compile("^airegistry"))).to_be_visible()


def test_the_sidebar_folds_collapses_and_stays_as_it_was_left(people: People) -> None:
    page = people(ADMIN, "/ui/audit")
    links = page.get_by_role("navigation", name="Main").get_by_role("link")
    expect(links).to_have_count(20)
    page.get_by_role("button", name="Observe").press("Enter")
    expect(links).to_have_count(17)  # the view that one is at stays
    page.reload()
    expect(page.get_by_role("button", name="Observe")).to_have_attribute("aria-expanded", "false")
    width = page.locator("main").bounding_box()
    page.keyboard.press("[")
    expect(links).to_have_count(20)
    wider = page.locator("main").bounding_box()
    assert width is not None
    assert wider is not None
    assert wider["width"] > width["width"] + 100
    page.reload()
    expect(page.get_by_role("button", name="Expand the sidebar")).to_have_attribute("aria-expanded", "false")


@pytest.mark.parametrize("layout", ["Cards", "Table"])
def test_the_focus_stays_among_the_results_while_later_ones_come(people: People, layout: str) -> None:
    page = people(ADMIN, "/ui/?q=vault")
    page.get_by_role("button", name=layout).click()
    item = page.locator("[data-item]")
    expect(item.first).to_contain_text("vault")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile("/catalog.*query=weather"), hold)
    page.get_by_label("Search the registry").fill("weather")
    page.keyboard.press("ArrowDown")
    expect(item.first).to_be_focused()
    while not held:
        page.wait_for_timeout(10)
    held.pop().continue_()
    expect(item.first).to_contain_text("Weather")
    expect(item.first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Weather", level=1)).to_be_focused()


def test_a_letter_still_to_be_searched_for_does_not_bring_anybody_back(people: People) -> None:
    page = people(ADMIN, "/ui/?q=forecast")
    expect(page.locator(".card").first).to_contain_text("Weather")
    # as on a busy machine: two letters, of which the second waits for its turn, a card, and long nothing
    page.evaluate("""async () => {
        const box = document.querySelector('.search input');
        for (const text of ['forecas', 'foreca']) {
            box.value = text;
            box.dispatchEvent(new InputEvent('input', {bubbles: true}));
        }
        document.querySelector('.card').click();
        const until = performance.now() + 150;
        for (let drawn = 0; drawn < 9; drawn++) await null;
        while (performance.now() < until);
    }""")
    expect(page.get_by_role("heading", name="Weather", level=1)).to_be_focused()
    page.wait_for_timeout(200)
    expect(page.get_by_role("heading", name="Weather", level=1)).to_be_visible()
