"""An A2A agent that answers whatever it is asked, and messages to it through the gateway."""

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.support import mcp
from tests.telemetry.world import OPERATOR, Json, World

SAID = "where the treasure lies"


def agent() -> Starlette:
    """The agent, at /a2a."""

    async def answer(request: Request) -> JSONResponse:
        asked = await request.json()
        parts = [{"kind": "text", "text": SAID}]
        result = {"kind": "message", "messageId": "m2", "role": "agent", "parts": parts}
        return JSONResponse({"jsonrpc": "2.0", "id": asked["id"], "result": result})

    return Starlette(routes=[Route("/a2a", answer, methods=["POST"])])


async def register(world: World, path: str, url: str) -> None:
    """Put the agent at a URL into the registry."""
    card = {
        "name": path, "description": "Answers.", "url": url, "version": "1.0.0", "protocolVersion": "0.3.0",
        "capabilities": {}, "defaultInputModes": ["text"], "defaultOutputModes": ["text"],
        "skills": [{"id": "say", "name": "Say", "description": "Says.", "tags": ["talk"]}],
    }  # fmt: skip
    await mcp.ask(f"{world.url}/mcp", OPERATOR, "register_agent", path=path, card=card)


async def say(world: World, path: str, method: str = "message/send", **headers: str) -> httpx2.Response:
    """What the registry answers to a message for an agent."""
    message: Json = {"kind": "message", "messageId": "m1", "role": "user", "parts": [{"kind": "text", "text": SAID}]}
    request = {"jsonrpc": "2.0", "id": "r1", "method": method, "params": {"message": message}}
    sent = {"authorization": f"Bearer {OPERATOR}", **headers}
    return await world.http.post(f"{world.url}/agents/{path}", json=request, headers=sent)
