"""What somebody at the page waits for: the first view, the answer to each letter, steps, and scrolling."""

import re
import statistics
from collections.abc import Callable, Iterator
from typing import Final

from playwright.sync_api import Page, expect

from benchmarks.webpage.verdicts import Verdict
from tests.web.people import People
from tests.web.steps import ITEMS, MOST_NODES, asked
from tests.web.world import ADMIN

FIRST_VIEW, AS_YOU_TYPE = 1000, 100
"""Milliseconds."""
ROUNDS: Final = 5
WATCH: Final = """(() => {
    const painted = then => requestAnimationFrame(() => requestAnimationFrame(() => then(performance.now())));
    const seen = new MutationObserver(() => {
        if (!document.querySelector(".card")) return;
        seen.disconnect();
        painted(at => { window.__first = at; });
    });
    seen.observe(document, { childList: true, subtree: true });
    window.__typed = [];
    let typed = 0;
    addEventListener("input", () => { typed = performance.now(); }, true);
    const real = window.fetch;
    window.fetch = async (...request) => {
        const mine = typed;
        const answer = await real(...request);
        if (mine && String(request[0]).includes("/catalog?")) {
            const read = () => painted(at => { if (mine === typed) window.__typed.push(at - mine); });
            answer.clone().arrayBuffer().then(read, () => undefined);
        }
        return answer;
    };
})()"""
"""Notes when the first card is on screen, and for each letter how long it takes until its results are."""
SCROLL: Final = """async () => {
    const frames = [];
    let before = performance.now();
    for (let step = 0; step < 240; step++) {
        scrollBy(0, 60);
        await new Promise(requestAnimationFrame);
        frames.push(performance.now() - before);
        before = performance.now();
    }
    return frames;
}"""
"""Four seconds of scrolling, a third of a screen in ten frames: the milliseconds of each frame."""


def felt(people: People, words: list[str]) -> Iterator[Verdict]:
    """Everything that is measured by hand, so to speak."""
    first, typed = [], []
    for number in range(ROUNDS):
        page = _watched(people)
        first.append(page.evaluate("__first"))
        typed += _letters(page, words[number % len(words)])
        people.leave()
    yield Verdict("first view, median", statistics.median(first), "ms", at_most=FIRST_VIEW)
    yield Verdict("first view, worst", max(first), "ms")
    yield Verdict("letter to results, median", statistics.median(typed), "ms", at_most=AS_YOU_TYPE)
    yield Verdict("letter to results, 95 of 100 within", sorted(typed)[len(typed) * 95 // 100], "ms")
    page = _watched(people)
    yield Verdict("API calls of a step, the most", max(_steps(page, words[0])), at_most=1)
    yield from _scrolled(page)
    people.leave()


def _watched(people: People) -> Page:
    """Find as the administrator sees it who opens a browser anew."""
    page = people(ADMIN, script=WATCH)
    page.wait_for_function("() => window.__first")
    return page


def _letters(page: Page, word: str) -> list[float]:
    """Milliseconds for each letter of a word."""
    page.keyboard.press("/")
    for count, letter in enumerate(word, 1):
        page.keyboard.type(letter)
        page.wait_for_function("count => window.__typed.length >= count", arg=count)
        page.wait_for_timeout(100)  # people take longer
    found: list[float] = page.evaluate("window.__typed")
    return found


def _steps(page: Page, word: str) -> Iterator[int]:
    """Calls of the API at each of some steps."""
    card, role = page.locator(".card").first, page.get_by_role
    steps: list[tuple[Callable[[], object], Callable[[], object]]] = [
        (role("link", name="Agents", exact=True).click,
         lambda: expect(card).to_have_attribute("href", re.compile("^/ui/agents/"))),
        (role("checkbox", name=re.compile(r"^team-")).first.check,
         lambda: expect(page.locator(".chip")).to_be_visible()),
        (role("button", name="Table").click, lambda: expect(role("table")).to_be_visible()),
        (role("button", name="Cards").click, lambda: expect(card).to_be_visible()),
        (lambda: page.get_by_label("Search the registry").fill(word),
         lambda: page.wait_for_function("() => window.__typed.length")),
        (role("button", name="Clear filters").click, lambda: expect(page.locator(".chip")).to_have_count(0)),
        (card.click, lambda: expect(role("navigation", name="Sections")).to_be_visible()),
    ]  # fmt: skip
    for act, until in steps:
        yield len(asked(page, act, until))


def _scrolled(page: Page) -> Iterator[Verdict]:
    """Down the list of everything, in both layouts."""
    for layout in ("Cards", "Table"):
        page.goto(page.url.partition("/ui/")[0] + "/ui/")
        page.get_by_role("button", name=layout).click()
        expect(page.locator(ITEMS).first).to_be_visible()
        frames: list[float] = page.evaluate(SCROLL)
        name = layout.lower()
        yield Verdict(f"items of the list, {name}", page.locator(ITEMS).count(), at_most=MOST_NODES)
        yield Verdict(f"elements of the page, {name}", page.evaluate("document.querySelectorAll('*').length"))
        yield Verdict(f"frame while scrolling, 95 of 100, {name}", sorted(frames)[len(frames) * 95 // 100], "ms")
