"""A real client of the A2A SDK and a real agent, with a served registry between them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from a2a.client import Client, ClientConfig, ClientFactory
from a2a.helpers.proto_helpers import get_stream_response_text, new_text_message
from a2a.types.a2a_pb2 import GetTaskRequest, Role, SendMessageRequest
from a2a.utils.errors import TaskNotFoundError

from tests.contract.acts import Desk, fresh
from tests.gateway.a2a.clerk import Clerk, build
from tests.support import mcp
from tests.support.asgi import serve
from tests.support.registry import Registry

pytestmark = pytest.mark.anyio
bindings = pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])


@asynccontextmanager
async def connected(url: str, token: str, binding: str, *, streaming: bool = True) -> AsyncIterator[Client]:
    """A client that has found the agent by the card at a URL."""
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=20) as http:
        config = ClientConfig(httpx_client=http, supported_protocol_bindings=[binding], streaming=streaming)
        yield await ClientFactory(config).create_from_url(url)


def told(said: str) -> SendMessageRequest:
    return SendMessageRequest(message=new_text_message(said, role=Role.ROLE_USER))


@bindings
async def test_an_agent_is_registered_found_asked_and_recorded(registry: Registry, desk: Desk, binding: str) -> None:
    clerk, path = Clerk(), fresh("clerk")
    async with serve(build(clerk)) as agent:
        await desk.ask("register_agent", path=path, url=f"{agent}/card")
        url = f"{registry.url}/agents/{path}"
        caller = await desk.token({"kinds": ["agent"], "assets": [path]})
        other = await desk.token({"kinds": ["agent"], "assets": [path]})
        async with connected(url, caller, binding) as client:
            (said,) = [event async for event in client.send_message(told("say"))]
            assert get_stream_response_text(said) == "said"
        async with connected(url, caller, binding, streaming=False) as client:
            (done,) = [event async for event in client.send_message(told("work"))]
            assert (await client.get_task(GetTaskRequest(id=done.task.id))).id == done.task.id
        async with connected(url, other, binding) as client:
            with pytest.raises(TaskNotFoundError):
                await client.get_task(GetTaskRequest(id=done.task.id))
        assert not any("authorization" in headers or caller in str(headers) for headers in clerk.seen)
        refreshed = await desk.ask("refresh_service", path=path, kind="agent")
        assert refreshed["changes"] == []
    recorded = (await desk.ask("query_audit", asset=path, limit=20))["events"]
    assert {"card", "message/stream", "message/send", "tasks/get"} <= {event["action"] for event in recorded}


async def test_an_agent_is_not_reached_without_a_grant_or_a_token(registry: Registry, desk: Desk) -> None:
    clerk, path = Clerk(), fresh("clerk")
    async with serve(build(clerk)) as agent:
        await desk.ask("register_agent", path=path, url=f"{agent}/card")
        url = f"{registry.url}/agents/{path}"
        nothing = await desk.token()
        call = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": {"messageId": "1"}}}
        async with httpx.AsyncClient(trust_env=False) as http:
            anonymous = await http.post(url, json=call)
            assert anonymous.status_code == 401
            challenge = anonymous.headers["www-authenticate"]
            assert f"/.well-known/oauth-protected-resource/agents/{path}" in challenge
            denied = await http.post(url, json=call, headers={"authorization": f"Bearer {nothing}"})
            assert (denied.status_code, denied.json()["error"]["data"]["code"]) == (403, "access_denied")
            hidden = await http.post(f"{url}-x", json=call, headers={"authorization": f"Bearer {nothing}"})
            assert hidden.status_code == 404
        assert clerk.seen == []


async def test_a_card_that_leads_to_a_metadata_service_is_not_taken(desk: Desk) -> None:
    card = {
        "name": "a", "description": "d", "version": "1", "skills": [], "url": "http://127.0.0.1:9/",
        "additionalInterfaces": [{"url": "http://169.254.169.254/", "transport": "HTTP+JSON"}],
    }  # fmt: skip
    with mcp.refused("invalid"):
        await desk.ask("register_agent", path=fresh("agent"), card=card)
