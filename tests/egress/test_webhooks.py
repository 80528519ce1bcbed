"""Webhook messages over real sockets: subscribers that are slow, down, redirecting, endless or out of bounds."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import pytest
from starlette.types import Receive, Scope, Send

from airegistry.core.errors import Invalid
from airegistry.egress.guard import Guard
from airegistry.egress.webhooks import WebhookPost
from tests.support.asgi import serve
from tests.support.processes import free_port

pytestmark = pytest.mark.anyio

Answer = Callable[[Send], Awaitable[None]]
NOTHING = b'{"id":"evt_1"}'


async def plain(send: Send, status: int = 204, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers or []})
    await send({"type": "http.response.body", "body": b""})


class Subscriber:
    """Answers by path, and notes what it was sent."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.ended = anyio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.requests.append((scope["path"], headers, body))
        if scope["path"] == "/slow":
            with anyio.move_on_after(5):
                while (await receive())["type"] != "http.disconnect":
                    pass
        elif scope["path"] == "/redirect":
            await plain(send, 307, [(b"location", b"/elsewhere")])
        elif scope["path"] == "/busy":
            await plain(send, 429, [(b"retry-after", b"120")])
        elif scope["path"] == "/endless":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            with anyio.move_on_after(10):
                while True:
                    await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
                    await anyio.lowlevel.checkpoint()
        else:
            await plain(send, int(scope["path"].removeprefix("/") or 204))


@asynccontextmanager
async def posting(timeout: float = 2.0) -> AsyncIterator[tuple[WebhookPost, str, Subscriber]]:
    subscriber = Subscriber()
    async with serve(subscriber) as base, WebhookPost(Guard(loopback=True), timeout=timeout) as post:
        yield post, base, subscriber


async def test_a_message_arrives_as_it_was_signed() -> None:
    async with posting() as (post, base, subscriber):
        answered = await post.send(f"{base}/204", {"webhook-id": "evt_1", "content-type": "application/json"}, NOTHING)
        assert (answered.status, answered.error) == (204, "")
        [(_, headers, body)] = subscriber.requests
        assert body == NOTHING
        assert (headers["webhook-id"], headers["content-type"]) == ("evt_1", "application/json")
        assert "authorization" not in headers


@pytest.mark.parametrize("status", [200, 400, 410, 500])
async def test_the_status_is_the_answer(status: int) -> None:
    async with posting() as (post, base, _):
        assert (await post.send(f"{base}/{status}", {}, NOTHING)).status == status


async def test_a_redirect_is_not_followed() -> None:
    async with posting() as (post, base, subscriber):
        answered = await post.send(f"{base}/redirect", {}, NOTHING)
        assert answered.status == 307
        assert [path for path, _, _ in subscriber.requests] == ["/redirect"]


async def test_a_subscriber_says_for_how_long_it_wants_quiet() -> None:
    async with posting() as (post, base, _):
        assert (await post.send(f"{base}/busy", {}, NOTHING)).quiet == 120


async def test_a_subscriber_that_does_not_answer_in_time_has_not_taken_it() -> None:
    async with posting(timeout=0.2) as (post, base, _):
        answered = await post.send(f"{base}/slow", {}, NOTHING)
        assert answered.status is None
        assert "did not answer within" in answered.error


async def test_an_endless_answer_is_cut_and_counts_by_its_status() -> None:
    async with posting() as (post, base, _):
        with anyio.fail_after(5):
            assert (await post.send(f"{base}/endless", {}, NOTHING)).status == 200


async def test_a_subscriber_that_is_down_is_a_failure_in_words() -> None:
    async with WebhookPost(Guard(loopback=True), timeout=2) as post:
        answered = await post.send(f"http://127.0.0.1:{free_port()}/", {}, NOTHING)
        assert answered.status is None
        assert "no connection" in answered.error


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "ftp://example.test/", "http://user:pw@127.0.0.1/"])
async def test_what_the_guard_forbids_is_neither_accepted_nor_called(url: str) -> None:
    async with WebhookPost(Guard(), timeout=2) as post:
        with pytest.raises(Invalid):
            post.check_url(url)
        assert (await post.send(url, {}, NOTHING)).status is None
