"""The real core and the agents' gateway, behind a stand-in for the authentication layer: `x-test-subject` calls."""

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import anyio
import httpx
import yarl
from a2a.client import Client, ClientConfig, ClientFactory
from google.protobuf.json_format import MessageToDict
from pydantic import JsonValue
from starlette.types import Receive, Scope, Send

from airegistry.core.assets import Agent, Json
from airegistry.core.audit_events import AuditEvent
from airegistry.core.cards import interfaces_of_card, read_card
from airegistry.core.grants import Grant
from airegistry.core.principals import Principal
from airegistry.egress.guard import Guard
from airegistry.egress.stream import StreamClient
from airegistry.gateway.a2a.app import AgentGateway
from airegistry.gateway.a2a.handles import Handles
from airegistry.oauth.identity import PRINCIPAL
from tests.core.wiring import World as Core
from tests.gateway.a2a.clerk import Clerk, card

ALL = Grant(kinds=["agent"])
SAY = Grant(kinds=["agent"], tools=["say"])


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class World:
    """`url` is where the gateway is reached, `agent` where the clerk is."""

    core: Core
    gateway: AgentGateway
    handles: Handles
    clerk: Clerk
    url: str = ""
    agent: str = ""
    callers: dict[str, Principal] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        subject = dict(scope["headers"]).get(b"x-test-subject", b"ann").decode()
        if subject in self.callers:
            scope[PRINCIPAL] = self.callers[subject]
        await self.gateway(scope, receive, send)

    async def let(self, subject: str, *grants: Grant) -> None:
        """A caller with these grants and no others."""
        who = Principal(subject=subject)
        self.callers[subject] = await self.core.holding(*grants, who=who, name=f"of-{subject}") if grants else who

    async def put(self, path: str, card: Json, **fields: object) -> Agent:
        """An agent in the catalog, past the checks of a registration."""
        name, _, version, urls, skills = read_card(card)
        at: dict[str, object] = {"url": next(iter(urls), None), **fields}
        agent = Agent.model_validate(
            {"path": path, "name": name, "version": version, "card": card, "skills": skills, **at}
        )
        assert interfaces_of_card(card) or agent.url
        await self.core.shelf.create(agent)
        return agent

    @asynccontextmanager
    async def client(
        self, binding: str = "JSONRPC", *, path: str = "clerk", subject: str = "ann", streaming: bool = True
    ) -> AsyncIterator[Client]:
        """A real client of the A2A SDK that has found the agent by its card."""
        headers = {
            "x-test-subject": subject, "authorization": "Bearer of-the-caller", "cookie": "a=b", "x-forwarded-for": "1",
        }  # fmt: skip
        async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=10) as http:
            config = ClientConfig(httpx_client=http, supported_protocol_bindings=[binding], streaming=streaming)
            yield await ClientFactory(config).create_from_url(f"{self.url}/agents/{path}")

    async def send(
        self,
        verb: str,
        rest: str = "",
        body: JsonValue | bytes = None,
        *,
        path: str = "clerk",
        subject: str = "ann",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One request as it is, to what is below the agent's path."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        sent = {"x-test-subject": subject, **({} if data is None else {"content-type": "application/json"})}
        url = yarl.URL(f"{self.url}/agents/{path}{rest}", encoded=True)
        content = None if data is None else io.BytesIO(data)
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                verb, url, data=content, headers={**sent, **(headers or {})}, allow_redirects=False
            ) as response,
        ):
            head = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, head, await response.read())

    async def rpc(self, method: str, params: Json, **options: Any) -> Answer:
        """One request of JSON-RPC."""
        return await self.send("POST", "", {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}, **options)

    async def events(self, count: int) -> list[AuditEvent]:
        """What was written down of agents, oldest first: that much of it, which a client may be ahead of."""
        with anyio.fail_after(5):
            while True:
                found = [event for event in reversed(await self.core.events()) if event.kind == "agent"]
                if len(found) >= count:
                    assert len(found) == count
                    return found
                await anyio.sleep(0.005)


def message(said: str, **members: JsonValue) -> Json:
    """A message of 1.0."""
    return {"messageId": "m-1", "role": "ROLE_USER", "parts": [{"text": said}], **members}


def old_message(said: str, **members: JsonValue) -> Json:
    """A message of 0.3."""
    return {"messageId": "m-1", "role": "user", "parts": [{"kind": "text", "text": said}], **members}


def build(core: Core, client: StreamClient, clerk: Clerk, url: str) -> World:
    """A world whose agents may be told to call back public hosts only, though they are on loopback themselves."""
    handles = Handles(core.store, core.clock)
    gateway = AgentGateway(
        core.services.invocation, client, Guard(resolve=_resolve), handles,
        url=url, max_body=2**20, max_answer=2**20, first_byte_timeout=10,
    )  # fmt: skip
    return World(core, gateway, handles, clerk)


async def _resolve(host: str, port: int) -> list[str]:
    """A name server that knows one public host and one that leads inside."""
    if host not in {"hooks.test", "inside.test"}:
        raise OSError("no such name")
    return ["93.184.216.34" if host == "hooks.test" else "10.0.0.1"]


def clerk_card(url: str) -> Json:
    """The clerk's card in 1.0."""
    shown: Json = MessageToDict(card(url))
    return shown
