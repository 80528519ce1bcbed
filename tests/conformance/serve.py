"""The product's own MCP server with the suite's fixture added: `python -m tests.conformance.serve PORT DATA`.

Test-only. The suite sends no credentials, so requests without any get the operator's token here.
"""

import sys
from pathlib import Path

import anyio
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from airegistry.app import running
from airegistry.settings import load
from tests.conformance import fixture

TOKEN = "operator-token-of-the-conformance-run"  # of a throw-away process


class AsOperator:
    """An ASGI application that sees the operator where nobody was named."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and b"authorization" not in dict(scope["headers"]):
            scope = {**scope, "headers": [*scope["headers"], (b"authorization", f"Bearer {TOKEN}".encode())]}
        await self._app(scope, receive, send)


async def main(port: int, data: Path) -> None:
    """Serve until stopped."""
    settings = load(host="127.0.0.1", port=port, data=data, admin_token=TOKEN)
    async with running(settings, extend=fixture.add_to) as app:
        config = uvicorn.Config(AsOperator(app.asgi), host="127.0.0.1", port=port, lifespan="off", log_level="warning")
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]), Path(sys.argv[2]))
