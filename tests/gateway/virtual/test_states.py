"""What a server behind a virtual one gives a caller to go on with is that caller's alone, as on its own path."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

import aiohttp
import pytest
from pydantic import JsonValue
from starlette.types import Receive, Scope, Send

from airegistry.core.assets import Json
from airegistry.core.grants import Grant
from airegistry.core.principals import Principal
from airegistry.egress.guard import Guard
from airegistry.egress.stream import StreamClient
from airegistry.gateway.channels.eras import Eras
from airegistry.gateway.channels.pool import Channels
from airegistry.gateway.fronts.listening import ignore
from airegistry.gateway.open import Gateways, Limits, Rules, open_gateway
from airegistry.oauth.identity import PRINCIPAL
from tests.core.virtual import compose
from tests.core.wiring import build
from tests.gateway.stub import Stub
from tests.gateway.test_states import ASKS
from tests.gateway.world import ACCEPT, modern, server_at
from tests.support.asgi import serve

pytestmark = pytest.mark.anyio
URI = "note://open"


@dataclass
class World:
    """The data path before one modern backend, alone over its store or not."""

    stub: Stub
    callers: Mapping[str, Principal]
    gateways: Gateways
    url: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        scope[PRINCIPAL] = self.callers[dict(scope["headers"])[b"x-test-subject"].decode()]
        await self.gateways.servers(scope, receive, send)

    async def read(self, subject: str, **params: JsonValue) -> tuple[int, Json]:
        """A resource of the virtual server, read by a modern client: the status and the answer."""
        message, headers = modern("resources/read", {"uri": f"air://asking/{URI}", **params})
        sent = {"accept": ACCEPT, "x-test-subject": subject, **headers}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/desk/mcp", json=message, headers=sent) as response,
        ):
            return response.status, await response.json()


@pytest.fixture(params=[False, True], ids=["alone", "shared"])
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(StreamClient(Guard(loopback=True)))
        channels = await stack.enter_async_context(Channels(client, Eras(client)))
        core, stub = await build(), Stub()
        backend = await stack.enter_async_context(serve(stub))
        note = {"name": "note", "uri": URI}
        await core.shelf.create(server_at("asking", f"{backend}/mcp", resources=[note]))
        await compose(core, "desk", [], resources=[{"server": "asking"}])
        grant = Grant(kinds=["virtual_server"], actions=["call"])
        callers = {name: await core.holding(grant, who=Principal(f"user:{name}"), name=name) for name in ("ann", "bob")}
        services = core.services
        rules = Rules(
            services.invocation, services.access, core.visibility, core.shelf, services.parts, services.events,
            core.store, core.clock, lambda: services.access.revision, shared=request.param,
        )  # fmt: skip
        opening = open_gateway(
            rules, client, channels, Guard(loopback=True), url="http://registry.test", limits=Limits(2**20, 10),
            challenge=lambda scope, who, scopes: b"", on_tools_changed=ignore,
        )  # fmt: skip
        world = World(stub, callers, await stack.enter_async_context(opening))
        world.url = await stack.enter_async_context(serve(world))
        yield world


async def whole(stub: Stub, scope: Scope, receive: Receive, send: Send) -> None:
    """An answer to the request, whatever its id."""
    result = {"resultType": "complete", "contents": []}
    stub.body = json.dumps({"jsonrpc": "2.0", "id": json.loads(stub.requests[-1][2])["id"], "result": result}).encode()
    await stub.plain(scope, receive, send)


async def test_another_caller_goes_on_with_nobodys_request(desk: World) -> None:
    desk.stub.body = ASKS % b"state-1"
    status, answer = await desk.read("ann")
    assert (status, answer["result"]["requestState"]) == (200, "state-1")  # type: ignore[index,call-overload]  # an object
    desk.stub.answer = partial(whole, desk.stub)
    desk.stub.requests.clear()
    status, answer = await desk.read("bob", requestState="state-1")
    assert (status, answer["error"]["message"]) == (400, "no such requestState")  # type: ignore[index,call-overload]  # an object
    assert not desk.stub.requests
    assert (await desk.read("ann", requestState="state-1"))[0] == 200
    assert len(desk.stub.requests) == 1
