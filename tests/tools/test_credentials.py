"""The tools for credentials of backends, and for the key they are sealed with."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastmcp import FastMCP
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from airegistry.app import running
from airegistry.core.assets import Server
from airegistry.core.credentials import CredentialStore
from airegistry.core.errors import CredentialRefused, UpstreamFailed
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import SYSTEM
from airegistry.core.rotation import Rotation
from airegistry.settings import load
from airegistry.stores.cipher import KEY_NAME, open_cipher
from airegistry.tools.catalog import CatalogTools
from airegistry.tools.credentials import CredentialTools
from airegistry.tools.declare import add_tools, needs_of
from airegistry.tools.errors import BadArguments
from airegistry.tools.listing import ListingTools
from tests.core.wiring import asset
from tests.support.asgi import serve
from tests.support.mcp import Json, call, refused
from tests.support.oauth_world import OAuthWorld
from tests.tools.wiring import World, furnished_core, served

pytestmark = pytest.mark.anyio
SECRET = "s3cret-s3cret"  # a test's
BEARER = {"kind": "bearer", "token": SECRET}


@dataclass
class Desk:
    """The tools behind a server."""

    world: World
    tools: CredentialTools

    async def ask(self, tool: str, /, *, subject: str = "operator", **arguments: object) -> Json:
        async with self.world.client(subject) as client:
            return await call(client, tool, **arguments)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    core = await furnished_core()
    services = core.services
    rotation = Rotation(core.store, open_cipher(None), services.access, services.audit, core.clock)
    tools = CredentialTools(core.credentials, rotation)
    mcp = FastMCP("registry", mask_error_details=True, middleware=[BadArguments()])
    for owner in (tools, CatalogTools(services, ListingTools(services))):
        add_tools(mcp, owner)
    async with served(mcp, core) as world:
        yield Desk(world, tools)


async def test_a_credential_is_set_shown_without_its_secret_and_removed(desk: Desk) -> None:
    made = await desk.ask("set_credential", path="/weather", credential=BEARER)
    assert made["path"] == "weather"
    [one] = made["credentials"]
    assert (one["origin"], one["current"], one["set_by"]) == ("https://weather.test:443", True, "operator")
    assert one["credential"] == {"kind": "bearer", "token": "**********"}
    assert await desk.ask("get_credential", path="weather") == made
    assert await desk.ask("delete_credential", path="weather") == {"ok": True}
    assert await desk.ask("delete_credential", path="weather") == {"ok": False}
    assert (await desk.ask("get_credential", path="weather"))["credentials"] == []


async def test_no_refusal_repeats_what_was_given(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    wrong: list[object] = [
        {"kind": "bearer", "token": f"{SECRET} {SECRET}"}, {"kind": "bearer", "tokn": SECRET}, SECRET, [SECRET],
        {"kind": "api_key", "header": "Host", "value": SECRET}, {"kind": "headers", "headers": SECRET},
    ]  # fmt: skip
    for credential in wrong:
        with refused("invalid") as failure:
            await desk.ask("set_credential", path="weather", credential=credential)
        assert SECRET not in str(failure.value.content) + str(failure.value.result)
    assert SECRET not in caplog.text
    assert SECRET not in str(await desk.world.core.events())


async def test_a_server_is_registered_with_its_credential(desk: Desk) -> None:
    desk.world.core.network.tools["https://new.test/mcp"] = []
    made = await desk.ask(
        "register_service", name="New", path="new", url="https://new.test/mcp", credential=BEARER
    )  # fmt: skip
    assert desk.world.core.network.sent[-1] == {"authorization": f"Bearer {SECRET}"}
    assert SECRET not in str(made)
    assert len((await desk.ask("get_credential", path="new"))["credentials"]) == 1
    with refused("upstream_failed"):
        await desk.ask("register_service", name="Down", path="down", url="https://down.test/mcp", credential=BEARER)
    with refused("not_found"):
        await desk.ask("get_credential", path="down")


async def test_they_are_the_business_of_who_may_change_the_server(desk: Desk) -> None:
    for tool, arguments in (
        ("set_credential", {"credential": BEARER}), ("get_credential", {}), ("delete_credential", {}),
    ):  # fmt: skip
        with refused("access_denied"):
            await desk.ask(tool, subject="ann", path="weather", **arguments)
        for path in ("vault", "nowhere"):
            with refused("not_found"):
                await desk.ask(tool, subject="ann", path=path, **arguments)
    with refused("access_denied"):
        await desk.ask("rotate_secret_key", subject="ann")
    assert needs_of([desk.tools]) == {"rotate_secret_key": "policy"}


async def test_the_key_is_changed(desk: Desk) -> None:
    assert await desk.ask("rotate_secret_key") == {"keys": 2, "resealed": 0, "done": False}
    desk.world.core.clock.pass_(60)
    assert await desk.ask("rotate_secret_key") == {"keys": 1, "resealed": 0, "done": True}


async def test_the_data_folder_holds_no_secret_in_the_clear_and_a_restart_and_a_new_key_lose_none(
    tmp_path: Path,
) -> None:
    settings = load(data=tmp_path / "data", embedder="none", port=8080, host="127.0.0.1", admin_token="o" * 40)
    sent = {"authorization": f"Bearer {SECRET}"}
    client: Json = {"kind": "oauth_client", "client_id": "app", "client_secret": SECRET}
    servers = [asset("server", path, url=f"http://127.0.0.1:9/{path}") for path in ("one", "two")]
    with OAuthWorld() as auth:
        async with running(settings) as app:
            for server, credential in zip(servers, (BEARER, {**client, "issuer": auth.url}), strict=True):
                register = app.services.catalog.register
                await register(SYSTEM, server, fetch=False, credential=credential)
            token = (await headers_of(app.identity.credentials, servers[1]))["authorization"].split()[1]
            assert token in auth.valid
            assert (await app.identity.rotation.rotate(SYSTEM)).keys == 2
        assert_hidden(tmp_path, SECRET, token)
        async with running(settings) as app:
            await app.identity.rotation.settle()
            assert len((settings.data / KEY_NAME).read_text().split()) == 1
            assert await headers_of(app.identity.credentials, servers[0]) == sent
            assert (await headers_of(app.identity.credentials, servers[1]))["authorization"].split()[1] in auth.valid
        async with running(settings) as app:
            assert await headers_of(app.identity.credentials, servers[0]) == sent
    assert_hidden(tmp_path, SECRET, token)


async def test_a_server_that_lets_nobody_else_in_is_fetched_and_called_with_its_credential(tmp_path: Path) -> None:
    settings = load(data=tmp_path / "data", embedder="none", port=8080, host="127.0.0.1", admin_token="o" * 40)
    mcp = FastMCP("weather")

    @mcp.tool
    def forecast() -> str:
        """The weather to come."""
        return "rain"

    inner = mcp.http_app(path="/mcp")

    async def demanding(scope: Scope, receive: Receive, send: Send) -> None:
        if dict(scope.get("headers", ())).get(b"x-api-key") != SECRET.encode():
            await PlainTextResponse("no", 401)(scope, receive, send)
            return
        await inner(scope, receive, send)

    async with inner.lifespan(inner), serve(demanding) as url, running(settings) as app:
        catalog, server = app.services.catalog, asset("server", "weather", url=f"{url}/mcp")
        with pytest.raises(CredentialRefused):
            await catalog.register(SYSTEM, server)
        key: Json = {"kind": "api_key", "header": "X-Api-Key", "value": SECRET}
        await catalog.register(SYSTEM, server, credential=key)
        answer = await app.services.invocation.call_tool(SYSTEM, "weather", "forecast", {})
        assert answer.result is not None
        assert answer.result["content"] == [{"type": "text", "text": "rain"}]
        await app.identity.credentials.put(SYSTEM, "weather", {**key, "value": "wrong-s3cret"})
        with pytest.raises(CredentialRefused):
            await catalog.refresh(SYSTEM, "weather")
        with pytest.raises(UpstreamFailed) as refusal:
            await app.services.invocation.call_tool(SYSTEM, "weather", "forecast", {})
        assert "wrong-s3cret" not in refusal.value.message


async def headers_of(credentials: CredentialStore, server: AnyAsset) -> dict[str, str]:
    assert isinstance(server, Server)
    return dict(await credentials.headers(SYSTEM, server))


def assert_hidden(folder: Path, *secrets: str) -> None:
    files = [file.read_bytes() for file in folder.rglob("*") if file.is_file()]
    assert len(files) > 2
    for secret in secrets:
        assert not any(secret.encode() in file for file in files)
