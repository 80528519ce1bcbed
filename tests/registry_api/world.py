"""A registry that is served, callers of it, and documents to publish."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import httpx2
from pydantic import JsonValue

from airegistry.app import App, running
from airegistry.core.assets import Json
from airegistry.core.grants import Grant, Group, Scope
from airegistry.core.principals import SYSTEM
from airegistry.settings import load
from tests.support.asgi import serve

OPERATOR = "operator-" + "r" * 32
OFFICIAL = "io.modelcontextprotocol.registry/official"


def at(value: JsonValue, *path: str) -> JsonValue:
    """A member of objects within objects."""
    for name in path:
        assert isinstance(value, dict)
        value = value[name]
    return value


def listed(page: Json) -> list[JsonValue]:
    """The entries of a list."""
    found = page["servers"]
    assert isinstance(found, list)
    return found


class World:
    """The registry at `url`, and its application."""

    def __init__(self, app: App, url: str, client: httpx2.AsyncClient) -> None:
        self.app = app
        self.url = url
        self._client = client

    async def ask(
        self, method: str, path: str, *, token: str | None = OPERATOR, json: object = None, content: bytes | None = None
    ) -> httpx2.Response:
        """What is answered; `path` is below the URL, with its query."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        if content is not None:
            return await self._client.request(method, self.url + path, headers=headers, content=content)
        return await self._client.request(method, self.url + path, headers=headers, json=json)

    async def get(self, path: str, *, token: str | None = OPERATOR) -> Json:
        """A JSON object that is there."""
        answer = await self.ask("GET", path, token=token)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def publish(self, document: Json, *, token: str | None = OPERATOR) -> httpx2.Response:
        """Publish as mcp-publisher does."""
        return await self.ask("POST", "/v0/publish", token=token, json=document)

    async def names(self, query: str = "", *, token: str | None = OPERATOR) -> list[str]:
        """Name and version of all that a list shows, page by page."""
        found, cursor = list[str](), ""
        while True:
            page = await self.get(f"/v0.1/servers?{query}{f'&cursor={quote(cursor)}' if cursor else ''}", token=token)
            metadata, servers = page["metadata"], listed(page)
            assert at(metadata, "count") == len(servers)
            found += [f"{at(each, 'server', 'name')} {at(each, 'server', 'version')}" for each in servers]
            assert isinstance(metadata, dict)
            if "nextCursor" not in metadata:
                return found
            cursor = str(metadata["nextCursor"])

    async def caller(self, name: str, grants: Sequence[Grant] = (), groups: Sequence[str] = ()) -> str:
        """The token of somebody with these rights."""
        services = self.app.services
        await services.policy.put_scope(SYSTEM, Scope(name=name, grants=[*grants]))
        for group in groups:
            await services.policy.put_group(SYSTEM, Group(name=group, scopes=[]))
        return (await services.tokens.create(SYSTEM, name, groups=[*groups], scopes=[name], expires_in=3600))[1]


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


def a_package(name: str = "io.github.acme/weather", version: str = "1.0.0", **more: object) -> Json:
    """The document of a server in a package, with members that nobody knows."""
    return {
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": name,
        "title": "Weather",
        "description": "Forecasts for a place and a day.",
        "version": version,
        "repository": {"url": "https://github.com/acme/weather", "source": "github", "id": "7", "stars": 5},
        "websiteUrl": "https://acme.example/weather",
        "icons": [{"src": "https://acme.example/icon.png", "sizes": ["48x48"], "hue": 0.5}],
        "packages": [
            {
                "registryType": "npm",
                "identifier": "@acme/weather",
                "version": version,
                "transport": {"type": "stdio", "framing": "lines"},
                "environmentVariables": [{"name": "ACME_KEY", "isSecret": True, "hint": {"length": 32}}],
                "postInstallInstructions": [{"description": "Log in."}],
            }
        ],
        "_meta": {"io.modelcontextprotocol.registry/publisher-provided": {"build": 12}, "com.acme": [1, None, "x"]},
        "unheardOf": {"deep": [{"er": True}]},
        **more,  # type: ignore[dict-item]  # JSON
    }


def of(name: str) -> str:
    """Where the API has a server."""
    return f"/v0.1/servers/{quote(name, safe='')}"
