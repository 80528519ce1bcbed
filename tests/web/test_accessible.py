"""No view breaks a rule of axe in either theme, or is wider than a phone. Screenshots are kept for people to see."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it says no types of its own
from playwright.sync_api import Page

from tests.web.looks import Shots, judged, settled
from tests.web.people import WIDE, People
from tests.web.world import ADMIN

VIEWS = {
    "find": "/ui/",
    "find-nothing": "/ui/?q=nothing-of-that-name&owner=office",
    "server": "/ui/servers/parcels",
    "server-tools": "/ui/servers/parcels/tools",
    "server-connect": "/ui/servers/parcels/connect",
    "server-try": "/ui/servers/parcels/try?tool=quote_freight",
    "virtual-server": "/ui/virtual-servers/outdoors",
    "agent": "/ui/agents/planner",
    "skill": "/ui/skills/release-notes",
    "entity": "/ui/entities/rainfall",
    "waiting": "/ui/waiting",
    "approvals": "/ui/approvals",
    "approvals-changes": "/ui/approvals/changes",
    "approvals-review": "/ui/approvals/review",
    "findings": "/ui/findings?severity=info",
    "waivers": "/ui/findings/waivers",
    "lifecycle": "/ui/lifecycle",
    "health": "/ui/health",
    "usage": "/ui/usage",
    "audit": "/ui/audit",
    "logs": "/ui/logs?level=debug",
    "register": "/ui/register/servers",
    "register-entity": "/ui/register/entities?type=dataset",
    "edit": "/ui/servers/parcels/edit",
    "compose-existing": "/ui/virtual-servers/outdoors/compose",
    "type-schema": "/ui/types/dataset?tab=schema",
    "source-new": "/ui/add-source/peer",
    "source": "/ui/sources/quiet",
    "webhook": "/ui/webhooks/quiet",
    "access": "/ui/access",
    "access-groups": "/ui/access/groups",
    "access-scopes": "/ui/access/scopes",
    "access-scope": "/ui/access/scopes/caller",
    "access-preview": "/ui/access/preview?who=user:ann&path=a",
    "access-why": "/ui/access/why?subject=user:ann&action=call&asset=server/parcels",
    "access-providers": "/ui/access/providers",
    "access-issuers": "/ui/access/issuers",
    "tokens": "/ui/tokens",
    "clients": "/ui/tokens/clients",
    "limits": "/ui/protection",
    "quarantine": "/ui/protection/quarantine",
    "account": "/ui/account",
    "missing": "/ui/servers/no-such-server",
    "no-page": "/ui/no/such/page",
}
"""Every view by a name; a new one adds its line."""


@pytest.fixture(scope="module")
def window(people: People) -> Iterator[Page]:
    """One for all of them: a view is loaded anew in it, and what it is made of is not."""
    page = people(ADMIN, bypass_csp=True, kept=True)  # axe itself is a script of no nonce
    yield page
    page.context.close()


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_in_either_theme_and_a_phone_shows_all_of_it(
    people: People, window: Page, view: str, shots: Shots
) -> None:
    window.goto(f"{people.url}{VIEWS[view]}")
    settled(window)
    for summary in window.locator("summary").all()[:1]:
        summary.click()
    judged(window, shots, view)


@pytest.mark.parametrize("open_", ["palette", "keys", "menu", "table"])
def test_axe_finds_nothing_in_what_lies_over_a_view(people: People, open_: str, shots: Shots) -> None:
    page = people(ADMIN, bypass_csp=True, size=WIDE)
    settled(page)
    if open_ == "menu":
        page.locator(".menu-button").click()
    elif open_ == "table":
        page.get_by_role("button", name="Table").click()
    else:
        page.keyboard.press({"palette": "Control+k", "keys": "?"}[open_])
        page.wait_for_selector("dialog[open]")
    page.screenshot(path=shots(f"over-{open_}"))
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
