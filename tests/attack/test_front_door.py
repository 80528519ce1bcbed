"""What anonymous callers and browsers may do at the socket, and streams that outlive their token."""

import socket
from contextlib import suppress

import anyio
import httpx2
import pytest

from tests.contract.acts import Desk, fresh
from tests.support import http
from tests.support.registry import Registry

pytestmark = pytest.mark.anyio


def exchange(registry: Registry, *headers: str) -> bytes:
    """The status line that a GET /healthz with these headers gets."""
    with socket.create_connection(("127.0.0.1", registry.port), timeout=10) as connection:
        connection.sendall("\r\n".join(["GET /healthz HTTP/1.1", *headers, "Connection: close", "", ""]).encode())
        return connection.makefile("rb").readline()


@pytest.mark.parametrize("name", ["Host", "Origin"])
async def test_a_second_host_or_origin_is_refused(registry: Registry, name: str) -> None:
    good = {"Host": f"127.0.0.1:{registry.port}", "Origin": registry.url}[name]
    host = [] if name == "Host" else [f"Host: 127.0.0.1:{registry.port}"]
    for pair in ((good, "evil.example"), ("evil.example", good)):
        line = exchange(registry, *host, *(f"{name}: {value}" for value in pair))
        assert line.split()[1][:1] == b"4", (pair, line)


@pytest.mark.parametrize("origin", ["http://127.0.0.1:1", "https://127.0.0.1:{port}", "http://127.0.0.1:{port}.evil"])
async def test_a_page_of_another_local_server_is_a_foreign_origin(registry: Registry, origin: str) -> None:
    line = exchange(registry, f"Host: 127.0.0.1:{registry.port}", f"Origin: {origin.format(port=registry.port)}")
    assert line.split()[1] == b"403"


async def test_an_anonymous_header_of_megabytes_is_cut_off(registry: Registry) -> None:
    try:
        line = exchange(registry, f"Host: 127.0.0.1:{registry.port}", "X-Long: " + "a" * (4 << 20))
    except ConnectionError:  # it went on sending when the registry had closed already
        line = b""
    assert line.split()[1:2] in ([], [b"431"])


@pytest.mark.parametrize("own", [True, False])
async def test_a_stream_ends_with_its_token(registry: Registry, desk: Desk, parcel: str, own: bool) -> None:
    url = registry.mcp if own else registry.gateway(parcel)
    made = await desk.ask("create_token", name=fresh("reader"))
    token = made["token"]
    headers = {**http.legacy_headers(token, http.session(url, token)), "Accept": "text/event-stream"}
    with http.client() as client, client.stream("GET", url, headers=headers, timeout=4) as stream:
        assert stream.status_code == 200
        await desk.ask("revoke_token", id=made["id"])
        with suppress(httpx2.RemoteProtocolError):  # broken off, not ended
            await anyio.to_thread.run_sync(stream.read)
