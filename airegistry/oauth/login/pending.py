"""Authorization requests that wait for a person's answer."""

import secrets
from datetime import timedelta

from airegistry.core.documents import DocumentStore
from airegistry.core.ports import Clock
from airegistry.core.tokens import digest
from airegistry.oauth.login.visitors import Refused
from airegistry.oauth.model import AuthorizationRequest
from airegistry.oauth.short_lived import ShortLived

LIFETIME = timedelta(minutes=10)
MAX_STORED = 10_000
ENDED = (
    "This sign-in has ended",
    "It was answered already, or it took longer than ten minutes. Go back to the application and start again there.",
)
ELSEWHERE = (
    "This sign-in was started in another browser",
    "Nothing has been allowed. If you started it yourself, go back to the application and start again in this browser.",
)


class PendingRequests:
    """Keeps each request for ten minutes, and at most 10,000 of them: the oldest give way.

    The id of a request is no secret; the browser that made it is the only one that may see or answer it. Ids begin with
    the time, so that their order in the store is that of their age.
    """

    def __init__(self, store: DocumentStore, clock: Clock, *, most: int = MAX_STORED) -> None:
        self._requests = ShortLived(store, "authorization_requests", AuthorizationRequest, clock, most=most)
        self._clock = clock

    async def add(self, request: AuthorizationRequest, browser: str) -> AuthorizationRequest:
        """Keep a valid request of a browser, given by its cookie; the answer has its `id` and times."""
        now = self._clock.now()
        request = request.model_copy(
            update={
                "id": f"{int(now.timestamp() * 1000):012x}{secrets.token_hex(16)}",
                "browser": digest(browser),
                "created_at": now,
                "expires_at": now + LIFETIME,
            }
        )
        await self._requests.add(request.id, request)
        return request

    async def find(self, id_: str, browser: str | None) -> AuthorizationRequest:
        """The request of this id, for the browser that made it.

        Raises:
            Refused: it is over, or another browser made it.
        """
        found = await self._requests.find(id_)
        if found is None or found.expires_at <= self._clock.now():
            raise Refused(*ENDED)
        if browser is None or found.browser != digest(browser):
            raise Refused(*ELSEWHERE, status=403)
        return found

    async def take(self, request: AuthorizationRequest) -> None:
        """End a request because it is being answered: of two answers at once, one gets through.

        Raises:
            Refused: it was answered already.
        """
        if not await self._requests.take(request.id):
            raise Refused(*ENDED)

    async def sweep(self) -> int:
        """Remove the requests whose time is over; how many they were."""
        return await self._requests.sweep()
