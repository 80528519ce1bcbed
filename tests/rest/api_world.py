"""A registry that is served with assets of every kind, and callers of its API in several roles."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from airegistry.app import App, running
from airegistry.core.assets import Json, Server, Tool
from airegistry.core.grants import Grant, Group, Scope
from airegistry.core.principals import SYSTEM
from airegistry.settings import load
from tests.support import mcp
from tests.support.asgi import serve

OPERATOR = "operator-" + "r" * 32
HIDDEN = "zebracrossing"
"""A word in everything that only staff may see."""
SKILL = "---\nname: {path}\ndescription: About {path}.\n---\n# {path}\n"
CARD: Json = {
    "name": "planner", "description": "Plans.", "url": "http://127.0.0.1:9/a2a", "version": "1.0.0",
    "protocolVersion": "0.3.0", "capabilities": {}, "defaultInputModes": ["text"], "defaultOutputModes": ["text"],
    "skills": [{"id": "plan", "name": "Plan", "description": "Plans.", "tags": ["plan"]}],
}  # fmt: skip
Headers = Mapping[str, str]


class World:
    """The registry at `url`; `tokens` are those of its callers by role."""

    def __init__(self, app: App, url: str, client: httpx2.AsyncClient) -> None:
        self.app = app
        self.url = url
        self.client = client
        self.tokens: dict[str, str] = {"admin": OPERATOR}

    async def ask(
        self, method: str, path: str, *, who: str | None = "admin", json: object = None, content: bytes | None = None,
        headers: Headers | None = None,
    ) -> httpx2.Response:  # fmt: skip
        """What is answered; `path` is below /api/v1, with its query."""
        sent = {} if who is None else {"authorization": f"Bearer {self.tokens[who]}"}
        given: dict[str, object] = {"json": json} if content is None else {"content": content}
        return await self.client.request(
            method,
            f"{self.url}/api/v1{path}",
            headers={**sent, **(headers or {})},
            **given,  # type: ignore[arg-type]
        )

    async def get(self, path: str, *, who: str = "admin") -> Json:
        """A JSON object that is there."""
        answer = await self.ask("GET", path, who=who)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def tool(self, name: str, who: str = "admin", /, **arguments: object) -> tuple[bool, Json]:
        """Whether a tool failed, and its structured content."""
        async with mcp.connect(f"{self.url}/mcp", self.tokens[who]) as client:
            result = await client.call_tool(name, arguments, raise_on_error=False)
        return result.is_error, result.structured_content or {}

    async def caller(self, name: str, *grants: Grant) -> str:
        """Somebody with these rights alone."""
        services = self.app.services
        await services.policy.put_scope(SYSTEM, Scope(name=name, grants=[*grants]))
        made = await services.tokens.create(SYSTEM, name, groups=[], scopes=[name] if grants else [], expires_in=3600)
        self.tokens[name] = made[1]
        return name

    async def server(self, path: str, **fields: object) -> None:
        """A server that nobody is asked for."""
        tools = [Tool(name="look", description=f"Looks at {path}.")]
        asset = Server(path=path, name=path, url="http://127.0.0.1:9/mcp", tools=tools, **fields)
        await self.app.services.catalog.register(SYSTEM, asset, fetch=False)


@asynccontextmanager
async def serving(folder: Path, **chosen: object) -> AsyncIterator[World]:
    """A registry over an empty folder."""
    settings = load(
        data=folder / "data", admin_token=OPERATOR, embedder="none", health_interval=0, fetch_timeout=2, **chosen
    )
    async with (
        running(settings) as app,
        serve(app.asgi) as url,
        httpx2.AsyncClient(trust_env=False, timeout=60) as client,
    ):
        yield World(app, url, client)


@asynccontextmanager
async def furnished(folder: Path, **chosen: object) -> AsyncIterator[World]:
    """With public assets of every kind, what only staff may see, and callers: admin, reader, restricted, nothing."""
    async with serving(folder, **chosen) as world:
        await furnish(world)
        yield world


async def furnish(world: World) -> None:
    """Put it there."""
    services = world.app.services
    await services.policy.put_group(SYSTEM, Group(name="staff", scopes=[]))
    for path in ("weather", "maps", "mail"):
        await world.server(path)
    await world.server(HIDDEN, visibility="group", groups=["staff"])
    await services.intake.agent(SYSTEM, "planner", card=CARD, governance={})
    for path, groups in (("folding", []), (f"{HIDDEN}-skill", ["staff"])):
        governance: Json = {"groups": [*groups]} if groups else {}
        await services.intake.skill(SYSTEM, path, content=SKILL.format(path=path), governance=governance)
    await services.entity_types.define(SYSTEM, "dataset", {"type": "object"})
    await services.intake.entity(SYSTEM, "dataset", "rain", {"rows": 7}, governance={})
    await world.caller("reader", Grant(kinds=["server"], assets=["weather"], actions=["read", "list", "update"]))
    await world.caller("restricted", Grant(kinds=["server"], assets=["maps"], actions=["read", "list", "call"]))
    await world.caller("nothing")
