"""Both transports connect only to addresses that were checked, however the name answers."""

import asyncio
import datetime
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.egress.guard import Guard
from airegistry.egress.http import fetch_bytes, guarded_http
from airegistry.egress.stream import StreamClient
from tests.egress.conftest import Connects
from tests.egress.servers import Answers, always, free_port, plain, raw_server
from tests.support.ssrf import REFUSED

pytestmark = pytest.mark.anyio

PUBLIC = "93.184.216.34"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi"

Get = Callable[[Guard, str], Awaitable[bytes]]


async def get_by_stream(guard: Guard, url: str, tls: ssl.SSLContext | None = None) -> bytes:
    async with StreamClient(guard, tls=tls) as client, client.open("GET", url, []) as answer:
        return b"".join([chunk async for chunk in answer.chunks()])


async def get_by_http(guard: Guard, url: str, tls: ssl.SSLContext | None = None) -> bytes:
    async with guarded_http(guard, tls=tls) as client:
        return await fetch_bytes(client, url, limit=100, timeout=5, accept="*/*")


both = pytest.mark.parametrize("get", [get_by_stream, get_by_http], ids=["aiohttp", "httpx2"])


@both
@pytest.mark.parametrize("url", REFUSED)
async def test_a_forbidden_url_is_refused_before_any_socket_is_used(get: Get, url: str, connects: Connects) -> None:
    answers = Answers([PUBLIC])
    with pytest.raises(Invalid):
        await get(Guard(resolve=answers), url)
    assert connects.tried == []
    assert answers.asked == 0


@pytest.mark.parametrize("url", REFUSED)
async def test_whatever_a_client_makes_of_a_url_it_never_connects_inside(url: str, connects: Connects) -> None:
    async with guarded_http(Guard(resolve=Answers([PUBLIC]))) as client:
        with pytest.raises((Invalid, httpx2.InvalidURL, httpx2.TransportError)):
            await client.get(url)
    assert set(connects.tried) <= {PUBLIC}


@both
async def test_a_name_that_answers_public_first_and_private_then_is_never_connected_to_inside(
    get: Get, connects: Connects
) -> None:
    answers = Answers([PUBLIC], ["127.0.0.1"])
    guard = Guard(resolve=answers)
    async with raw_server(always(OK)) as port:
        assert await guard.resolve("rebinding.example", port) == [PUBLIC]  # the check at registration
        with pytest.raises(Invalid, match="not public"):
            await get(guard, f"http://rebinding.example:{port}/")
    assert connects.tried == []


@both
async def test_the_connection_goes_to_the_address_that_was_checked(get: Get, connects: Connects) -> None:
    answers = Answers([PUBLIC], ["127.0.0.1"])
    async with raw_server(always(OK)) as port:
        with pytest.raises(UpstreamFailed, match=r"no connection to rebinding\.example:\d+: Network is unreachable"):
            await get(Guard(resolve=answers), f"http://rebinding.example:{port}/")
    assert connects.tried == [PUBLIC]
    assert answers.asked == 1


@both
async def test_a_name_with_a_public_and_a_private_address_is_refused_as_a_whole(get: Get, connects: Connects) -> None:
    with pytest.raises(Invalid, match="not public"):
        await get(Guard(resolve=Answers([PUBLIC, "127.0.0.1"])), "http://mixed.example/")
    assert connects.tried == []


@both
async def test_the_next_address_is_tried_when_one_does_not_answer(get: Get, connects: Connects) -> None:
    async with raw_server(always(OK)) as port:
        guard = Guard(loopback=True, resolve=Answers(["127.0.0.2", "127.0.0.1"]))
        assert await get(guard, f"http://two.example:{port}/") == b"hi"
    assert connects.tried == ["127.0.0.2", "127.0.0.1"]


@both
async def test_a_mapped_loopback_address_is_reached_only_where_loopback_is_allowed(
    get: Get, connects: Connects
) -> None:
    with pytest.raises(Invalid):
        await get(Guard(), "http://[::ffff:127.0.0.1]/")
    assert connects.tried == []


class Careless(Guard):
    """A guard that forgets to check what a name resolves to."""

    async def resolve(self, host: str, port: int) -> list[str]:
        return ["10.0.0.1"]


@both
async def test_the_socket_itself_is_checked_whatever_was_resolved_before(get: Get, connects: Connects) -> None:
    with pytest.raises(Invalid, match="not public"):
        await get(Careless(), "http://careless.example/")
    assert connects.tried == []


@both
async def test_a_proxy_of_the_environment_is_ignored(
    get: Get, connects: Connects, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.9:{free_port()}")
    async with raw_server(always(OK)) as port:
        assert await get(Guard(loopback=True), f"http://127.0.0.1:{port}/") == b"hi"
    assert connects.tried == ["127.0.0.1"]


@both
@pytest.mark.parametrize(
    ("answers", "message"),
    [(["127.0.0.1"], "no connection to down.example:.*(refused|Connect call failed)"), ([], "does not resolve")],
)
async def test_a_server_that_is_down_or_unknown_is_named(get: Get, answers: list[str], message: str) -> None:
    with pytest.raises(UpstreamFailed, match=message):
        await get(Guard(loopback=True, resolve=Answers(answers)), f"http://down.example:{free_port()}/")


async def never(host: str, port: int) -> list[str]:
    await asyncio.Event().wait()
    return []


async def test_a_resolver_that_never_answers_is_a_failed_connection() -> None:
    guard = Guard(resolve=never)
    with pytest.raises(UpstreamFailed, match=r"no connection to slow\.example within the time allowed"):
        async with StreamClient(guard, connect_timeout=0.1) as client, client.open("GET", "http://slow.example/", []):
            pass
    async with guarded_http(guard, timeout=0.1) as plain:
        with pytest.raises(UpstreamFailed, match=r"no connection to slow\.example within the time allowed"):
            await fetch_bytes(plain, "http://slow.example/", limit=1, timeout=5, accept="*/*")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate with its key, for secure.example only."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "secure.example")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("secure.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "secure.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.mark.parametrize("get", [get_by_stream, get_by_http], ids=["aiohttp", "httpx2"])
async def test_tls_is_verified_against_the_name_and_not_the_pinned_address(
    get: Callable[[Guard, str, ssl.SSLContext], Awaitable[bytes]], certificate: Path
) -> None:
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=str(certificate))
    guard = Guard(loopback=True, resolve=Answers(["127.0.0.1"]))
    async with raw_server(always(OK), tls=server_side) as port:
        assert await get(guard, f"https://secure.example:{port}/", trusting) == b"hi"
        with pytest.raises(UpstreamFailed, match=r"TLS with other\.example:\d+ failed: .*other\.example"):
            await get(guard, f"https://other.example:{port}/", trusting)
        with pytest.raises(UpstreamFailed, match=r"TLS with secure\.example:\d+ failed: .*self-signed"):
            await get(guard, f"https://secure.example:{port}/", ssl.create_default_context())


@both
async def test_a_server_without_tls_behind_https_is_named(get: Get) -> None:
    async with raw_server(plain) as port:
        with pytest.raises(UpstreamFailed, match=r"TLS with 127\.0\.0\.1:\d+ failed: "):
            await get(Guard(loopback=True), f"https://127.0.0.1:{port}/")
