"""ASGI applications of the tests' own, served over real sockets in the loop of the test."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import uvicorn
from starlette.types import ASGIApp

from airegistry.http_protocol import BoundedHttp


@asynccontextmanager
async def serve(app: ASGIApp) -> AsyncIterator[str]:
    """An application behind uvicorn with the protocol that the product has, on a loopback port; yields its base URL."""
    config = uvicorn.Config(app, http=BoundedHttp, log_config=None, timeout_graceful_shutdown=1, ws="none")
    server = uvicorn.Server(config)
    stopped = anyio.Event()

    async def run(listener: socket.socket) -> None:
        # Cancelled, uvicorn would leave its listener open, and uvloop waits for that for ever when the loop is closed.
        try:
            with anyio.CancelScope(shield=True):
                await server.serve([listener])
        finally:
            stopped.set()

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        async with anyio.create_task_group() as group:
            group.start_soon(run, listener)
            try:
                with anyio.fail_after(10):
                    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
                        await anyio.sleep(0.01)
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                server.should_exit = True
                with anyio.CancelScope(shield=True):
                    await stopped.wait()
