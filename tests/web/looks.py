"""How a view looks: in either theme and on a phone, kept as pictures, and judged by axe."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it says no types of its own
from playwright.sync_api import Page

from tests.web.people import PHONE, WIDE

Shots = Callable[[str], Path]
SCHEMES: Final = ("light", "dark")
COLOURS: Final = {"runOnly": ["color-contrast", "link-in-text-block"]}
"""Of axe's rules those that a theme matters to."""


def settled(page: Page) -> None:
    """Wait until a view stands still."""
    page.wait_for_selector("h1")
    page.wait_for_function("() => !document.querySelector('.skeleton')")


def judged(page: Page, shots: Shots, name: str, *, full_page: bool = False) -> None:
    """Look at a view as it stands: pictures in both themes and on a phone, no violation, nothing wider than a phone.

    Every rule is asked in the light theme, and those about colours in the dark one again.
    """
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=shots(f"{name}-{scheme}"), full_page=full_page)
        found = Axe().run(page, options=None if scheme == "light" else COLOURS)
        assert found.violations_count == 0, (name, scheme, found.generate_report())
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    page.screenshot(path=shots(f"{name}-phone"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than a phone"
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})


def pictured(page: Page, shots: Shots, name: str) -> None:
    """Keep pictures of a view as it stands in both themes and on a phone, which nothing may be wider than."""
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=shots(f"{name}-{scheme}"))
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    page.screenshot(path=shots(f"{name}-phone"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than a phone"
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
