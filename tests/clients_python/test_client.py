"""Both clients against a registry: assets, pages, conditions, errors, tokens, live changes."""

import threading
from collections.abc import Iterator

import anyio
import anyio.lowlevel
import httpx2
import pytest
from airegistry_client import AsyncRegistry, ClientCredentials, Registry, Retries
from airegistry_client.errors import (
    AccessDenied,
    BadAnswer,
    Changed,
    Conflict,
    Invalid,
    LoginFailed,
    NotFound,
    Unauthenticated,
    Unreachable,
    UpstreamFailed,
)
from airegistry_client.models.access import Grant
from airegistry_client.models.assets import Progress, Question, ToolResult

from tests.gateway.desk import build_backend
from tests.rest.api_world import World
from tests.support.asgi import serve
from tests.support.processes import free_port

TOOLS = [{"name": "look", "description": "Looks.", "inputSchema": {"type": "object"}}]


@pytest.fixture(scope="module")
def registry(served: World) -> Iterator[Registry]:
    with Registry(served.url, served.tokens["admin"]) as registry:
        yield registry


def test_a_server_is_registered_read_changed_and_deleted(registry: Registry) -> None:
    made = registry.servers.register(
        "Tides", "tides", url="http://127.0.0.1:9/mcp", tools=TOOLS, fetch=False, tags=["sea"], license="MIT"
    )
    assert (made.kind, made.path, made.tags, made.tools[0].name) == ("server", "tides", ("sea",), "look")
    read = registry.servers.get("tides")
    assert read.etag
    assert read.model_extra is not None
    assert read.model_extra["license"] == "MIT"
    assert registry.servers.get("tides", known=read) is read
    changed = registry.servers.update("tides", {"description": "When it is high."}, if_match=read.etag)
    assert changed.description == "When it is high."
    assert registry.servers.get("tides", known=read).description == "When it is high."
    with pytest.raises(Changed):
        registry.servers.delete("tides", if_match=read.etag)
    registry.servers.delete("tides")
    with pytest.raises(NotFound) as missing:
        registry.servers.get("tides")
    assert (missing.value.code, missing.value.status) == ("not_found", 404)


def test_a_dry_run_says_what_would_be_stored_and_stores_nothing(registry: Registry) -> None:
    would = registry.servers.register(
        "Tides", "tides", url="http://127.0.0.1:9/mcp", tools=TOOLS, fetch=False, dry_run=True
    )
    assert (would.path, (would.scan or {})["verdict"]) == ("tides", "pass")
    with pytest.raises(NotFound):
        registry.servers.get("tides")


def test_rights_are_previewed_before_they_are_given(registry: Registry) -> None:
    grant = Grant(kinds=("server",), assets=("maps",), actions=("list", "read", "call"))
    seen = registry.access.preview(grants=[grant], limit=5)
    assert [(reach.path, reach.tools) for reach in seen.assets if reach.tools] == [("maps", ("look",))]
    assert seen.callable == 1
    assert [*registry.definitions.waiting()] == []


def test_a_list_is_read_page_by_page_and_no_further_than_somebody_looks(served: World) -> None:
    asked = list[str]()
    watching = httpx2.Client(event_hooks={"request": [lambda request: asked.append(request.url.query.decode())]})
    with watching, Registry(served.url, served.tokens["admin"], http=watching) as registry:
        every = [server.path for server in registry.servers.list(detail="brief", page_size=2)]
        assert {"weather", "maps", "mail"} <= {*every}
        assert len(every) == len({*every})
        assert len(asked) == (len(every) + 1) // 2
        asked.clear()
        assert next(iter(registry.servers.list(page_size=1))).path == every[0]
        assert asked == ["limit=1"]
    assert not watching.is_closed or asked  # `http` is the caller's own to close


def test_every_kind_of_asset_is_read(registry: Registry) -> None:
    assert [agent.path for agent in registry.agents.list()] == ["planner"]
    assert (registry.agents.get("planner").card or {})["name"] == "planner"
    assert "folding" in {skill.path for skill in registry.skills.list()}
    assert "About folding" in registry.skills.content("folding").content
    assert [entity.data for entity in registry.entities.list(type="dataset")] == [{"rows": 7}]
    made = registry.virtual_servers.create("both", "Both", tools=[{"server": "maps", "tool": "look"}])
    assert made.kind == "virtual_server"
    assert [tool.name for tool in registry.virtual_servers.tools("both")] == ["look"]
    registry.virtual_servers.delete("both")


def test_what_is_asked_beside_the_catalog_is_answered(registry: Registry) -> None:
    assert registry.health().status == "ok"
    assert registry.search("weather", kinds=["server"]).results[0].path == "weather"
    assert registry.find_tools("look at maps")[0].tool == "look"
    assert registry.scans.status().total >= 0
    registry.scopes.put("lookers", [Grant(kinds=("server",), assets=("maps",), actions=("list", "read"))])
    assert registry.groups.put("lookers", ["lookers"]).scopes == ("lookers",)
    assert "lookers" in {scope.name for scope in registry.access.policy().scopes}
    token = registry.tokens.create("reader of maps", groups=["lookers"])
    with Registry(registry._connection.url, token.token) as reader:
        assert reader.servers.get("maps").path == "maps"
    explained = registry.access.explain("token:reader of maps", "read", "server/maps")
    assert isinstance(explained.allowed, bool)
    registry.tokens.revoke(token.id)
    assert {each.id for each in registry.tokens.list() if each.revoked_at} == {token.id}
    assert registry.audit.verify().intact
    acts = {event.action for event in registry.audit.events(page_size=3)}
    assert "token:revoke" in acts


def test_a_refusal_is_an_error_of_its_code(registry: Registry, served: World) -> None:
    with pytest.raises(Conflict):
        registry.servers.register("Maps", "maps", url="http://127.0.0.1:9/mcp", tools=TOOLS, fetch=False)
    with pytest.raises(Invalid) as invalid:
        registry.servers.rate("maps", 17)
    assert invalid.value.field == "stars"
    with pytest.raises(UpstreamFailed):
        registry.servers.register("Down", "down", url=f"http://127.0.0.1:{free_port()}/mcp")
    with Registry(served.url, served.tokens["nothing"]) as nobody, pytest.raises(AccessDenied):
        nobody.servers.set_enabled("maps", False)
    with Registry(served.url) as stranger, pytest.raises(Unauthenticated):
        stranger.health()


def test_what_is_no_registry_is_told_from_one_that_is_down() -> None:
    with Registry(f"http://127.0.0.1:{free_port()}", retries=Retries(attempts=1)) as registry:
        with pytest.raises(Unreachable):
            registry.health()
    page = httpx2.MockTransport(lambda request: httpx2.Response(200, text="<html>"))
    with Registry("http://registry", http=httpx2.Client(transport=page)) as registry, pytest.raises(BadAnswer):
        registry.health()
    nowhere = httpx2.MockTransport(lambda request: httpx2.Response(302))
    with Registry("http://registry", http=httpx2.Client(transport=nowhere)) as registry, pytest.raises(BadAnswer):
        registry.health()


def test_a_create_that_is_named_is_made_once(registry: Registry) -> None:
    first = registry.tokens.create("once", key="job-17")
    assert registry.tokens.create("once", key="job-17") == first
    assert registry.tokens.create("once").id != first.id


def test_a_client_gets_its_own_tokens_for_each_part_of_the_registry(registry: Registry, served: World) -> None:
    made = registry.clients.put("robot", client_name="Robot", grant_types=["client_credentials"], groups=["lookers"])
    registry.scopes.put("lookers", [Grant(kinds=("server",), assets=("maps",), actions=("list", "read"))])
    registry.groups.put("lookers", ["lookers"])
    public_url = registry.whoami().url  # here the registry is reached by another one
    account = ClientCredentials("robot", made.client_secret or "", public_url=public_url)
    with Registry(served.url, account) as robot:
        assert robot.servers.get("maps").path == "maps"
        assert robot.mcp.search("maps", kinds=["server"], limit=3).results[0].path == "maps"
    with Registry(served.url, ClientCredentials("robot", "wrong")) as robot, pytest.raises(LoginFailed):
        robot.health()


def test_a_function_is_asked_again_when_its_token_is_not_taken(served: World) -> None:
    said = iter(["old", served.tokens["admin"]])
    with Registry(served.url, lambda: next(said)) as registry:
        assert registry.health().status == "ok"
    with Registry(served.url, lambda: "old") as registry, pytest.raises(Unauthenticated):
        registry.health()


def test_a_blocking_client_says_that_it_cannot_wait_for_a_coroutine(served: World) -> None:
    async def token() -> str:
        return "never"

    with Registry(served.url, token) as registry, pytest.raises(TypeError, match="coroutine"):
        registry.health()


def test_threads_share_a_blocking_client(registry: Registry) -> None:
    found = list[str]()
    threads = [threading.Thread(target=lambda: found.append(registry.servers.get("maps").path)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert found == ["maps"] * 8


async def test_the_asynchronous_client_has_the_same_methods(served: World) -> None:
    async def token() -> str:
        await anyio.lowlevel.checkpoint()
        return served.tokens["admin"]

    async with AsyncRegistry(served.url, token) as registry:
        assert (await registry.servers.get("weather")).path == "weather"
        assert "maps" in [server.path async for server in registry.servers.list(page_size=2)]
        with pytest.raises(NotFound):
            await registry.agents.get("nobody")
        assert (await registry.mcp.ask("healthcheck"))["status"] == "ok"
        with pytest.raises(NotFound):
            await registry.mcp.ask("get_server_details", {"path": "nowhere"})


async def test_those_who_need_a_token_at_once_get_one_for_all(served: World) -> None:
    asked = list[str]()

    async def watch(request: httpx2.Request) -> None:
        asked.append(request.url.path)

    async with AsyncRegistry(served.url, served.tokens["admin"]) as admin:
        made = await admin.clients.put("swarm", grant_types=["client_credentials"], rotate_secret=True)
        public_url = (await admin.whoami()).url
    account = ClientCredentials("swarm", made.client_secret or "", public_url=public_url)
    async with (
        httpx2.AsyncClient(event_hooks={"request": [watch]}) as http,
        AsyncRegistry(served.url, account, http=http) as swarm,
        anyio.create_task_group() as tasks,
    ):
        for _ in range(5):
            tasks.start_soon(swarm.health)
    assert asked.count("/token") == 1
    assert asked.count("/api/v1/health") == 5


async def test_what_a_backend_asks_is_answered_while_its_call_runs(served: World) -> None:
    async with (
        serve(build_backend().http_app(path="/mcp")) as url,
        AsyncRegistry(served.url, served.tokens["admin"]) as registry,
    ):
        await registry.servers.register("Desk", "desk", url=f"{url}/mcp")
        told = list[Progress | Question | ToolResult]()
        with anyio.fail_after(10):
            async for said in registry.tools.watch("desk", "ask_modern"):
                told.append(said)
                if isinstance(said, Question):
                    assert (said.message, "value" in str(said.requested_schema)) == ("name?", True)
                    await registry.tools.answer(said.call, said.question, "accept", content={"value": "Ada"})
        await registry.servers.delete("desk")
    assert [type(each) for each in told] == [Question, ToolResult]
    assert "Ada" in str(told[1])


async def test_changes_are_heard_of_as_they_are_made(served: World) -> None:
    async with AsyncRegistry(served.url, served.tokens["admin"]) as registry:
        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_touch_until_told, registry)
                async for change in registry.events(["server/mail"]):
                    assert (change.event, change.kind, change.path) == ("asset", "server", "mail")
                    break
                tasks.cancel_scope.cancel()


async def _touch_until_told(registry: AsyncRegistry) -> None:
    """Change a server again and again: nobody can tell when the other one begins to listen."""
    number = 0
    while True:
        number += 1
        await registry.servers.update("mail", {"description": f"Mail, {number}."})
        await anyio.sleep(0.1)
