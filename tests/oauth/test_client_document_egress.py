"""Where no packet goes, whatever URL a client gives as its id."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp
from airegistry.oauth.clients.client_documents import ClientDocuments
from tests.core.wiring import FakeClock
from tests.egress.conftest import Connects, connects
from tests.egress.servers import Answers, Handler, always, raw_server, read_request
from tests.oauth.documents import document, refused
from tests.support.ssrf import METADATA, REFUSED_BY_ADDRESS

pytestmark = pytest.mark.anyio

__all__ = ["connects"]

PUBLIC = "93.184.216.34"


@asynccontextmanager
async def guarded(guard: Guard, *, loopback: bool = False) -> AsyncIterator[ClientDocuments]:
    """Documents over the real client behind a guard."""
    async with JsonHttp(guard) as http:
        yield ClientDocuments(http, FakeClock(), loopback=loopback)


def answering(body: bytes, head: bytes = b"", status: bytes = b"200 OK", kind: bytes = b"application/json") -> Handler:
    length = b"content-length: %d\r\nconnection: close\r\n" % len(body)
    return always(b"HTTP/1.1 " + status + b"\r\ncontent-type: " + kind + b"\r\n" + head + length + b"\r\n" + body)


INSIDE = [f"https:{url.partition(':')[2].rstrip('/')}/client.json" for url in (*METADATA, *REFUSED_BY_ADDRESS)]


@pytest.mark.parametrize("url", sorted({*INSIDE, "https://2852039166/c", "https://0xa9fea9fe/c",
                                        "https://[::ffff:169.254.169.254]/c", "https://[::ffff:a9fe:a9fe]/c",
                                        "https://127.0.0.1/c", "https://localhost/c"}))  # fmt: skip
async def test_no_packet_goes_inside_whatever_the_url(url: str, connects: Connects) -> None:
    answers = Answers([PUBLIC])
    async with guarded(Guard(resolve=answers)) as documents:
        await refused(documents, url)
    assert connects.tried == []
    assert answers.asked == 0


@pytest.mark.parametrize("inside", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "fd00::1"])
async def test_no_packet_goes_inside_whatever_a_name_resolves_to(inside: str, connects: Connects) -> None:
    for answer in ([inside], [PUBLIC, inside]):
        async with guarded(Guard(resolve=Answers(answer))) as documents:
            said = await refused(documents)
        assert inside not in said
    assert connects.tried == []


async def test_a_name_that_is_public_first_and_private_then_gains_nothing(connects: Connects) -> None:
    answers, clock = Answers([PUBLIC], ["127.0.0.1"]), FakeClock()
    async with JsonHttp(Guard(resolve=answers)) as client:
        documents = ClientDocuments(client, clock)
        said = {await refused(documents)}
        clock.pass_(11)
        said.add(await refused(documents))
    assert connects.tried == [PUBLIC]
    assert answers.asked == 2
    assert len(said) == 1  # nor does the answer tell the two apart


async def test_a_redirect_is_not_followed(connects: Connects) -> None:
    answer = answering(document(), b"location: http://169.254.169.254/latest/meta-data\r\n", b"302 Found")
    async with raw_server(answer) as port, guarded(Guard(loopback=True), loopback=True) as documents:
        await refused(documents, f"http://127.0.0.1:{port}/client.json")
    assert connects.tried == ["127.0.0.1"]


def describing(**more: object) -> Handler:
    """Serves a document of whatever address it is asked at."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, _ = await read_request(reader)
        host = next(line[6:].decode() for line in head.split(b"\r\n") if line.lower().startswith(b"host: "))
        body = document(f"http://{host}/client.json", **more)
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body
        )
        await writer.drain()

    return handler


async def test_documents_of_loopback_are_read_only_where_a_test_allows_it(connects: Connects) -> None:
    async with raw_server(describing()) as port:
        url = f"http://127.0.0.1:{port}/client.json"
        async with guarded(Guard(loopback=True), loopback=True) as documents:
            assert (await documents.find(url)).client_id == url
            await refused(documents, f"http://localhost:{port}/client.json")
        assert connects.tried == ["127.0.0.1"]
        async with guarded(Guard(loopback=True)) as documents:
            await refused(documents, url)
        async with guarded(Guard(), loopback=True) as documents:
            await refused(documents, url)
        assert connects.tried == ["127.0.0.1"]


@pytest.mark.parametrize(("padding", "fits"), [(7000, True), (8192, False)])
async def test_a_document_longer_than_eight_kib_is_not_read(padding: int, fits: bool) -> None:
    async with raw_server(describing(padding="x" * padding)) as port:
        url = f"http://127.0.0.1:{port}/client.json"
        async with guarded(Guard(loopback=True), loopback=True) as documents:
            if fits:
                assert await documents.find(url)
            else:
                await refused(documents, url)
