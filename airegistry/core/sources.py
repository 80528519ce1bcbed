"""Sources: other registries, clouds and hosts whose assets are brought in, and what a driver tells of one.

A driver reads; the core decides (`core/federation.py`). A pass over a source goes page by page. A whole pass tells of
everything there is, so that what it does not name is gone; any other tells what changed since a mark. A pass that was
broken off begins anew at its first page: what has not changed costs neither a scan nor a write.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from airegistry.core.assets import EntityType, Json
from airegistry.core.ports import AnyAsset

SourceKind = Literal["mcp-registry", "peer", "asor", "agentcore", "agentcore-registry", "skills"]


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing that a source offers, by the id that it has there, which stays the same for ever.

    `versions` are assets of ours as the source states them, the one that is served by default first; none says that it
    is gone. Of their `provenance` a driver states `url` and `via`; their `path` is a wish. `digest` is equal as long as
    nothing of it changed. `refused` says why it cannot be an asset of ours.
    """

    id: str
    versions: Sequence[AnyAsset] = ()
    digest: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class OfferPage:
    """A part of a pass. `after` asks for the next page; the last one has none, and has the `mark` of the next pass.

    `whole` says, on the first page, whether the pass tells of everything. `types` are what its entities are of.
    """

    offers: Sequence[Offer]
    after: str | None = None
    mark: str | None = None
    whole: bool = True
    types: Sequence[EntityType] = ()


class Source(Protocol):
    """A source that is open. Nothing it says is trusted: the core caps pages, offers and time, and scans."""

    async def page(self, since: str | None, after: str | None) -> OfferPage:
        """A page of a pass over what changed since a mark, or over everything; the first, or the one `after` another.

        Raises:
            CredentialRefused: it wants other credentials (401, 403).
            RateLimited: it wants to be left alone for a while (429), for how long if it says so.
            UpstreamFailed: it does not answer, answers nonsense, or answers with more than is taken.
            Invalid: the source as it is configured does not exist there (404), or the URL is none that may be fetched.
        """
        ...


Keep = Callable[[Json], Awaitable[None]]
"""Stores secrets of a source in place of those of the same names, before it returns."""


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """A source as a driver sees it. `options` are the driver's own; `secrets` are open here and shown nowhere.

    A driver whose secret was used up and came back as another one (a refresh token) has it stored by `keep`.
    """

    name: str
    kind: SourceKind
    url: str
    options: Json = field(default_factory=dict)
    secrets: Json = field(default_factory=dict)
    keep: Keep | None = field(default=None, compare=False)


class SourceDrivers(Protocol):
    """Opens sources of every kind, through the guarded client."""

    def check(self, config: SourceConfig) -> None:
        """Return when a source may be kept as it is; nothing is asked of it.

        Raises:
            Invalid: its URL, an option or a secret is missing, unknown or malformed; `field` names it.
        """
        ...

    def open(self, config: SourceConfig) -> AbstractAsyncContextManager[Source]:
        """The source, for one pass. What may be kept between passes (access tokens) the drivers keep."""
        ...
