"""A registry that is served, a provisioner who may do that and nothing else, and people who sign in at a provider."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from airegistry.app import App, running
from airegistry.core.assets import Json
from airegistry.core.audit_events import AuditEvent, AuditFilter
from airegistry.core.grants import Grant, Group, Scope
from airegistry.core.principals import SYSTEM
from airegistry.core.users import User
from airegistry.settings import load
from tests.support.asgi import serve

OPERATOR = "operator-" + "s" * 32
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
CORP: Json = {
    "name": "corp", "profile": "oidc", "issuer": "http://127.0.0.1:9", "client_id": "registry",
}  # fmt: skip
_numbers = itertools.count(1)


def fresh(name: str = "person") -> str:
    """A name that nobody has."""
    return f"{name}{next(_numbers)}@corp.test"


class World:
    """The registry at `url`. `token` is the provisioner's, who may provision and nothing else."""

    def __init__(self, app: App, url: str, client: httpx2.AsyncClient) -> None:
        self.app = app
        self.url = url
        self.client = client
        self.token = OPERATOR

    async def ask(
        self, method: str, path: str, json: object = None, *, token: str | None = None, content: bytes | None = None,
        **headers: str,
    ) -> httpx2.Response:  # fmt: skip
        """What is answered at a path below /scim/v2."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"authorization": f"Bearer {token or self.token}", "content-type": "application/scim+json", **sent}
        given: dict[str, object] = {"json": json} if content is None else {"content": content}
        if json is None and content is None:
            given = {}
        return await self.client.request(
            method,
            f"{self.url}/scim/v2{path}",
            headers=sent,
            **given,  # type: ignore[arg-type]  # one of two
        )

    async def add(self, user_name: str | None = None, /, **more: object) -> Json:
        """Somebody new."""
        body = {"schemas": [USER], "userName": user_name or fresh(), "active": True, **more}
        answer = await self.ask("POST", "/Users", body)
        assert answer.status_code == 201, answer.text
        made: Json = answer.json()
        return made

    async def add_group(self, name: str, *members: Json) -> Json:
        """A new group."""
        listed = [{"value": each["id"]} for each in members]
        answer = await self.ask("POST", "/Groups", {"schemas": [GROUP], "displayName": name, "members": listed})
        assert answer.status_code == 201, answer.text
        made: Json = answer.json()
        return made

    async def get(self, path: str) -> Json:
        """What is there."""
        answer = await self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def patch(self, path: str, *operations: Json, **headers: str) -> httpx2.Response:
        """Do some operations."""
        body = {"schemas": [PATCH], "Operations": [*operations]}
        return await self.ask("PATCH", path, body, token=None, content=None, **headers)

    async def names(self, filter_: str) -> list[str]:
        """The names of the people that fit a filter."""
        answer = await self.client.get(
            f"{self.url}/scim/v2/Users",
            params={"filter": filter_, "count": "1000"},
            headers={"authorization": f"Bearer {self.token}"},
        )
        assert answer.status_code == 200, answer.text
        return [each["userName"] for each in answer.json()["Resources"]]

    async def login(self, sub: str, *, email: str = "", known_as: tuple[str, ...] = (), verified: bool = False) -> User:
        """Have somebody sign in at the provider `corp`."""
        directory = self.app.identity.directory
        return await directory.provision("corp", sub, email=email, known_as=known_as, verified=verified)

    async def events(self, action: str) -> list[AuditEvent]:
        """What the trail has of an act, newest first."""
        found, _ = await self.app.services.audit.query(SYSTEM, AuditFilter(action=action))
        return found


@asynccontextmanager
async def provisioned(folder: Path, **chosen: object) -> AsyncIterator[World]:
    """A registry over an empty folder whose people sign in at `corp`."""
    settings = load(
        data=folder / "data", admin_token=OPERATOR, embedder="none", health_interval=0, identity_providers=[CORP],
        **chosen,
    )  # fmt: skip
    async with (
        running(settings) as app,
        serve(app.asgi) as url,
        httpx2.AsyncClient(trust_env=False, timeout=60) as client,
    ):
        world = World(app, url, client)
        services = app.services
        await services.policy.put_scope(SYSTEM, Scope(name="provisioning", grants=[Grant(actions=["provision"])]))
        await services.policy.put_group(SYSTEM, Group(name="staff", scopes=[]))
        _, world.token = await services.tokens.create(
            SYSTEM, "provisioner", groups=[], scopes=["provisioning"], expires_in=3600
        )
        yield world
