"""People at the page: Chromium against a started registry. A page that breaks its policy or fails by itself fails the
test."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.support.processes import ROOT
from tests.web import world as worlds
from tests.web.people import ARGUMENTS, CHROMIUM, People
from tests.web.world import WebWorld

SHOTS = Path(os.environ.get("AIREGISTRY_SHOTS", ROOT / ".cache" / "web-shots"))
"""Where screenshots are kept, for people to look at."""


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebWorld]:
    """A furnished registry, for all of these tests on a worker; tests that change it do so at paths of their own."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no Chromium at {CHROMIUM}: run .ci/install-web")
    world = worlds.start(tmp_path_factory.mktemp("web"))
    yield world
    worlds.stop(world)


@pytest.fixture(scope="package")
def people(world: WebWorld) -> Iterator[People]:
    """Opens browsers for people of that registry.

    Not for the session: while Playwright runs it holds the thread's event loop, which other tests need.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield People(browser, world.url)
        browser.close()


@pytest.fixture(autouse=True)
def _nothing_breaks(people: People) -> Iterator[None]:
    """No violation of the policy, no error of a script, nothing asked of another host."""
    yield
    people.leave()


@pytest.fixture
def shots() -> Callable[[str], Path]:
    """Names the file of a screenshot."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    return lambda name: SHOTS / f"{name}.png"
