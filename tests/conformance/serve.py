"""The product's own MCP server with the suite's fixture added: `python -m tests.conformance.serve PORT DATA`.

Test-only. The suite sends no credentials, so requests without any get a token here.
"""

import sys
from pathlib import Path

import anyio
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from airegistry.app import App, running
from airegistry.core.grants import Grant
from airegistry.core.grants import Scope as AccessScope
from airegistry.core.principals import SYSTEM
from airegistry.settings import load
from tests.conformance import fixture

NAME = "conformance"
EVERYTHING = Grant(assets=["*"], actions=["*"])


class WithToken:
    """An ASGI application that sees the holder of a token where nobody was named."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._header = b"authorization", f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and b"authorization" not in dict(scope["headers"]):
            scope = {**scope, "headers": [*scope["headers"], self._header]}
        await self._app(scope, receive, send)


def add_trigger(app: App) -> None:
    """The tool by which the suite makes the list of tools change.

    The registry's tools are the same for everybody and for ever; clients are told when their rights change.
    """
    grants = [EVERYTHING]

    @app.mcp.tool
    async def test_trigger_tool_change() -> str:
        """Changes the rights of the caller."""
        grants.append(EVERYTHING)
        await app.services.policy.put_scope(SYSTEM, AccessScope(name=NAME, grants=grants))
        return "changed"


async def main(port: int, data: Path) -> None:
    """Serve until stopped."""
    settings = load(host="127.0.0.1", port=port, data=data)
    async with running(settings, extend=fixture.add_to) as app:
        add_trigger(app)
        await app.services.policy.put_scope(SYSTEM, AccessScope(name=NAME, grants=[EVERYTHING]))
        _, token = await app.services.tokens.create(SYSTEM, NAME, groups=[], scopes=[NAME], expires_in=3600)
        served = WithToken(app.asgi, token)
        config = uvicorn.Config(served, host="127.0.0.1", port=port, lifespan="off", log_level="warning")
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]), Path(sys.argv[2]))
