"""Passes over the fake AWS, as the core makes them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from airegistry.core.assets import Json
from airegistry.core.sources import Offer, SourceConfig, SourceKind
from airegistry.egress.guard import Guard
from airegistry.sources.open import Drivers
from tests.sources.agentcore.world import OWN, FakeAws
from tests.support.asgi import serve

OPEN = Guard(loopback=True)


@asynccontextmanager
async def aws() -> AsyncIterator[tuple[FakeAws, str]]:
    """The fake, and its URL. Nothing that it was asked or answered was against the descriptions."""
    fake = FakeAws()
    async with serve(fake.app()) as base:
        yield fake, base
    assert fake.wrong == []


def configured(base: str, kind: SourceKind = "agentcore", **options: object) -> SourceConfig:
    """A source at the fake, with keys of its own."""
    known: Json = {"regions": ["us-east-1"], "sts_url": base, **options}  # type: ignore[dict-item]  # JSON, by its test
    secrets: Json = {"access_key_id": OWN[0], "secret_access_key": OWN[1]}
    return SourceConfig("aws", kind, base, known, secrets)


async def read_all(config: SourceConfig, drivers: Drivers | None = None) -> list[Offer]:
    """All offers of one pass."""
    offers: list[Offer] = []
    async with (drivers or Drivers(OPEN)).open(config) as source:
        after: str | None = None
        while True:
            page = await source.page(None, after)
            assert page.whole
            assert page.mark is None
            offers += page.offers
            if page.after is None:
                return offers
            after = page.after
