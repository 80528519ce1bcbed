"""Small documents of others."""

import zlib

import pytest

from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp
from tests.egress.conftest import Connects
from tests.egress.servers import Answers, always, free_port, raw_server
from tests.support.ssrf import REFUSED

pytestmark = pytest.mark.anyio
OPEN = Guard(loopback=True)


def answer(body: bytes, *more: str, status: str = "200 OK") -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *more])
    return head.encode() + b"\r\n\r\n" + body


async def test_a_document_is_read_with_its_status_and_headers() -> None:
    async with (
        raw_server(always(answer(b'{"a": [1]}', "ETag: x", status="201 Created"))) as port,
        JsonHttp(OPEN) as http,
    ):
        got = await http.get(f"http://127.0.0.1:{port}/a")
    assert (got.status, got.headers["etag"], got.object()) == (201, "x", {"a": [1]})


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b"NaN", b'{"a": 1'])
async def test_what_is_no_json_is_said_to_be_none(body: bytes) -> None:
    async with raw_server(always(answer(body))) as port, JsonHttp(OPEN) as http:
        got = await http.get(f"http://127.0.0.1:{port}/a")
    with pytest.raises(UpstreamFailed, match="no JSON"):
        got.json()


async def test_a_list_is_json_and_no_object() -> None:
    async with raw_server(always(answer(b"[1]"))) as port, JsonHttp(OPEN) as http:
        got = await http.get(f"http://127.0.0.1:{port}/a")
    assert got.json() == [1]
    with pytest.raises(UpstreamFailed, match="no JSON object"):
        got.object()


async def test_an_answer_over_the_limit_is_refused_compressed_or_not() -> None:
    bomb = zlib.compress(b"0" * 1_000_000)
    for body, header in ((b"x" * 101, "a: b"), (bomb, "content-encoding: deflate")):
        async with raw_server(always(answer(body, header))) as port, JsonHttp(OPEN) as http:
            with pytest.raises(UpstreamFailed, match="more than 100 bytes"):
                await http.get(f"http://127.0.0.1:{port}/a", limit=100)


async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    redirect = answer(b"", "location: http://169.254.169.254/", status="302 Found")
    async with raw_server(always(redirect)) as port, JsonHttp(OPEN) as http:
        assert (await http.get(f"http://127.0.0.1:{port}/a")).status == 302


@pytest.mark.parametrize("url", REFUSED)
async def test_a_forbidden_url_is_refused_before_any_socket_is_used(url: str, connects: Connects) -> None:
    answers = Answers(["93.184.216.34"])
    async with JsonHttp(Guard(resolve=answers)) as http:
        with pytest.raises(Invalid):
            await http.get(url)
        with pytest.raises(Invalid):
            await http.post(url, {"a": "b"})
    assert (connects.tried, answers.asked) == ([], 0)


async def test_nobody_there_is_said_in_a_sentence() -> None:
    async with JsonHttp(OPEN) as http:
        with pytest.raises(UpstreamFailed, match="no connection"):
            await http.post(f"http://127.0.0.1:{free_port()}/a", {"a": "b"})
