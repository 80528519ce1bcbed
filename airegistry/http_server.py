"""uvicorn's server, ended as a service manager expects: calls finish, streams do not hold it up, status 0."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from sse_starlette.sse import AppStatus

from airegistry.core.errors import Invalid

MARGIN = 2.0
"""Seconds from the end of our patience to that of uvicorn, which cancels what is left with a traceback each."""


class GracefulServer(uvicorn.Server):
    """At SIGTERM and SIGINT: `end_streams` at once, `cut` after so many seconds for the calls that still run then."""

    def __init__(
        self, config: uvicorn.Config, *, seconds: float, end_streams: Callable[[], None], cut: Callable[[], None]
    ) -> None:
        config.timeout_graceful_shutdown = int(seconds + MARGIN)
        super().__init__(config)
        self._seconds = seconds
        self._end_streams = end_streams
        self._cut = cut
        # It would end every event stream at the signal, also those that answer a call.
        AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]  # theirs has no annotation

    async def main_loop(self) -> None:
        """Serve until told to stop. What follows refuses connections and waits for the calls that run."""
        await super().main_loop()
        self._end_streams()
        asyncio.get_running_loop().call_later(self._seconds, self._cut)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's own, but for the last step: the signal is not raised again, it did what it is for."""
        before = {each: signal.signal(each, self.handle_exit) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


def bind(host: str, port: int) -> socket.socket:
    """A socket that may listen there.

    Raises:
        Invalid: it cannot.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise Invalid(f"cannot listen on {host}:{port}: {error.strerror}", field="PORT") from None
    return listening
