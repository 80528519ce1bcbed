"""Secrets that a driver got in place of those that were used up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from airegistry.core.assets import Json
from airegistry.core.principals import SYSTEM
from airegistry.core.sources import OfferPage, Source, SourceConfig
from tests.core.federated import FakeDrivers
from tests.core.wiring import World, build

pytestmark = pytest.mark.anyio
GIVEN: Json = {"client_id": "c", "refresh_token": "r0"}


class Rotating(FakeDrivers):
    """A driver that has a new refresh token for each page, and keeps what it was opened with."""

    def __init__(self) -> None:
        super().__init__({})
        self.pages = 2
        self.kept = 0

    @asynccontextmanager
    async def open(self, config: SourceConfig) -> AsyncIterator[Source]:
        self.opened.append(config)
        rotating = self

        class Pages:
            async def page(self, since: str | None, after: str | None) -> OfferPage:
                assert config.keep is not None
                number = int(after or "1")
                rotating.kept += 1
                await config.keep({"refresh_token": f"token of page {rotating.kept}"})
                return OfferPage((), str(number + 1) if number < rotating.pages else None)

        yield Pages()


async def world_of(drivers: Rotating) -> World:
    world = await build(drivers=drivers)
    await world.services.federation.add(SYSTEM, "far", "asor", {"url": "https://asor.test"}, dict(GIVEN))
    return world


async def test_what_took_the_place_of_a_secret_is_what_the_next_pass_is_opened_with() -> None:
    drivers = Rotating()
    world = await world_of(drivers)
    for _ in range(2):
        run = await world.services.federation.syncs.sync("far")
        assert run.outcome == "ok"
    assert [config.secrets for config in drivers.opened] == [
        GIVEN,
        {"client_id": "c", "refresh_token": "token of page 2"},
    ]
    stored = world.services.federation.sources.record("far").sealed
    assert "token of page" not in stored


async def test_what_an_administrator_set_meanwhile_stands() -> None:
    drivers = Rotating()
    world = await world_of(drivers)
    federation = world.services.federation
    config = federation.syncs.config(federation.sources.record("far"))
    assert config.keep is not None
    await federation.update(SYSTEM, "far", {}, {"client_id": "c", "refresh_token": "theirs"})
    await config.keep({"refresh_token": "mine"})
    assert federation.syncs.config(federation.sources.record("far")).secrets["refresh_token"] == "theirs"


async def test_nothing_comes_back_of_a_source_that_is_gone() -> None:
    drivers = Rotating()
    world = await world_of(drivers)
    federation = world.services.federation
    config = federation.syncs.config(federation.sources.record("far"))
    assert config.keep is not None
    await federation.sources.remove("far")
    await config.keep({"refresh_token": "mine"})
    assert federation.sources.find("far") is None
