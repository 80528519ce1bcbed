"""What is read without a token, where that is allowed: `/v0.1`, and the AI Catalog."""

from pathlib import Path

import pytest

from airegistry.core.assets import Server
from airegistry.core.principals import SYSTEM
from tests.registry_api.world import World, a_package, at, of, serving

pytestmark = pytest.mark.anyio
CATALOG = "/.well-known/ai-catalog.json"


async def filled(world: World) -> None:
    """A server for everybody with the tag `open`, one without, and one for a group."""
    for name, tags in (("io.github.acme/shown", ["open"]), ("io.github.acme/inner", [])):
        await world.publish(a_package(name))
        path = name.replace("/", "-")
        await world.app.services.catalog.update(SYSTEM, "server", path, {"tags": [*tags]})
    hidden = Server(path="hidden", name="Hidden", transport="stdio", command="x-server", groups=["few"])
    await world.app.services.catalog.register(SYSTEM, hidden, fetch=False)


async def test_without_the_setting_nobody_reads_without_a_token(tmp_path: Path) -> None:
    async with serving(tmp_path) as world:
        await filled(world)
        for path in ("/v0.1/servers", "/v0/servers", f"{of('io.github.acme/shown')}/versions", "/v0.1/ping"):
            refused = await world.ask("GET", path, token=None)
            assert (refused.status_code, refused.json()["error"]) == (401, "a bearer token is needed")
        assert (await world.ask("GET", CATALOG, token=None)).status_code == 404


async def test_with_the_setting_what_is_public_is_read_and_nothing_is_written(tmp_path: Path) -> None:
    async with serving(tmp_path, public_catalog=True) as world:
        await filled(world)
        assert await world.names(token=None) == ["io.github.acme/inner 1.0.0", "io.github.acme/shown 1.0.0"]
        assert (await world.ask("GET", "/v0.1/servers", token="no-such-token-0123456789")).status_code == 401
        assert (await world.ask("GET", f"{of('localhost/hidden')}/versions", token=None)).status_code == 404
        there = f"{of('io.github.acme/shown')}/versions/1.0.0"
        for method, path in (
            ("POST", "/v0.1/publish"),
            ("PUT", there),
            ("DELETE", there),
            ("PATCH", f"{there}/status"),
        ):
            assert (await world.ask(method, path, token=None, json={})).status_code == 401
        for path in ("/mcp", "/api/v1/servers", "/v0.1", "/v0.1x/servers", "/io.github.acme-shown/mcp"):
            assert (await world.ask("GET", path, token=None)).status_code == 401, path


async def test_tags_narrow_what_is_read_without_a_token(tmp_path: Path) -> None:
    async with serving(tmp_path, public_catalog=True, public_tags=["open", "wide"]) as world:
        await filled(world)
        assert await world.names(token=None) == ["io.github.acme/shown 1.0.0"]
        assert (await world.ask("GET", f"{of('io.github.acme/inner')}/versions", token=None)).status_code == 404
        assert len(await world.names()) == 3


async def test_the_ai_catalog_lists_what_is_open_each_with_its_document(tmp_path: Path) -> None:
    async with serving(
        tmp_path, ai_catalog=True, public_tags=["open"], public_url="http://registry.example.com"
    ) as world:
        await filled(world)
        answer = await world.ask("GET", CATALOG, token=None)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/ai-catalog+json")
        catalog = answer.json()
        assert catalog["specVersion"] == "1.0"
        assert catalog["host"] == {"displayName": "registry.example.com", "identifier": "registry.example.com"}
        [entry] = catalog["entries"]
        assert entry["identifier"] == "http://registry.example.com/v0.1/servers/io.github.acme%2Fshown"
        assert (entry["type"], entry["data"]) == ("application/mcp-server+json", a_package("io.github.acme/shown"))
        assert (await world.ask("GET", "/v0.1/servers", token=None)).status_code == 401


async def test_the_own_url_of_a_server_is_shown_where_that_is_chosen(tmp_path: Path) -> None:
    async with serving(tmp_path, registry_remotes="upstream", registry_namespace="com.acme") as world:
        server = Server(path="far", name="Far", url="http://127.0.0.1:9/mcp", description="Far away.")
        await world.app.services.catalog.register(SYSTEM, server, fetch=False)
        found = await world.get(f"{of('com.acme/far')}/versions/latest")
        assert at(found, "server", "remotes") == [{"type": "streamable-http", "url": "http://127.0.0.1:9/mcp"}]
