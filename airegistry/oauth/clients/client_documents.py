"""Clients whose id is the URL of their metadata (draft-ietf-oauth-client-id-metadata-document), fetched with care."""

import logging
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Protocol, TypeVar
from urllib.parse import unquote, urlsplit

import anyio

from airegistry.core.assets import Json
from airegistry.core.errors import AirError, Invalid, RateLimited, UpstreamFailed
from airegistry.core.limits import Among, Limiter, alone
from airegistry.core.ports import Clock
from airegistry.egress.guard import Target, parse_url
from airegistry.egress.json_http import Answer
from airegistry.oauth.clients.client_metadata import parse_object, read
from airegistry.oauth.forms import OAuthError
from airegistry.oauth.model import Client
from airegistry.oauth.source import too_many

logger = logging.getLogger(__name__)

DOCUMENT_LIMIT = 8192
FRESH_AT_LEAST, FRESH_BY_DEFAULT, FRESH_AT_MOST = 60.0, 3600.0, 86_400.0
"""Seconds for which a document is believed without asking again, within which its host decides (RFC 9111)."""
STALE = 86_400.0
"""Seconds since it was last had for which a document still serves while its host does not answer."""
FAILURE = 10.0
"""Seconds for which a refusal is remembered."""
MAX_CLIENTS, MAX_FAILURES = 1_000, 1_000
SECRETS = frozenset({"client_secret", "client_secret_expires_at"})

_REST = re.compile(r"(?:/(?:[A-Za-z0-9._~!$&'()+,;=:@-]|%[0-9A-Fa-f]{2})+)+/?(?:\?[A-Za-z0-9._~=&-]+)?")
_SUBTYPE = re.compile(r"application/(?:[a-z0-9.-]+\+)?json")
_MAX_AGE = re.compile(r"max-age=\"?([0-9]{1,10})\"?")
_LOOPBACK = frozenset({"127.0.0.1", "::1"})
T = TypeVar("T")


class Http(Protocol):
    """How documents are fetched: `egress/json_http.py`, whose every connection the guard checks."""

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None, limit: int) -> Answer:
        """One answer; redirects are not followed.

        Raises:
            Invalid: the URL is forbidden.
            UpstreamFailed: there is no answer, or one too long.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Kept:
    """A client as its document has it. Times are monotonic."""

    client: Client
    etag: str | None
    got_at: float
    fresh_until: float


@dataclass(slots=True)
class _Flight:
    """A fetch under way, and how many requests wait for it."""

    lock: anyio.Lock = field(default_factory=anyio.Lock)
    waiting: int = 0


class ClientDocuments:
    """Fetches client documents of trusted hosts and remembers them.

    `hosts` are globs on host names; none at all switches documents off. `loopback` admits http documents of
    127.0.0.1 and [::1], for tests.
    """

    def __init__(
        self, http: Http, clock: Clock, *, hosts: Sequence[str] = ("*",), loopback: bool = False,
        among: Among = alone,
    ) -> None:  # fmt: skip
        self._http = http
        self._clock = clock
        self._hosts = [host.lower() for host in hosts]
        self._loopback = loopback
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._failures: OrderedDict[str, tuple[OAuthError, float]] = OrderedDict()
        self._flights: dict[str, _Flight] = {}
        self._per_source = Limiter(clock, burst=30, seconds=60, what="client documents for one address", among=among)
        self._per_host = Limiter(clock, burst=30, seconds=60, what="client documents of one host", among=among)
        self._overall = Limiter(clock, burst=300, seconds=60, what="client documents", among=among)

    @property
    def offered(self) -> bool:
        """Whether metadata says `client_id_metadata_document_supported`."""
        return bool(self._hosts)

    async def find(self, url: str, *, source: str = "") -> Client:
        """The client that a URL describes. `source` is the address of whoever asks: fetches are counted by it too.

        Raises:
            OAuthError: the URL, its host or its document is refused, or too many are asked for.
        """
        target = self._check(url)
        flight = self._flights.setdefault(url, _Flight())
        flight.waiting += 1
        try:
            async with flight.lock:
                return self._remembered(url) or await self._fetch(url, target, source)
        finally:
            flight.waiting -= 1
            if not flight.waiting:
                del self._flights[url]

    def _check(self, url: str) -> Target:
        """Whether a URL may be a client id at all: one spelling, no room for another reading."""
        if not self._hosts:
            raise _refused("clients that are described by a document are not admitted here")
        try:
            target = parse_url(url)
        except Invalid as error:
            raise _refused(error.message) from None
        loopback = self._loopback and target.scheme == "http" and target.host in _LOOPBACK
        if not (url.startswith("https://") or (loopback and url.startswith("http://"))):
            raise _refused("it is an https URL")
        origin_length = url.index("//") + 2 + len(urlsplit(url).netloc)
        path = urlsplit(url).path
        if not _REST.fullmatch(url[origin_length:]):
            raise _refused("its URL has a path, and a query of plain characters at most")
        if not {".", ".."}.isdisjoint(unquote(path).split("/")):
            raise _refused("its path has dot segments")
        if not any(fnmatchcase(target.host, glob) for glob in self._hosts):
            raise _refused(f"client documents of {target.host} are not trusted here")
        return target

    def _remembered(self, url: str) -> Client | None:
        now = self._clock.monotonic()
        if (kept := self._kept.get(url)) and now < kept.fresh_until:
            self._kept.move_to_end(url)
            return kept.client
        if (failure := self._failures.get(url)) and now < failure[1]:
            raise failure[0].with_traceback(None)
        return None

    async def _fetch(self, url: str, target: Target, source: str) -> Client:
        old = self._kept.get(url)
        try:
            if source:  # first of all, or one stranger could use up what is for all
                self._per_source.take(source)
            self._per_host.take(target.host)
            self._overall.take("")
            answer = await self._ask(url, target, old)
        except (Invalid, RateLimited, UpstreamFailed) as error:
            logger.info("no client document at %s: %s", target, error.message)
            if old and self._serves_on(url, old, error):
                return old.client
            if isinstance(error, RateLimited):
                raise too_many(error) from None
            # One answer for all: what can be reached from here, and how, is nobody's business.
            raise self._failed(url, _refused(f"its document at {target} cannot be had")) from None
        except OAuthError as error:
            raise self._failed(url, error) from None
        _remember(self._kept, url, answer, MAX_CLIENTS)
        return answer.client

    async def _ask(self, url: str, target: Target, old: _Kept | None) -> _Kept:
        headers = {"if-none-match": old.etag} if old and old.etag else {}
        answer = await self._http.get(url, headers={"accept": "application/json", **headers}, limit=DOCUMENT_LIMIT)
        if answer.status >= 500:
            raise UpstreamFailed(f"status {answer.status}")
        now = self._clock.monotonic()
        until, etag = now + _freshness(answer.headers), answer.headers.get("etag")
        if answer.status == 304 and old and headers:
            return _Kept(old.client, etag or old.etag, now, until)
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if answer.status != 200 or not _SUBTYPE.fullmatch(kind):
            raise _refused(f"{target} does not answer with a JSON document")
        return _Kept(self._client(url, answer.body), etag, now, until)

    def _client(self, url: str, body: bytes) -> Client:
        document = parse_object(body)
        if document.get("client_id") != url:
            raise _refused("its document names another client_id")
        if SECRETS & document.keys():
            raise _refused("its document is public, and holds a secret")
        _check_method(document)
        known = read(document, method="none", machine="ignore")
        return Client(client_id=url, origin="document", created_at=self._clock.now(), **known.model_dump())

    def _serves_on(self, url: str, old: _Kept, error: AirError) -> bool:
        """Whether an old document stands in for one that cannot be had now; it is asked for again a little later."""
        now = self._clock.monotonic()
        if isinstance(error, Invalid) or now >= old.got_at + STALE:
            return False
        self._kept[url] = replace(old, fresh_until=now + FAILURE)
        return True

    def _failed(self, url: str, error: OAuthError) -> OAuthError:
        self._kept.pop(url, None)
        _remember(self._failures, url, (error, self._clock.monotonic() + FAILURE), MAX_FAILURES)
        return error


def _check_method(document: Json) -> None:
    """A secret that both sides hold cannot stand in public."""
    if document.get("token_endpoint_auth_method", "none") not in {"none", "private_key_jwt"}:
        raise _refused("a client with a document authenticates with private_key_jwt or not at all")


def _freshness(headers: Mapping[str, str]) -> float:
    """Seconds for which an answer may be believed."""
    control = headers.get("cache-control", "").lower()
    stated = _MAX_AGE.search(control)
    age = headers.get("age", "")
    seconds = float(stated[1]) - (float(age) if age.isdecimal() else 0) if stated else FRESH_BY_DEFAULT
    if "no-store" in control or "no-cache" in control:
        seconds = 0.0
    return min(max(seconds, FRESH_AT_LEAST), FRESH_AT_MOST)


def _remember(cache: OrderedDict[str, T], url: str, value: T, most: int) -> None:
    cache[url] = value
    cache.move_to_end(url)
    if len(cache) > most:
        cache.popitem(last=False)


def _refused(why: str) -> OAuthError:
    return OAuthError("invalid_client", f"this client_id is refused: {why}")
