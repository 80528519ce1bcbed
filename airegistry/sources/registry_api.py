"""The API of an MCP registry: pages of its list, and all versions of one server."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urlencode, urljoin, urlsplit, urlunsplit

import anyio
from pydantic import JsonValue

from airegistry.core.errors import CredentialRefused, Invalid, RateLimited, UpstreamFailed
from airegistry.egress.json_http import Answer, JsonHttp
from airegistry.egress.messages import printable
from airegistry.egress.retry_after import seconds_of

LIMIT = 100
"""Entries asked for in one page: the most that the official registry gives."""
MAX_ENTRIES = 5_000
"""Entries taken in one answer, whatever was asked for."""
MAX_BYTES = 16_777_216
MAX_CURSOR = 1_024
TRIES = 3
RETRY_AFTER = 60.0
"""Seconds to wait where a registry does not say how long."""
MIN_WAIT = 0.05
"""Seconds that are waited at least: a registry that says 0 for ever is asked no more than it can take."""
VERSIONS = ("v0.1", "v0")


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of the list: its entries, the cursor of the next one, and the time in UTC by the registry's clock."""

    entries: Sequence[JsonValue]
    cursor: str | None
    at: datetime | None


class RegistryApi:
    """Asks one registry. Its token goes to its own origin alone, since no redirect is followed.

    A request that finds no answer, half of one or a fault of the registry's is made again after `pause` seconds, twice
    as many the next time, and one that comes too soon when the registry said, within `patience` seconds.
    """

    def __init__(self, http: JsonHttp, base: str, token: str | None, patience: float, pause: float) -> None:
        self._http = http
        self._base = base
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._patience = patience
        self._pause = pause
        self._version = ""

    @property
    def url(self) -> str:
        """The URL that the API's paths are under."""
        return self._base

    async def find(self) -> None:
        """Find out which version of the API is there.

        Raises:
            Invalid: none is.
            CredentialRefused, RateLimited, UpstreamFailed: see `core.sources.Source.page`.
        """
        for version in VERSIONS:
            answer = await self._get(f"{self._base}/{version}/servers?limit=1")
            if answer.status != 404:
                self._read(answer)
                self._version = version
                return
        raise Invalid(f"there is no MCP registry at {self._base}: neither /v0.1/servers nor /v0/servers", field="url")

    async def servers(self, cursor: str | None, **filters: str | None) -> Listed:
        """A page of the list, of entries that pass the filters alone.

        Raises:
            CredentialRefused, RateLimited, UpstreamFailed: see `core.sources.Source.page`.
        """
        asked = {"limit": str(LIMIT), **filters, "cursor": cursor}
        query = urlencode({name: value for name, value in asked.items() if value})
        answer = await self._get(f"{self._base}/{self._version}/servers?{query}")
        entries, metadata = self._read(answer)
        following = metadata.get("nextCursor", metadata.get("next_cursor"))
        if following is not None and not isinstance(following, str):
            raise UpstreamFailed(f"{self._base} names a next page that is no string")
        if following and len(following) > MAX_CURSOR:
            raise UpstreamFailed(f"{self._base} names a next page in {len(following)} characters")
        return Listed(entries, following or None, _date(answer.headers))

    async def versions(self, name: str) -> Sequence[JsonValue]:
        """The entries of all versions of a server that are not deleted; none when it does not exist.

        Raises:
            CredentialRefused, RateLimited, UpstreamFailed: see `core.sources.Source.page`.
        """
        url = f"{self._base}/{self._version}/servers/{quote(name, safe='')}/versions"
        answer = await self._get(url)
        return () if answer.status == 404 else self._read(answer)[0]

    def _read(self, answer: Answer) -> tuple[list[JsonValue], Mapping[str, JsonValue]]:
        """The entries of an answer, and what it says of itself."""
        if answer.status != 200:
            raise UpstreamFailed(f"{self._base} answered HTTP {answer.status}")
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            raise UpstreamFailed(f"{self._base} answered with {printable(kind) or 'no content type'} and not with JSON")
        body = answer.object()
        entries, metadata = body.get("servers"), body.get("metadata")
        if entries is None and "servers" in body:
            entries = []  # as an empty list of Go comes out
        if not isinstance(entries, list):
            raise UpstreamFailed(f"{self._base} answered without a list of servers")
        if len(entries) > MAX_ENTRIES:
            raise UpstreamFailed(f"{self._base} answered with {len(entries)} entries at once")
        return entries, metadata if isinstance(metadata, dict) else {}

    async def _get(self, url: str) -> Answer:
        """An answer that is neither a fault nor a refusal; 404 is one."""
        failed, waited = 0, 0.0
        while True:
            try:
                answer = await self._http.get(url, headers=self._headers, limit=MAX_BYTES)
                if answer.status >= 500:
                    raise UpstreamFailed(f"{self._base} answered HTTP {answer.status}")
            except UpstreamFailed:
                failed += 1
                if failed == TRIES:
                    raise
                await anyio.sleep(self._pause * 2 ** (failed - 1))
                continue
            if answer.status != 429:
                return self._checked(answer)
            wait = max(seconds_of(answer.headers, otherwise=RETRY_AFTER), MIN_WAIT)
            waited += wait
            if waited > self._patience:
                raise RateLimited(f"{self._base} wants to be left alone for a while", retry_after=wait)
            await anyio.sleep(wait)

    def _checked(self, answer: Answer) -> Answer:
        if answer.status in {401, 403}:
            raise CredentialRefused(f"{self._base} wants other credentials (HTTP {answer.status})")
        if 300 <= answer.status < 400:
            to = urlsplit(urljoin(self._base, answer.headers.get("location", "")))
            shown = printable(urlunsplit((to.scheme, to.netloc.rpartition("@")[2], to.path, "", "")))
            raise UpstreamFailed(f"{self._base} redirects to {shown}: use that URL if it is the right one")
        return answer


def _date(headers: Mapping[str, str]) -> datetime | None:
    """When an answer was made, by the clock of who made it."""
    with suppress(ValueError, OverflowError):
        date = parsedate_to_datetime(headers.get("date", ""))
        return date.astimezone(UTC) if date.tzinfo is not None else None
    return None
