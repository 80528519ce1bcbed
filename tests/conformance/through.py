"""The gateway for the suite: `python -m tests.conformance.through PORT DATA BACKEND` serves it at `/conforming/mcp`.

Test-only, as `serve`: requests without credentials get the operator's token.
"""

import sys
from pathlib import Path

import anyio
import uvicorn

from airegistry.app import running
from airegistry.core.principals import SYSTEM
from airegistry.core.validation import validated
from airegistry.settings import load
from tests.conformance.serve import WithToken

PATH = "conforming"
TOKEN = "operator-token-of-the-conformance-run"  # of a throw-away process


async def main(port: int, data: Path, backend: str) -> None:
    """Register the backend, serve until stopped."""
    settings = load(host="127.0.0.1", port=port, data=data, admin_token=TOKEN)
    async with running(settings) as app:
        server = validated({"kind": "server", "path": PATH, "name": PATH, "url": backend})
        await app.services.catalog.register(SYSTEM, server)
        config = uvicorn.Config(
            WithToken(app.asgi, TOKEN), host="127.0.0.1", port=port, lifespan="off", log_level="warning"
        )
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
