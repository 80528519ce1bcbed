"""The web page's session as a way to call the API: for requests of our own pages alone, and never for anything else."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import anyio
import httpx2
import pytest

from airegistry.oauth.web_sessions import CLIENT
from tests.rest.api_world import OPERATOR, World, serving

pytestmark = pytest.mark.anyio
OURS = {"sec-fetch-site": "same-origin"}
Headers = Mapping[str, str]
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


@dataclass
class Person:
    """Somebody at the page: the cookie of their session, and its token against forgery."""

    world: World
    cookie: str
    csrf: str = ""

    async def ask(self, method: str, path: str, headers: Headers = OURS, json: object = None) -> httpx2.Response:
        """As their browser sends it, `path` from the root."""
        sent = {"cookie": f"airegistry-session={self.cookie}", **headers}
        return await self.world.client.request(method, f"{self.world.url}{path}", headers=sent, json=json)

    async def read(self, path: str = "/api/v1/me", headers: Headers = OURS) -> httpx2.Response:
        return await self.ask("GET", path, headers)

    @property
    def proven(self) -> Headers:
        """What our own page sends with a change."""
        return {**OURS, "x-csrf-token": self.csrf}


async def signed_in(world: World, name: str) -> Person:
    """A new session of a user, who is made if there is none."""
    directory = world.app.identity.directory
    if directory.known(name) is None:
        await world.ask("PUT", f"/users/{name}", json={"groups": ["administrators"] if name == "root" else []})
    user = directory.known(name)
    assert user is not None
    person = Person(world, (await world.app.identity.sessions.open(user, ["pwd"]))[0])
    person.csrf = (await person.read("/api/v1/session")).json()["csrf"]
    return person


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A registry of its own, whose URL is the one that it is served at."""
    folder: Path = tmp_path_factory.mktemp("session")
    async with serving(folder) as world:
        yield world


async def test_the_page_reads_and_changes_as_the_person_who_is_signed_in(world: World) -> None:
    root = await signed_in(world, "root")
    me = (await root.read()).json()
    assert (me["subject"], me["client"], me["groups"]) == ("user:root", CLIENT, ["administrators"])
    assert {"policy", "token", "register", "audit"} <= set(me["actions"])
    made = await root.ask("PUT", "/api/v1/groups/fresh", root.proven, {"scopes": []})
    assert made.status_code == 200, made.text
    ann = await signed_in(world, "ann")
    assert (await ann.read()).json()["actions"] == ["list", "rate", "read"]
    assert (await ann.ask("PUT", "/api/v1/groups/other", ann.proven, {"scopes": []})).status_code == 403


@pytest.mark.parametrize("headers", [
    {},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
    {"sec-fetch-site": "Same-Origin"},
    {"sec-fetch-site": "same-origin, cross-site"},
    {"referer": "http://127.0.0.1:8080/"},
    {"x-requested-with": "XMLHttpRequest"},
])  # fmt: skip
async def test_a_cookie_alone_reads_nothing_unless_a_page_of_ours_asks(world: World, headers: Headers) -> None:
    ann = await signed_in(world, "ann")
    for path in ("/api/v1/me", "/api/v1/session", "/api/v1/events", "/api/v1/servers", "/api/v1/openapi.json"):
        answer = await ann.read(path, headers)
        assert answer.status_code == 401, path
        assert b"csrf" not in answer.content


@pytest.mark.parametrize("origin", [
    "https://evil.test", "null", "http://127.0.0.1.evil.test", "http://127.0.0.1:1", "file://", "http://[::1]:8080",
    "http://localhost:8080",
])  # fmt: skip
async def test_a_foreign_origin_is_refused_whatever_else_the_request_says(world: World, origin: str) -> None:
    ann = await signed_in(world, "ann")
    for headers in ({"origin": origin}, {**ann.proven, "origin": origin}):
        assert (await ann.read(headers=headers)).status_code in {401, 403}
        answer = await ann.ask("PUT", "/api/v1/servers/x/rating", headers, {"stars": 5})
        assert answer.status_code in {401, 403}


async def test_two_headers_that_disagree_count_as_none(world: World) -> None:
    ann = await signed_in(world, "ann")
    sent = [("cookie", f"airegistry-session={ann.cookie}"), ("sec-fetch-site", "same-origin")]
    for more in ([("sec-fetch-site", "cross-site")], [("cookie", "airegistry-session=other")]):
        answer = await world.client.get(f"{world.url}/api/v1/me", headers=[*sent, *more])
        assert answer.status_code == 401, more


@pytest.mark.parametrize("method", UNSAFE)
async def test_nothing_is_changed_without_the_token_of_that_very_session(world: World, method: str) -> None:
    root, ann = await signed_in(world, "root"), await signed_in(world, "ann")
    again = await signed_in(world, "root")
    stolen = [None, "", "x", ann.csrf, again.csrf, root.csrf.upper(), f"{root.csrf}, {root.csrf}"]
    for token in stolen:
        headers = OURS if token is None else {**OURS, "x-csrf-token": token}
        answer = await root.ask(method, "/api/v1/groups/never", headers, {"scopes": []})
        assert (answer.status_code, answer.json()["code"]) == (403, "access_denied"), token
    groups = (await root.read("/api/v1/policy")).json()["groups"]
    assert "never" not in str(groups)


async def test_the_token_against_forgery_is_no_proof_without_a_page_of_ours(world: World) -> None:
    root = await signed_in(world, "root")
    for headers in ({"x-csrf-token": root.csrf}, {**root.proven, "sec-fetch-site": "cross-site"}):
        assert (await root.ask("PUT", "/api/v1/groups/never", headers, {"scopes": []})).status_code == 401


@pytest.mark.parametrize("path", [
    "/mcp", "/airegistry-tools/mcp", "/weather/mcp", "/weather/sse", "/agents/planner", "/v0.1/servers", "/v0/publish",
    "/api", "/api/x", "/api/v2/me", "/scim/v2/Users", "/api/v1/../../mcp", "/metrics",
])  # fmt: skip
async def test_a_session_opens_nothing_but_the_api(world: World, path: str) -> None:
    root = await signed_in(world, "root")
    for method in ("GET", "POST", "DELETE"):
        answer = await root.ask(method, path, {**root.proven, "content-type": "application/json"})
        assert answer.status_code in {401, 405}, (method, path, answer.status_code)


async def test_a_bearer_token_is_judged_alone_whatever_cookie_comes_with_it(world: World) -> None:
    root = await signed_in(world, "root")
    for value in ("Bearer wrong", "Basic cm9vdDpyb290", f"Bearer {root.cookie}", f"Bearer {root.csrf}"):
        assert (await root.read(headers={**OURS, "authorization": value})).status_code == 401
    answer = await root.read(headers={**OURS, "authorization": f"Bearer {OPERATOR}"})
    assert answer.json()["subject"] == "operator"
    session = await root.read("/api/v1/session", {**OURS, "authorization": f"Bearer {OPERATOR}"})
    assert session.status_code == 404


async def test_the_name_of_a_session_is_no_token(world: World) -> None:
    await signed_in(world, "root")
    (kept, *_) = await world.app.identity.sessions.of_user("root")
    for value in (kept.id, f"visit:{kept.id}"):
        answer = await world.client.get(f"{world.url}/api/v1/me", headers={"authorization": f"Bearer {value}"})
        assert answer.status_code == 401


async def test_signing_out_ends_that_session_and_everywhere_ends_them_all(world: World) -> None:
    here, there = await signed_in(world, "ann"), await signed_in(world, "ann")
    assert (await here.ask("DELETE", "/api/v1/session")).status_code == 403
    ended = await here.ask("DELETE", "/api/v1/session", here.proven)
    assert ended.json() == {"ended": True, "next": None}
    assert "Max-Age=0" in ended.headers["set-cookie"]
    assert (await here.read()).status_code == 401
    assert (await there.read()).status_code == 200
    third = await signed_in(world, "ann")
    assert (await third.ask("DELETE", "/api/v1/session?everywhere=true", third.proven)).status_code == 200
    assert [(await each.read()).status_code for each in (there, third)] == [401, 401]
    assert (await signed_in(world, "root")).csrf  # other people's go on


async def test_a_stream_ends_with_its_session(world: World) -> None:
    ann = await signed_in(world, "ann")
    headers = {"cookie": f"airegistry-session={ann.cookie}", **OURS}
    async with world.client.stream("GET", f"{world.url}/api/v1/events", headers=headers) as stream:
        assert stream.status_code == 200
        lines = stream.aiter_lines()
        assert (await anext(lines)).startswith("retry")
        assert (await ann.ask("DELETE", "/api/v1/session", ann.proven)).status_code == 200
        with anyio.fail_after(10):
            assert [line async for line in lines if line.startswith("data")] == []


async def test_rights_that_are_taken_are_gone_at_the_next_request(world: World) -> None:
    bob = await signed_in(world, "bob")
    assert "policy" not in (await bob.read()).json()["actions"]
    await world.ask("PUT", "/users/bob", json={"groups": ["administrators"]})
    assert "policy" in (await bob.read()).json()["actions"]
    await world.ask("PUT", "/users/bob", json={"active": False})
    assert (await bob.read()).status_code == 401


async def test_the_trail_says_that_it_was_done_at_the_page(world: World) -> None:
    root = await signed_in(world, "root")
    await root.ask("PUT", "/api/v1/groups/trailed", root.proven, {"scopes": []})
    events = (await world.get("/audit/events?subject=user:root&limit=5"))["events"]
    assert isinstance(events, list)
    assert (events[0]["subject"], events[0]["client"]) == ("user:root", CLIENT)  # type: ignore[index, call-overload]


@pytest.mark.parametrize("next_", [
    "//evil.test", "https://evil.test/", "/\\evil.test", "/ui/\\evil", "javascript:alert(1)", "/account", "/ui", "",
    "/ui/ x", "/ui/\r\nset-cookie:x=1", f"/ui/{'x' * 3000}",
])  # fmt: skip
async def test_the_way_back_after_signing_in_leads_to_a_view_of_ours_or_nowhere(world: World, next_: str) -> None:
    answer = await world.client.get(f"{world.url}/login", params={"next": next_})
    kept = [each for each in answer.headers.get_list("set-cookie") if "airegistry-onward=" in each]
    assert kept
    assert all("Max-Age=0" in each for each in kept), kept
