"""A large catalog: each step is one request, and of a long list there is what one sees.

With full rounds there are 10,000 assets, else 500. How quick it is `benchmarks/web.py` measures.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.registry import Registry
from tests.support.rounds import ROUNDS
from tests.web.looks import settled
from tests.web.people import People
from tests.web.steps import ITEMS, MOST_NODES, asked
from tests.web.world import ADMIN, PASSWORD

pytestmark = pytest.mark.slow
FULL = ROUNDS >= 20
ASSETS = 10_000 if FULL else 500
OWNERS, WORDS = 5, ("harbour", "meadow", "granite", "lantern", "orchard", "compass", "velvet", "thunder")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, people: People) -> Iterator[People]:
    """People of a registry with that many assets."""
    registry = Registry(
        tmp_path_factory.mktemp("large"),
        {"AIREGISTRY_ADMIN_PASSWORD": PASSWORD, "AIREGISTRY_EMBEDDER": "none"},
    )
    registry.start()
    try:
        _fill(registry)
        yield People(people.browser, registry.url)
    finally:
        registry.close()


def _fill(registry: Registry) -> None:
    headers = {"authorization": f"Bearer {registry.token}"}
    with httpx2.Client(base_url=f"{registry.url}/api/v1", headers=headers, trust_env=False, timeout=60) as client:
        client.put("/entity-types/dataset", json={"schema": {"type": "object"}}).raise_for_status()

        def put(number: int) -> None:
            word = WORDS[number % len(WORDS)]
            client.post("/entities", json={
                "type": "dataset", "path": f"set-{number:05}", "data": {"rows": number}, "tags": [word],
                "governance": {
                    "name": f"{word} {number}", "description": f"Readings of the {word}, part {number}.",
                    "owner_team": f"team-{number % OWNERS}",
                },
            }).raise_for_status()  # fmt: skip

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(put, range(ASSETS)))


@pytest.fixture
def page(large: People) -> Iterator[Page]:
    """Find, as the administrator sees it."""
    page = large(ADMIN)
    settled(page)
    expect(page.locator(".card").first).to_be_visible()
    yield page
    large.leave()


def owner(page: Page, number: int) -> Locator:
    """The filter of an owner; each has as many assets, so that those that come first by name are shown."""
    return page.get_by_role("checkbox", name=re.compile(rf"^team-{number}\b"))


def test_each_step_is_one_request(page: Page) -> None:
    heading = page.get_by_role("heading", level=1)
    steps: Sequence[tuple[Callable[[], object], Callable[[], object], str]] = [
        (lambda: owner(page, 1).check(),
         lambda: expect(page.get_by_text(f"{ASSETS // OWNERS:,} results")).to_be_visible(), "/catalog"),
        (lambda: page.get_by_role("button", name=re.compile("^Remove the filter")).click(),
         lambda: expect(page.get_by_text(f"{ASSETS // OWNERS:,} results")).to_have_count(0), "/catalog"),
        (lambda: page.get_by_label("Search the registry").fill("granite 42"),
         lambda: expect(page.locator(".card").first).to_contain_text("granite 42"), "/catalog"),
        (page.locator(".card").first.click,
         lambda: expect(heading).to_have_text("granite 42"), "/entities/"),
        (lambda: page.get_by_role("link", name="Skills", exact=True).click(),
         lambda: expect(page).to_have_url(re.compile("kind=skill")), "/catalog"),
    ]  # fmt: skip
    for act, until, path in steps:
        found = asked(page, act, until)
        assert len(found) <= 1, found
        assert all(each.startswith(path) for each in found), found


def test_of_ten_thousand_there_are_those_that_one_sees_wherever_one_scrolls(page: Page) -> None:
    for layout in ("Cards", "Table"):
        page.get_by_role("button", name=layout).click()
        deepest = 0
        for _ in range(60 if FULL else 20):
            page.mouse.move(640, 500)
            page.mouse.wheel(0, 6000)
            page.wait_for_function("() => new Promise(done => requestAnimationFrame(() => done(true)))")
            assert page.locator(ITEMS).count() <= MOST_NODES
            deepest = max(deepest, page.evaluate("scrollY"))
        assert deepest > 5000
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        expect(page.locator(ITEMS).last).to_be_visible()
        assert page.locator(ITEMS).count() <= MOST_NODES
        page.evaluate("scrollTo(0, 0)")


def test_the_list_goes_on_to_its_end_and_the_keyboard_with_it(page: Page) -> None:
    owner(page, 3).check()
    expect(page.get_by_text(f"{ASSETS // OWNERS:,} results")).to_be_visible()
    last = f"{WORDS[(ASSETS - OWNERS + 3) % len(WORDS)]} {ASSETS - OWNERS + 3}"
    for _ in range(40):
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        if page.locator(".card", has_text=last).count():
            break
        page.wait_for_timeout(50)  # until the next page of it is there
    expect(page.locator(".card", has_text=last).first).to_be_visible()
