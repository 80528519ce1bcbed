"""The keys this issuer signs with: made here, sealed at rest, published as a JWK set, rotated in the open."""

import contextlib
import logging
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

import anyio
import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.util import urlsafe_b64decode

from airegistry.core.assets import Json, Model
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import AirError, Conflict
from airegistry.core.ports import Cipher, Clock

logger = logging.getLogger(__name__)

ALGORITHM = "ES256"
MAX_TOKEN = 8192
GRACE = timedelta(hours=1)
"""How long a new key is published before it signs: verifiers that cache the JWK set know it by then."""
LIFETIME = timedelta(days=30)
RETIRED_FOR = timedelta(days=3)
"""How long a key that signs no more is published: what it signed has ended by then."""
LOOK_EVERY = 600.0
"""Seconds between two looks at what other processes did to the keys."""
LOOK_AGAIN = 3.0
"""Seconds at least between two looks that tokens with an unknown `kid` cause."""

State = Literal["next", "current", "retired"]


class InvalidJwt(ValueError):
    """A token that this issuer did not sign, or not as what it is given for."""


class SigningKey(Model):
    """A key as it is stored. `sealed` is its private JWK, encrypted."""

    kid: str
    sealed: str
    created_at: datetime
    signs_from: datetime


class SigningKeys:
    """Signs (ES256) and verifies what this issuer says.

    A key is `next` until its time comes, `current` while it signs, `retired` when a newer one does. That follows from
    the times stored, so that all processes over one store agree. Keys are numbered: two processes that rotate at once
    make one key.
    """

    def __init__(
        self, store: DocumentStore, cipher: Cipher, clock: Clock, *, look_every: float = LOOK_EVERY,
        look_again: float = LOOK_AGAIN,
    ) -> None:  # fmt: skip
        self._records = Repository(store, "signing_keys", SigningKey)
        self._cipher = cipher
        self._clock = clock
        self._look_every = look_every
        self._look_again = look_again
        self._known: dict[str, SigningKey] = {}
        self._keys: dict[str, ECKey] = {}
        self._unknown = anyio.Event()
        self._lock = anyio.Lock()
        self.revision = 0
        """Grows when a key comes or goes."""

    async def open(self) -> None:
        """Read the keys; make the first one, which signs at once."""
        await self.refresh()
        if not self._known:
            await self._create(0, self._clock.now())

    async def refresh(self) -> None:
        """Take on what other processes did, and drop the keys whose time is over.

        Raises:
            Internal: a key was sealed under a secret that is not at hand.
        """
        async with self._lock:  # or a slow look would undo what a later one found
            known = {key: record async for key, record in self._records.find()}
            for gone in self._outdated(known):
                await self._records.delete(gone)
                del known[gone]
            keys = {record.kid: self._keys.get(record.kid) or self._opened(record) for record in known.values()}
            self.revision += keys.keys() != self._keys.keys()
            self._known, self._keys = known, keys

    async def rotate(self) -> None:
        """Publish a new key, which signs after the grace period. While one is waiting, that one is it."""
        await self.refresh()
        if self._clock.now() >= self._newest().signs_from:
            await self._create(1 + int(max(self._known)), self._clock.now() + GRACE)

    async def run(self) -> None:
        """Rotate when it is time and follow other processes, until cancelled."""
        while True:
            self._unknown = anyio.Event()
            try:
                await self.refresh()
                if self._clock.now() - self._newest().signs_from >= LIFETIME:
                    await self.rotate()
            except (OSError, AirError):
                logger.exception("the signing keys cannot be read or written; those in memory stay in use")
            await anyio.sleep(self._look_again)
            with anyio.move_on_after(self._look_every):
                await self._unknown.wait()

    def state(self, kid: str) -> State | None:
        """Where a key is in its life; None when it is not (or no longer) one."""
        if kid not in self._keys:
            return None
        if kid == self._current().kid:
            return "current"
        record = next(record for record in self._known.values() if record.kid == kid)
        return "next" if record.signs_from > self._clock.now() else "retired"

    def jwks(self) -> Json:
        """The public halves of all keys (RFC 7517), the newest first."""
        newest_first = [self._known[key] for key in sorted(self._known, reverse=True)]
        return {"keys": [self._public(record.kid) for record in newest_first]}

    def sign(self, claims: Json, typ: str) -> str:
        """A compact JWS of these claims, under the current key."""
        kid = self._current().kid
        header = {"alg": ALGORITHM, "kid": kid, "typ": typ}
        return jws.serialize_compact(header, orjson.dumps(claims), self._keys[kid], algorithms=[ALGORITHM])

    def verify(self, token: str, typ: str) -> Json:
        """The claims of a token that was signed here as this type. Claims are not judged.

        Raises:
            InvalidJwt: it was not.
        """
        header = _header(token)
        kid = header.get("kid")
        if header != {"alg": ALGORITHM, "kid": kid, "typ": typ} or not isinstance(kid, str):
            raise InvalidJwt("the header is none this issuer writes")
        key = self._keys.get(kid)
        if key is None:
            self._unknown.set()
            raise InvalidJwt("signed with a key that is none of this issuer's")
        try:
            claims = orjson.loads(jws.deserialize_compact(token, key, algorithms=[ALGORITHM]).payload)
        except (JoseError, ValueError):
            raise InvalidJwt("the signature is not valid") from None
        if not isinstance(claims, dict):
            raise InvalidJwt("the claims are no object")
        return claims

    async def _create(self, number: int, signs_from: datetime) -> None:
        key = ECKey.generate_key("P-256")
        sealed = self._cipher.encrypt(orjson.dumps(key.as_dict(private=True)).decode())
        now = self._clock.now()
        record = SigningKey(kid=key.thumbprint(), sealed=sealed, created_at=now, signs_from=signs_from)
        with contextlib.suppress(Conflict):  # another process was first: its key is the one
            await self._records.create(f"{number:08}", record)
        await self.refresh()

    def _opened(self, record: SigningKey) -> ECKey:
        return ECKey.import_key(orjson.loads(self._cipher.decrypt(record.sealed)))

    def _public(self, kid: str) -> Json:
        public: Json = {name: str(value) for name, value in self._keys[kid].as_dict(private=False).items()}
        return {**public, "kid": kid, "use": "sig", "alg": ALGORITHM}

    def _newest(self) -> SigningKey:
        return self._known[max(self._known)]

    def _current(self) -> SigningKey:
        """The newest key whose time has come; the oldest one when the clock was set back."""
        now = self._clock.now()
        numbers = sorted(self._known, reverse=True)
        return self._known[next((key for key in numbers if self._known[key].signs_from <= now), numbers[-1])]

    def _outdated(self, known: dict[str, SigningKey]) -> list[str]:
        """Keys that were replaced so long ago that nothing they signed holds."""
        now, numbers = self._clock.now(), sorted(known)
        return [key for key, successor in pairwise(numbers) if known[successor].signs_from + RETIRED_FOR < now]


def _header(token: str) -> Json:
    """The header of a compact JWS. joserfc takes canonical base64 only, so that one token has one spelling."""
    if len(token) > MAX_TOKEN:
        raise InvalidJwt("a token of more than 8 KiB")
    try:
        header = orjson.loads(urlsafe_b64decode(token.partition(".")[0].encode()))
    except ValueError:
        raise InvalidJwt("no compact JWS") from None
    if not isinstance(header, dict):
        raise InvalidJwt("the header is no object")
    return header
