"""Authorization requests that wait for a person's answer."""

import secrets
from datetime import timedelta

from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.ports import Clock
from airegistry.oauth.login.cookies import keyed
from airegistry.oauth.login.visitors import Refused
from airegistry.oauth.model import AuthorizationRequest

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
        self._requests = Repository(store, "authorization_requests", AuthorizationRequest)
        self._clock = clock
        self._most = most
        self._stored: int | None = None

    async def add(self, request: AuthorizationRequest, browser: str) -> AuthorizationRequest:
        """Keep a valid request of a browser, given by its cookie; the answer has its `id` and times."""
        now = self._clock.now()
        request = request.model_copy(
            update={
                "id": f"{int(now.timestamp() * 1000):012x}{secrets.token_hex(16)}",
                "browser": keyed(browser),
                "created_at": now,
                "expires_at": now + LIFETIME,
            }
        )
        if self._stored is None:
            self._stored = await self._count()
        self._stored += 1
        while self._stored > self._most and await self._drop_oldest():
            self._stored -= 1
        await self._requests.create(request.id, request)
        return request

    async def find(self, id_: str, browser: str | None) -> AuthorizationRequest:
        """The request of this id, for the browser that made it.

        Raises:
            Refused: it is over, or another browser made it.
        """
        found = await self._requests.find_one(id_)
        if found is None or found[0].expires_at <= self._clock.now():
            raise Refused(*ENDED)
        if browser is None or found[0].browser != keyed(browser):
            raise Refused(*ELSEWHERE, status=403)
        return found[0]

    async def take(self, request: AuthorizationRequest) -> None:
        """End a request because it is being answered: of two answers at once, one gets through.

        Raises:
            Refused: it was answered already.
        """
        if not await self._requests.delete(request.id):
            raise Refused(*ENDED)
        if self._stored is not None:
            self._stored -= 1

    async def sweep(self) -> int:
        """Remove the requests whose time is over; how many they were."""
        now = self._clock.now()
        over = [id_ async for id_, request in self._requests.find() if request.expires_at <= now]
        for id_ in over:
            await self._requests.delete(id_)
        self._stored = await self._count()
        return len(over)

    async def _count(self) -> int:
        return len([id_ async for id_, _ in self._requests.find()])

    async def _drop_oldest(self) -> bool:
        async for id_, _ in self._requests.find(limit=1):
            return await self._requests.delete(id_)
        return False
