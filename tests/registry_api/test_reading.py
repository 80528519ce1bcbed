"""Lists, versions and details at `/v0.1`, as clients of the official registry ask for them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import anyio
import pytest

from airegistry.core import published_walk
from airegistry.core.assets import Server
from airegistry.core.grants import Grant
from airegistry.core.principals import SYSTEM
from tests.registry_api.world import OFFICIAL, World, a_package, at, listed, of, serving
from tests.support.backends import Backend

pytestmark = pytest.mark.anyio
NAMES = [f"io.github.acme/server-{number:02}" for number in range(7)]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Seven servers, the first of them in three versions, and one that was registered by a tool."""
    folder: Path = tmp_path_factory.mktemp("reading")
    async with serving(folder, public_url="http://registry.example.com") as world:
        for name in NAMES:
            assert (await world.publish(a_package(name))).status_code == 200
        for version in ("1.10.0", "1.9.0"):
            assert (await world.publish(a_package(NAMES[0], version, title="Newer"))).status_code == 200
        plain = Server(
            path="plain", name="Plain", transport="stdio", command="plain-server", description="By hand. " * 30
        )
        await world.app.services.catalog.register(SYSTEM, plain, fetch=False)
        yield world


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 30, 100])
async def test_pages_of_any_length_show_each_version_once(world: World, limit: int) -> None:
    shown = await world.names(f"limit={limit}")
    first = [f"{NAMES[0]} {version}" for version in ("1.10.0", "1.9.0", "1.0.0")]
    assert shown == [*first, *(f"{name} 1.0.0" for name in NAMES[1:]), "com.example.registry/plain 1.0.0"]


async def test_the_latest_version_is_the_highest_one_and_not_the_last_published(world: World) -> None:
    assert (await world.names("version=latest"))[0] == f"{NAMES[0]} 1.10.0"
    found = await world.get(f"{of(NAMES[0])}/versions")
    assert [at(each, "_meta", OFFICIAL, "isLatest") for each in listed(found)] == [True, False, False]


@pytest.mark.parametrize("form", [quote(NAMES[0], safe=""), NAMES[0], quote(quote(NAMES[0], safe=""), safe="")])
async def test_a_name_is_taken_however_its_slash_is_written(world: World, form: str) -> None:
    found = await world.get(f"/v0/servers/{form}/versions/1.9.0")
    assert found["server"] == a_package(NAMES[0], "1.9.0", title="Newer")


async def test_whoever_pages_the_latest_versions_gets_no_server_twice_when_one_goes_back(world: World) -> None:
    """The cursor is of a version that was the latest, and above what is by now."""
    cursor = quote(f"{NAMES[0].replace('/', '-')}@2.0.0")
    page = await world.get(f"/v0.1/servers?version=latest&limit=1&cursor={cursor}")
    assert [at(each, "server", "name") for each in listed(page)] == [NAMES[1]]


@pytest.mark.parametrize(
    "query", ["search=newer", "search=SERVER-0", "version=1.0.0", "search=plain", "search=by hand"]
)
async def test_what_is_narrowed_is_the_same_however_much_is_looked_at_together(
    world: World, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await world.names(f"{query}&limit=100")
    monkeypatch.setattr(published_walk, "CHUNK", 2)
    monkeypatch.setattr(published_walk, "_FEW", 1)
    assert whole == await world.names(f"{query}&limit=1") != []


async def test_an_exact_version_and_a_word_narrow_the_list(world: World) -> None:
    assert await world.names("version=1.9.0") == [f"{NAMES[0]} 1.9.0"]
    assert await world.names("search=SERVER-03") == [f"{NAMES[3]} 1.0.0"]
    assert await world.names("search=newer&version=latest") == [f"{NAMES[0]} 1.10.0"]
    assert await world.names("search=absent") == []


async def test_a_poll_by_updated_since_shows_what_changed_after_it(world: World) -> None:
    found = await world.get(f"{of(NAMES[2])}/versions/latest")
    moment = str(at(found, "_meta", OFFICIAL, "updatedAt"))
    later = await world.names(f"updated_since={quote(moment)}")
    assert f"{NAMES[2]} 1.0.0" not in later
    assert f"{NAMES[3]} 1.0.0" in later
    assert await world.names("updated_since=2100-01-01T00:00:00Z") == []


async def test_whoever_pages_while_servers_come_and_go_misses_none_and_gets_none_twice(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as world:
        for name in NAMES[1:]:
            await world.publish(a_package(name))
        shown: list[str] = []
        cursor = ""
        for change in (NAMES[1], NAMES[3], NAMES[0], "", "", "", ""):
            page = await world.get(f"/v0.1/servers?limit=1{cursor}")
            shown += [f"{at(each, 'server', 'name')} {at(each, 'server', 'version')}" for each in listed(page)]
            if f"{change} 1.0.0" in shown:  # the page ended in it
                assert (await world.ask("DELETE", f"{of(change)}/versions/1.0.0")).status_code == 200
            elif change:
                assert (await world.publish(a_package(change, "3.0.0"))).status_code == 200
            metadata = at(page, "metadata")
            assert isinstance(metadata, dict)
            cursor = f"&cursor={metadata.get('nextCursor')}"
        stay = [f"{name} 1.0.0" for name in NAMES[1:]]
        assert shown == [*stay[:2], f"{NAMES[3]} 3.0.0", *stay[2:]]


async def test_a_poll_shows_a_version_that_came_to_its_end_by_itself(tmp_path: Path) -> None:
    async with serving(tmp_path) as world:
        await world.publish(a_package(NAMES[0]))
        sunset = datetime.now(UTC) + timedelta(seconds=1)
        path = NAMES[0].replace("/", "-")
        await world.app.services.versions.deprecate(SYSTEM, "server", path, "1.0.0", sunset=sunset)
        since = quote((await world.app.services.catalog.get(SYSTEM, "server", path)).updated_at.isoformat())
        assert await world.names(f"updated_since={since}") == []
        with anyio.fail_after(10):
            while not listed(page := await world.get(f"/v0.1/servers?updated_since={since}")):
                assert datetime.now(UTC) < sunset + timedelta(seconds=5)
        assert [at(each, "_meta", OFFICIAL, "status") for each in listed(page)] == ["deleted"]


async def test_no_version_is_shown_of_a_server_that_is_disabled(tmp_path: Path) -> None:
    async with serving(tmp_path) as world:
        for version in ("1.0.0", "1.1.0"):
            await world.publish(a_package(NAMES[0], version))
        await world.app.services.catalog.toggle(SYSTEM, "server", NAMES[0].replace("/", "-"), False)
        reader = await world.caller("reader")
        for path in ("versions", "versions/1.0.0", "versions/1.1.0", "versions/latest"):
            assert (await world.ask("GET", f"{of(NAMES[0])}/{path}", token=reader)).status_code == 404, path
        assert len(listed(await world.get(f"{of(NAMES[0])}/versions"))) == 2


async def test_the_own_url_of_a_server_is_shown_by_its_publisher_or_not_at_all(
    tmp_path: Path, backend: Backend
) -> None:
    async with serving(tmp_path) as world:
        register, far = world.app.services.catalog.register, Server(path="far", name="Far", url=backend.url)
        await register(SYSTEM, far.model_copy(update={"path": "unasked"}), fetch=False)
        await register(SYSTEM, far)
        over = datetime.now(UTC) - timedelta(days=1)
        await world.app.services.versions.deprecate(SYSTEM, "server", "far", "1.0.0", sunset=over)
        page = await world.get("/v0.1/servers?include_deleted=true")
        servers = [at(each, "server") for each in listed(page)]
        assert [server.get("remotes") for server in servers if isinstance(server, dict)] == [
            [{"type": "streamable-http", "url": f"{world.app.services.url}/far/mcp"}], None,
        ]  # fmt: skip


async def test_a_server_that_was_not_published_has_a_valid_document(world: World) -> None:
    found = await world.get(f"{of('com.example.registry/plain')}/versions/latest")
    valid = await world.ask("POST", "/v0.1/validate", json=found["server"])
    assert valid.json() == {"valid": True, "issues": []}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 422), ("limit=101", 422), ("limit=x", 422), ("limit=-1", 422), ("limit=%00", 422),
        ("limit=99999999999999999999", 422), ("include_deleted=perhaps", 422), ("cursor=%2e%2e", 400),
        ("cursor=a@b@c", 400), ("cursor=%ff", 400), ("updated_since=yesterday", 400),
        ("updated_since=2025-13-01T00:00:00Z", 400), ("updated_since=9999-12-31T23:59:60Z", 400),
        ("updated_since=0001-01-01T00:00:00%2B14:00", 400),
        ("updated_since=2025-08-07T13:15:04Z&include_deleted=false", 400), ("search=%00%ff&version=%f0", 200),
    ],
)  # fmt: skip
async def test_parameters_that_do_not_fit_are_refused_and_said_why(world: World, query: str, status: int) -> None:
    answer = await world.ask("GET", f"/v0.1/servers?{query}")
    assert answer.status_code == status
    assert status == 200 or {"error", "detail", "status"} <= answer.json().keys()


@pytest.mark.parametrize(
    "path",
    ["io.github.acme%2Fabsent/versions", "x/versions/latest", "%2F/versions", "a/b/c/versions", "a%0Ab%2Fc/versions"],
)
async def test_what_is_not_there_is_404_with_an_error(world: World, path: str) -> None:
    answer = await world.ask("GET", f"/v0.1/servers/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
    assert answer.json()["error"]


async def test_two_callers_of_different_groups_see_nothing_of_each_other(world: World) -> None:
    shown = {}
    for group in ("red", "blue"):
        server = Server(
            path=f"for-{group}", name=group, transport="stdio", command="x-server", groups=[group], visibility="group"
        )
        await world.app.services.catalog.register(SYSTEM, server, fetch=False)
    for group in ("red", "blue"):
        deny = Grant(assets=["io.github.*", "plain"], effect="deny")
        shown[group] = await world.caller(group, [deny], [group])
    nothing = await world.caller("nothing", [Grant(effect="deny")])
    assert await world.names(token=nothing) == await world.names("search=server", token=nothing) == []
    for group, other in (("red", "blue"), ("blue", "red")):
        assert await world.names("search=for-", token=shown[group]) == [f"com.example.registry/for-{group} 1.0.0"]
        assert await world.names(token=shown[group]) == [f"com.example.registry/for-{group} 1.0.0"]
        for path in (f"{of(f'com.example.registry/for-{other}')}/versions", f"{of(NAMES[0])}/versions/1.0.0"):
            hidden = await world.ask("GET", path, token=shown[group])
            assert hidden.status_code == 404
            assert hidden.json()["code"] == "not_found"


@pytest.mark.parametrize(("path", "body"), [("health", {"status": "ok"}), ("ping", {"pong": True})])
async def test_health_and_ping_are_there_under_both_prefixes(world: World, path: str, body: object) -> None:
    for prefix in ("/v0", "/v0.1"):
        assert await world.get(f"{prefix}/{path}") == body
    assert (await world.get("/v0/version"))["version"]
