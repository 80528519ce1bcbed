"""Devices without a browser that wait for a person somewhere else (RFC 8628): what they ask for, and the answer."""

import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Literal

from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import Conflict
from airegistry.core.ports import Clock
from airegistry.core.tokens import digest
from airegistry.oauth.forms import OAuthError
from airegistry.oauth.model import Answered
from airegistry.oauth.short_lived import Expiring, ShortLived

LIFETIME = timedelta(minutes=10)
INTERVAL = 5
"""Seconds between two questions of a device, where nothing else is set."""
SLOWER = 5
"""Seconds that each question adds that comes too soon (section 3.5)."""
RETRIES = 8
MAX_STORED = 10_000
ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
"""Letters of user codes: no vowels, so that no words come out, and nothing that looks like a digit (section 6.1)."""
LENGTH = 8
_COLLECTION = "device_requests"


class DeviceRequest(Expiring):
    """What a device asks for. Of its two codes only hashes are kept; `id` begins with the time.

    `asked_at` is when it asked last, whichever replica, and `interval` how many seconds it has to wait since then.
    """

    id: str
    user_code: str
    client_id: str
    scopes: list[str]
    resource: str
    state: Literal["waiting", "allowed", "denied"] = "waiting"
    answered: Answered | None = None
    asked_at: datetime | None = None
    interval: int = INTERVAL


class DeviceRequests:
    """Keeps each for ten minutes, and at most 10,000 of them: the oldest give way. `interval` is how many seconds lie
    between two questions of a device."""

    def __init__(self, store: DocumentStore, clock: Clock, *, interval: int = INTERVAL, most: int = MAX_STORED) -> None:
        self.interval = interval
        self._waiting = ShortLived(store, _COLLECTION, DeviceRequest, clock, most=most)
        self._requests = Repository(store, _COLLECTION, DeviceRequest)
        self._clock = clock

    async def start(self, client_id: str, scopes: list[str], resource: str) -> tuple[str, str]:
        """The code for the device and the code for the person."""
        now = self._clock.now()
        device_code = f"{int(now.timestamp() * 1000):012x}.{secrets.token_urlsafe(32)}"
        user_code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        request = DeviceRequest(
            id=_key(device_code), user_code=digest(user_code), client_id=client_id, scopes=scopes, resource=resource,
            expires_at=now + LIFETIME, interval=self.interval,
        )  # fmt: skip
        await self._waiting.add(request.id, request)
        return device_code, f"{user_code[:4]}-{user_code[4:]}"

    async def of_person(self, user_code: str) -> DeviceRequest | None:
        """The request that waits under a person's code, however they typed it."""
        typed = "".join(char for char in user_code.upper() if char in ALPHABET)
        if len(typed) != LENGTH:
            return None
        async for _, found in self._requests.find(where={"user_code": digest(typed)}):
            return found if self._waits(found) else None
        return None

    async def answer(self, id_: str, answered: Answered | None) -> bool:
        """Take down what the person decided, None for no; of several answers the first one counts."""
        state = "denied" if answered is None else "allowed"
        for _ in range(RETRIES):
            found = await self._requests.find_one(id_)
            if found is None or not self._waits(found[0]):
                return False
            changed = found[0].model_copy(update={"state": state, "answered": answered})
            with suppress(Conflict):  # the device asked meanwhile, or somebody else answered
                await self._requests.save(id_, changed, expect=found[1])
                return True
        return False

    async def collect(self, device_code: str, client_id: str) -> tuple[DeviceRequest, Answered]:
        """What a device was allowed, once.

        Raises:
            OAuthError: it was not, or not yet: the errors of section 3.5.
        """
        key = _key(device_code)
        request = await self._asked(key, client_id)
        if request.state == "waiting":
            raise OAuthError("authorization_pending", "the person has not answered yet")
        if not await self._waiting.take(key):
            raise OAuthError("invalid_grant", "the device_code was used before")
        if request.answered is None:
            raise OAuthError("access_denied", "the person refused")
        return request, request.answered

    async def sweep(self) -> int:
        """Remove what is over; how many that were."""
        return await self._waiting.sweep()

    def _waits(self, request: DeviceRequest) -> bool:
        return request.state == "waiting" and self._clock.now() < request.expires_at

    async def _asked(self, key: str, client_id: str) -> DeviceRequest:
        """The request that a device asks for, which is held to its interval at all replicas together.

        Raises:
            OAuthError: there is none, it is over, or asked for too soon.
        """
        for _ in range(RETRIES):
            found = await self._requests.find_one(key)
            if found is None or found[0].client_id != client_id:
                raise OAuthError("invalid_grant", "the device_code is not known, or another client's")
            request, now = found[0], self._clock.now()
            if request.expires_at <= now:
                raise OAuthError("expired_token", "the device_code has expired: begin anew")
            soon = request.asked_at is not None and now < request.asked_at + timedelta(seconds=request.interval)
            if soon and request.interval > LIFETIME.total_seconds():
                break  # it will not be answered any more, and is not worth a write
            interval = request.interval + (SLOWER if soon else 0)
            request = request.model_copy(update={"asked_at": now, "interval": interval})
            with suppress(Conflict):  # it asked another replica at the same time, or the person answers just now
                await self._requests.save(key, request, expect=found[1])
                if not soon:
                    return request
                raise OAuthError("slow_down", f"ask every {interval} s")
        raise OAuthError("slow_down", "ask less often")


def _key(device_code: str) -> str:
    """Where a request is kept: the time its code begins with, and the hash of all of it."""
    return f"{device_code.partition('.')[0][:12]}{digest(device_code)}"
