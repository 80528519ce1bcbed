"""A pass over a registry, as the core makes it."""

from collections.abc import Sequence
from dataclasses import dataclass

from airegistry.core.sources import Offer, SourceConfig
from airegistry.egress.guard import Guard
from airegistry.sources.mcp_registry import McpRegistry

OPEN = Guard(loopback=True)


@dataclass(frozen=True, slots=True)
class Told:
    """What a pass told: its offers, whether of everything, the mark of the next one, and how many pages it took."""

    offers: Sequence[Offer]
    whole: bool
    mark: str | None
    pages: int

    @property
    def by_id(self) -> dict[str, Offer]:
        """The offers by their ids."""
        return {offer.id: offer for offer in self.offers}


def config(url: str, secrets: dict[str, object] | None = None, **options: object) -> SourceConfig:
    """A source of this kind."""
    return SourceConfig("official", "mcp-registry", url, options, secrets or {})  # type: ignore[arg-type]  # plain JSON


async def told(of: SourceConfig, since: str | None = None, *, guard: Guard = OPEN, patience: float = 5.0) -> Told:
    """A pass to its end."""
    offers: list[Offer] = []
    after, pages, whole = None, 0, True
    async with McpRegistry(guard, patience=patience, pause=0.0).open(of) as source:
        while True:
            page = await source.page(since, after)
            offers += page.offers
            pages += 1
            whole = page.whole if after is None else whole
            if page.after is None:
                return Told(offers, whole, page.mark, pages)
            after = page.after
