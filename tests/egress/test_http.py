"""The general HTTP client: redirects, sizes, compression, and errors that name the host."""

import gzip
import tracemalloc
import zlib

import httpx2
import pytest

from airegistry.core.errors import AirError, Invalid, UpstreamFailed
from airegistry.egress.guard import Guard
from airegistry.egress.http import fetch_bytes, guarded_http
from tests.egress.conftest import Connects
from tests.egress.servers import Answers, Handler, always, raw_server, silent
from tests.egress.test_stream import BAD

pytestmark = pytest.mark.anyio

LIMIT = 10_000


def answer(body: bytes, *headers: str, status: str = "200 OK") -> Handler:
    """A server of one body with its true length."""
    head = "".join(f"{header}\r\n" for header in [*headers, f"content-length: {len(body)}", "connection: close"])
    return always(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)


async def fetch(handler: Handler, path: str = "/", timeout: float = 5.0) -> bytes:
    async with raw_server(handler) as port, guarded_http(Guard(loopback=True)) as client:
        url = f"http://127.0.0.1:{port}{path}"
        return await fetch_bytes(client, url, limit=LIMIT, timeout=timeout, accept="text/plain")


@pytest.mark.parametrize(
    "handler",
    [
        answer(b"x" * LIMIT),
        answer(gzip.compress(b"x" * LIMIT), "content-encoding: gzip"),
        answer(gzip.compress(b"x" * LIMIT), "content-encoding: X-GZIP"),
        answer(zlib.compress(b"x" * LIMIT), "content-encoding: deflate"),
        always(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * LIMIT),
    ],
    ids=["plain", "gzip", "x-gzip", "deflate", "until-close"],
)
async def test_a_document_of_the_permitted_size_is_fetched(handler: Handler) -> None:
    assert await fetch(handler) == b"x" * LIMIT


@pytest.mark.parametrize(
    "handler",
    [
        answer(b"x" * (LIMIT + 1)),
        answer(gzip.compress(b"x" * (LIMIT + 1)), "content-encoding: gzip"),
        always(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000),
    ],
    ids=["plain", "gzip", "until-close"],
)
async def test_a_document_that_is_too_large_is_refused(handler: Handler) -> None:
    with pytest.raises(UpstreamFailed, match=r"127\.0\.0\.1:\d+ sent more than 10000 bytes"):
        await fetch(handler)


async def test_a_decompression_bomb_does_not_go_off() -> None:
    bomb = answer(gzip.compress(b"\0" * 100_000_000, 9), "content-encoding: gzip")
    tracemalloc.start()
    try:
        with pytest.raises(UpstreamFailed, match="more than 10000 bytes"):
            await fetch(bomb)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        (answer(b"", status="404 Not Found"), r"answered HTTP 404: is the path right\?"),
        (answer(b"", status="401 Unauthorized"), "answered HTTP 401: it asks for credentials"),
        (answer(b"", status="500 Oops"), "answered HTTP 500$"),
        (answer(b"zz", "content-encoding: br"), "answered with content encoding br"),
        (answer(b"zz", "content-encoding: gzip"), "does not decompress"),
        (answer(gzip.compress(b"hello")[:-9], "content-encoding: gzip"), "broke off in the middle"),
        (
            answer(b"", "location: http://a:b@169.254.169.254/x?token=1#f", status="302 Found"),
            "HTTP 302, a redirect to http://169.254.169.254/x: use that address if it is the right one$",
        ),
    ],
)
async def test_an_answer_that_is_no_document_says_what_it_was(handler: Handler, message: str) -> None:
    with pytest.raises(UpstreamFailed, match=message):
        await fetch(handler)


@pytest.mark.parametrize("handler", [row[1] for row in BAD], ids=[row[0] for row in BAD])
async def test_a_server_that_fails_is_named(handler: Handler) -> None:
    with pytest.raises(UpstreamFailed, match=r"127\.0\.0\.1:\d+") as caught:
        await fetch(handler, "/?token=secret", timeout=0.3)
    assert "secret" not in caught.value.message


async def test_a_server_that_is_slower_than_the_client_waits_is_named() -> None:
    async with raw_server(silent) as port, guarded_http(Guard(loopback=True), timeout=0.1) as client:
        with pytest.raises(UpstreamFailed, match=r"127\.0\.0\.1:\d+ did not answer within the time allowed"):
            await fetch_bytes(client, f"http://127.0.0.1:{port}/", limit=1, timeout=5, accept="*/*")


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("http://169.254.169.254/latest/", Invalid),
        ("http://10.0.0.1/", Invalid),
        ("http://2130706433/", Invalid),
        ("//metadata.google.internal/", Invalid),
        ("http://inside.example/", Invalid),
        ("file:///etc/passwd", Invalid),
        ("gopher://127.0.0.1/", Invalid),
    ],
)
async def test_a_followed_redirect_is_checked_like_the_first_url(
    location: str, error: type[AirError], connects: Connects
) -> None:
    guard = Guard(allow=["first.example"], resolve=Answers(["127.0.0.1"]))
    async with raw_server(answer(b"", f"location: {location}", status="307 Temporary Redirect")) as port:
        async with guarded_http(guard, follow_redirects=True) as client:
            with pytest.raises(error):
                await client.get(f"http://first.example:{port}/")
    assert connects.tried == ["127.0.0.1"]


async def test_a_redirect_is_not_followed_unless_asked_for(connects: Connects) -> None:
    async with raw_server(answer(b"", "location: http://10.0.0.1/", status="302 Found")) as port:
        async with guarded_http(Guard(loopback=True)) as client:
            assert (await client.get(f"http://127.0.0.1:{port}/")).status_code == 302
    assert connects.tried == ["127.0.0.1"]


async def test_cookies_are_not_kept() -> None:
    async with raw_server(answer(b"", "set-cookie: a=1; path=/")) as port:
        async with guarded_http(Guard(loopback=True)) as client:
            await client.get(f"http://127.0.0.1:{port}/")
            assert not list(client.cookies.jar)


async def test_a_client_takes_headers_and_reaches_no_socket_of_the_file_system(connects: Connects) -> None:
    async with guarded_http(Guard(), headers={"x-a": "1"}) as client:
        assert client.headers["x-a"] == "1"
        with pytest.raises((Invalid, httpx2.HTTPError)):
            await client.get("http+unix://%2Frun%2Fdocker.sock/")
    assert connects.tried == []
