"""How the web page is served: its shell, its files, the way to sign in and back, and what it tells nobody."""

import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.rest.api_world import OPERATOR, World, serving
from tests.rest.test_session import signed_in

pytestmark = pytest.mark.anyio
HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
STATIC = Path(__file__).parents[2] / "airegistry" / "web" / "static" / "assets"


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A registry of its own."""
    async with serving(tmp_path_factory.mktemp("page")) as world:
        yield world


async def page(world: World, path: str, **headers: str) -> httpx2.Response:
    return await world.client.get(f"{world.url}{path}", headers={**HTML, **headers}, follow_redirects=False)


async def test_a_browser_gets_the_shell_at_every_view_once_somebody_is_signed_in(world: World) -> None:
    ann = await signed_in(world, "ann")
    for path in (
        "/",
        "/ui/",
        "/ui/servers/weather",
        "/ui/agents/a/b/c",
        "/ui/x%2fmcp",
        "/ui/servers/x/mcp",
        "/ui/?q=a",
    ):
        answer = await page(world, path, cookie=f"airegistry-session={ann.cookie}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8"), path
        assert '<div id="app">' in answer.text
        assert answer.headers["cache-control"] == "no-store"


async def test_whoever_is_not_signed_in_is_sent_to_sign_in_and_back(world: World) -> None:
    for path, back in (
        ("/", "%2Fui%2F"), ("/ui/", "%2Fui%2F"),
        ("/ui/servers/a%2Fb?tab=x&q=1", "%2Fui%2Fservers%2Fa%252Fb%3Ftab%3Dx%26q%3D1"),
    ):  # fmt: skip
        answer = await page(world, path)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={back}")
        assert answer.headers["cache-control"] == "no-store"
    stale = await page(world, "/ui/", cookie="airegistry-session=nothing")
    assert stale.status_code == 303


async def test_others_than_browsers_are_told_what_they_were_told_before(world: World) -> None:
    for accept in ("*/*", "application/json", "text/plain"):
        assert (await page(world, "/", accept=accept)).status_code == 401
        token = await page(world, "/", accept=accept, authorization=f"Bearer {OPERATOR}")
        assert (token.status_code, token.headers["content-type"]) == (404, "application/problem+json")
    assert (await world.client.post(f"{world.url}/ui/", headers=HTML)).status_code == 401


async def test_the_policy_of_the_shell_is_strict_and_its_nonce_is_of_one_answer(world: World) -> None:
    ann = await signed_in(world, "ann")
    answers = [await page(world, "/ui/", cookie=f"airegistry-session={ann.cookie}") for _ in range(2)]
    policies = [each.headers["content-security-policy"] for each in answers]
    nonces = [re.findall(r"'nonce-([\w-]{20,})'", each)[0] for each in policies]
    assert nonces[0] != nonces[1]
    for answer, policy, nonce in zip(answers, policies, nonces, strict=True):
        parts = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
        assert parts["default-src"] == parts["base-uri"] == parts["frame-ancestors"] == "'none'"
        assert parts["script-src"] == f"'nonce-{nonce}' 'strict-dynamic'"
        assert (parts["style-src"], parts["connect-src"], parts["form-action"]) == ("'self'",) * 3
        assert parts["require-trusted-types-for"] == "'script'"
        assert "unsafe" not in policy
        scripts = re.findall(r"<script\b[^>]*>", answer.text)
        assert scripts
        assert all(f'nonce="{nonce}"' in each for each in scripts)
        assert " style=" not in answer.text
        assert not re.search(r'(?:src|href)="(?:https?:)?//', answer.text)  # nothing of another host
        assert answer.headers["x-frame-options"] == "DENY"


async def test_files_are_kept_for_ever_and_come_as_small_as_the_browser_takes_them(world: World) -> None:
    name = next(each.name for each in STATIC.iterdir() if each.suffix == ".js")
    whole = (STATIC / name).read_bytes()
    for accepted, coding in (
        ("br, gzip", "br"),
        ("gzip", "gzip"),
        ("gzip, br;q=0", "gzip"),
        ("identity", None),
        ("", None),
    ):
        async with world.client.stream(
            "GET", f"{world.url}/ui/assets/{name}", headers={"accept-encoding": accepted}
        ) as answer:
            body = b"".join([part async for part in answer.aiter_raw()])
        assert (answer.status_code, answer.headers.get("content-encoding")) == (200, coding), accepted
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["vary"] == "accept-encoding"
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert body == (STATIC / f"{name}.br").read_bytes() if coding == "br" else True
        assert gzip.decompress(body) == whole if coding == "gzip" else coding == "br" or body == whole


@pytest.mark.parametrize(
    "name", ["nothing.js", "..%2fmanifest.json", "%2e%2e/manifest.json", ".", "x.js.gz", "main.js%00"]
)
async def test_no_other_file_is_served(world: World, name: str) -> None:
    answer = await world.client.get(f"{world.url}/ui/assets/{name}")
    assert answer.status_code in {401, 404}


async def test_behind_a_path_prefix_every_address_has_it(tmp_path: Path) -> None:
    async with serving(tmp_path, public_url="https://tools.example/registry", tls_terminated=True) as world:
        host = {"host": "tools.example"}
        away = await page(world, "/ui/servers/x", **host)
        assert away.headers["location"] == "/registry/login?next=%2Fui%2Fservers%2Fx"
        await world.ask("PUT", "/users/ann", json={})
        user = world.app.identity.directory.known("ann")
        assert user is not None
        cookie, _ = await world.app.identity.sessions.open(user, ["pwd"])
        answer = await page(world, "/ui/", cookie=f"__Host-airegistry-session={cookie}", **host)
        addresses = re.findall(r'(?:src|href)="(/[^"]*)"', answer.text)
        assert addresses
        assert all(each.startswith("/registry/ui/assets/") for each in addresses)
        assert 'data-base="/registry"' in answer.text
        ours = {**host, "cookie": f"__Host-airegistry-session={cookie}", "origin": "https://tools.example"}
        assert (await world.client.get(f"{world.url}/api/v1/me", headers=ours)).status_code == 200
        refused = {**ours, "sec-fetch-site": "same-site"}
        assert (await world.client.get(f"{world.url}/api/v1/me", headers=refused)).status_code == 401
