"""Peers: other registries of this kind. What they have is listed by digest, and read where that changed."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Annotated
from urllib.parse import urlsplit

import anyio.to_thread
from pydantic import Field, JsonValue, SecretStr, model_validator

from airegistry.core.assets import MAX_TAGS, EntityType, Json, Kind, Model
from airegistry.core.credential_kinds import Scope, Text, Url
from airegistry.core.errors import Invalid
from airegistry.core.peer_items import TYPE, digest_of, sorted_json
from airegistry.core.sources import Offer, OfferPage, SourceConfig
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp
from airegistry.sources.peer_api import Listing, Login, PeerApi
from airegistry.sources.peer_assets import Frame, Route, kind_and_path, offer_of, type_of
from airegistry.sources.peer_login import ByClientCredentials, StaticToken
from airegistry.sources.reading import read

TIMEOUT = 60.0
"""Seconds that one answer may take, from the first byte to the last."""
BATCH = 100
"""Assets that are asked for at once."""
_TOLD = 500
"""Offers without a body on one page."""
_KEPT = 2
"""Listings of a source that are remembered: of the pass that was finished last, and of the one under way."""
Tag = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^,]+$")]
Glob = Annotated[str, Field(min_length=1, max_length=200)]
Token = Annotated[SecretStr, Field(min_length=1, max_length=8192)]


class Options(Model):
    """What is taken of a peer, and how it is called.

    `allow` are globs of paths, or of `kind/path`. With `relay` also what the peer itself has from others. `route`:
    calls go through the peer's gateway, or directly to what is behind it. `issuer` is the authorization server for
    client credentials where it is not the peer itself.
    """

    kinds: list[Kind] = Field(default_factory=list)
    tags: list[Tag] = Field(default_factory=list, max_length=MAX_TAGS)
    allow: list[Glob] = Field(default_factory=list, max_length=1000)
    relay: bool = False
    route: Route = "gateway"
    issuer: Url | None = None
    scope: Scope | None = None


class Secrets(Model):
    """A token of the peer, or a client of its authorization server."""

    token: Token | None = None
    client_id: Text | None = None
    client_secret: Token | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> "Secrets":
        client = self.client_id is not None and self.client_secret is not None
        if (self.client_id is None) != (self.client_secret is None) or (self.token is None) != client:
            raise ValueError("give either the token, or client_id and client_secret")
        return self


@dataclass(slots=True)
class _Remembered:
    """What is kept of a source between passes: its login, and what it listed, by mark."""

    fingerprint: str
    login: Login
    listings: dict[str, Mapping[str, str]] = field(default_factory=dict)


class Peers:
    """Opens peers. What came through `registry`, which is this one, is not taken back from them."""

    def __init__(self, guard: Guard, registry: str = "") -> None:
        self._guard = guard
        self._registry = registry
        self._remembered: dict[str, _Remembered] = {}

    def check(self, config: SourceConfig) -> None:
        """See `Driver`."""
        self._guard.check_url(config.url)
        _base(config.url)
        read(Options, config.options)
        read(Secrets, config.secrets)

    @asynccontextmanager
    async def open(self, config: SourceConfig) -> AsyncIterator["PeerSource"]:
        """See `Driver`."""
        self.check(config)
        options, base = read(Options, config.options), _base(config.url)
        remembered = self._of(config, options, base)
        async with JsonHttp(self._guard, timeout=TIMEOUT) as http:
            if isinstance(remembered.login, ByClientCredentials):
                remembered.login.http = http
            api = PeerApi(http, base, _query(options), remembered.login)
            yield PeerSource(api, base, options, remembered.listings, self._registry)

    def _of(self, config: SourceConfig, options: Options, base: str) -> _Remembered:
        secrets = read(Secrets, config.secrets)
        fingerprint = digest_of(sorted_json([base, config.options, config.secrets]))
        known = self._remembered.get(config.name)
        if known is None or known.fingerprint != fingerprint:
            known = self._remembered[config.name] = _Remembered(fingerprint, _login(base, options, secrets))
        return known


class PeerSource:
    """One pass over a peer: its whole listing first, then what of that is new here."""

    def __init__(
        self, api: PeerApi, base: str, options: Options, listings: dict[str, Mapping[str, str]], own: str
    ) -> None:
        self._own = own
        self._api = api
        self._base = base
        self._options = options
        self._listings = listings
        self._whole = True
        self._mark = ""
        self._listing: dict[str, str] = {}
        self._frame = Frame(base, "", False, options.route)
        self._steps: Sequence[Sequence[str]] = ()
        self._told: list[Offer] = []

    async def page(self, since: str | None, after: str | None) -> OfferPage:
        """See `core.sources.Source`."""
        if after is None:
            return await self._first(since)
        if not after.isascii() or not after.isdigit() or not int(after) < len(self._steps):
            raise Invalid("a pass goes on where it was, or begins anew", field="after")
        step = int(after)
        return self._page(step, await self._offers(self._steps[step]))

    async def _first(self, since: str | None) -> OfferPage:
        listing = await self._api.listing(self._own)
        if listing.registry == self._own:
            raise Invalid("this registry cannot be a peer of its own", field="url")
        self._frame = Frame(self._base, listing.registry, listing.gateway, self._options.route)
        wanted, odd = self._chosen(listing)
        self._listing, self._mark = wanted, self._marked(listing, wanted)
        if since == self._mark:
            return OfferPage([], mark=self._mark, whole=False)
        known = self._listings.get(since) if since is not None else None
        self._whole = known is None
        before = known or {}
        changed = [id for id, digest in wanted.items() if before.get(id) != digest]
        gone = [Offer(id) for id in before if id not in wanted and not id.startswith(f"{TYPE}/")]
        types = await self._types(wanted, changed)
        rest = [id for id in changed if not id.startswith(f"{TYPE}/")]
        # What is gone comes first: its path may be that of something new.
        told = [*gone, *odd]
        self._told = told
        batches = [rest[at : at + BATCH] for at in range(0, len(rest), BATCH)]
        self._steps = [*([()] * ((len(told) + _TOLD - 1) // _TOLD or 1)), *batches]
        return self._page(0, self._next_told(), types)

    def _page(self, step: int, offers: Sequence[Offer], types: Sequence[EntityType] = ()) -> OfferPage:
        last = step + 1 == len(self._steps)
        if not last:
            return OfferPage(offers, after=str(step + 1), whole=self._whole, types=types)
        self._listings.pop(self._mark, None)
        self._listings[self._mark] = self._listing
        for mark in [*self._listings][:-_KEPT]:
            del self._listings[mark]
        return OfferPage(offers, mark=self._mark, whole=self._whole, types=types)

    async def _offers(self, ids: Sequence[str]) -> Sequence[Offer]:
        if not ids:
            return self._next_told()
        bodies = await self._api.bodies(ids, self._frame.registry)
        return await anyio.to_thread.run_sync(self._read, ids, bodies)

    def _next_told(self) -> Sequence[Offer]:
        offers, self._told = self._told[:_TOLD], self._told[_TOLD:]
        return offers

    def _read(self, ids: Sequence[str], bodies: Mapping[str, JsonValue]) -> Sequence[Offer]:
        """The offers of some ids. What was listed and is not there, or is not wanted after all, is gone."""
        offers = [Offer(id) if id not in bodies else offer_of(id, bodies[id], self._frame) for id in ids]
        offers = [offer if offer.refused or self._wants(offer) else Offer(offer.id) for offer in offers]
        return [offer for offer in offers if offer.versions or offer.refused or not self._whole]

    def _wants(self, offer: Offer) -> bool:
        """Whether something has one of the tags, and never came through here."""
        if any(self._own in version.provenance.via for version in offer.versions):
            return False
        tags = self._options.tags
        return not tags or any(not set(tags).isdisjoint(version.tags) for version in offer.versions[:1])

    async def _types(self, wanted: Mapping[str, str], changed: Sequence[str]) -> Sequence[EntityType]:
        """The types of the entities, where one of either is new."""
        ids = [id for id in wanted if id.startswith(f"{TYPE}/")]
        if not ids or not any(id.startswith((f"{TYPE}/", "entity/")) for id in changed):
            return ()
        found: list[EntityType] = []
        for at in range(0, len(ids), BATCH):
            bodies = await self._api.bodies(ids[at : at + BATCH], self._frame.registry)
            found += [told for id, body in bodies.items() if (told := type_of(id, body)) is not None]
        return found

    def _chosen(self, listing: Listing) -> tuple[dict[str, str], list[Offer]]:
        """What of the listing is wanted, and what of it is no name at all."""
        wanted: dict[str, str] = {}
        odd: list[Offer] = []
        for id, digest in listing.digests.items():
            try:
                kind, path = kind_and_path(id)
            except Invalid as error:
                odd.append(Offer(id, refused=error.message))
                continue
            if self._takes(kind, path):
                wanted[id] = digest
        return wanted, odd

    def _takes(self, kind: str, path: str) -> bool:
        options = self._options
        if options.kinds and ("entity" if kind == TYPE else kind) not in options.kinds:
            return False
        if kind == TYPE:
            return True
        return not options.allow or any(
            fnmatchcase(path, glob) or fnmatchcase(f"{kind}/{path}", glob) for glob in options.allow
        )

    def _marked(self, listing: Listing, wanted: Mapping[str, str]) -> str:
        """Equal for what is listed and read alike."""
        about: Json = self._options.model_dump(mode="json")
        told: list[JsonValue] = [[id, wanted[id]] for id in sorted(wanted)]
        return digest_of(sorted_json([self._base, listing.registry, listing.gateway, about, told]))


def _base(url: str) -> str:
    """The URL of a registry, without a slash at its end.

    Raises:
        Invalid: it has a query.
    """
    if urlsplit(url).query or urlsplit(url).fragment:
        raise Invalid("the URL of a peer is where its pages begin, as in https://registry.example", field="url")
    return url.rstrip("/")


def _login(base: str, options: Options, secrets: Secrets) -> Login:
    if secrets.token is not None:
        return StaticToken(secrets.token.get_secret_value())
    assert secrets.client_id is not None  # one of the two is given
    assert secrets.client_secret is not None
    return ByClientCredentials(
        base, secrets.client_id, secrets.client_secret.get_secret_value(), options.issuer, options.scope
    )


def _query(options: Options) -> Mapping[str, str]:
    query = {"kinds": ",".join(options.kinds), "tags": ",".join(options.tags)}
    relay = {"relay": "true"} if options.relay else {}
    return {**{name: value for name, value in query.items() if value}, **relay}
