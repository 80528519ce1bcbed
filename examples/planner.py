"""A small A2A agent to register: `python examples/planner.py` serves http://127.0.0.1:9100.

Arguments: port, address to listen on, and the URL that its card names.
"""

import sys
import uuid

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

PORT, HOST, URL = [*sys.argv[1:], *["9100", "127.0.0.1", ""][len(sys.argv) - 1 :]]
URL = URL or f"http://{HOST}:{PORT}"
CARD = {
    "name": "Planner",
    "description": "Plans a day out: what to do, hour by hour.",
    "version": "1.0.0",
    "supportedInterfaces": [{"url": URL, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
    "capabilities": {"streaming": False},
    "defaultInputModes": ["text/plain"],
    "defaultOutputModes": ["text/plain"],
    "skills": [
        {
            "id": "plan",
            "name": "Plan a day",
            "description": "A plan for a day in a city.",
            "tags": ["travel", "planning"],
        }
    ],
}


async def card(request: Request) -> JSONResponse:
    """The agent card (A2A 1.0, section 8)."""
    return JSONResponse(CARD)


async def message(request: Request) -> JSONResponse:
    """One JSON-RPC request: SendMessage, answered with a message."""
    asked = await request.json()
    if asked.get("method") != "SendMessage":
        error = {"code": -32601, "message": "Method not found"}
        return JSONResponse({"jsonrpc": "2.0", "id": asked.get("id"), "error": error})
    said = " ".join(part.get("text", "") for part in asked["params"]["message"]["parts"])
    answer = {
        "messageId": str(uuid.uuid4()),
        "role": "ROLE_AGENT",
        "parts": [{"text": f"9:00 breakfast; 10:00 {said.strip() or 'a walk'}; 13:00 lunch; 15:00 a museum."}],
    }
    return JSONResponse({"jsonrpc": "2.0", "id": asked.get("id"), "result": {"message": answer}})


app = Starlette(routes=[Route("/.well-known/agent-card.json", card), Route("/", message, methods=["POST"])])

if __name__ == "__main__":
    uvicorn.run(app, host=HOST, port=int(PORT), log_level="warning")
