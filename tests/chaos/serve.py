"""The product as served, with a window on its inside: `python -m tests.chaos.serve WINDOW serve ...`.

Test-only. On the loopback port WINDOW a thread answers each line: `tasks` with what the event loop has to do, as JSON;
`dns up` and `dns down` with `ok`, for the one name there is, moving.test, which is 127.0.0.1 or nothing.
"""

import asyncio
import json
import socket
import socketserver
import sys
import threading
from collections import Counter
from collections.abc import Sequence

from airegistry.cli.main import main
from airegistry.egress import guard

NAME = "moving.test"


class Names:
    """Stands in for the system's resolver, which would ask the network."""

    def __init__(self) -> None:
        self.up = True

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """The address of the one name."""
        if host != NAME or not self.up:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return ["127.0.0.1"]


def tasks() -> dict[str, int]:
    """Tasks that are not done, by what they run."""
    running = [task for task in list(asyncio.tasks._all_tasks) if not task.done()]  # type: ignore[attr-defined]  # of every loop
    return Counter(getattr(task.get_coro(), "__qualname__", "?") for task in running)


def window(port: int, names: Names) -> None:
    """Answer lines on a port, in a thread that ends with the process."""

    class Line(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked = self.rfile.readline().decode().strip()
            if asked.startswith("dns "):
                names.up = asked == "dns up"
                answer: object = "ok"
            else:
                answer = tasks()
            self.wfile.write(json.dumps(answer).encode())

    server = socketserver.ThreadingTCPServer(("127.0.0.1", port), Line)
    threading.Thread(target=server.serve_forever, daemon=True).start()


if __name__ == "__main__":
    resolver = Names()
    guard.system_resolve = resolver.resolve  # type: ignore[assignment]  # before any guard is made
    window(int(sys.argv[1]), resolver)
    sys.exit(main(sys.argv[2:]))
