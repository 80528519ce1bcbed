"""Devices without a browser that wait for a person somewhere else (RFC 8628): what they ask for, and the answer."""

import secrets
from collections import OrderedDict
from datetime import timedelta
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
"""Seconds between two questions of a device; each that comes too soon adds as many."""
MAX_STORED = 10_000
ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
"""Letters of user codes: no vowels, so that no words come out, and nothing that looks like a digit (section 6.1)."""
LENGTH = 8
_COLLECTION = "device_requests"


class DeviceRequest(Expiring):
    """What a device asks for. Of its two codes only hashes are kept; `id` begins with the time."""

    id: str
    user_code: str
    client_id: str
    scopes: list[str]
    resource: str
    state: Literal["waiting", "allowed", "denied"] = "waiting"
    answered: Answered | None = None


class DeviceRequests:
    """Keeps each for ten minutes, and at most 10,000 of them: the oldest give way."""

    def __init__(self, store: DocumentStore, clock: Clock, *, most: int = MAX_STORED) -> None:
        self._waiting = ShortLived(store, _COLLECTION, DeviceRequest, clock, most=most)
        self._requests = Repository(store, _COLLECTION, DeviceRequest)
        self._clock = clock
        self._paces: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def start(self, client_id: str, scopes: list[str], resource: str) -> tuple[str, str]:
        """The code for the device and the code for the person."""
        now = self._clock.now()
        device_code = f"{int(now.timestamp() * 1000):012x}.{secrets.token_urlsafe(32)}"
        user_code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        request = DeviceRequest(
            id=_key(device_code), user_code=digest(user_code), client_id=client_id, scopes=scopes, resource=resource,
            expires_at=now + LIFETIME,
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
        found = await self._requests.find_one(id_)
        if found is None or not self._waits(found[0]):
            return False
        state = "denied" if answered is None else "allowed"
        changed = found[0].model_copy(update={"state": state, "answered": answered})
        try:
            await self._requests.save(id_, changed, expect=found[1])
        except Conflict:
            return False
        return True

    async def collect(self, device_code: str, client_id: str) -> tuple[DeviceRequest, Answered]:
        """What a device was allowed, once.

        Raises:
            OAuthError: it was not, or not yet: the errors of section 3.5.
        """
        key = _key(device_code)
        request = await self._waiting.find(key)
        if request is None or request.client_id != client_id:
            raise OAuthError("invalid_grant", "the device_code is not known, or another client's")
        if request.expires_at <= self._clock.now():
            raise OAuthError("expired_token", "the device_code has expired: begin anew")
        self._pace(key)
        if request.state == "waiting":
            raise OAuthError("authorization_pending", "the person has not answered yet")
        self._paces.pop(key, None)
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

    def _pace(self, key: str) -> None:
        """Hold a device to its interval. Another process begins anew with the first one: that harms nobody."""
        now = self._clock.monotonic()
        before, interval = self._paces.pop(key, (now - INTERVAL, INTERVAL))
        soon = now - before < interval
        interval += INTERVAL if soon else 0
        self._paces[key] = (now, interval)
        while len(self._paces) > MAX_STORED:
            self._paces.popitem(last=False)
        if soon:
            raise OAuthError("slow_down", f"ask every {interval:g} s")


def _key(device_code: str) -> str:
    """Where a request is kept: the time its code begins with, and the hash of all of it."""
    return f"{device_code.partition('.')[0][:12]}{digest(device_code)}"
