"""What a step costs: calls of the API, and items of a list that are there."""

from collections.abc import Callable
from typing import Final

from playwright.sync_api import Page

ITEMS: Final = "main ul.virtual > li, main tbody > tr:not(.space)"
MOST_NODES: Final = 200


def asked(page: Page, act: Callable[[], object], until: Callable[[], object]) -> list[str]:
    """What is asked of the API in the course of a step."""
    found: list[str] = []

    def note(request: object) -> None:
        url = str(getattr(request, "url", ""))
        if "/api/v1/" in url and not url.endswith("/events"):
            found.append(url.partition("/api/v1")[2])

    page.on("request", note)
    act()
    until()
    page.remove_listener("request", note)
    return found
