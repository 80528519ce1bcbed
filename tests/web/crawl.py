"""Every view that somebody can reach by links, one after the other."""

import re
from collections import Counter
from collections.abc import Callable, Iterator

from playwright.sync_api import Page

from tests.support.rounds import ROUNDS
from tests.web.looks import settled

ASSET = re.compile(r"^/ui/(servers|agents|skills|virtual-servers|entities)/([^/?]+)")
GO = """to => {
    history.pushState(null, "", to);
    dispatchEvent(new PopStateEvent("popstate"));
    return new Promise(done => requestAnimationFrame(() => setTimeout(done)));
}"""
"""To another view without loading the page anew, as a link does."""
FEW = 5 if ROUNDS >= 20 else 2
MOST = 400
"""Views after which something is wrong with how they are told apart."""


def crawl(page: Page, base: str, wanted: Callable[[str], bool], start: str = "/ui/") -> Iterator[str]:
    """The views that links lead to, each while it is shown; of assets those of `wanted` paths alone, and of each view
    a few of the ways to narrow it down."""
    waiting, known, variants = [start], {start}, Counter[str]()
    page.goto(f"{base}{start}")
    while waiting:
        view = waiting.pop(0)
        page.evaluate(GO, f"{base}{view}")
        settled(page)
        yield view
        for link in links(page, base):
            asset = ASSET.match(link)
            if link not in known and (asset is None or wanted(asset[2])) and variants[link.partition("?")[0]] < FEW:
                variants[link.partition("?")[0]] += 1
                known.add(link)
                waiting.append(link)
        assert len(known) < MOST, sorted(known)


def links(page: Page, base: str) -> list[str]:
    """Where links to views lead, below the root."""
    found: list[str] = page.evaluate("[...document.querySelectorAll('a[href]')].map(each => each.href)")
    return [each.removeprefix(base).partition("#")[0] for each in found if each.startswith(f"{base}/ui/")]
