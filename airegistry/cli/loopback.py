"""A person's browser, as the command line has it: opened where there is one, and listened to on this machine."""

import asyncio
import secrets
import webbrowser
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, urlsplit

import anyio

from airegistry.cli.errors import NoAnswer
from airegistry.cli.output import note

PATIENCE = 300.0
"""Seconds a person has to log in."""
_PATH = "/callback"
_REQUEST_SECONDS = 10
_HEADERS = (
    "content-type: text/plain; charset=utf-8\r\ncache-control: no-store\r\nreferrer-policy: no-referrer\r\n"
    "x-content-type-options: nosniff\r\ncontent-security-policy: default-src 'none'\r\nconnection: close\r\n"
)


class Loopback:
    """Waits at a port of its own for the one redirect that carries the state of the page that was opened (RFC 8252).

    Other requests to the port, such as those of web pages that guess it, change nothing.
    """

    def __init__(self, port: int, *, open_pages: bool) -> None:
        self._redirect_uri = f"http://127.0.0.1:{port}{_PATH}"
        self._open_pages = open_pages
        self._state: str | None = None
        self._answer: dict[str, str] = {}
        self._answered = anyio.Event()

    @property
    def redirect_uri(self) -> str:
        return self._redirect_uri

    async def visit(self, url: str) -> Mapping[str, str]:
        """Show the page to the person and wait for its answer.

        Raises:
            NoAnswer: it did not come in time.
        """
        self._state = dict(parse_qsl(urlsplit(url).query))["state"]
        opened = self._open_pages and await anyio.to_thread.run_sync(_open, url, abandon_on_cancel=True)
        note("your browser shows the login page; if not, open it yourself:" if opened else "open this page to log in:")
        note(f"\n  {url}\n")
        with anyio.move_on_after(PATIENCE):
            await self._answered.wait()
            return self._answer
        raise NoAnswer("unauthenticated", f"nobody logged in within {PATIENCE:g} s", "run `airegistry login` again")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        try:
            with anyio.fail_after(_REQUEST_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                status, text = self._take(head.split(b"\r\n", 1)[0].decode("ascii", "replace"))
                body = text.encode()
                writer.write(f"HTTP/1.1 {status}\r\n{_HEADERS}content-length: {len(body)}\r\n\r\n".encode() + body)
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever it was is gone, or no browser
        finally:
            writer.close()

    def _take(self, line: str) -> tuple[str, str]:
        """Take the answer out of a request line, if it is the one waited for."""
        method, _, rest = line.partition(" ")
        parts = urlsplit(rest.partition(" ")[0])
        query = dict(parse_qsl(parts.query))
        state = self._state or ""
        if method != "GET" or parts.path != _PATH:
            return "404 Not Found", "There is nothing here.\n"
        if not state or not secrets.compare_digest(query.get("state", "").encode(), state.encode()):
            return "400 Bad Request", "This is not the answer to a login that the command line waits for.\n"
        self._state = None
        self._answer = query
        self._answered.set()
        return "200 OK", "The command line has your answer. You can close this page.\n"


@asynccontextmanager
async def listening(*, open_pages: bool) -> AsyncIterator[Loopback]:
    """A browser whose answers come to a free port of this machine."""
    ready = asyncio.Event()
    here: list[Loopback] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ready.wait()
        await here[0].serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=16_384)
    async with server:
        here.append(Loopback(server.sockets[0].getsockname()[1], open_pages=open_pages))
        ready.set()
        yield here[0]


def _open(url: str) -> bool:
    """Open a page in a browser with windows, if there is one. No shell sees the URL.

    One that runs in the terminal would take it over, and could not be closed from here.
    """
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    in_terminal = isinstance(browser, webbrowser.GenericBrowser) and not isinstance(
        browser, webbrowser.BackgroundBrowser
    )
    return not in_terminal and browser.open(url)
