"""Deliveries of webhooks, watched."""

from time import perf_counter
from urllib.parse import urlsplit

from airegistry.core.lane import Answered, Post
from airegistry.core.telemetry import Telemetry


class WatchedPost:
    """The `Post` port over another one."""

    def __init__(self, post: Post, telemetry: Telemetry) -> None:
        self._post = post
        self._telemetry = telemetry

    def check_url(self, url: str) -> None:
        """See `Post`."""
        self._post.check_url(url)

    async def send(self, url: str, headers: dict[str, str], body: bytes) -> Answered:
        """See `Post`."""
        began = perf_counter()
        about = {"server.address": urlsplit(url).hostname or ""}
        with self._telemetry.span("deliver webhook", about, "producer") as span:
            said = await self._post.send(url, headers, body)
            ok = said.status is not None and 200 <= said.status < 300
            if said.status is not None:
                span.set({"http.response.status_code": said.status})
            if not ok:
                span.fail(str(said.status or "no_answer"))
        outcome = "ok" if ok else "failed"
        self._telemetry.count("airegistry.webhook.deliveries", outcome=outcome)
        self._telemetry.record("airegistry.webhook.delivery.duration", perf_counter() - began, outcome=outcome)
        return said
