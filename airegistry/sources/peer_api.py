"""The feed of a registry of this kind, as its reader sees it: nothing it says is trusted, everything has a bound."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote, urlencode

import anyio.to_thread
from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.core.errors import CredentialRefused, Invalid, RateLimited, UpstreamFailed
from airegistry.core.peer_items import MAX_VIA, REGISTRY_ID
from airegistry.egress.http import TooLarge
from airegistry.egress.json_http import Answer, JsonHttp
from airegistry.egress.messages import printable
from airegistry.egress.retry_after import seconds_of

API = "/api/v1/federation"
PAGE_BYTES = 4_194_304
"""Of one page of the listing."""
BODY_BYTES = 25_165_824
"""Of one answer with assets: the largest asset there may be, and some."""
MAX_PAGES = 1_000
MAX_ENTRIES = 200_000
MAX_ON_PAGE = 5_000
MAX_CURSOR = 1_024
RETRY_AFTER, LONGEST_WAIT = 60.0, 86_400.0
"""Seconds to leave a peer alone that does not say for how long, and at most."""


class Login(Protocol):
    """What requests to the peer carry."""

    async def headers(self) -> Mapping[str, str]:
        """The headers, got anew when they have ended."""
        ...

    def forget(self) -> bool:
        """The headers were refused; whether others can be had."""
        ...


@dataclass(frozen=True, slots=True)
class Listing:
    """What the peer says there is: digests by id, of the registry of this id. `gateway`: it serves calls."""

    registry: str
    gateway: bool
    digests: Mapping[str, str]


class PeerApi:
    """Reads one peer. Its credential goes to its own origin alone, since no redirect is followed."""

    def __init__(self, http: JsonHttp, base: str, query: Mapping[str, str], login: Login) -> None:
        self._http = http
        self._base = base
        self._query = dict(query)
        self._assets = f"{base}{API}/assets{f'?{urlencode(self._query)}' if query else ''}"
        self._login = login

    async def listing(self, own: str) -> Listing:
        """The whole listing, but for what came to the peer through the registry `own`.

        Raises:
            UpstreamFailed: it has no end, is too long, or makes no sense.
            CredentialRefused, RateLimited, Invalid: see `core.sources.Source.page`.
        """
        head: tuple[str, bool] | None = None
        digests: dict[str, str] = {}
        cursor: str | None = None
        seen: set[str] = set()
        for _ in range(MAX_PAGES):
            page = await self._page(cursor)
            found = _head(page, self._base)
            if head is not None and found != head:
                raise UpstreamFailed(f"{self._base} became another registry in the middle of its listing")
            head = found
            for id, digest, via in _entries(page, self._base):
                if own not in via:
                    digests[id] = digest
            if len(digests) > MAX_ENTRIES:
                raise UpstreamFailed(f"{self._base} lists more than {MAX_ENTRIES} assets")
            cursor = _cursor(page, self._base)
            if cursor is None:
                return Listing(*head, digests)
            if cursor in seen:
                raise UpstreamFailed(f"{self._base} goes in circles: it named the same next page twice")
            seen.add(cursor)
        raise UpstreamFailed(f"{self._base} lists more than {MAX_PAGES} pages")

    async def bodies(self, ids: Sequence[str], registry: str) -> Mapping[str, JsonValue]:
        """What the peer says of some ids, for those it says anything of; what nobody asked for is left out. None of one
        that is longer than an answer may be.

        Raises:
            UpstreamFailed: it makes no sense, or the answers lead nowhere.
            CredentialRefused, RateLimited, Invalid: see `core.sources.Source.page`.
        """
        found: dict[str, JsonValue] = {}
        asked = list(ids)
        while asked:
            try:
                said = await self._said("POST", self._assets, {"ids": [*asked]}, BODY_BYTES)
            except TooLarge:  # one that is too large must not keep the others out
                halves = [asked[: len(asked) // 2], asked[len(asked) // 2 :]] if len(asked) > 1 else []
                for half in halves:
                    found |= await self.bodies(half, registry)
                return found if halves else {**found, asked[0]: None}
            if said.get("registry") != registry:
                raise UpstreamFailed(f"{self._base} became another registry in the middle of a pass")
            items, left = said.get("items"), said.get("left", [])
            if not isinstance(items, list) or not isinstance(left, list):
                raise UpstreamFailed(f"{self._base} answered without a list of assets")
            for item in items:
                if isinstance(item, dict) and isinstance(id := item.get("id"), str) and id in asked:
                    found.setdefault(id, item.get("body"))
            names = {each for each in left if isinstance(each, str)}
            fewer = [id for id in asked if id in names and id not in found]
            if len(fewer) == len(asked):
                raise UpstreamFailed(f"{self._base} puts off what it is asked for, for ever")
            asked = fewer
        return found

    async def _page(self, cursor: str | None) -> Json:
        query = {**self._query, **({"after": cursor} if cursor else {})}
        url = f"{self._base}{API}/changes{f'?{urlencode(query, quote_via=quote)}' if query else ''}"
        return await self._said("GET", url, None, PAGE_BYTES)

    async def _said(self, method: str, url: str, body: Json | None, limit: int) -> Json:
        """A JSON object. A credential that is refused is got anew once, where it can be."""
        answer = await self._ask(method, url, body, limit)
        if answer.status == 401 and self._login.forget():
            answer = await self._ask(method, url, body, limit)
        self._check(answer)
        return await anyio.to_thread.run_sync(answer.object)

    async def _ask(self, method: str, url: str, body: Json | None, limit: int) -> Answer:
        headers = await self._login.headers()
        if body is None:
            return await self._http.get(url, headers=headers, limit=limit)
        return await self._http.post_json(url, body, headers=headers, limit=limit)

    def _check(self, answer: Answer) -> None:
        if answer.status in {401, 403}:
            raise CredentialRefused(f"{self._base} wants other credentials (HTTP {answer.status})")
        if answer.status == 404:
            raise Invalid(f"there is no registry of this kind at {self._base}", field="url")
        if answer.status == 429:
            seconds = min(seconds_of(answer.headers, RETRY_AFTER), LONGEST_WAIT)
            raise RateLimited(f"{self._base} wants to be left alone", retry_after=seconds)
        if 300 <= answer.status < 400:
            to = printable(answer.headers.get("location", "")[:200])
            raise UpstreamFailed(f"{self._base} redirects to {to}, which is not followed")
        if answer.status != 200:
            raise UpstreamFailed(f"{self._base} answered HTTP {answer.status}")


def _head(page: Json, base: str) -> tuple[str, bool]:
    registry, gateway = page.get("registry"), page.get("gateway")
    if not isinstance(registry, str) or not REGISTRY_ID.fullmatch(registry) or not isinstance(gateway, bool):
        raise UpstreamFailed(f"{base} does not say which registry it is")
    return registry, gateway


def _entries(page: Json, base: str) -> Iterator[tuple[str, str, Sequence[JsonValue]]]:
    """Id, digest and what stands for the registries it came through, of each entry of a page."""
    items = page.get("items")
    if not isinstance(items, list) or len(items) > MAX_ON_PAGE:
        raise UpstreamFailed(f"{base} answered without a list of at most {MAX_ON_PAGE} assets")
    if not items and page.get("next") is not None:
        raise UpstreamFailed(f"{base} names a page after one of nothing")
    for item in items:
        told = item if isinstance(item, dict) else {}
        id, digest, via = told.get("id"), told.get("digest"), told.get("via")
        if not isinstance(id, str) or not isinstance(digest, str) or len(id) > 200 or len(digest) > 200:
            raise UpstreamFailed(f"{base} lists what has no id and digest")
        yield id, digest, via[:MAX_VIA] if isinstance(via, list) else []


def _cursor(page: Json, base: str) -> str | None:
    cursor = page.get("next")
    if cursor is not None and (not isinstance(cursor, str) or not 0 < len(cursor) <= MAX_CURSOR):
        raise UpstreamFailed(f"{base} names a next page that is no cursor")
    return cursor
