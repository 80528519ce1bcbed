"""A hostile backend against the gateway's own HTTP client: no answer gets into another one, or grows for ever."""

import asyncio
import json
from collections.abc import AsyncIterator

import anyio
import pytest
from anyio.abc import SocketStream

from airegistry.core.errors import UpstreamFailed
from airegistry.egress.guard import Guard
from airegistry.egress.http1 import MAX_HEAD
from airegistry.egress.stream import StreamClient
from tests.gateway.stub import always, raw_server, read_request

pytestmark = pytest.mark.anyio

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": True}


@pytest.fixture
async def client() -> AsyncIterator[StreamClient]:
    async with StreamClient(Guard(loopback=True), first_byte_timeout=5) as client:
        yield client


async def asked(client: StreamClient, url: str, body: bytes = b"{}") -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Headers and body of an answer."""
    with anyio.fail_after(5):
        async with client.open("POST", url, [], body) as response:
            pieces = [piece async for piece in response.chunks()]
            return response.headers, b"".join(pieces)


async def test_a_trailer_is_no_header(client: StreamClient) -> None:
    trailers = b"Content-Type: text/html\r\nMcp-Session-Id: evil\r\n"
    async with raw_server(always(CHUNKED + b"2\r\nok\r\n0\r\n" + trailers + b"\r\n")) as url:
        assert await asked(client, url) == ([(b"transfer-encoding", b"chunked")], b"ok")


@pytest.mark.parametrize("endless", [b"x: %b\r\n" % (b"y" * 2000), b"y" * 2000], ids=["many", "one"])
async def test_trailers_without_end_are_given_up(client: StreamClient, endless: bytes) -> None:
    sent = 0

    async def handler(stream: SocketStream) -> None:
        nonlocal sent
        await read_request(stream)
        await stream.send(CHUNKED + b"2\r\nok\r\n0\r\nx: ")
        while sent < 100 * MAX_HEAD:
            await stream.send(endless)
            sent += len(endless)

    async with raw_server(handler) as url:
        with pytest.raises(UpstreamFailed):
            await asked(client, url)
    assert sent < 100 * MAX_HEAD


async def test_the_body_of_an_interim_answer_is_not_the_answers(client: StreamClient) -> None:
    interim = b"HTTP/1.1 150 Wait\r\nContent-Length: 5\r\nX-Early: 1\r\n\r\nEVIL!"
    async with raw_server(always(interim + OK)) as url:
        assert await asked(client, url) == ([(b"content-length", b"2")], b"ok")


async def test_a_flood_of_interim_answers_is_given_up(client: StreamClient) -> None:
    async with raw_server(always(b"HTTP/1.1 102 Processing\r\n\r\n" * 10_000 + OK)) as url:
        with pytest.raises(UpstreamFailed):
            await asked(client, url)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: 1\r\n Content-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nX: 1\rContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        CHUNKED + b"2;\nok\r\n0\r\n\r\n",
        CHUNKED + b"0x2\r\nok\r\n0\r\n\r\n",
        CHUNKED + b"2\r\nokay\r\n0\r\n\r\n",
        CHUNKED + b"fffffffffffffffff\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n" + OK,
        b"ok",
    ],
)
async def test_an_answer_that_two_parsers_could_read_differently_is_none(client: StreamClient, answer: bytes) -> None:
    async with raw_server(always(answer)) as url:
        with pytest.raises(UpstreamFailed):
            await asked(client, url)
    assert client.connections == 0


@pytest.mark.parametrize("late", [False, True], ids=["at-once", "while-idle"])
async def test_an_answer_that_nobody_asked_for_is_nobodys(client: StreamClient, late: bool) -> None:
    """A backend that answers twice does not answer the next caller on the connection."""
    connections = 0
    sent = anyio.Event()

    async def handler(stream: SocketStream) -> None:
        nonlocal connections
        connections += 1
        evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL" if connections == 1 else b""
        await read_request(stream)
        await stream.send(OK if late else OK + evil)
        if late:
            await stream.send(evil or b"\r\n")
        sent.set()
        await read_request(stream)

    async with raw_server(handler) as url:
        assert (await asked(client, url))[1] == b"ok"
        with anyio.fail_after(5):
            await sent.wait()
            while client.connections:  # noqa: ASYNC110  # a socket has no event for it
                await anyio.sleep(0.005)
        assert (await asked(client, url))[1] == b"ok"
    assert connections == 2


class Echo:
    """Answers each request with its body, slowly, on connections that stay open."""

    def __init__(self) -> None:
        self.connections = 0

    async def __call__(self, stream: SocketStream) -> None:
        self.connections += 1
        while True:
            body = (await read_request(stream)).partition(b"\r\n\r\n")[2]
            await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
            await anyio.sleep(0.002)
            await stream.send(body[: len(body) // 2])
            await anyio.sleep(0.002)
            await stream.send(body[len(body) // 2 :])


async def test_callers_who_leave_at_any_moment_leave_nothing_to_others(client: StreamClient) -> None:
    """Hundreds of requests on pooled connections, half of them given up between connecting and the last byte."""
    answered = 0

    async def one(number: int, url: str) -> None:
        nonlocal answered
        canary = b'{"canary":%d,"pad":"%b"}' % (number, b"x" * (number % 300))
        with anyio.move_on_after((number % 14) / 1000 if number % 2 else 5):
            assert (await asked(client, url, canary))[1] == canary
            answered += 1

    echo = Echo()
    async with raw_server(echo) as url:
        for batch in range(8):
            async with anyio.create_task_group() as group:
                for number in range(50):
                    group.start_soon(one, batch * 50 + number, url)
        assert (await asked(client, url, b"last"))[1] == b"last"
    assert answered >= 200
    assert echo.connections < 400  # those that were read to their end were used again


async def test_an_early_refusal_of_a_large_body_does_not_reach_the_next_caller(client: StreamClient) -> None:
    """A connection on which a request was not sent to its end carries no other."""
    writers: list[asyncio.StreamWriter] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        head = await reader.readuntil(b"\r\n\r\n")  # no more is read than the reader's buffer takes
        writer.write(OK if b"Content-Length: 2\r\n" in head else OK.replace(b"ok", b"no"))

    server = await asyncio.start_server(handle, "127.0.0.1", 0, limit=2**16)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
        assert (await asked(client, url, b"x" * 16 * 2**20))[1] == b"no"
        assert (await asked(client, url))[1] == b"ok"
        for writer in writers:
            writer.transport.abort()
    assert len(writers) == 2


async def test_two_hundred_megabytes_for_a_slow_reader_stay_at_the_backend(client: StreamClient) -> None:
    """What is not read is not taken in."""
    sent = 0

    async def handler(stream: SocketStream) -> None:
        nonlocal sent
        await read_request(stream)
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (200 * 2**20))
        for _ in range(200):
            await stream.send(b"x" * 2**20)
            sent += 1

    async with raw_server(handler) as url, client.open("POST", url, [], b"{}") as response:
        chunks = response.chunks()
        assert await anext(chunks)
        before = -1
        while before != sent:
            before = sent
            await anyio.sleep(0.1)
        assert sent < 32  # what the kernel's buffers hold on both sides
        read = 0
        for _ in range(100):
            read += len(await anext(chunks))
        assert read > 2**20
        await chunks.aclose()


async def test_json_of_equal_ids_stays_with_its_connection(client: StreamClient) -> None:
    answers: dict[int, object] = {}

    async def one(number: int, url: str) -> None:
        answers[number] = json.loads((await asked(client, url, b'{"id":1,"canary":%d}' % number))[1])["canary"]

    async with raw_server(Echo()) as url, anyio.create_task_group() as group:
        for number in range(200):
            group.start_soon(one, number, url)
        with anyio.fail_after(5):
            while len(answers) < 200:  # noqa: ASYNC110  # counted by the tasks
                await anyio.sleep(0.01)
        group.cancel_scope.cancel()
    assert answers == {number: number for number in range(200)}
