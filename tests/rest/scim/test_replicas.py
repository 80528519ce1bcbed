"""Two registries over one store: whom one is told to switch off is cut off at the other within a second."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from pathlib import Path

import anyio
import httpx2
import pytest
from cryptography.fernet import Fernet

from airegistry.app import App, running
from airegistry.core.assets import Json
from airegistry.core.principals import SYSTEM, Principal
from airegistry.settings import load
from airegistry.stores.cipher import FernetCipher
from airegistry.stores.memory import MemoryLog, MemoryStore
from airegistry.stores.open import Stores
from tests.rest.scim.world import CORP, GROUP, OPERATOR, PATCH, USER, fresh
from tests.support.asgi import serve
from tests.support.waiting import until

pytestmark = pytest.mark.anyio
SECOND = 1.0
LOOKS = 1.0
"""Seconds between two looks at open streams."""


@dataclass
class Pair:
    """Two replicas by URL, and a client of both."""

    apps: list[App]
    urls: list[str]
    client: httpx2.AsyncClient

    async def scim(self, at: int, method: str, path: str, body: Json) -> Json:
        answer = await self.client.request(
            method, f"{self.urls[at]}/scim/v2{path}", json=body, headers={"authorization": f"Bearer {OPERATOR}"}
        )
        assert answer.status_code < 300, answer.text
        found: Json = answer.json() if answer.content else {}
        return found

    async def status(self, at: int, token: str) -> int:
        headers = {"authorization": f"Bearer {token}"}
        return (await self.client.get(f"{self.urls[at]}/api/v1/openapi.json", headers=headers)).status_code


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    """Two replicas whose people sign in at `corp`."""
    store, cipher = MemoryStore(), FernetCipher([Fernet.generate_key().decode()])
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx2.AsyncClient(trust_env=False, timeout=20))
        made = Pair([], [], client)
        for name in "ab":
            chosen = load(
                data=tmp_path / name, admin_token=OPERATOR, embedder="none", health_interval=0,
                identity_providers=[CORP], public_url="http://127.0.0.1:8080",
            )  # fmt: skip
            given = Stores(store, MemoryLog(), cipher, [], shared=True)
            made.apps.append(await stack.enter_async_context(running(chosen, given=given)))
            made.urls.append(await stack.enter_async_context(serve(made.apps[-1].asgi)))
        yield made


async def test_everything_of_somebody_who_is_switched_off_ends_at_the_other_replica(pair: Pair) -> None:
    a, b = pair.apps
    name = fresh()
    user = await pair.scim(0, "POST", "/Users", {"schemas": [USER], "userName": name})
    body: Json = {"schemas": [GROUP], "displayName": "people", "members": [{"value": user["id"]}]}
    await pair.scim(0, "POST", "/Groups", body)
    person = await b.identity.directory.provision("corp", name)
    assert (person.id, b.identity.directory.provisioned_groups(person.id)) == (f"corp:{name}", ["people"])
    session, _ = await b.identity.sessions.open(person, amr=["fed"])
    access, _ = b.identity.tokens.mint(
        subject=person.subject, client_id="dyn-x", scopes=["mcp"], resource=f"{b.services.url}/api"
    )
    maker = Principal(person.subject, kind="person", operator=True)
    _, machine = await b.services.tokens.create(maker, "machine", groups=[], scopes=[], expires_in=600)
    given = (access, machine)
    await until(lambda: a.identity.directory.known(person.id) is not None)
    assert [await pair.status(1, each) for each in given] == [200, 200]
    headers = {"authorization": f"Bearer {access}"}
    async with pair.client.stream("GET", f"{pair.urls[1]}/api/v1/events", headers=headers) as stream:
        assert stream.status_code == 200
        off: Json = {"schemas": [PATCH], "Operations": [{"op": "Replace", "path": "active", "value": "False"}]}
        await pair.scim(0, "PATCH", f"/Users/{user['id']}", off)
        began = time.monotonic()
        while {await pair.status(1, each) for each in given} != {401}:
            assert time.monotonic() - began < SECOND
        assert await b.identity.sessions.find(session) is None
        assert b.identity.callers.by_subject(person.subject) is None
        with anyio.fail_after(5):
            async with aclosing(stream.aiter_bytes()) as chunks:
                async for _ in chunks:
                    pass
        assert time.monotonic() - began < SECOND + LOOKS


async def test_of_two_replicas_one_gives_a_name_to_somebody(pair: Pair) -> None:
    name = fresh()
    statuses: list[int] = []

    async def create(at: int) -> None:
        answer = await pair.client.post(
            f"{pair.urls[at]}/scim/v2/Users", json={"schemas": [USER], "userName": name},
            headers={"authorization": f"Bearer {OPERATOR}"},
        )  # fmt: skip
        statuses.append(answer.status_code)

    async with anyio.create_task_group() as tasks:
        for at in (0, 1, 0, 1):
            tasks.start_soon(create, at)
    assert sorted(statuses) == [201, 409, 409, 409]


async def test_a_policy_holds_for_provisioned_groups_at_the_other_replica(pair: Pair) -> None:
    a, b = pair.apps
    user = await pair.scim(0, "POST", "/Users", {"schemas": [USER], "userName": fresh()})
    group = await pair.scim(1, "POST", "/Groups", {"schemas": [GROUP], "displayName": "later"})
    ids = f"scim:{user['id']}"
    await until(lambda: b.identity.directory.known(ids) is not None, SECOND)
    add: Json = {"op": "add", "path": "members", "value": [{"value": user["id"]}]}
    await pair.scim(0, "PATCH", f"/Groups/{group['id']}", {"schemas": [PATCH], "Operations": [add]})
    await until(lambda: b.identity.directory.provisioned_groups(ids) == ["later"], SECOND)
    await a.identity.directory.remove(SYSTEM, ids)
    await until(lambda: b.identity.directory.known(ids) is None, SECOND)
