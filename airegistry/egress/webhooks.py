"""Webhook messages on their way out, through the guarded client."""

import anyio
import httpx2

from airegistry.core.errors import AirError
from airegistry.core.lane import Answered
from airegistry.egress.guard import Guard, parse_url
from airegistry.egress.http import describe_status, explain, guarded_http

TIMEOUT = 15.0
"""Seconds a subscriber has to answer, from the connection to the status line."""
CONNECTIONS = 500
"""More than all subscribers may use at once: none waits for another's."""
_READ = 16_384
_READ_SECONDS = 2.0


class WebhookPost:
    """The `Post` port. Redirects are not followed: a message goes where an administrator said, and nowhere else."""

    def __init__(self, guard: Guard, timeout: float = TIMEOUT) -> None:
        self._guard = guard
        self._timeout = timeout
        self._client = guarded_http(guard, timeout=timeout, connections=CONNECTIONS)

    async def __aenter__(self) -> "WebhookPost":
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._client.aclose()

    def check_url(self, url: str) -> None:
        """See `Post`."""
        self._guard.check_url(url)

    async def send(self, url: str, headers: dict[str, str], body: bytes) -> Answered:
        """See `Post`. What the subscriber answers beside the status is read only to use the connection again."""
        known = {**headers, "user-agent": "airegistry", "accept-encoding": "identity"}
        try:
            target = parse_url(url)
        except AirError as error:
            return Answered(None, error.message)
        try:
            with anyio.fail_after(self._timeout) as time:
                async with self._client.stream("POST", url, headers=known, content=body) as answer:
                    time.deadline = anyio.current_time() + _READ_SECONDS
                    said = Answered(
                        answer.status_code,
                        "" if answer.is_success else describe_status(answer),
                        _seconds(answer.headers.get("retry-after")),
                    )
                    await _drain(answer)
            return said
        except TimeoutError:
            return Answered(None, f"{target} did not answer within {self._timeout:g} s")
        except httpx2.HTTPError as error:
            return Answered(None, explain(error, target).message)
        except AirError as error:
            return Answered(None, error.message)
        except httpx2.InvalidURL:
            return Answered(None, f"{target} is no valid host")


async def _drain(answer: httpx2.Response) -> None:
    """Read a little of an answer's body; whatever comes of it changes nothing."""
    left = _READ
    with anyio.move_on_after(_READ_SECONDS / 2):
        try:
            async for chunk in answer.aiter_raw():
                left -= len(chunk)
                if left < 0:
                    return
        except httpx2.HTTPError:
            return


def _seconds(retry_after: str | None) -> float:
    """`Retry-After` in seconds; as a date it says nothing that is used."""
    known = retry_after is not None and retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 7
    return float(retry_after) if known and retry_after is not None else 0.0
