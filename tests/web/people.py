"""Browsers of people who are signed in, and what went wrong in them."""

import os
from dataclasses import dataclass, field
from typing import Literal

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from tests.web.world import PASSWORD

CHROMIUM = os.environ.get("AIREGISTRY_CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
Scheme = Literal["light", "dark"]
WIDE, PHONE = (1280, 800), (390, 844)
_VIOLATIONS = """
    document.addEventListener("securitypolicyviolation", (event) =>
        console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
_EXPECTED = "Failed to load resource: the server responded with a status of"
"""What Chromium says of an answer that is a refusal: the page shows it, and the test says which."""


@dataclass
class People:
    """Signs people in, each once, and notes what goes wrong."""

    browser: Browser
    url: str
    wrong: list[str] = field(default_factory=list)
    _known: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    _open: list[BrowserContext] = field(default_factory=list)

    def __call__(
        self, name: str | None, path: str = "/ui/", *, scheme: Scheme = "light", size: tuple[int, int] = WIDE,
        bypass_csp: bool = False, kept: bool = False, script: str = "",
    ) -> Page:  # fmt: skip
        """A window of somebody at a view; of nobody who is signed in without a name. Who has it kept closes it.

        A script runs before those of the page.
        """
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, bypass_csp=bypass_csp,
            is_mobile=size == PHONE, has_touch=size == PHONE, reduced_motion="reduce",
        )  # fmt: skip
        context.set_default_timeout(10_000)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        context.add_init_script(_VIOLATIONS + script)
        if not kept:
            self._open.append(context)
        if name is not None:
            context.add_cookies(self._cookies(name))  # type: ignore[arg-type]  # as Playwright gave them
        page = context.new_page()
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.wrong.append(f"{page.url}: {error}"))
        page.on("request", self._asked)
        page.goto(f"{self.url}{path}")
        return page

    def sign_in(self, page: Page, name: str) -> None:
        """Fill in the form that is shown."""
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()

    def forget(self, name: str) -> None:
        """Sign somebody in anew when they open a window next: their sessions were ended."""
        self._known.pop(name, None)

    def leave(self) -> None:
        """Close every window that is not kept.

        Raises:
            AssertionError: something went wrong in one.
        """
        for context in self._open:
            context.close()
        self._open.clear()
        wrong, self.wrong = self.wrong, []
        assert wrong == []

    def _cookies(self, name: str) -> list[dict[str, object]]:
        if name not in self._known:
            context = self.browser.new_context()
            page = context.new_page()
            page.goto(f"{self.url}/ui/")
            self.sign_in(page, name)
            page.wait_for_selector("h1")
            self._known[name] = [dict(each) for each in context.cookies()]
            context.close()
        return self._known[name]

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(_EXPECTED):
            self.wrong.append(f"{message.page.url if message.page else ''}: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:")):
            self.wrong.append(f"asked another host: {request.url}")
