"""The page that shows the API: for whoever is signed in, and of this package alone."""

import re

import pytest

from airegistry.core.principals import SYSTEM
from airegistry.rest.api.docs import _FILES, _PAGES
from tests.rest.api_world import World

pytestmark = pytest.mark.anyio
FILES = ("/api/docs", "/api/docs/docs.js", "/api/docs/docs.css", "/api/docs/openapi.json")


async def test_nobody_reads_it_who_is_not_signed_in(world: World) -> None:
    for path in FILES:
        answer = await world.client.get(world.url + path)
        assert answer.status_code == 401
        assert 'href="/login"' in answer.text
        assert "resource_metadata=" in answer.headers["www-authenticate"]
        assert (await world.client.get(world.url + path, headers={"cookie": "airegistry-session=x"})).status_code == 401


async def test_whoever_is_signed_in_reads_it(world: World) -> None:
    directory = world.app.identity.directory
    user = await directory.put(SYSTEM, "ann", password="correct horse battery")
    cookie, _ = await world.app.identity.sessions.open(user, ["pwd"])
    for path in FILES:
        answer = await world.client.get(world.url + path, headers={"cookie": f"airegistry-session={cookie}"})
        assert answer.status_code == 200, path
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
    described = await world.client.get(
        f"{world.url}/api/docs/openapi.json", headers={"cookie": f"airegistry-session={cookie}"}
    )
    assert described.content == (await world.ask("GET", "/openapi.json")).content
    assert (await world.ask("GET", "/servers", who=None, headers={"cookie": f"airegistry-session={cookie}"})).is_error


async def test_a_token_opens_it_too_and_no_file_but_its_own(world: World) -> None:
    headers = {"authorization": f"Bearer {world.tokens['nothing']}"}
    assert (await world.client.get(f"{world.url}/api/docs", headers=headers)).status_code == 200
    for name in ("docs.html", "..%2fdocs.py", "%2e%2e/app.py", "signed_out.html"):
        assert (await world.client.get(f"{world.url}/api/docs/{name}", headers=headers)).status_code == 404


def test_nothing_of_it_comes_from_elsewhere_or_is_markup_made_of_text() -> None:
    for name in ("docs.html", *_FILES):
        text = (_PAGES / name).read_text("utf-8")
        assert re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", text) == []
        assert "innerHTML" not in text
